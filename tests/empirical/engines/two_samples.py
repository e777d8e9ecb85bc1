"""Two-sample tests of many observables at once, and which of them differ after Holm's correction."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping
from typing import TypeVar

import numpy as np
from scipy import stats

from empirical.tensors.arrays import Array

K = TypeVar("K", bound=Hashable)
LEVEL = 1e-3
"""The chance, at most, that two samples of one law are told apart."""
_DIGITS = 9
"""Logarithms that agree to so many digits are equal: what is the same for all seeds differs by its rounding."""


def p_values(one: Array, other: Array) -> tuple[float, float]:
    """Mann and Whitney's, against one of the two being larger, and Kolmogorov and Smirnov's, against any difference."""
    logs = [np.round(np.log(np.maximum(sample, np.finfo(float).tiny)), _DIGITS) for sample in (one, other)]
    if np.ptp(logs) == 0:
        return 1.0, 1.0
    with warnings.catch_warnings():
        # For samples that are nearly the same, whose p rounds to more than 1.
        warnings.filterwarnings("ignore", "ks_2samp: Exact calculation unsuccessful")
        return float(stats.mannwhitneyu(*logs).pvalue), float(stats.ks_2samp(*logs).pvalue)


def told_apart(one: Mapping[K, Array], other: Mapping[K, Array], level: float = LEVEL) -> dict[K, float]:
    """The observables whose laws differ, with their p-values; both tests of all of them are one family."""
    assert one.keys() == other.keys()
    assert all(np.isfinite(values).all() for sample in (one, other) for values in sample.values())
    ranked = sorted((p, number, key) for number, key in enumerate(one) for p in p_values(one[key], other[key]))
    found: dict[K, float] = {}
    for place, (p, _, key) in enumerate(ranked):
        if p * (len(ranked) - place) >= level:
            break
        found.setdefault(key, p)
    return found
