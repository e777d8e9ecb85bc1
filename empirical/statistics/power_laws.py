"""Monomials: whether numbers are a product of powers, with which exponents, and over which range.

The model, in logarithms, at design point i with replicates j:

    y_ij  =  x_i . b  +  lack_i  +  error_ij.

The replicates give the variance of the error, and what the means over them leave besides gives that of the lack of
fit (the split of Draper and Smith, Applied Regression Analysis, section 2.1). The exponents' intervals are made of
both, so that a law that bends costs precision; how much it bends is given as a standard deviation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import stats

from empirical.tensors.arrays import Array

_ROUNDING = 1e-6
"""No logarithm of a step is known better: a step is a difference of two weights."""


@dataclass(frozen=True)
class PowerLaw:
    """Coefficients b with their half-widths at 95 %, the lack of fit and the noise of one replicate (e-folds)."""

    coefficients: Array
    half_widths: Array
    lack: float
    noise: float


def fit_monomial(design: Array, values: Array) -> PowerLaw:
    """Fit y of shape (points, replicates) by a design of shape (points, parameters)."""
    points, replicates = values.shape
    means, parameters = values.mean(axis=1), design.shape[1]
    inverse = np.linalg.pinv(design)
    coefficients = inverse @ means
    degrees = points - parameters
    residual = float(np.sum((means - design @ coefficients) ** 2)) / degrees
    error = float(np.mean(np.var(values, axis=1, ddof=1))) if replicates > 1 else 0.0
    spread = np.sqrt(max(residual, error / replicates, _ROUNDING**2) * np.sum(inverse**2, axis=1))
    half_widths = float(stats.t.ppf(0.975, degrees)) * spread
    return PowerLaw(coefficients, half_widths, max(residual - error / replicates, 0.0) ** 0.5, error**0.5)


def plateaus(x: Sequence[float], y: Sequence[float], *, tolerance: float, least: int) -> list[tuple[int, int]]:
    """Where y is a straight line in x: (first, last) indices of runs of at least `least` points, in order.

    A run ends where the slope between neighbours leaves that of the run's middle one by more than `tolerance`.
    """
    slopes = [(d - b) / (c - a) for (a, b), (c, d) in pairwise(zip(x, y, strict=True))]
    runs: list[tuple[int, int]] = []
    start = 0
    while start < len(slopes):
        stop = start + 1
        while stop < len(slopes) and _is_straight(slopes[start : stop + 1], tolerance):
            stop += 1
        if stop - start + 1 >= least:
            runs.append((start, stop))
            start = stop
        else:
            start += 1
    return runs


def _is_straight(slopes: Sequence[float], tolerance: float) -> bool:
    return max(slopes) - min(slopes) <= 2 * tolerance
