"""Regression: the exponent of n, with a 95 % confidence interval, from values over widths and seeds.

For one observable let y_n be the mean over seeds of log(value) at width n. The model is

    y_n = a + e log n + sum over p of c_p (n_0/n)^p + error_n,        var error_n = v(n) / seeds(n) + tau^2,

with the exponent e, finite-width corrections of the powers p = 1/2, 1, 3/2 and 2 and of unknown size
(`empirical.statistics.corrections`), the variance over seeds v(n) and a scatter tau beyond it:

>>> noise = np.random.default_rng(0)
>>> widths = (64, 128, 256, 512, 1024, 2048)
>>> found = fit({n: n**-0.5 * np.exp(4 / n + 0.05 * noise.normal(size=16)) for n in widths})
>>> found.low < -0.5 < found.high, found.half_width < 0.05
(True, True)

- v(n) is a power law in n fitted to the sample variances (to their logarithms, whose mean and variance are digamma and
  trigamma): the variance of three seeds alone is right only to a factor of two, and so would be their weight.
- The interval knows its bias: it is a mixture over the size of corrections, weighed by the data. A fit of c/n alone,
  as this project once had, held the exponent in 77 % of asserted intervals of trained networks: corrections from a
  batch's Gram matrix are of order n^(-1/2).
- tau is what means scatter beyond their errors: none with probability 1/2, else of any size up to their scatter about
  a line. Where nothing is known of the seeds' variance (one seed a width), errors are taken from the scatter about a
  curve with c/n (Paule and Mandel 1982), with W - 3 degrees of freedom for W widths.

**Coverage** of the nominal 95 % interval, by optimizer and observable: docs/explanation/measuring.md, by
`python -m benchmarks coverage`. More on the choice of widths, seeds and verdicts is there too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from empirical.statistics import corrections
from empirical.tensors.arrays import Array
from scalings.criteria.observables import Observable, Quantity
from scalings.results.fits import Diverged, Fit

Values = Mapping[int, Array]
"""The values of one observable: for each width an array over seeds."""

_LEVEL = 0.95
_QUANTILE = float(special.ndtri((1 + _LEVEL) / 2))
"""The number of standard errors to an end of the interval, were it normal."""
_LEADING: Mapping[Quantity, float] = {"W_spectral": 3.0, "dW_spectral": 3.0}
"""How much larger than others the correction n^(-1/2) may be: of a largest singular value it is the first one, not one
of four."""
_LEADING_OF_ORTHOGONALIZED: Mapping[Quantity, float] = dict.fromkeys(
    ("dW_frobenius", "dz", "layer", "passthrough"), 2.0
)
"""The same of what a step does whose singular values were made alike: small ones, in which the gradient has what the
examples differ in by chance, count as much as large ones."""
_ROUNDING = 1e-10
"""The error of the logarithm of a value at best."""


def fit_all(values: Mapping[Observable, Values], *, orthogonalized: bool = False) -> dict[Observable, Fit | Diverged]:
    """The fit of every observable without zeros; see `fit`. `orthogonalized`: the optimizer's steps are, as Muon's."""
    leading = {**(_LEADING_OF_ORTHOGONALIZED if orthogonalized else {}), **_LEADING}
    fits = {one: fit(by_width, leading=leading.get(one.quantity, 1.0)) for one, by_width in values.items()}
    return {observable: found for observable, found in fits.items() if found is not None}


def fit(values: Values, *, leading: float = 1.0) -> Fit | Diverged | None:
    """The exponent of n; `Diverged` if a value is not finite, None if one is zero, which has no exponent.

    `leading`: the correction n^(-1/2) may be so many times as large as the others.
    """
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
    means = np.array([log.mean() for log in logs])
    return fit_means(widths, means, errors, int(np.sum(seeds - 1)), leading=leading)


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


def fit_means(widths: list[int], means: Array, errors: Array, known: int, *, leading: float = 1.0) -> Fit:
    """The fit to means of logarithms, (widths,), with their standard errors, of `known` degrees of freedom.

    Errors that are all zero count as unknown.
    """
    n = np.array(widths, dtype=np.float64)
    total, degrees = _known(n, means, errors, known)
    mixture = corrections.exponent_given(n, means, total, degrees=degrees, leading=leading)
    # Three points on a curve of three parameters say nothing if the errors are not known.
    half_width = mixture.half_width(_LEVEL) if len(widths) > 3 or np.any(errors) else math.inf
    return Fit(
        exponent=mixture.mean,
        low=mixture.mean - half_width,
        high=mixture.mean + half_width,
        degrees_of_freedom=degrees,
        leading=leading,
        components=tuple(zip(mixture.centers.tolist(), mixture.errors.tolist(), mixture.weights.tolist(), strict=True)),
        plain=float(np.polyfit(np.log(n), means, 1)[0]),
        local=tuple((np.diff(means) / np.diff(np.log(n))).tolist()),
        points=tuple(zip(widths, means.tolist(), errors.tolist(), strict=True)),
    )


def _known(n: Array, means: Array, errors: Array, known: int) -> tuple[Array, int]:
    """The standard errors of the means and their degrees of freedom, from their scatter if nothing else tells."""
    total = np.maximum(errors, _ROUNDING)
    if np.any(errors):
        return total, max(known, 1)
    curve = np.stack([np.ones_like(n), np.log(n), n[0] / n], axis=1)
    lacking = lacking_variance(curve, means, total**2) if len(n) > 3 else 0.0
    return np.sqrt(total**2 + lacking), max(len(n) - 3, 1)


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
_SCATTER = float(special.ndtri((1 + _POWER) / 2))
"""The number of standard errors that an estimate stays within with that probability."""


def seeds_needed(fit: Fit, room: float, most: float = 1e4) -> float | None:
    """The factor on the number of seeds with which, with probability 0.8, the interval stays within +-`room` of e.

    Standard errors of the means fall like seeds^(-1/2), and a new estimate scatters about e by its standard error.
    None if even `most` is not enough: then it is the corrections that are not known.
    """
    mixture = _mixture(fit)
    n = np.array([width for width, _, _ in fit.points], dtype=np.float64)
    errors = np.array([error or _unknown_error(fit) for _, _, error in fit.points])

    def excess(log_factor: float) -> float:
        return (
            _reach(corrections.exponent_at(mixture, n, errors / math.exp(log_factor / 2), leading=fit.leading)) - room
        )

    if excess(0.0) <= 0:
        return 1.0
    if excess(math.log(most)) > 0:
        return None
    return math.exp(float(optimize.brentq(excess, 0.0, math.log(most), xtol=0.01)))


def octaves_needed(fit: Fit, room: float, most: int = 10) -> int | None:
    """The number of octaves by which to extend the widths to the same end, with one width an octave and errors as now.

    None if `most` are not enough.
    """
    widths = [width for width, _, _ in fit.points]
    error = float(np.mean([error for _, _, error in fit.points])) or _unknown_error(fit)
    mixture = _mixture(fit)
    for octaves in range(1, most + 1):
        longer = [*widths, *(widths[-1] * 2**octave for octave in range(1, octaves + 1))]
        at = corrections.exponent_at(
            mixture, np.array(longer, np.float64), np.full(len(longer), error), leading=fit.leading
        )
        if _reach(at) <= room:
            return octaves
    return None


def _unknown_error(fit: Fit) -> float:
    """About that of a mean where seeds do not tell it: over some octaves it is that of the slope."""
    return fit.half_width / _QUANTILE


def _mixture(fit: Fit) -> corrections.Mixture:
    centers, errors, weights = (np.array(column) for column in zip(*fit.components, strict=True))
    return corrections.Mixture(centers, errors, weights, fit.degrees_of_freedom)


def _reach(mixture: corrections.Mixture) -> float:
    """How far the interval of a new estimate reaches with probability 0.8."""
    half_width = mixture.half_width(_LEVEL)
    return half_width + half_width / _QUANTILE * _SCATTER


def p_value(fit: Fit, predicted: float, delta: float) -> float:
    """The p-value of |e - predicted| <= delta; below 0.05 if and only if interval and band are disjoint."""
    distance = abs(fit.exponent - predicted) - delta
    if distance <= 0 or math.isinf(fit.half_width):
        return 1.0
    return _mixture(fit).outside(distance)
