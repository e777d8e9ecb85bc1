"""Finite-width corrections of unknown size: the exponent of n as a mixture over how large they may be.

Values follow their power of n only in the limit. At finite width there is, by the theory of wide networks,

    y_n = a + e log n + sum over p of c_p (n_0/n)^p + error_n,        p = 1/2, 1, 3/2, 2,

with n_0 the smallest width: means over units have corrections of order 1/n, and what fluctuates among the examples of a
batch, as their Gram matrix does, of order n^(-1/2). A fit of all four amplitudes c_p leaves no precision, and one that
leaves some out is biased. So they are drawn from N(0, s^2) with one unknown size s, whose density before the data is
1/(s + 0.005) up to about 1/2: any size is as likely as ten times as much, from half a percent to half of the value
itself at n_0, and larger ones are rare. Means may also scatter by more than their errors say, by an amount tau that is
none with probability 1/2 and else of any size up to their scatter about a line. What is known of e is then a mixture
over s and tau, weighed by how well each explains the means (empirical Bayes; the power of n and the height have flat
densities). Where data lie on a line, s is small and the interval as short as the line's; where they bend, s is large.

>>> import math
>>> n = np.array([64.0, 128, 256, 512, 1024, 2048])
>>> bent = exponent_given(n, 0.5 * np.log(n) + 0.8 * (64 / n) ** 0.5, np.full(6, 0.01), degrees=100)
>>> straight = exponent_given(n, 0.5 * np.log(n), np.full(6, 0.01), degrees=100)
>>> straight.half_width(0.95) < 0.03 < bent.half_width(0.95), abs(bent.mean - 0.5) < bent.half_width(0.95)
(True, True)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from empirical.statistics.t_distribution import FEW, density, tail
from empirical.tensors.arrays import Array

POWERS = (0.5, 1.0, 1.5, 2.0)
_SIZES = np.exp(np.linspace(np.log(1e-4), np.log(3.0), 16))
_SMALLEST, _LARGE = 0.005, 0.5
_SCATTERS = 7
_NOTHING = 1e-13
"""Weights beside which 1 is all."""
_STEPS, _RELATIVE = 60, 1e-9


@dataclass(frozen=True)
class Mixture:
    """What is known of an exponent: t distributions of `degrees` about `centers`, with `errors` and `weights`."""

    centers: Array
    errors: Array
    weights: Array
    degrees: int

    @cached_property
    def mean(self) -> float:
        return float(self.weights @ self.centers)

    def outside(self, half_width: float) -> float:
        """The probability that the exponent is further from the mean than this."""
        shifts = self.centers - self.mean
        ends = np.concatenate([half_width - shifts, half_width + shifts]) / np.tile(self.errors, 2)
        return float(np.tile(self.weights, 2) @ tail(self.degrees, ends))

    def half_width(self, level: float) -> float:
        """Of the interval about the mean that holds the exponent with probability `level`."""
        return float(half_widths([self], level)[0])


def half_widths(mixtures: Sequence[Mixture], level: float) -> Array:
    """Of the interval of each about its mean that holds its exponent with probability `level`: (mixtures,). All that
    have many degrees are done together, and those of as few."""
    found, alike = np.zeros(len(mixtures)), defaultdict[int, list[int]](list)
    for number, one in enumerate(mixtures):
        alike[one.degrees if one.degrees <= FEW else 0].append(number)
    for few, chosen in alike.items():
        found[chosen] = _half_widths([mixtures[number] for number in chosen], few, level)
    return found


def _half_widths(mixtures: Sequence[Mixture], few: int, level: float) -> Array:
    """By Newton's steps, and halvings of what holds the end where they leave it. All have so few degrees, or, if that
    is 0, many of their own."""
    kept = [np.flatnonzero(one.weights > _NOTHING) for one in mixtures]
    rows = np.repeat(np.arange(len(mixtures)), [len(one) for one in kept])

    def column(values: Callable[[Mixture], Array]) -> Array:
        return np.concatenate([values(one)[those] for one, those in zip(mixtures, kept, strict=True)])

    weights, errors = column(lambda one: one.weights), column(lambda one: one.errors)
    shifts = column(lambda one: np.abs(one.centers - one.mean))
    own = np.array([one.degrees for one in mixtures], dtype=np.float64)
    reach, low, high = special.stdtrit(own, (1 + level) / 2), np.zeros(len(mixtures)), np.zeros(len(mixtures))
    np.maximum.at(high, rows, shifts + reach[rows] * errors)
    high *= 1 + 1e-9
    found, open_ones = high.copy(), np.arange(len(mixtures))
    for _ in range(_STEPS):
        now, degrees = found[open_ones], few or own[rows]
        ends = [(now[rows] + sign * shifts) / errors for sign in (-1, 1)]
        excess = np.bincount(rows, weights * sum(tail(degrees, end) for end in ends), len(now)) - (1 - level)
        slope = np.bincount(rows, weights / errors * sum(density(degrees, end) for end in ends), len(now))
        low, high = np.where(excess > 0, now, low), np.where(excess > 0, high, now)
        step = now + excess / np.maximum(slope, np.finfo(float).tiny)
        found[open_ones] = new = np.where((step > low) & (step < high), step, (low + high) / 2)
        going_on = np.abs(new - now) > _RELATIVE * now
        if not going_on.any():
            break
        kept_rows = going_on[rows]
        open_ones, low, high, own = open_ones[going_on], low[going_on], high[going_on], own[going_on]
        rows = (np.cumsum(going_on) - 1)[rows[kept_rows]]
        weights, errors, shifts = weights[kept_rows], errors[kept_rows], shifts[kept_rows]
    return found


def design(widths: Array) -> Array:
    """Columns 1, log(n/n_0) and each correction at amplitude 1: (widths, 2 + powers)."""
    ratio = widths / widths[0]
    return np.stack([np.ones_like(ratio), np.log(ratio), *(ratio**-power for power in POWERS)], axis=1)


def exponent_given(widths: Array, means: Array, errors: Array, *, degrees: int, leading: float = 1.0) -> Mixture:
    """What the means, with their standard errors of so many degrees of freedom, say of the exponent; all (widths,).

    `leading`: the correction n^(-1/2) may be so many times as large as the others.
    """
    return exponents_given(widths, means[None], errors[None], degrees=[degrees], leading=np.array([leading]))[0]


def exponents_given(
    widths: Array, means: Array, errors: Array, *, degrees: Sequence[int], leading: Array
) -> list[Mixture]:
    """The same of many exponents at the same widths: means and errors are (exponents, widths), `degrees` and `leading`
    (exponents,).

    All divided by the errors, y = X (a, e) + C c + error: the part of C beside X is U S V^T, and of the rotated
    amplitudes V^T c, drawn from N(0, s^2), each is known by itself.
    """
    scatters = _scatters(widths, means)
    totals = np.hypot(errors[:, None, :], scatters[:, :, None])
    known = _factored(widths, totals, leading[:, None])
    target = means[:, None, :] / totals
    own = np.einsum("btwk,btw->btk", known.line, target)
    beside = target - np.einsum("btwk,btk->btw", known.line, own)
    along = np.einsum("btwi,btw->bti", known.left, beside)
    rest = beside - np.einsum("btwi,bti->btw", known.left, along)
    alone = np.einsum("btk,btk->bt", known.exponent, own)
    sizes, signals = _SIZES[:, None] ** 2, known.singular[:, :, None, :]
    shrunk = 1 + sizes * signals**2
    amplitudes = sizes * signals * along[:, :, None, :] / shrunk
    centers = alone[:, :, None] - np.einsum("bti,btsi->bts", known.mixing, amplitudes)
    misfit = np.sum(rest**2, axis=-1)[:, :, None] + np.sum(along[:, :, None, :] ** 2 / shrunk, axis=-1)
    volume = np.log(totals).sum(axis=-1) + known.log_volume
    log_weights = -misfit / 2 - volume[:, :, None] - np.log(shrunk).sum(axis=-1) / 2 + np.log(_density(_SIZES))
    log_weights[:, 1:] -= np.log(_SCATTERS)
    weights = np.exp(log_weights - log_weights.max(axis=(1, 2), keepdims=True))
    weights /= weights.sum(axis=(1, 2), keepdims=True)
    flat = [column.reshape(len(means), -1) for column in (centers, known.errors(), weights)]
    return [Mixture(*one) for one in zip(*flat, degrees, strict=True)]


def _scatters(widths: Array, means: Array) -> Array:
    """Values of tau, the first of them 0: (exponents, scatters)."""
    logs = np.log(widths)
    about_line = np.std(means - lines(logs, means)[2], axis=-1)
    return np.asarray(about_line[:, None] * np.array([0.0, *(2.0**-halvings for halvings in range(_SCATTERS))]))


def lines(along: Array, values: Array, weights: Array | None = None) -> tuple[Array, Array, Array]:
    """Slope, height and values of the line of least squares through each row of values."""
    weights = np.ones_like(along) if weights is None else weights / weights.sum() * len(along)
    center = (weights @ along) / len(along)
    height = (values @ weights) / len(along)
    slope = ((values - height[:, None]) @ (weights * (along - center))) / (weights @ (along - center) ** 2)
    return slope, height - slope * center, height[:, None] + slope[:, None] * (along - center)


def exponent_at(mixture: Mixture, widths: Array, errors: Array, *, leading: float = 1.0) -> Mixture:
    """What other widths with other errors would say, about the same center, were corrections as large as these."""
    known = _factored(widths, errors[None, None], np.array([[leading]]))
    weights = mixture.weights.reshape(-1, len(_SIZES)).sum(axis=0)
    return Mixture(np.zeros(len(_SIZES)), known.errors()[0, 0], weights, mixture.degrees)


def _density(sizes: Array) -> Array:
    """Of the logarithm of s, before the data."""
    return sizes / (sizes + _SMALLEST) / (1 + (sizes / _LARGE) ** 2)


@dataclass(frozen=True)
class _Factored:
    """The weighted design: the line, and what corrections there are beside it; each (exponents, scatters, ...)."""

    line: Array
    """Orthonormal columns that span height and exponent: (..., widths, 2)."""
    exponent: Array
    """What the exponent is of the two coordinates there: (..., 2)."""
    left: Array
    singular: Array
    """U and S of the corrections beside the line: (..., widths, 4) and (..., 4)."""
    mixing: Array
    """By how much each of the rotated amplitudes moves the exponent of the line: (..., 4)."""
    log_volume: Array

    def errors(self) -> Array:
        """The standard error of the exponent for each size: (..., sizes)."""
        known = _SIZES[:, None] ** 2 / (1 + _SIZES[:, None] ** 2 * self.singular[..., None, :] ** 2)
        square = np.sum(self.exponent**2, axis=-1)[..., None] + np.sum(self.mixing[..., None, :] ** 2 * known, axis=-1)
        return np.asarray(np.sqrt(square))


def _factored(widths: Array, errors: Array, leading: Array) -> _Factored:
    """Of errors (exponents, scatters, widths), and of `leading` (exponents, 1)."""
    columns = np.broadcast_to(design(widths), (*errors.shape, 2 + len(POWERS))).copy()
    columns[..., 2] *= leading[..., None]
    columns /= errors[..., None]
    line, root = np.linalg.qr(columns[..., :2])
    exponent = np.stack([np.zeros_like(root[..., 1, 1]), 1 / root[..., 1, 1]], axis=-1)  # the last row of R^-1
    shared = np.swapaxes(line, -1, -2) @ columns[..., 2:]
    left, singular, right = np.linalg.svd(columns[..., 2:] - line @ shared)
    number = min(len(widths), len(POWERS))
    beside = np.zeros((*errors.shape[:2], len(widths), len(POWERS)))
    beside[..., :number] = left[..., :number]
    padded = np.zeros((*errors.shape[:2], len(POWERS)))
    padded[..., :number] = singular
    mixing = (exponent[..., None, :] @ shared @ np.swapaxes(right, -1, -2))[..., 0, :]
    log_volume = np.log(np.abs(root[..., 0, 0] * root[..., 1, 1]))
    return _Factored(line, exponent, beside, padded, mixing, log_volume)
