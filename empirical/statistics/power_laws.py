"""Products of powers: their exponents with intervals, how well they fit, and the range in which a power law holds.

The model, in logarithms, at design point i with replicates j:

    y_ij  =  x_i . b  +  lack_i  +  error_ij.

The scatter of replicates gives the variance of the error, and the residuals of their means beyond it that of the lack
of fit (Draper and Smith, Applied Regression Analysis, section 2.1). The exponents' intervals contain both, so that
where no power law holds they are wide; the lack of fit is given as a standard deviation.

>>> x = np.linspace(0, 3, 7)
>>> y = 2 - 0.5 * x + 0.01 * np.random.default_rng(0).normal(size=(3, 7))
>>> law = fit_monomial(np.stack([np.ones(7), x], axis=1), y.T)
>>> [round(float(b), 1) for b in law.coefficients], bool(law.half_widths[1] < 0.02)
([2.0, -0.5], True)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import special

from empirical.tensors.arrays import Array

_ROUNDING = 1e-6
"""The error of the logarithm of a step at best, since a step is a difference of two weights."""


@dataclass(frozen=True)
class PowerLaw:
    """The coefficients b with half-widths at 95 %; lack of fit and noise of one replicate (e-folds, dimensionless)."""

    coefficients: Array
    half_widths: Array
    lack: float
    noise: float


def fit_monomial(design: Array, values: Array) -> PowerLaw:
    """The fit of logarithms y, (points, replicates), by a design x, (points, parameters)."""
    points, replicates = values.shape
    means, parameters = values.mean(axis=1), design.shape[1]
    inverse = np.linalg.pinv(design)
    coefficients = inverse @ means
    degrees = points - parameters
    residual = float(np.sum((means - design @ coefficients) ** 2)) / degrees
    error = float(np.mean(np.var(values, axis=1, ddof=1))) if replicates > 1 else 0.0
    spread = np.sqrt(max(residual, error / replicates, _ROUNDING**2) * np.sum(inverse**2, axis=1))
    half_widths = float(special.stdtrit(degrees, 0.975)) * spread
    return PowerLaw(coefficients, half_widths, max(residual - error / replicates, 0.0) ** 0.5, error**0.5)


def plateaus(x: Sequence[float], y: Sequence[float], *, tolerance: float, least: int) -> list[tuple[int, int]]:
    """The ranges in which y is a straight line in x: (first, last) indices of ranges of at least `least` points.

    In a range the slopes between neighbouring points differ by at most 2 `tolerance`.

    >>> plateaus(range(7), [0, 1, 2, 3, 3, 3, 3], tolerance=0.1, least=3)
    [(0, 3), (3, 6)]
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
