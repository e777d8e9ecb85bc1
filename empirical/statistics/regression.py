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
from collections import defaultdict
from collections.abc import Mapping, Sequence

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
    """The fit of every observable that was seen at several widths and has an exponent; see `fit`. `orthogonalized`: the
    optimizer's steps are, as Muon's."""
    leading = {**(_LEADING_OF_ORTHOGONALIZED if orthogonalized else {}), **_LEADING}
    fits: dict[Observable, Fit | Diverged] = {}
    positive: dict[Observable, Values] = {}
    alike: dict[tuple[tuple[int, int], ...], list[Observable]] = defaultdict(list)
    for one, by_width in values.items():
        if diverged := _diverged(by_width):
            fits[one] = diverged
        elif len(by_width) > 1 and (moved := _moved(by_width)):
            positive[one] = moved
            alike[tuple((width, len(moved[width])) for width in sorted(moved))].append(one)
    for seeds, those in alike.items():
        largest = np.array([leading.get(one.quantity, 1.0) for one in those])
        fits |= zip(those, _fitted(dict(seeds), [positive[one] for one in those], largest), strict=True)
    return {one: fits[one] for one in values if one in fits}


def fit(values: Values, *, leading: float = 1.0) -> Fit | Diverged | None:
    """The exponent of n; `Diverged` if a value is not finite, None if it has none, since it is zero in half of the runs
    of some width.

    Where it is so in fewer, it is fitted to the others: a sum of few signs may cancel, an expert be chosen by no
    example, and the median over runs has the order of those that are not zero.

    `leading`: the correction n^(-1/2) may be so many times as large as the others.
    """
    if diverged := _diverged(values):
        return diverged
    if not (moved := _moved(values)):
        return None
    seeds = {width: len(moved[width]) for width in sorted(moved)}
    return _fitted(seeds, [moved], np.array([leading]))[0]


def _moved(values: Values) -> Values:
    """Of each width the runs in which it is not zero; empty where they are not the most at every width."""
    moved = {width: seen[seen > 0] for width, seen in values.items()}
    return moved if all(2 * len(moved[width]) > len(seen) for width, seen in values.items()) else {}


def _diverged(values: Values) -> Diverged | None:
    if np.all(np.isfinite(np.concatenate([*values.values()]))):
        return None
    broken = {width: int(np.sum(~np.isfinite(seen))) for width, seen in values.items()}
    return Diverged(min(width for width, runs in broken.items() if runs), sum(broken.values()))


def _fitted(seeds: Mapping[int, int], values: Sequence[Values], leading: Array) -> list[Fit]:
    """The fits of observables with as many seeds at each width."""
    widths, numbers = list(seeds), np.array(list(seeds.values()))
    logs = [np.log([seen[width] for seen in values]) for width in widths]
    unknown = np.full(len(values), math.nan)
    variances = np.stack([np.var(log, axis=1, ddof=1) if log.shape[1] > 1 else unknown for log in logs], axis=1)
    errors = np.sqrt(smooth(np.array(widths, dtype=np.float64), variances, numbers) / numbers)
    means = np.stack([log.mean(axis=1) for log in logs], axis=1)
    return fits_of_means(widths, means, errors, [int(np.sum(numbers - 1))] * len(values), leading)


def smooth(widths: Array, variances: Array, seeds: npt.NDArray[np.int64]) -> Array:
    """The variance over seeds at every width, from a power law fitted to the sample `variances`: (observables, widths).

    Where no power law can be fitted, the sample variances themselves, and the largest of them for a single seed.
    """
    known = seeds > 1
    if not known.any():
        return np.zeros_like(variances)
    sample = variances[:, known]
    as_they_are = np.where(known, variances, np.max(sample, axis=1)[:, None])
    if known.sum() < 3:
        return as_they_are
    half, tiny = (seeds[known] - 1) / 2, _ROUNDING**2
    unbiased = np.log(np.maximum(sample, tiny)) - special.digamma(half) + np.log(half)
    slope, height, _ = corrections.lines(np.log(widths[known]), unbiased, 1 / special.polygamma(1, half))
    law = np.exp(height[:, None] + slope[:, None] * np.log(widths))
    return np.where(np.any(sample < tiny, axis=1)[:, None], as_they_are, law)


def fit_means(widths: list[int], means: Array, errors: Array, known: int, *, leading: float = 1.0) -> Fit:
    """The fit to means of logarithms, (widths,), with their standard errors, of `known` degrees of freedom.

    Errors that are all zero count as unknown.
    """
    return fits_of_means(widths, means[None], errors[None], [known], np.array([leading]))[0]


def fits_of_means(
    widths: list[int], means: Array, errors: Array, known: Sequence[int], leading: Array | None = None
) -> list[Fit]:
    """The same of many: means and errors are (observables, widths), `known` and `leading` (observables,)."""
    leading = np.ones(len(means)) if leading is None else leading
    n, are_known = np.array(widths, dtype=np.float64), np.any(errors > 0, axis=1)
    fits: list[Fit] = []
    order: list[int] = []
    for given in (True, False):
        those = np.flatnonzero(are_known == given)
        if not len(those):
            continue
        degrees = [max(known[number] if given else len(n) - 3, 1) for number in those.tolist()]
        total = np.maximum(errors[those], _ROUNDING) if given else _unknown(n, means[those])
        mixtures = corrections.exponents_given(n, means[those], total, degrees=degrees, leading=leading[those])
        # Three points on a curve of three parameters say nothing if the errors are not known.
        says = given or len(widths) > 3
        half_widths = corrections.half_widths(mixtures, _LEVEL) if says else np.full(len(those), math.inf)
        plain = corrections.lines(np.log(n), means[those])[0]
        local = np.diff(means[those]) / np.diff(np.log(n))
        for place, number in enumerate(those):
            mixture, half_width = mixtures[place], float(half_widths[place])
            columns = (mixture.centers.tolist(), mixture.errors.tolist(), mixture.weights.tolist())
            fits.append(
                Fit(
                    exponent=mixture.mean,
                    low=mixture.mean - half_width,
                    high=mixture.mean + half_width,
                    degrees_of_freedom=degrees[place],
                    leading=float(leading[number]),
                    components=tuple(zip(*columns, strict=True)),
                    plain=float(plain[place]),
                    local=tuple(local[place].tolist()),
                    points=tuple(zip(widths, means[number].tolist(), errors[number].tolist(), strict=True)),
                )
            )
        order += those.tolist()
    return [fits[place] for place in np.argsort(order)]


def _unknown(n: Array, means: Array) -> Array:
    """The standard errors of means, where nothing but their scatter about a curve tells them: that of Paule and Mandel,
    at which the weighted sum of squared residuals equals its degrees of freedom."""
    least = _ROUNDING**2
    if len(n) <= 3:
        return np.full_like(means, _ROUNDING)
    curve = np.stack([np.ones_like(n), np.log(n), n[0] / n], axis=1)
    beside = means - means @ np.linalg.pinv(curve).T @ curve.T
    errors: Array = np.sqrt(np.maximum(np.sum(beside**2, axis=1) / (len(n) - 3), least))
    return errors[:, None] * np.ones_like(means)


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
