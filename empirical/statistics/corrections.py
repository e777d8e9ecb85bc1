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

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import optimize, special

from empirical.tensors.arrays import Array

POWERS = (0.5, 1.0, 1.5, 2.0)
_SIZES = np.exp(np.linspace(np.log(1e-4), np.log(3.0), 16))
_SMALLEST, _LARGE = 0.005, 0.5
_SCATTERS = 7


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
        above = special.stdtr(self.degrees, (shifts - half_width) / self.errors)
        below = special.stdtr(self.degrees, (-half_width - shifts) / self.errors)
        return float(self.weights @ (above + below))

    def half_width(self, level: float) -> float:
        """Of the interval about the mean that holds the exponent with probability `level`."""
        reach = float(special.stdtrit(self.degrees, (1 + level) / 2))
        upper = float(np.max(np.abs(self.centers - self.mean) + reach * self.errors)) * (1 + 1e-9)
        return float(optimize.brentq(lambda half: self.outside(half) - (1 - level), 0.0, upper, xtol=1e-15, rtol=1e-6))


def design(widths: Array) -> Array:
    """Columns 1, log(n/n_0) and each correction at amplitude 1: (widths, 2 + powers)."""
    ratio = widths / widths[0]
    return np.stack([np.ones_like(ratio), np.log(ratio), *(ratio**-power for power in POWERS)], axis=1)


def exponent_given(widths: Array, means: Array, errors: Array, *, degrees: int, leading: float = 1.0) -> Mixture:
    """What the means, with their standard errors of so many degrees of freedom, say of the exponent; all (widths,).

    `leading`: the correction n^(-1/2) may be so many times as large as the others.
    """
    scatters = _scatters(widths, means)
    found = [_given(widths, means, np.hypot(errors, scatter), leading) for scatter in scatters]
    centers, spreads, log_weights = (np.concatenate(column) for column in zip(*found, strict=True))
    log_weights = log_weights + np.repeat(np.log([1.0, *[1 / _SCATTERS] * _SCATTERS]), len(_SIZES))
    weights = np.exp(log_weights - log_weights.max())
    return Mixture(centers, spreads, weights / weights.sum(), degrees)


def _scatters(widths: Array, means: Array) -> Array:
    """Values of tau, the first of them 0."""
    logs = np.log(widths)
    about_line = float(np.std(means - np.polyval(np.polyfit(logs, means, 1), logs)))
    return np.array([0.0, *(about_line * 2.0**-halvings for halvings in range(_SCATTERS))])


def _given(widths: Array, means: Array, errors: Array, leading: float) -> tuple[Array, Array, Array]:
    """For each size the least squares exponent, its standard error, and the logarithm of how well it explains all."""
    root, rows = _factored(widths, errors, leading)
    target = np.concatenate([means / errors, np.zeros(len(POWERS))])
    along = (rows.transpose(0, 2, 1) @ target)[:, :, None]
    solution = np.linalg.solve(root, along)[:, :, 0]
    fitted = (rows @ along)[:, :, 0]
    misfit = np.sum((target - fitted) ** 2, axis=1)
    volume = np.log(np.abs(np.diagonal(root, axis1=1, axis2=2))).sum(axis=1) + np.log(errors).sum()
    log_weights = -misfit / 2 - volume - len(POWERS) * np.log(_SIZES) + np.log(_density(_SIZES))
    return solution[:, 1], _error(root), log_weights


def exponent_at(mixture: Mixture, widths: Array, errors: Array, *, leading: float = 1.0) -> Mixture:
    """What other widths with other errors would say, about the same center, were corrections as large as these."""
    root, _ = _factored(widths, errors, leading)
    weights = mixture.weights.reshape(-1, len(_SIZES)).sum(axis=0)
    return Mixture(np.zeros(len(_SIZES)), _error(root), weights, mixture.degrees)


def _density(sizes: Array) -> Array:
    """Of the logarithm of s, before the data."""
    return sizes / (sizes + _SMALLEST) / (1 + (sizes / _LARGE) ** 2)


def _factored(widths: Array, errors: Array, leading: float) -> tuple[Array, Array]:
    """R and Q of the weighted design with a row for the density of each amplitude, for every size."""
    columns = design(widths)
    columns[:, 2] *= leading
    data = np.broadcast_to(columns / errors[:, None], (len(_SIZES), *columns.shape))
    density = np.zeros((len(_SIZES), len(POWERS), columns.shape[1]))
    density[:, :, 2:] = np.eye(len(POWERS)) / _SIZES[:, None, None]
    rows, root = np.linalg.qr(np.concatenate([data, density], axis=1))
    return root, rows


def _error(root: Array) -> Array:
    """The standard error of the exponent for each size, from R."""
    unit = np.zeros((root.shape[1], 1))
    unit[1] = 1.0
    return np.asarray(np.linalg.norm(np.linalg.solve(root.transpose(0, 2, 1), unit)[:, :, 0], axis=1))
