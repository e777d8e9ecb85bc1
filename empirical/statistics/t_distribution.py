"""Student's t distribution: its tail for many numbers at a time, as a finite sum where the degrees are few.

For an angle a with tan a = t / sqrt(v) it is (Abramowitz and Stegun 26.7.3 and 26.7.4), for even v

    P(|T| < t) = sin a (1 + 1/2 cos^2 a + (1 3)/(2 4) cos^4 a + ...),        terms up to cos^(v-2) a,

and for odd v  (2/pi) (a + sin a (cos a + 2/3 cos^3 a + (2 4)/(3 5) cos^5 a + ...)), terms up to cos^(v-2) a.

The interval of an exponent asks for thousands of them, and by `scipy.special.stdtr` fits would take several times as
long. Tails are right to 1e-15, not to as many digits of themselves.

>>> [round(float(one), 6) for one in tail(4, np.array([0.0, 2.0, -2.0, np.inf]))]
[0.5, 0.058058, 0.941942, 0.0]
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from empirical.tensors.arrays import Array

FEW = 64
"""Degrees up to which the sum is faster than the incomplete beta function."""
_FAR = 1e100
"""Beyond which nothing is left, and squares would leave the range of numbers."""


def tail(degrees: int | Array, t: Array) -> Array:
    """The probability of more than t, entry by entry; many degrees may differ between entries."""
    if not isinstance(degrees, int) or not 0 < degrees <= FEW:
        return np.asarray(special.stdtr(degrees, -t))
    t = np.clip(t, -_FAR, _FAR)
    square = degrees / (degrees + t * t)
    sine = t / np.sqrt(degrees + t * t)
    total = np.zeros_like(t)
    odd = degrees % 2
    for term in range(degrees // 2, 0, -1):  # Horner's rule
        ratio = 1.0 if term == 1 else (2 * term - 2) / (2 * term - 1) if odd else (2 * term - 3) / (2 * term - 2)
        total = ratio * (1 + square * total)
    if odd:
        inside = (np.arctan(t / math.sqrt(degrees)) + (sine * np.sqrt(square) * total if degrees > 1 else 0.0)) * (
            2 / math.pi
        )
    else:
        inside = sine * total
    return np.clip((1 - inside) / 2, 0.0, 1.0)


def density(degrees: int | Array, t: Array) -> Array:
    """Its density, entry by entry."""
    height = special.gammaln((degrees + 1) / 2) - special.gammaln(degrees / 2) - np.log(math.pi * degrees) / 2
    return np.asarray(np.exp(height - (degrees + 1) / 2 * np.log1p(t * t / degrees)))
