"""Updates: dW = W(t) - W(0), accumulated, for a batch of seeds.

A step of SGD is a sum of B outer products: with G = g/B sum_b d_b h_b^T,

    dW = -eta g/B  sum over steps and examples of  d h^T  =  U^T V,

U of shape (k, fan_out) and V of shape (k, fan_in), k = batch * steps. It stays in these factors: applying
it costs k (fan_in + fan_out) a vector; |dW|_F^2 = <U U^T, V V^T>; and |dW|_2^2 is the largest eigenvalue of
the k x k matrix (U U^T)(V V^T), or of L^T (V V^T) L with U U^T = L L^T. No n x n matrix is ever formed, unless
k exceeds a fan.

Sign and Adam act on the entries of G, which destroys its low rank: there dW is an explicit matrix.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

from empirical.rows import Rows
from empirical.weights import DenseWeights, Weights
from scalings.errors import ArgumentError

MEASURABLE = ("sgd", "sign", "adam")
_BETAS = (0.9, 0.999)
_EXACT_SIDE = 128
"""Up to this many rows or columns a matrix's spectral norm is taken from its Gram matrix, exactly."""
_MOST_ROUNDS = 60


class Update(Protocol):
    """dW of one layer; shapes as in `Weights`. The only mutable thing in a training run."""

    def step(self, d: Tensor, h: Tensor, image: Tensor) -> None:
        """One more update, from d (seeds, batch, fan_out), h (seeds, batch, fan_in) and image = g W(0) h."""
        ...

    def apply(self, block: Tensor) -> Tensor: ...

    def apply_transpose(self, block: Tensor) -> Tensor: ...

    def frobenius(self) -> Tensor: ...

    def spectral(self) -> Tensor: ...

    def inner(self) -> Tensor:
        """<W(0), dW>, of shape (seeds,)."""
        ...


def start(optimizer: str, weights: Weights, *, lr: float, multiplier: float) -> Update:
    """dW = 0 of a layer. Raises ArgumentError for an optimizer that cannot be measured."""
    check_optimizer(optimizer)
    if optimizer == "sgd":
        return FactoredUpdate(lr, multiplier)
    if not isinstance(weights, DenseWeights):
        raise ArgumentError(
            "optimizer", f"{optimizer} acts on every entry of a weight matrix and needs the dense engine"
        )
    return ElementwiseUpdate(optimizer, weights.matrix, lr, multiplier)


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

    def step(self, d: Tensor, h: Tensor, image: Tensor) -> None:
        scaled = d * (-self._lr / d.shape[1])
        # <W(0), g d h^T> = d . g W(0) h, and the forward pass has just computed g W(0) h.
        self._inner.append((scaled * image).sum(dim=(1, 2)))
        scaled *= self._multiplier
        if self._left is None or self._right is None:
            self._left, self._right = _Factor(scaled), _Factor(h)
        else:
            self._left.append(scaled)
            self._right.append(h)

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

    def apply_transpose(self, block: Tensor) -> Tensor:
        left, right = self.factors
        return (block @ left.mT) @ right

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
        return _spectral(left.mT @ right) if self._is_full else _spectral_of_factors(*self._grams)

    @property
    def _is_full(self) -> bool:
        """Whether dW is no larger than the Gram matrices of its factors."""
        left, right = self.factors
        return min(left.shape[2], right.shape[2]) <= left.shape[1]

    def inner(self) -> Tensor:
        return torch.stack(self._inner).sum(dim=0)


class ElementwiseUpdate:
    """dW of a law that acts on every entry of G: sign, and Adam with eps = 0 (0/0 read as no step)."""

    def __init__(self, optimizer: str, initial: Tensor, lr: float, multiplier: float) -> None:
        self._adam = optimizer == "adam"
        self._initial, self._lr, self._multiplier = initial, lr, multiplier
        self._steps = 0
        self._moments = (torch.zeros_like(initial), torch.zeros_like(initial)) if self._adam else None
        self.matrix = torch.zeros_like(initial)

    def step(self, d: Tensor, h: Tensor, image: Tensor) -> None:  # noqa: ARG002 - only factors need the image
        self._steps += 1
        gradient = (d.mT @ h) * (self._multiplier / d.shape[1])
        self.matrix -= self._lr * (self._normalized(gradient) if self._adam else gradient.sign())

    def _normalized(self, gradient: Tensor) -> Tensor:
        assert self._moments is not None
        (first, second), (b1, b2) = self._moments, _BETAS
        first.mul_(b1).add_(gradient, alpha=1 - b1)
        second.mul_(b2).addcmul_(gradient, gradient, value=1 - b2)
        size = (second / (1 - b2**self._steps)).sqrt_()
        return torch.where(size == 0, 0.0, first / (1 - b1**self._steps) / size)

    def apply(self, block: Tensor) -> Tensor:
        return block @ self.matrix.mT

    def apply_transpose(self, block: Tensor) -> Tensor:
        return block @ self.matrix

    def frobenius(self) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(self.matrix, dim=(1, 2))
        return norm

    def spectral(self) -> Tensor:
        return _spectral(self.matrix)

    def inner(self) -> Tensor:
        return (self._initial * self.matrix).sum(dim=(1, 2))


def _spectral(matrix: Tensor) -> Tensor:
    """|A|_2 of a batch of matrices: exact where one side is small, else by subspace iteration."""
    rows, columns = matrix.shape[1:]
    if min(rows, columns) <= _EXACT_SIDE:
        gram = matrix @ matrix.mT if rows <= columns else matrix.mT @ matrix
        return _largest_eigenvalue(gram).sqrt()
    # dW of real data has a few large singular values over a bulk smaller by about n^(1/2): a block of 16 that
    # starts anywhere is on them in a few rounds. The values only grow; they are done when they no longer do.
    basis = _any_block(columns, 16, matrix).expand(len(matrix), -1, -1)
    found = matrix.new_zeros(len(matrix))
    for _ in range(_MOST_ROUNDS):
        image = matrix @ torch.linalg.qr(basis)[0]
        before, found = found, _largest_eigenvalue(image.mT @ image)
        if not (found > before * (1 + 1e-10)).any():
            break
        basis = matrix.mT @ image
    return found.sqrt()


def _any_block(rows: int, columns: int, like: Tensor) -> Tensor:
    count = torch.arange(rows * columns, dtype=like.dtype, device=like.device)
    return torch.sin(1 + count * math.sqrt(2) + count**2 / 7).reshape(rows, columns)


def _spectral_of_factors(left: Tensor, right: Tensor) -> Tensor:
    """|U^T V|_2 from U U^T and V V^T: the largest eigenvalue of their product, made symmetric by a Cholesky factor."""
    size = left.diagonal(dim1=1, dim2=2).sum(dim=1)
    scale = torch.where(size > 0, size, 1.0)[:, None, None]
    # Later steps nearly repeat earlier ones, so the Gram matrix is singular in float64: a ridge of 1e-14 of
    # its trace makes it positive definite and changes the norm by less than 1e-11 of itself.
    ridge = 1e-14 * torch.eye(left.shape[1], dtype=left.dtype, device=left.device)
    root = torch.linalg.cholesky_ex(left / scale + ridge)[0]
    return _largest_eigenvalue(root.mT @ right @ root).clamp(min=0).sqrt() * scale[:, 0, 0].sqrt() * (size > 0)


def _largest_eigenvalue(gram: Tensor) -> Tensor:
    """Of symmetric matrices, (seeds,); nan where a matrix is not finite, on which LAPACK would raise."""
    finite = gram.isfinite().all(dim=(1, 2))
    safe = torch.where(finite[:, None, None], gram, 0.0)
    return torch.where(finite, torch.linalg.eigvalsh(safe)[:, -1].clamp(min=0), math.nan)
