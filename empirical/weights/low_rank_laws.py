"""Laws: what an optimizer makes of gradients, for a batch of seeds at once.

Some keep the low rank of a gradient, some act on each of its entries. With G_s = U_s^T V_s the gradient of step s
and U, V the rows of all steps so far, a law of the first kind is a matrix S of k x k coefficients (k = batch *
steps so far), for a step

    dW  =  -eta U^T S V,

and S follows from the Gram matrices U U^T and V V^T alone. With roots U U^T = A A^T and V V^T = B B^T, so that
A^+ U has orthonormal rows, any function of singular values is one of the k x k matrix A^T D B:

    U^T D V  =  (A^+ U)^T (A^T D B) (B^+ V).

D is diagonal, and weighs the steps: 1 for the last one (SGD), powers of 0.9 (momentum). References: Nesterov's
momentum as torch.optim.SGD has it; LARS, arXiv 1708.03888, without momentum; Muon, Jordan et al. 2024, with five
Newton-Schulz iterations of a Nesterov momentum of 0.95; Shampoo, arXiv 1802.09568; LAMB, arXiv 1904.00962;
Lion, arXiv 2302.06675; Adafactor, arXiv 1804.04235, without the first moment. None of them decays weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import torch
from torch import Tensor

from empirical.tensors.growing_rows import Rows

_NEGLIGIBLE = 1e-13
"""Eigenvalues of a Gram matrix below this share of its largest are rounding."""
_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


class Factor:
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


@dataclass(frozen=True)
class Past:
    """All gradients so far in their factors, the last `batch` rows being this step's."""

    outputs: Factor
    inputs: Factor
    multiplier: float
    batch: int
    shape: tuple[int, int]
    """(fan_out, fan_in)"""
    weight: Callable[[], Tensor]
    """|W(t)|_F, (seeds,)"""

    @property
    def left(self) -> Tensor:
        """U U^T, (seeds, k, k), of U with the multiplier in it."""
        return self.multiplier**2 * self.outputs.gram()

    @property
    def right(self) -> Tensor:
        """V V^T, (seeds, k, k)."""
        return self.inputs.gram()

    @property
    def ages(self) -> Tensor:
        """How many steps ago each row was added, 0 for this step's: (k,)."""
        rows = self.outputs.rows
        order = torch.arange(rows.shape[1] // self.batch - 1, -1, -1, dtype=rows.dtype, device=rows.device)
        return order.repeat_interleave(self.batch)

    @property
    def same_step(self) -> Tensor:
        """1 for pairs of rows of one step, else 0: (k, k)."""
        return (self.ages[:, None] == self.ages).to(self.outputs.rows.dtype)

    @property
    def size(self) -> Tensor:
        """|G|_F of this step, (seeds,)."""
        left, right = (grams[:, -self.batch :, -self.batch :] for grams in (self.left, self.right))
        return (left * right).sum(dim=(1, 2)).clamp(min=0).sqrt()


LowRankLaw: TypeAlias = Callable[[Past], Tensor]
"""S, of shape (seeds, k, k); where it is diagonal only its diagonal, (seeds, k), with one seed if they agree."""


def sgd(past: Past) -> Tensor:
    return (past.ages == 0).to(past.outputs.rows.dtype)[None]


def momentum(past: Past, beta: float = 0.9) -> Tensor:
    return beta ** past.ages[None]


def nesterov(past: Past, beta: float = 0.9) -> Tensor:
    return sgd(past) + beta * momentum(past, beta)


def normalized(past: Past) -> Tensor:
    return _over(1.0, past.size)[:, None] * sgd(past)


def lars(past: Past) -> Tensor:
    return trust_ratio(past.weight(), past.size)[:, None] * sgd(past)


@dataclass(frozen=True)
class Muon:
    """`adjustment` of (fan_out, fan_in) is what the orthogonalised step is multiplied with."""

    adjustment: Callable[[int, int], float] = lambda *_: 1.0

    def __call__(self, past: Past) -> Tensor:
        left, left_inverse = _root(past.left)
        right, right_inverse = _root(past.right)
        core = (left.mT * nesterov(past, 0.95)[:, None]) @ right
        core = core * _over(1.0, torch.linalg.vector_norm(core, dim=(1, 2)))[:, None, None]
        a, b, c = _NEWTON_SCHULZ
        for _ in range(5):
            square = core @ core.mT
            core = a * core + (b * square + c * square @ square) @ core
        step: Tensor = left_inverse.mT @ core @ right_inverse
        return self.adjustment(*past.shape) * step


@dataclass(frozen=True)
class Shampoo:
    """L^(-left) G R^(-right), with L and R summed over all steps."""

    left: float = 0.25
    right: float = 0.25

    def __call__(self, past: Past) -> Tensor:
        left, left_inverse = _root(past.left)
        right, right_inverse = _root(past.right)
        # sum_s G_s G_s^T = U^T (V V^T restricted to pairs of rows of one step) U, and likewise on the right.
        over_outputs = _power(left.mT @ (past.right * past.same_step) @ left, -self.left)
        over_inputs = _power(right.mT @ (past.left * past.same_step) @ right, -self.right)
        core = over_outputs @ (left.mT * sgd(past)[:, None]) @ right @ over_inputs
        step: Tensor = left_inverse.mT @ core @ right_inverse
        return step


LOW_RANK: dict[str, LowRankLaw] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "normalized-sgd": normalized,
    "lars": lars,
    "muon": Muon(),
    "muon-jordan": Muon(lambda rows, columns: max(1.0, rows / columns) ** 0.5),
    "muon-rms": Muon(lambda rows, columns: 0.2 * max(rows, columns) ** 0.5),
    "muon-spectral": Muon(lambda rows, columns: (rows / columns) ** 0.5),
    "shampoo": Shampoo(),
}
"""Optimizers whose updates are of low rank; a new one is a function of `Past`."""


def low_rank(optimizer: str) -> LowRankLaw | None:
    """The law of this name, or of shampoo:e_left,e_right; None if it is not of low rank, or there is none."""
    kind, colon, listed = optimizer.partition(":")
    if colon and kind == "shampoo":
        exponents = [float(Fraction(item)) for item in listed.split(",")]
        return Shampoo(exponents[0], exponents[-1])
    return LOW_RANK.get(optimizer)


def _over(numerator: Tensor | float, size: Tensor) -> Tensor:
    """numerator / size; no step where the size is zero."""
    return torch.where(size == 0, 0.0, numerator / size)


def trust_ratio(weight: Tensor, step: Tensor) -> Tensor:
    """The trust ratio |W| / |step|: 1 where there are no weights yet, and no step where its size is zero."""
    return torch.where(weight == 0, 1.0, _over(weight, step))


def _root(gram: Tensor) -> tuple[Tensor, Tensor]:
    """A with A A^T = gram, and A^+; what is only rounding is zero in both."""
    finite = gram.isfinite().all(dim=(1, 2), keepdim=True)
    values, vectors = torch.linalg.eigh(torch.where(finite, gram, 0.0))
    kept = values > _NEGLIGIBLE * values[:, -1:]
    sizes = torch.where(kept, values, 0.0).sqrt()
    inverse = torch.where(kept, 1 / sizes, 0.0)
    unit = torch.where(finite, vectors, torch.nan)
    return unit * sizes[:, None, :], (unit * inverse[:, None, :]).mT


def _power(gram: Tensor, exponent: float) -> Tensor:
    root, _ = _root(gram)
    values, vectors = torch.linalg.eigh(torch.where(root.isfinite().all(dim=(1, 2), keepdim=True), gram, 0.0))
    kept = values > _NEGLIGIBLE * values[:, -1:]
    powers = torch.where(kept, values.clamp(min=0) ** exponent, 0.0)
    found: Tensor = (vectors * powers[:, None, :]) @ vectors.mT
    return found
