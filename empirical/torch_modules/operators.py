"""Operators: a weight matrix in training, W(t) = c W(0) + P^T C Q, that is never formed.

W(0) is a `GaussianMatrix`, and Q and P are its bases: Q spans all inputs h so far, P all backward signals d. The
gradient of a batch is a sum of outer products d h^T, so with D and H their coordinates along P and Q

    G  =  sum_b d_b h_b^T  =  P^T (D^T H) Q.

So gradients, momenta and weights under SGD, weight decay and Muon all have one form, a `Combination`: a multiple c of
W(0), plus P^T C Q with a small core C. Linear combinations act on c and C alone, and since the bases are orthonormal,
norms and singular values of P^T C Q are those of C. Of size n are only P, Q and their images; the rank grows by at most
the number of new examples.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from empirical.tensors.gaussian_matrix import GaussianMatrix
from empirical.tensors.orthonormal_bases import Revealed, padded


@dataclass(frozen=True)
class Combination:
    """A matrix `initial` W(0) + P^T `core` Q, with a core of shape (p, q) for the first p rows of P and q of Q."""

    initial: float
    core: Tensor

    def __mul__(self, factor: float) -> Combination:
        return Combination(self.initial * factor, self.core * factor)

    def __add__(self, other: Combination) -> Combination:
        rows, columns = (max(sizes) for sizes in zip(self.core.shape, other.core.shape, strict=True))
        core = padded(self.core, rows, columns) + padded(other.core, rows, columns)
        return Combination(self.initial + other.initial, core)

    def with_core(self, change: Callable[[Tensor], Tensor]) -> Combination:
        """The combination with `change` applied to the core."""
        return Combination(self.initial, change(self.core))


class Operator:
    """The weight W(t) of one layer, (fan_out, fan_in), and products with it; an optimizer sets `weight`."""

    def __init__(self, gaussian: GaussianMatrix) -> None:
        self.gaussian = gaussian
        self.weight = Combination(1.0, torch.zeros(0, 0, dtype=torch.float64, device=gaussian.device))

    @property
    def shape(self) -> tuple[int, int]:
        return self.gaussian.shape

    def apply(self, block: Tensor) -> tuple[Tensor, Tensor | None]:
        """W v for every row v, and the coordinates of the rows along Q (None if one is not finite)."""
        return self._multiply(
            block, self.gaussian.reveal, self.gaussian.inputs, self.gaussian.outputs, self.weight.core
        )

    def apply_transpose(self, block: Tensor) -> tuple[Tensor, Tensor | None]:
        """W^T v for every row v, and the coordinates of the rows along P (None if one is not finite)."""
        gaussian, core = self.gaussian, self.weight.core.mT
        return self._multiply(block, gaussian.reveal_transpose, gaussian.outputs, gaussian.inputs, core)

    def gradient(self, d: Tensor | None, h: Tensor | None) -> Combination:
        """sum_b d_b h_b^T from the coordinates of d along P and of h along Q; nan if either is None."""
        if d is None or h is None:
            return Combination(math.nan, torch.zeros_like(self.weight.core))
        return Combination(0.0, d.mT @ h)

    def matrix(self) -> Tensor:
        """W(t) as a tensor, (fan_out, fan_in): reveals and forms all of it, for small layers only."""
        identity = torch.eye(self.shape[1], dtype=torch.float64, device=self.gaussian.device)
        return self.apply(identity)[0].mT

    def _multiply(
        self, block: Tensor, reveal: Callable[[Tensor], Tensor | None], side: Revealed, other: Revealed, core: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        coordinates = reveal(block)
        if coordinates is None or not math.isfinite(self.weight.initial):
            # As with an explicit matrix, a run that diverged goes on with nan.
            return block.new_full((len(block), other.dimension), torch.nan), None
        rows, columns = core.shape
        change = coordinates[:, :columns] @ core.mT @ other.basis[:rows]
        if self.gaussian.scale:
            change.addmm_(coordinates, side.image, alpha=self.weight.initial)
        return change, coordinates
