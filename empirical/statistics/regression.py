"""Regression: the exponent of n, with a 95 % confidence interval, from values over widths and seeds.

For one observable let y_n be the mean over seeds of log(value) at width n. The model is

    y_n = a + e log n + c/n + error_n,        var error_n = v(n) / seeds(n) + tau^2,

with the exponent e, the leading finite-width correction c/n, the variance over seeds v(n) and the lack of fit tau^2:

>>> noise = np.random.default_rng(0)
>>> widths = (64, 128, 256, 512, 1024, 2048)
>>> found = fit({n: n**-0.5 * np.exp(4 / n + 0.05 * noise.normal(size=16)) for n in widths})
>>> found.low < -0.5 < found.high, found.half_width < 0.05
(True, True)

- v(n) is a power law in n fitted to the sample variances (to their logarithms, whose mean and variance are digamma and
  trigamma): the variance of three seeds alone is right only to a factor of two, and so would be their weight.
- tau^2 is the least variance at which the weighted residuals have their expected size (Paule and Mandel 1982). It is
  zero if c/n describes the widths; further curvature makes it positive and the interval wider.
- The interval is e +- t standard errors. If tau^2 > 0, t has W - 3 degrees of freedom for W widths, since the size of
  the errors comes from the scatter about the curve; else (about half of all fits) those of the seeds' variance, usually
  hundreds.

**Coverage** of the nominal 95 % interval, by `python -m benchmarks coverage`: 0.95 to 0.97 in 1000 simulated sweeps
for each of four corrections and both default plans, 0.963 in all 8000; in 200 fits of trained networks 0.93, with a
binomial interval of 0.885 to 0.961. Two other rules on similar sweeps: t of W - 3 throughout covers 0.98, normal
quantiles throughout 0.955. No rule covers strong curvature at small widths: with a term 300/n^2, at n = 64 half of the
1/n term, coverage is about 0.76 for widths from 64 to 2048, with a bias of 0.012 (0.96 for widths from 128 to 65536).
So with curvature at small widths an interval may miss the truth by 0.01; verdicts have a margin of 0.05. More on the
choice of widths, seeds and verdicts: docs/explanation/measuring.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from empirical.tensors.arrays import Array
from scalings.criteria.observables import Observable
from scalings.results.fits import Diverged, Fit

Values = Mapping[int, Array]
"""The values of one observable: for each width an array over seeds."""

_LEVEL = 0.95
_ROUNDING = 1e-10
"""The error of the logarithm of a value at best."""


def fit_all(values: Mapping[Observable, Values]) -> dict[Observable, Fit | Diverged]:
    """The fit of every observable without zeros; see `fit`."""
    fits = {observable: fit(by_width) for observable, by_width in values.items()}
    return {observable: found for observable, found in fits.items() if found is not None}


def fit(values: Values) -> Fit | Diverged | None:
    """The exponent of n; `Diverged` if a value is not finite, None if one is zero, which has no exponent."""
    broken = {width: int(np.sum(~np.isfinite(seen))) for width, seen in values.items()}
    if any(broken.values()):
        return Diverged(min(width for width, runs in broken.items() if runs), sum(broken.values()))
    if any(np.any(seen <= 0) for seen in values.values()):
        return None
    widths = sorted(values)
    logs = [np.log(values[width]) for width in widths]
    seeds = np.array([len(log) for log in logs])
    variances = np.array([np.var(log, ddof=1) if len(log) > 1 else math.nan for log in logs])
    errors = np.sqrt(smooth(np.array(widths, dtype=np.float64), variances, seeds) / seeds)
    return fit_means(widths, np.array([log.mean() for log in logs]), errors, int(np.sum(seeds - 1)))


def smooth(widths: Array, variances: Array, seeds: npt.NDArray[np.int64]) -> Array:
    """The variance over seeds at every width, from a power law fitted to the sample `variances`, all (widths,).

    Where no power law can be fitted, the sample variances themselves, and the largest of them for a single seed.
    """
    known = seeds > 1
    if not known.any():
        return np.zeros_like(widths)
    if known.sum() < 3 or np.any(variances[known] < _ROUNDING**2):
        return np.where(known, variances, np.max(variances[known]))
    half = (seeds[known] - 1) / 2
    unbiased = np.log(variances[known]) - special.digamma(half) + np.log(half)
    weights = 1 / np.sqrt(special.polygamma(1, half))
    slope, height = np.polyfit(np.log(widths[known]), unbiased, 1, w=weights)
    return np.asarray(np.exp(height + slope * np.log(widths)))


def fit_means(widths: list[int], means: Array, errors: Array, known: int) -> Fit:
    """The fit to means of logarithms, (widths,), with their standard errors, of `known` degrees of freedom.

    Errors that are all zero count as unknown.
    """
    n = np.array(widths, dtype=np.float64)
    design = _design(widths)
    degrees = max(len(widths) - 3, 1)
    total = np.maximum(errors, _ROUNDING) ** 2
    lacking = lacking_variance(design, means, total) if len(widths) > 3 else 0.0
    if not lacking and np.any(errors):
        degrees = max(degrees, known)
    total = total + lacking
    coefficients, covariance = weighted(design, means, total)
    exponent, error = float(coefficients[1]), float(np.sqrt(covariance[1, 1]))
    if len(widths) == 3 and not np.any(errors):
        error = math.inf  # three points on a curve of three parameters
    half_width = error * float(stats.t.ppf((1 + _LEVEL) / 2, degrees))
    return Fit(
        exponent=exponent,
        low=exponent - half_width,
        high=exponent + half_width,
        standard_error=error,
        degrees_of_freedom=degrees,
        plain=float(np.polyfit(np.log(n), means, 1)[0]),
        local=tuple((np.diff(means) / np.diff(np.log(n))).tolist()),
        points=tuple(zip(widths, means.tolist(), errors.tolist(), strict=True)),
    )


def weighted(design: Array, means: Array, variances: Array) -> tuple[Array, Array]:
    """Weighted least squares: the coefficients, (parameters,), and their covariance."""
    root = np.sqrt(variances)
    inverse = np.linalg.pinv(design / root[:, None])
    return inverse @ (means / root), inverse @ inverse.T


def lacking_variance(design: Array, means: Array, variances: Array) -> float:
    """Paule and Mandel's tau^2, at which the weighted sum of squared residuals equals its degrees of freedom, or 0."""
    degrees = len(means) - int(design.shape[1])

    def excess(extra: float) -> float:
        coefficients, _ = weighted(design, means, variances + extra)
        return float(np.sum((means - design @ coefficients) ** 2 / (variances + extra))) - degrees

    if excess(0.0) <= 0:
        return 0.0
    upper = float(np.var(means - means.mean())) + float(np.max(variances))
    while excess(upper) > 0:
        upper *= 2
    return float(optimize.brentq(excess, 0.0, upper, xtol=_ROUNDING**2, rtol=1e-6))


_POWER = 0.8
_SCATTER = float(stats.norm.ppf((1 + _POWER) / 2))
"""The number of standard errors that an estimate stays within with that probability."""


def seeds_needed(fit: Fit, room: float) -> float:
    """The factor on the number of seeds with which, with probability 0.8, the interval stays within +-`room` of e.

    Half-width and standard error fall like seeds^(-1/2), and a new estimate scatters about e by its standard error.
    """
    return max(1.0, (fit.half_width + fit.standard_error * _SCATTER) ** 2 / room**2)


def octaves_needed(fit: Fit, room: float, most: int = 10) -> int | None:
    """The number of octaves by which to extend the widths to the same end, with one width an octave and errors as now.

    None if `most` are not enough.
    """
    widths = [width for width, _, _ in fit.points]
    error = fit.standard_error / _slope_error(widths)
    for octaves in range(1, most + 1):
        longer = [*widths, *(widths[-1] * 2**octave for octave in range(1, octaves + 1))]
        reach = float(stats.t.ppf((1 + _LEVEL) / 2, max(len(longer) - 3, 1))) + _SCATTER
        if error * _slope_error(longer) * reach <= room:
            return octaves
    return None


def _slope_error(widths: list[int]) -> float:
    """The standard error of e if every mean has the standard error 1."""
    _, covariance = weighted(_design(widths), np.zeros(len(widths)), np.ones(len(widths)))
    return float(np.sqrt(covariance[1, 1]))


def _design(widths: list[int]) -> Array:
    """The design matrix, columns 1, log n and widths[0]/n: the same model as with 1/n, better conditioned."""
    n = np.array(widths, dtype=np.float64)
    return np.stack([np.ones_like(n), np.log(n), n[0] / n], axis=1)


def p_value(fit: Fit, predicted: float, delta: float) -> float:
    """The p-value of |e - predicted| <= delta; below 0.05 if and only if interval and band are disjoint."""
    distance = abs(fit.exponent - predicted) - delta
    if distance <= 0 or math.isinf(fit.standard_error):
        return 1.0
    return float(2 * stats.t.sf(distance / fit.standard_error, fit.degrees_of_freedom))
