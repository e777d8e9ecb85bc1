"""Updates: dW = W(t) - W(0), accumulated, for a batch of seeds.

A step of SGD is a sum of B outer products: with G = g/B sum_b d_b h_b^T,

    dW = -eta g/B  sum over steps and examples of  d h^T  =  U^T V,

U of shape (k, fan_out) and V of shape (k, fan_in), k = batch * steps. It stays in these factors: applying
it costs k (fan_in + fan_out) a vector; |dW|_F^2 = <U U^T, V V^T>; and |dW|_2^2 is the largest eigenvalue of
the k x k matrix (U U^T)(V V^T), or of L^T (V V^T) L with U U^T = L L^T. No n x n matrix is ever formed, unless
k exceeds a fan.

Sign and Adam act on the entries of G, which destroys its low rank: there dW is an explicit matrix. So it is for SGD
where a side of it is shorter than a few steps' factors are many, as a readout's.
"""

from __future__ import annotations

import itertools
from typing import Protocol

import torch
from torch import Tensor

from empirical.blocks import Terms, inner
from empirical.free_updates import CoreUpdate, OneSidedUpdate
from empirical.free_weights import FreeWeights
from empirical.rows import Rows
from empirical.spectra import spectral_norm, spectral_norm_of_factors
from empirical.weights import DenseWeights, Weights
from scalings.errors import ArgumentError

MEASURABLE = ("sgd", "sign", "adam")
_BETAS = (0.9, 0.999)
_NARROW = 16


class Update(Protocol):
    """dW of one layer; shapes as in `Weights`. The only mutable thing in a training run."""

    def step(self, d: Terms, h: Terms, image: Terms) -> None:
        """One more update, from d (seeds, batch, fan_out), h (seeds, batch, fan_in) and image = g W(0) h.

        Each is a sum, of what it was at step 0 and its change.
        """
        ...

    def apply(self, block: Tensor) -> Tensor: ...

    def apply_transpose(self, d: Terms) -> Tensor: ...

    def frobenius(self) -> Tensor: ...

    def spectral(self) -> Tensor: ...

    def inner(self) -> Tensor:
        """<W(0), dW>, of shape (seeds,)."""
        ...


def start(optimizer: str, weights: Weights, *, lr: float, multiplier: float, first: bool = False) -> Update:
    """dW = 0 of a layer, or of the `first` one. Raises ArgumentError for an optimizer that cannot be measured."""
    check_optimizer(optimizer)
    if isinstance(weights, DenseWeights) and (optimizer != "sgd" or min(weights.matrix.shape[1:]) <= _NARROW):
        return ExplicitUpdate(optimizer, weights, lr, multiplier)
    if optimizer != "sgd":
        raise ArgumentError(
            "optimizer", f"{optimizer} acts on every entry of a weight matrix and needs the dense engine"
        )
    if isinstance(weights, FreeWeights):
        return (OneSidedUpdate if first else CoreUpdate)(weights, lr, multiplier)
    return FactoredUpdate(lr, multiplier)


def check_optimizer(optimizer: str) -> None:
    """Raises ArgumentError, naming those that can be measured."""
    if optimizer not in MEASURABLE:
        raise ArgumentError(
            "optimizer", f"expected one of {', '.join(MEASURABLE)}, which can be measured, but got {optimizer!r}"
        )


class _Factor:
    """U or V, and its Gram matrix, to which only what is new is added."""

    def __init__(self, rows: Tensor) -> None:
        self._rows, self._gram = Rows(rows), rows.new_empty(len(rows), 0, 0)

    @property
    def rows(self) -> Tensor:
        return self._rows.all

    def append(self, rows: Tensor) -> None:
        self._rows.append(rows)

    def gram(self) -> Tensor:
        """The inner products of all rows, of shape (seeds, k, k)."""
        known = self._gram.shape[1]
        new = self.rows[:, known:] @ self.rows.mT
        self._gram = torch.cat([torch.cat([self._gram, new[:, :, :known].mT], dim=2), new], dim=1)
        return self._gram


class FactoredUpdate:
    """SGD's dW = U^T V."""

    def __init__(self, lr: float, multiplier: float) -> None:
        self._lr, self._multiplier = lr, multiplier
        self._left: _Factor | None = None
        self._right: _Factor | None = None
        self._inner: list[Tensor] = []

    def step(self, d: Terms, h: Terms, image: Terms) -> None:
        factor = -self._lr / d[0].shape[1]
        # <W(0), g d h^T> = d . g W(0) h, and the forward pass has just computed g W(0) h.
        self._inner.append(factor * inner(d, image))
        left, right = sum(d[1:], d[0]) * (factor * self._multiplier), sum(h[1:], h[0])
        if self._left is None or self._right is None:
            self._left, self._right = _Factor(left), _Factor(right)
        else:
            self._left.append(left)
            self._right.append(right)

    @property
    def factors(self) -> tuple[Tensor, Tensor]:
        """U and V, of shapes (seeds, k, fan_out) and (seeds, k, fan_in)."""
        left, right = self._factors
        return left.rows, right.rows

    @property
    def _factors(self) -> tuple[_Factor, _Factor]:
        assert self._left is not None
        assert self._right is not None
        return self._left, self._right

    @property
    def _grams(self) -> tuple[Tensor, Tensor]:
        left, right = self._factors
        return left.gram(), right.gram()

    def apply(self, block: Tensor) -> Tensor:
        left, right = self.factors
        return (block @ right.mT) @ left

    def apply_transpose(self, d: Terms) -> Tensor:
        left, right = self.factors
        return (sum(d[1:], d[0]) @ left.mT) @ right

    def frobenius(self) -> Tensor:
        left, right = self.factors
        if self._is_full:
            norm: Tensor = torch.linalg.vector_norm(left.mT @ right, dim=(1, 2))
            return norm
        over_outputs, over_inputs = self._grams
        squared = (over_outputs * over_inputs).sum(dim=(1, 2))
        return squared.clamp(min=0).sqrt()

    def spectral(self) -> Tensor:
        left, right = self.factors
        return spectral_norm(left.mT @ right) if self._is_full else spectral_norm_of_factors(*self._grams)

    @property
    def _is_full(self) -> bool:
        """Whether dW is no larger than the Gram matrices of its factors."""
        left, right = self.factors
        return min(left.shape[2], right.shape[2]) <= left.shape[1]

    def inner(self) -> Tensor:
        return torch.stack(self._inner).sum(dim=0)


class ExplicitUpdate:
    """dW as a matrix: of SGD, sign, and Adam with eps = 0 (0/0 read as no step)."""

    def __init__(self, optimizer: str, weights: DenseWeights, lr: float, multiplier: float) -> None:
        self._optimizer, self._pool, self._initial = optimizer, weights.pool, weights.matrix
        self._lr, self._multiplier = lr, multiplier
        self._steps = 0
        self._moments = (
            (torch.zeros_like(weights.matrix), torch.zeros_like(weights.matrix)) if optimizer == "adam" else None
        )
        self.matrix = torch.zeros_like(weights.matrix)

    def step(self, d: Terms, h: Terms, image: Terms) -> None:  # noqa: ARG002 - only factors need the image
        self._steps += 1
        scale = self._multiplier / d[0].shape[1]
        if self._optimizer == "sgd":
            for left, right in itertools.product(d, h):
                self.matrix.baddbmm_(left.mT, right, alpha=-self._lr * scale)
            return
        gradient = (sum(d[1:], d[0]).mT @ sum(h[1:], h[0])) * scale
        self.matrix -= self._lr * (self._normalized(gradient) if self._moments else gradient.sign())

    def _normalized(self, gradient: Tensor) -> Tensor:
        assert self._moments is not None
        (first, second), (b1, b2) = self._moments, _BETAS
        first.mul_(b1).add_(gradient, alpha=1 - b1)
        second.mul_(b2).addcmul_(gradient, gradient, value=1 - b2)
        size = (second / (1 - b2**self._steps)).sqrt_()
        return torch.where(size == 0, 0.0, first / (1 - b1**self._steps) / size)

    def apply(self, block: Tensor) -> Tensor:
        return block @ self.matrix.mT

    def apply_transpose(self, d: Terms) -> Tensor:
        return DenseWeights(self.matrix, self._pool).apply_transpose(sum(d[1:], d[0]))

    def frobenius(self) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(self.matrix, dim=(1, 2))
        return norm

    def spectral(self) -> Tensor:
        return spectral_norm(self.matrix)

    def inner(self) -> Tensor:
        return inner((self._initial,), (self.matrix,))
