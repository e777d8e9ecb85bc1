"""Limits: the value that a number measured at several widths tends to, with a 95 % confidence interval.

    y_n  =  a  +  c / n  +  error_n,        var error_n = v(n) + tau^2,

with v(n) from the seeds and tau^2 for the lack of fit, as in `regression`, and t quantiles with W - 2 degrees of
freedom for W widths.

>>> noise = np.random.default_rng(0)
>>> found = limit({n: 1 + 3 / n + 0.01 * noise.normal(size=8) for n in (64, 128, 256, 512)})
>>> found.low < 1 < found.high, found.high - found.low < 0.05
(True, True)
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import special

from empirical.statistics.regression import lacking_variance, weighted
from empirical.tensors.arrays import Array
from scalings.results.experiments import Limit

_LEAST = 1e-9


def limit(values: Mapping[int, Array]) -> Limit:
    """The limit of the mean over seeds, from the values by width: at least 3 widths with at least 2 seeds each."""
    widths = sorted(values)
    means = np.array([values[width].mean() for width in widths])
    errors = np.array([values[width].std(ddof=1) / len(values[width]) ** 0.5 for width in widths])
    n = np.array(widths, dtype=np.float64)
    design = np.stack([np.ones_like(n), n[0] / n], axis=1)
    variances = np.maximum(errors, _LEAST) ** 2
    variances = variances + lacking_variance(design, means, variances)
    coefficients, covariance = weighted(design, means, variances)
    half = float(special.stdtrit(len(widths) - 2, 0.975) * covariance[0, 0] ** 0.5)
    at = float(coefficients[0])
    return Limit(at, at - half, at + half, tuple(zip(widths, means.tolist(), errors.tolist(), strict=True)))
