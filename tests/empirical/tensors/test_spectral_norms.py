"""Spectral norms, beside LAPACK's."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from empirical.tensors import spectral_norms
from empirical.tensors.spectral_norms import spectral_norm

SIDE = 150


def matrices(rank: int, seeds: int = 3) -> Tensor:
    """Of this rank, with entries about 1e-7, as small as those of an update."""
    generator = torch.Generator().manual_seed(rank)
    left = torch.randn(seeds, SIDE, rank, generator=generator, dtype=torch.float64)
    return 1e-7 * left @ torch.randn(seeds, rank, SIDE + 20, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("rank", [1, 8, 63, 64, 65, 100, SIDE])
def test_every_rank(rank: int) -> None:
    found = spectral_norm(matrices(rank))
    assert torch.allclose(found, torch.linalg.matrix_norm(matrices(rank), 2), rtol=1e-10, atol=0.0)


def test_a_low_rank_is_seen_and_no_other_is_taken_for_one() -> None:
    low, high = matrices(64), matrices(65)
    assert spectral_norms._spectral_norm_of_low_rank(low) is not None
    assert spectral_norms._spectral_norm_of_low_rank(high) is None
    assert spectral_norms._spectral_norm_of_low_rank(torch.cat([low, high])) is None


def test_a_little_beyond_a_low_rank_is_not_lost() -> None:
    """A matrix whose largest singular value lies just outside what a small rank has of its Frobenius norm."""
    plain = matrices(8)
    beyond = plain + 1e-5 * plain.norm() / SIDE * torch.eye(SIDE, SIDE + 20, dtype=torch.float64)
    assert spectral_norms._spectral_norm_of_low_rank(beyond) is None
    assert torch.allclose(spectral_norm(beyond), torch.linalg.matrix_norm(beyond, 2), rtol=1e-10, atol=0.0)


def test_nothing_and_what_is_not_finite() -> None:
    one, nothing = matrices(8, seeds=2), torch.zeros(1, SIDE, SIDE + 20, dtype=torch.float64)
    one[1, 3, 3] = math.nan
    assert spectral_norm(one).isnan().tolist() == [False, True]
    assert spectral_norm(nothing).tolist() == [0.0]
