"""Which power of the width a magnitude is that was measured at three or more widths, or that it is none.

Magnitudes are root mean squares of entries at initialization. They are noisy where entries are random, and a sum over
more and more terms may take a while to settle, as that of 1 + x + x^2 + ... does:

>>> str(power_of((64, 128, 256), (0.125, 0.0884, 0.0625), (0, 0, 0)))
'-1/2'
>>> power_of((64, 128, 256), (0.37, 0.30, 0.27), (0, 0, 0))
Fraction(0, 1)
>>> power_of((64, 128, 256), (4.16, 4.85, 5.55), (0, 0, 0)) is None  # a logarithm
True
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

_NEAR = 1 / 8
"""A slope that is as near to a half is one: twice as near as a neighbouring half of a half would be."""
_MANY = 32
"""Of so many entries, the root mean square of random ones is a number with a known error."""


def power_of(widths: Sequence[int], magnitudes: Sequence[float], errors: Sequence[float]) -> Fraction | None:
    """The power of the width, in halves; None if there is none. `errors` are those of the logarithms."""
    if len(widths) < 2 or len(magnitudes) != len(widths) or not all(0 < one < math.inf for one in magnitudes):
        return None
    points = [(math.log(width), math.log(one)) for width, one in zip(widths, magnitudes, strict=True)]
    slopes = [(after - before) / (wider - width) for (width, before), (wider, after) in pairwise(points)]
    (first, low), (last, high) = points[0], points[-1]
    error = math.hypot(errors[0], errors[-1]) / (last - first)
    if not error and max(slopes) - min(slopes) > 2 * _NEAR:
        return None
    whole, settling = (high - low) / (last - first), 2 * slopes[-1] - slopes[-2:][0]
    return next(_snapped([(whole, _NEAR + 2 * error), (settling, _NEAR + 10 * error)]), None)


def errors_of(entries: Sequence[int]) -> tuple[float, ...]:
    """The standard errors of the logarithms if so many entries are random; zeros for few ones, which are taken to be
    exact."""
    return tuple(math.sqrt(1 / (2 * number)) if min(entries) >= _MANY else 0.0 for number in entries)


def _snapped(candidates: Sequence[tuple[float, float]]) -> Iterator[Fraction]:
    """The half that a slope is near, and not near the next one; `candidates` are slopes with their slack."""
    for slope, slack in candidates:
        nearest = Fraction(round(2 * slope), 2)
        away = abs(slope - nearest)
        if away <= slack < 0.5 - away:
            yield nearest
