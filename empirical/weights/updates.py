"""Updates: dW = W(t) - W(0), accumulated, for a batch of seeds.

A step of SGD is a sum of B outer products: G = g/B sum_b d_b h_b^T is of rank B, and so is every step of a law
that acts on singular values or scales G as a whole (empirical.laws). There

    dW  =  U^T C V,        U of shape (k, fan_out), V (k, fan_in), C (k, k), k = batch * steps,

stays in these factors: applying it costs k (fan_in + fan_out) a vector; |dW|_F^2 = <U U^T C, C V V^T>; and |dW|_2^2
is the largest eigenvalue of the k x k matrix L^T C (V V^T) C^T L, with U U^T = L L^T. No n x n matrix is ever
formed, unless k exceeds a fan.

Laws that act on the entries of G destroy its low rank: there dW is an explicit matrix. So it is for SGD where a side of
it is shorter than a few steps' factors are many, as a readout's. SGD on matrix-free weights has its dW in the bases
that these have anyway (empirical.free_updates).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from empirical import laws
from empirical.blocks import SLAB, Terms, inner, total
from empirical.free_updates import CoreUpdate, OneSidedUpdate
from empirical.free_weights import FreeWeights
from empirical.laws import EntryLaw, Factor, LowRankLaw, Past
from empirical.spectra import spectral_norm, spectral_norm_of_factors
from empirical.weights import DenseWeights, Weights
from scalings.errors import ArgumentError

MEASURABLE = (*laws.LOW_RANK, *laws.ENTRYWISE)
_NARROW = 16


class Update(Protocol):
    """dW of one layer; shapes as in `Weights`, blocks given as sums. The only mutable thing in a training run."""

    def step(self, d: Terms, h: Terms, image: Terms) -> None:
        """One more update, from d (seeds, batch, fan_out), h (seeds, batch, fan_in) and image = g W(0) h.

        Each is a sum, of what it was at step 0 and its change.
        """
        ...

    def apply(self, h: Terms) -> Tensor: ...

    def apply_transpose(self, d: Terms) -> Tensor: ...

    def frobenius(self) -> Tensor: ...

    def spectral(self) -> Tensor: ...

    def inner(self) -> Tensor:
        """<W(0), dW>, of shape (seeds,)."""
        ...


def start(
    optimizer: str, weights: Weights, *, lr: float, multiplier: float, first: bool = False, rank: int = 1
) -> Update:
    """dW = 0 of a layer, or of the `first` one, which will be a sum of `rank` outer products.

    Raises ArgumentError for an optimizer that cannot be measured.
    """
    check_optimizer(optimizer)
    if optimizer == "sgd" and isinstance(weights, FreeWeights):
        return (OneSidedUpdate if first else CoreUpdate)(weights, lr, multiplier)
    if optimizer == "sgd" and isinstance(weights, DenseWeights):
        fans = weights.matrix.shape[1:]
        if min(fans) <= _NARROW or rank > max(fans):
            return MatrixUpdate(None, weights, lr, multiplier)
    if law := laws.low_rank(optimizer):
        return FactoredUpdate(law, weights, lr, multiplier)
    if not isinstance(weights, DenseWeights):
        raise ArgumentError(
            "optimizer", f"{optimizer} acts on every entry of a weight matrix and needs the dense engine"
        )
    return MatrixUpdate(laws.ENTRYWISE[optimizer], weights, lr, multiplier)


def check_optimizer(optimizer: str) -> None:
    """Raises ArgumentError, naming those that can be measured."""
    if laws.low_rank(optimizer) is None and optimizer not in laws.ENTRYWISE:
        raise ArgumentError(
            "optimizer", f"expected one of {', '.join(MEASURABLE)}, which can be measured, but got {optimizer!r}"
        )


def is_low_rank(optimizer: str) -> bool:
    """Whether updates keep the low rank of a gradient, as matrix-free layers need."""
    return laws.low_rank(optimizer) is not None


class FactoredUpdate:
    """dW = -eta g U^T S V of a law that keeps the low rank of gradients, with rows d/B in U and h in V."""

    def __init__(self, law: LowRankLaw, weights: Weights, lr: float, multiplier: float) -> None:
        self._law, self._weights, self._lr, self._multiplier = law, weights, lr, multiplier
        self._left: Factor | None = None
        self._right: Factor | None = None
        self._mix = torch.empty(0)
        # <W(0), g d h^T> = d . g W(0) h, and the forward pass has just computed g W(0) h.
        self._images: list[Tensor] = []
        self._inner: list[Tensor] = []

    def step(self, d: Terms, h: Terms, image: Terms) -> None:
        batch, shape = d[0].shape[1], (d[0].shape[2], h[0].shape[2])
        left, right = total(d) / batch, total(h)
        if self._left is None or self._right is None:
            self._left, self._right = Factor(left), Factor(right)
        else:
            self._left.append(left)
            self._right.append(right)
            self._mix = torch.nn.functional.pad(self._mix, (0, batch) * (self._mix.dim() - 1))
        self._images.append(total(image))
        self._inner.append((left * self._images[-1]).sum(dim=2))
        new = self._law(Past(self._left, self._right, self._multiplier, batch, shape, self._weight))
        self._mix = self._mix + new if self._mix.numel() else new
        if new.dim() == 2:
            self._images.clear()  # of a diagonal S only the products within a row are needed

    @property
    def factors(self) -> tuple[Tensor, Tensor]:
        """U and V, of shapes (seeds, k, fan_out) and (seeds, k, fan_in)."""
        left, right = self._factors
        return left.rows, right.rows

    @property
    def _factors(self) -> tuple[Factor, Factor]:
        assert self._left is not None
        assert self._right is not None
        return self._left, self._right

    @property
    def _grams(self) -> tuple[Tensor, Tensor]:
        left, right = self._factors
        return left.gram(), right.gram()

    def apply(self, h: Terms) -> Tensor:
        left, right = self.factors
        return self._mixed(total(h) @ right.mT, transpose=True) @ left

    def apply_transpose(self, d: Terms) -> Tensor:
        left, right = self.factors
        return self._mixed(total(d) @ left.mT) @ right

    def _mixed(self, coordinates: Tensor, *, transpose: bool = False) -> Tensor:
        """-eta g times coordinates (seeds, rows, k) times S or S^T."""
        scale = -self._lr * self._multiplier
        if self._mix.dim() == 2:
            return coordinates.mul_(scale * self._mix[:, None])
        return coordinates @ (scale * (self._mix.mT if transpose else self._mix))

    def frobenius(self) -> Tensor:
        if self._is_full:
            norm: Tensor = torch.linalg.vector_norm(self._dense(), dim=(1, 2))
            return norm
        over_outputs, over_inputs = self._grams
        squared = (over_outputs * self._sandwiched(over_inputs)).sum(dim=(1, 2))
        return squared.clamp(min=0).sqrt()

    def spectral(self) -> Tensor:
        if self._is_full:
            return spectral_norm(self._dense())
        over_outputs, over_inputs = self._grams
        return spectral_norm_of_factors(over_outputs, self._sandwiched(over_inputs))

    def _sandwiched(self, over_inputs: Tensor) -> Tensor:
        """(eta g)^2 S V V^T S^T."""
        scaled = self._lr * self._multiplier * self._mix
        if scaled.dim() == 2:
            return over_inputs * scaled[:, :, None] * scaled[:, None]
        return scaled @ over_inputs @ scaled.mT

    @property
    def _is_full(self) -> bool:
        """Whether dW is no larger than the Gram matrices of its factors."""
        left, right = self.factors
        return min(left.shape[2], right.shape[2]) <= left.shape[1]

    def inner(self) -> Tensor:
        if self._mix.dim() == 2:
            return -self._lr * (self._mix * torch.cat(self._inner, dim=1)).sum(dim=1)
        pairs = self.factors[0] @ torch.cat(self._images, dim=1).mT
        return -self._lr * (self._mix * pairs).sum(dim=(1, 2))

    def _dense(self) -> Tensor:
        left, right = self.factors
        return self._mixed(left.mT.clone()) @ right

    def _weight(self) -> Tensor:
        """|W(t)|_F, while a step is made: its own rows have no part in dW yet."""
        initial = self._weights.frobenius()
        if not self._mix.numel():
            return initial
        return (initial**2 + 2 * self.inner() + self.frobenius() ** 2).clamp(min=0).sqrt()


class MatrixUpdate:
    """dW as a matrix: of a law that acts on the entries of G, or of SGD (None).

    A law that looks at no more than an entry's own past is carried out on a slab of rows at a time: what is computed on
    the way stays in the cache.
    """

    def __init__(self, law: Callable[[], EntryLaw] | None, weights: DenseWeights, lr: float, multiplier: float) -> None:
        self._initial, self._lr, self._multiplier = weights.matrix, lr, multiplier
        self._law, self._steps = law() if law else None, 0
        moments = self._law.moments if self._law else 0
        self.matrix, *self._moments = (weights.pool.empty(*weights.matrix.shape).zero_() for _ in range(1 + moments))
        self._applied = DenseWeights(self.matrix, weights.pool)

    def step(self, d: Terms, h: Terms, image: Terms) -> None:  # noqa: ARG002 - only factors need the image
        scale = self._multiplier / d[0].shape[1]
        if self._law is None:
            for left, right in itertools.product(d, h):
                self.matrix.baddbmm_(left.mT, right, alpha=-self._lr * scale)
            return
        self._steps += 1
        rows = self._slab(self._law)
        signals, right = (total(d) * scale).mT, total(h)
        scratch = torch.empty_like(self.matrix[:, :rows])
        pieces = zip(
            *(torch.split(whole, rows, dim=1) for whole in (signals, self.matrix, *self._moments)), strict=True
        )
        for left, matrix, *moments in pieces:
            gradient = torch.bmm(left, right, out=scratch[:, : left.shape[1]])
            matrix.add_(self._law(gradient, moments, self._steps, self._weight), alpha=-self._lr)

    def _slab(self, law: EntryLaw) -> int:
        """The rows that the law is carried out on at a time."""
        seeds, fan_out, fan_in = self.matrix.shape
        whole = not law.local or self.matrix.device.type != "cpu"
        return fan_out if whole else max(1, 2 * SLAB // (seeds * fan_in))

    def apply(self, h: Terms) -> Tensor:
        return self._applied.apply(total(h))

    def apply_transpose(self, d: Terms) -> Tensor:
        return self._applied.apply_transpose(total(d))

    def frobenius(self) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(self.matrix, dim=(1, 2))
        return norm

    def spectral(self) -> Tensor:
        return spectral_norm(self.matrix)

    def inner(self) -> Tensor:
        return inner((self._initial,), (self.matrix,))

    def _weight(self) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(self._initial + self.matrix, dim=(1, 2))
        return norm
