"""Revealed weights: the initial weights of a multilayer perceptron behind the operations of `Weights`, matrix-free.

The coordinates of two blocks are kept, to which training comes back: the first that a layer saw, and the last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from empirical.tensors.buffers import BufferPool
from empirical.tensors.gaussian_matrix import GaussianMatrix
from empirical.tensors.orthonormal_bases import Revealed

Coordinates = tuple[Tensor | None, ...]
"""Of a block's rows along a basis, (batch, count) for each seed; None where a row is not finite."""


class RevealedSide:
    """What all matrices of a layer do on one side, the inputs or the outputs."""

    def __init__(
        self,
        reveal: Sequence[Callable[[Tensor], Tensor | None]],
        bases: Sequence[Revealed],
        scale: float,
        pool: BufferPool,
    ) -> None:
        self._reveal, self.bases, self._scale, self._pool = reveal, bases, scale, pool
        self.units = bases[0].dimension
        self._seen: list[tuple[Tensor, Coordinates]] = []

    def coordinates(self, block: Tensor) -> Coordinates:
        for seen, found in self._seen:
            if seen is block:
                return found
        found = tuple(reveal(rows) for reveal, rows in zip(self._reveal, block, strict=True))
        self._seen = [*self._seen[:1], (block, found)]
        return found

    def images(self, block: Tensor, units: int) -> Tensor:
        """W(0) v, or W(0)^T v, for every row v, of so many units."""
        found = self._pool.empty(*block.shape[:2], units)
        if not self._scale:
            return found.zero_()
        for out, coordinates, basis in zip(found, self.coordinates(block), self.bases, strict=True):
            if coordinates is None:
                # A run that diverged is no reason to raise: it goes on with nan, as with an explicit matrix.
                out.fill_(math.nan)
            else:
                # The basis may have grown since: a block of then has no part in its new rows.
                torch.mm(coordinates, basis.image[: coordinates.shape[1]], out=out)
        return found


class FreeWeights:
    """W(0) of one layer, a `GaussianMatrix` for each seed; `inputs` and `outputs` know the blocks."""

    def __init__(self, matrices: Sequence[GaussianMatrix], pool: BufferPool) -> None:
        (self._fan_out, self._fan_in), scale, self._matrices = matrices[0].shape, matrices[0].scale, matrices
        self.pool = pool
        self.inputs = RevealedSide([m.reveal for m in matrices], [m.inputs for m in matrices], scale, pool)
        self.outputs = RevealedSide([m.reveal_transpose for m in matrices], [m.outputs for m in matrices], scale, pool)

    def apply(self, block: Tensor) -> Tensor:
        return self.inputs.images(block, self._fan_out)

    def apply_transpose(self, block: Tensor) -> Tensor:
        return self.outputs.images(block, self._fan_in)

    def frobenius(self) -> Tensor:
        norms = [matrix.frobenius for matrix in self._matrices]
        return torch.tensor(norms, dtype=torch.float64, device=self._matrices[0].device)
