"""Logarithmic axes whose numbers never overprint."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

Which: TypeAlias = Literal["x", "y"]
_MANTISSAS: Final = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0))
_LEAST_SPAN: Final = 4.0
"""The least ratio of an axis' ends: what is constant but for noise shall look flat."""


def width_axis(axes: Axes, widths: Sequence[int], name: str, most: int = 5) -> None:
    """The horizontal axis of widths, or other values of the scale variable, with numbers at `most` of them."""
    axes.set_xscale("log", base=2)
    axes.set_xlim(widths[0] / 2**0.25, widths[-1] * 2**0.25)
    shown = thinned(widths, most)
    # From 2^17 on, digits have to be counted.
    powers = widths[-1] >= 2**17 and all(math.log2(width).is_integer() for width in shown)
    _number(axes, "x", shown, [f"$2^{{{round(math.log2(width))}}}$" if powers else str(width) for width in shown])
    axes.set_xlabel(name)


def count_axis(axes: Axes, name: str, most: int = 5) -> None:
    """The horizontal axis of updates or epochs, with whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(most, integer=True))
    axes.set_xlabel(name)


def log_axis(axes: Axes, which: Which, values: Iterable[float], most: int = 5, room: float = 0.0) -> None:
    """A logarithmic axis over the positive values, with at most so many numbers.

    `room` is what is left free above them, as a share of their span.
    """
    positive = [value for value in values if 0 < value < math.inf] or [1.0]
    low, high = min(positive), max(positive)
    missing = max(1.0, _LEAST_SPAN / (high / low)) ** 0.5
    low, high = low / missing, high * missing
    margin = (high / low) ** 0.06
    low, high = low / margin, high * margin * (high / low) ** room
    axes.set(**{f"{which}scale": "log", f"{which}lim": (low, high)})
    ticks = log_ticks(low, high, most)
    _number(axes, which, ticks, numbers(ticks))


def log_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """The largest set of round numbers in [low, high] that has at most so many.

    >>> log_ticks(0.9, 11), log_ticks(1e-9, 1)
    ([1.0, 2.0, 5.0, 10.0], [1e-08, 1e-06, 0.0001, 0.01, 1.0])
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    found: list[float] = []
    for every in range(last - first, 0, -1):
        decades = [float(f"1e{k}") for k in range(first, last + 1) if k % every == 0]
        found = _richer(found, decades, low, high, most)
    for mantissas in _MANTISSAS:
        found = _richer(
            found, [m * float(f"1e{k}") for k in range(first, last + 1) for m in mantissas], low, high, most
        )
    return found


def _richer(found: list[float], candidates: list[float], low: float, high: float, most: int) -> list[float]:
    inside = [value for value in candidates if low <= value <= high]
    return inside if len(found) < len(inside) <= most else found


def thinned(values: Sequence[int], most: int) -> list[int]:
    """At most so many of increasing positive numbers, evenly spread in ratio, with the first.

    >>> thinned([64, 91, 128, 181, 256, 362, 512, 724], 4)
    [64, 128, 256, 512]
    """
    apart = (values[-1] / values[0]) ** (1 / most) if len(values) > most else 1.0
    shown = [values[0]]
    for value in values[1:]:
        if value >= shown[-1] * apart:
            shown.append(value)
    return shown


def numbers(values: Sequence[float]) -> list[str]:
    """Numbers as they are written along an axis: as decimals, or all as powers of 10 if one is long.

    >>> numbers([0.01, 0.1]), numbers([3e-06, 1e-05])
    (['0.01', '0.1'], ['$3\\\\!\\\\times\\\\!10^{-6}$', '$10^{-5}$'])
    """
    if all(1e-3 <= value < 1e4 for value in values):
        return [f"{value:g}" for value in values]
    written = []
    for value in values:
        power = math.floor(math.log10(value) + 1e-9)
        mantissa = f"{value / 10.0**power:g}"
        written.append(f"$10^{{{power}}}$" if mantissa == "1" else rf"${mantissa}\!\times\!10^{{{power}}}$")
    return written


def _number(axes: Axes, which: Which, at: Sequence[float], texts: Sequence[str]) -> None:
    from matplotlib.ticker import NullLocator

    axis: Axis = getattr(axes, f"{which}axis")
    axis.set_minor_locator(NullLocator())
    axis.set_ticks(list(at), list(texts))


def factor_axis(axes: Axes, which: Which, values: Iterable[float], most: int = 8) -> None:
    """A logarithmic axis of factors, numbered in powers of 2."""
    exponents = [math.log2(value) for value in values]
    low, high = min(exponents), max(exponents)
    axes.set(**{f"{which}scale": "log", f"{which}lim": (2 ** (low - 0.5), 2 ** (high + 0.5))})
    every = max(1, math.ceil((high - low) / most))
    shown = [k for k in range(math.ceil(low), math.floor(high) + 1) if k % every == 0]
    _number(axes, which, [2.0**k for k in shown], [f"$2^{{{k}}}$" if k else "1" for k in shown])
