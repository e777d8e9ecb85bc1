"""Slopes: measured points with their intervals, and lines that have the derived exponents.

Of a line only the height is fitted, so that a wrong exponent shows as points that leave it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import stats

from scalings.figures.powers import raised
from scalings.figures.style import FAILURE, MARKERS, POINTS, end_label
from scalings.figures.ticks import log_axis, width_axis
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LABELS: Final = 6
"""A panel with more lines names those of one exponent together."""
Z: Final = float(stats.norm.ppf(0.975))


@dataclass(frozen=True)
class Line:
    """One observable at every width.

    - `points` are (width, mean of the logarithm, its standard error), as those of a `Fit`.
    - `derived` is the exponent of the line, None if there is none; a `bound` on it from above, if so.
    - `diverged` are the widths at which some run was not finite.
    """

    name: str
    points: Sequence[tuple[int, float, float]]
    derived: Exponent | None
    colour: str
    bound: bool = False
    diverged: Sequence[int] = ()

    def label(self, symbol: str, name: str | None = None) -> str:
        """Its name, or another, and its derived power."""
        shown = name or self.name
        if self.derived is None:
            return shown
        return f"{shown}  {'≤ ' if self.bound else ''}{raised(self.derived, symbol)}"


def slopes(axes: Axes, lines: Sequence[Line], widths: Sequence[int], *, scale: str, symbol: str) -> None:
    """Draw lines into a panel, and name them at their ends."""
    seen = [math.exp(mean + side * Z * error) for line in lines for _, mean, error in line.points for side in (-1, 1)]
    failed = any(line.diverged for line in lines)
    log_axis(axes, "y", seen, room=0.12 if failed else 0.0)
    width_axis(axes, widths, f"{scale} {symbol}")
    for number, line in enumerate(lines):
        _draw(axes, line, MARKERS[number % len(MARKERS)])
    for line, text in _named(lines, symbol):
        width, mean, _ = line.points[-1]
        end_label(axes, width, math.exp(mean), text, line.colour)
    if failed:
        _diverged(axes, sorted({width for line in lines for width in line.diverged}))
    if not seen:  # an axis of nothing has no numbers
        axes.set_yticks([])


def _diverged(axes: Axes, at: Sequence[int]) -> None:
    """Crosses along the upper edge of a panel, where training diverged."""
    bottom, top = axes.get_ylim()
    height = bottom * (top / bottom) ** 0.955
    axes.plot(at, [height] * len(at), "x", color=FAILURE, markersize=6, clip_on=False)
    end_label(axes, at[-1], height, "diverged", FAILURE)


def _draw(axes: Axes, line: Line, marker: str) -> None:
    if not line.points:
        return
    widths, means, errors = (np.array(column) for column in zip(*line.points, strict=True))
    if line.derived not in (None, MINUS_INFINITY):
        # Its height is fitted to the wider half of the widths, where the 1/n correction is small. A bound is drawn
        # there alone.
        half, slope = len(widths) // 2, float(line.derived or 0)
        height = np.mean(means[half:] - slope * np.log(widths[half:]))
        over = widths[half:] if line.bound else widths
        style = (0, (4, 2)) if line.bound else "-"
        axes.plot(over, np.exp(height) * over**slope, color=line.colour, linestyle=style, linewidth=1.3, alpha=0.75)
    values, reach = np.exp(means), Z * errors
    axes.errorbar(
        widths,
        values,
        values * np.stack([-np.expm1(-reach), np.expm1(reach)]),
        fmt=marker,
        color=line.colour,
        elinewidth=1.1,
        **POINTS,
    )


def _named(lines: Sequence[Line], symbol: str) -> Iterator[tuple[Line, str]]:
    """Lines that get a label, and their labels; of many, one for all that have an exponent in common."""
    drawn = [line for line in lines if line.points]
    if len(drawn) <= MOST_LABELS:
        yield from ((line, line.label(symbol)) for line in drawn)
        return

    def key(line: Line) -> tuple[float, bool, str]:
        return (math.nan if line.derived is None else float(line.derived), line.bound, line.colour)

    for _, group in groupby(sorted(drawn, key=key), key):
        same = sorted(group, key=lambda line: line.points[-1][1])
        middle = same[len(same) // 2]
        yield middle, middle.label(symbol, middle.name if len(same) == 1 else f"{len(same)} layers")
