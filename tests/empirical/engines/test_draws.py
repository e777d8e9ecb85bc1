"""The W(0) of every engine: independent N(0, sigma^2) numbers, all of them, of all layers and seeds.

What training tells of a draw it tells in a few norms: that two layers had the same numbers none of them would show. So
what an engine was trained from is looked at itself: that entries are normal and norms those of independent ones, and
that no two entries, and no two seeds, have anything to do with each other.

In 50 runs with other seeds none of 150 draws was refused (p at least 0.01), and every wrong one was, 50 times of 50.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from empirical.engines.graph.engine import GraphEngine
from empirical.engines.mlp.engine import DenseEngine, RevealedEngine
from empirical.tensors.arrays import Array
from tests.empirical.engines.judged import Judged, train_and_tell
from tests.empirical.engines.two_samples import LEVEL

SEEDS = 64
JUDGED = Judged("sgd", "tanh")
Kind = type[DenseEngine] | type[RevealedEngine] | type[GraphEngine]


def drawn(kind: Kind, first: int = 0, **options: object) -> list[Tensor]:
    """W(0) / sigma of each layer."""
    _, matrices = train_and_tell(kind(JUDGED.problem(**options)), range(first, first + SEEDS))  # type: ignore[arg-type]
    return [matrix / scale for matrix, scale in zip(matrices, JUDGED.plain().scales, strict=True)]


def largest_correlation(columns: Array) -> float:
    """p of the largest correlation of two of these columns of normal numbers, times how many pairs there are."""
    rows, count = columns.shape
    centered = columns - columns.mean(axis=0)
    unit = centered / np.linalg.norm(centered, axis=0)
    correlations = np.abs(unit.T @ unit)
    np.fill_diagonal(correlations, 0)
    r = min(float(correlations.max()), 1 - 1e-15)
    t = r * np.sqrt((rows - 2) / (1 - r**2))
    return float(count * (count - 1) / 2 * 2 * stats.t.sf(t, rows - 2))


def p_value(matrices: list[Tensor]) -> float:
    """Of these being independent N(0, 1) numbers, by five tests and Bonferroni's correction."""
    entries = torch.cat([matrix.flatten(1) for matrix in matrices], dim=1).double().numpy()
    everything = entries.flatten()
    squares = [(matrix.double() ** 2).sum(dim=(1, 2)).numpy() for matrix in matrices]
    shares = [stats.chi2.cdf(found, matrix[0].numel()) for found, matrix in zip(squares, matrices, strict=True)]
    p = [
        float(stats.kstest(np.concatenate(shares), "uniform").pvalue),
        float(stats.kstest(everything, "norm").pvalue),
        2 * min(float(tail(everything @ everything, everything.size)) for tail in (stats.chi2.cdf, stats.chi2.sf)),
        largest_correlation(entries),
        largest_correlation(entries.T),
    ]
    return min(1.0, len(p) * min(p))


@pytest.mark.parametrize("kind", [DenseEngine, pytest.param(RevealedEngine, marks=pytest.mark.slow), GraphEngine])
def test_draws_are_independent_normal_numbers(kind: Kind) -> None:
    assert p_value(drawn(kind)) > LEVEL


WRONG: dict[str, Callable[[list[Tensor]], list[Tensor]]] = {
    "too large by 1 %": lambda given: [1.01 * matrix for matrix in given],
    "uniform": lambda given: [12**0.5 * (torch.special.ndtr(matrix) - 0.5) for matrix in given],
    "the same in two layers": lambda given: [given[0], given[0][:, :, :32], given[2]],
    "the same for two seeds": lambda given: [torch.cat([matrix[:1], matrix[:-1]]) for matrix in given],
    "of one norm": lambda given: [
        matrix * matrix[0].numel() ** 0.5 / torch.linalg.matrix_norm(matrix, keepdim=True) for matrix in given
    ],
}


@pytest.mark.parametrize("name", WRONG)
def test_others_are_refused(name: str) -> None:
    assert p_value(WRONG[name](drawn(GraphEngine))) < LEVEL
