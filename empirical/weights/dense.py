"""Initial weights: N(0, sigma^2) matrices behind the three operations that training needs of them.

All seeds of a width are one batch: a block of vectors is a tensor of shape (seeds, batch, units), a row
an example. Training never looks at W(0) itself, only at W h, W^T d and |W|_F, so that an engine that never
forms the matrix can take this one's place.

Every (width, seed) pair owns a stream of random numbers from which its layers are drawn in order. So a
run's numbers depend neither on which seeds share a chunk with it nor on how many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from empirical.tensors.buffers import BufferPool


class Weights(Protocol):
    """W(0) of one layer, of shape (fan_out, fan_in), for a batch of seeds."""

    def apply(self, block: Tensor) -> Tensor:
        """W v for every row v: (seeds, batch, fan_in) to (seeds, batch, fan_out)."""
        ...

    def apply_transpose(self, block: Tensor) -> Tensor:
        """W^T v for every row v: (seeds, batch, fan_out) to (seeds, batch, fan_in)."""
        ...

    def frobenius(self) -> Tensor:
        """|W|_F, of shape (seeds,)."""
        ...


@dataclass(frozen=True)
class DenseWeights:
    """The matrices themselves: `matrix` of shape (seeds, fan_out, fan_in)."""

    matrix: Tensor
    pool: BufferPool
    """Where what is long comes from."""

    def apply(self, block: Tensor) -> Tensor:
        return block @ self.matrix.mT

    def apply_transpose(self, block: Tensor) -> Tensor:
        return torch.bmm(block, self.matrix, out=self.pool.empty(*block.shape[:2], self.matrix.shape[2]))

    def frobenius(self) -> Tensor:
        return self._frobenius

    @cached_property
    def _frobenius(self) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(self.matrix, dim=(1, 2))
        return norm
