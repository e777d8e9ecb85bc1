"""Intervals of what is measured from a few seeds: of a mean, and of any function of the seeds by resampling them.

A mean has the t interval. Another function has the standard deviation over resampled seeds (bootstrap), times
sqrt(s / (s - 1)) for s seeds, since resamples are scattered about a mean that was fitted, and the same t quantile.

>>> found = mean_over_seeds(np.array([1.0, 1.2, 1.1]))
>>> f"{found.value:.2f} in [{found.low:.2f}, {found.high:.2f}]"
'1.10 in [0.85, 1.35]'
>>> same = resampled(lambda seeds: float(np.array([1.0, 1.2, 1.1])[seeds].mean()), 3)
>>> same.low < 1.0, 1.2 < same.high
(True, True)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import special

from empirical.tensors.arrays import Array
from scalings.results.reproduction import Estimate

_RESAMPLES = 400


def mean_over_seeds(values: Array) -> Estimate:
    """The mean with its 95 % interval, from at least 2 values."""
    count = len(values)
    return _estimate(float(values.mean()), float(values.std(ddof=1)) / count**0.5, count)


def resampled(function: Callable[[npt.NDArray[np.int64]], float], seeds: int) -> Estimate:
    """A function of the numbers of the seeds with its 95 % interval, from at least 2 seeds."""
    random = np.random.default_rng(0)
    drawn = [function(random.integers(0, seeds, seeds)) for _ in range(_RESAMPLES)]
    error = float(np.std(drawn, ddof=1)) * (seeds / (seeds - 1)) ** 0.5
    return _estimate(function(np.arange(seeds)), error, seeds)


def _estimate(value: float, error: float, seeds: int) -> Estimate:
    half = float(special.stdtrit(seeds - 1, 0.975)) * error
    return Estimate(value, value - half, value + half)
