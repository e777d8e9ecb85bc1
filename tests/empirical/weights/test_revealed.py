"""Weights that are revealed where they are multiplied with: blocks that are remembered."""

from __future__ import annotations

import torch

from empirical.tensors.buffers import BufferPool
from empirical.tensors.gaussian_matrix import GaussianMatrix
from empirical.tensors.random_numbers import Stream
from empirical.weights.revealed import FreeWeights


def test_the_first_block_has_the_same_image_once_more_is_revealed() -> None:
    """Its coordinates are remembered, and are those along the basis as it was then."""
    pool = BufferPool()
    weights = FreeWeights([GaussianMatrix((7, 9), 1.0, Stream((0,)))], pool)
    first, second = torch.randn(2, 1, 3, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    before = weights.apply(first).clone()
    sum_of_both = before + weights.apply(second)
    torch.testing.assert_close(weights.apply(first), before)
    torch.testing.assert_close(weights.apply(first + second), sum_of_both)
