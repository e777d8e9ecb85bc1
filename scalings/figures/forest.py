"""The forest plot: measured minus derived exponents with their intervals, and the margin as a band.

A row is an observable at a layer, and a column a network (or an update); in a cell there is an interval for each
comparison, those after fewer updates above. A dot within the margin is filled, one that is open is hollow, and one that
is refuted is an orange cross. What lies beyond the axis, or has no exponent at all, is at its end, as an arrow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from scalings.figures.style import (
    FAILURE,
    GRID,
    INK,
    MUTED,
    PALE,
    SMALL,
    STABLE_FILL,
    TEXT,
    VERDICTS,
)
from scalings.figures.texts import letters, shortened
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.results.fits import Fit, Verdict
from scalings.studies.equivalence import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure


class Row(NamedTuple):
    """Its place among others, by symbol and then by name; a symbol, as "|dz|", and a name, as "layer1"."""

    place: tuple[int, int]
    symbol: str
    name: str


_ROW, _PITCH, _HEAD = 0.18, 0.042, 0.85
"""Inches: of a row at least, of an interval in it, and of headings and the axis together."""
_TALLEST: Final = 9.0
"""Inches of all rows together; of more rows each is lower, and has no name of its own if letters are too high."""
_LEGEND: Final[dict[Verdict, str]] = {"INCONCLUSIVE": "hollow: open", "FAIL": "cross or arrow: outside"}
_SPANS: Final = (1.6, 2.5, 5.0, 10.0)
"""Ends of the axis that are tried, in margins."""


@dataclass(frozen=True)
class Column:
    """The intervals of one network (or update): what stands above it, its colour, and its comparisons by row."""

    heading: str
    verdict: Verdict | None
    colour: str
    cells: Sequence[tuple[Row, Comparison[Any]]]


def judged(comparisons: Sequence[Comparison[Any]]) -> list[Comparison[Any]]:
    """What decides a verdict: all that is asserted, and upper bounds that are exceeded."""
    return [one for one in comparisons if one.role == "asserted" or (one.role, one.verdict) == ("upper bound", "FAIL")]


def rows_of(columns: Sequence[Column]) -> list[Row]:
    """The rows of all columns, in their order."""
    return sorted({row for column in columns for row, _ in column.cells})


def forest_height(columns: Sequence[Column]) -> float:
    """The height in inches that `forest` needs."""
    return min(_TALLEST, len(rows_of(columns)) * _row_height(columns)) + _HEAD


def _row_height(columns: Sequence[Column]) -> float:
    return max(_ROW, _PITCH * (_most(columns) + 1))


def _most(columns: Sequence[Column]) -> int:
    """The most intervals in a cell."""
    rows = [[row for row, _ in column.cells] for column in columns]
    return max((cells.count(row) for cells in rows for row in cells), default=1)


def forest(figure: Figure | SubFigure, columns: Sequence[Column], delta: Fraction) -> list[Axes]:
    """Draw the columns beside each other; a figure's own height should be `forest_height`."""
    rows = rows_of(columns)
    panels: list[Axes] = list(figure.subplots(1, len(columns), squeeze=False).flat)
    end = _end(columns, float(delta))
    # A multiple of the margin, with room for both numbers.
    tick = float(delta) * max(1, round(0.65 * end / float(delta)))
    for axes, column in zip(panels, columns, strict=True):
        axes.axvspan(-float(delta), float(delta), color=STABLE_FILL, linewidth=0, zorder=0)
        axes.axvline(0, color=PALE, linewidth=0.8, zorder=1)
        _intervals(axes, column, rows, end)
        axes.set_xlim(-end, end)
        axes.set_xticks([-tick, tick], [f"\u2212{tick:g}", f"+{tick:g}"])
        agree = sum(one.verdict == "PASS" for _, one in column.cells)
        mark, colour = VERDICTS[column.verdict] if column.verdict else ("", INK)
        count = f"{mark} {agree} of {len(column.cells)}".strip()
        axes.set_title(f"{column.heading}\n{count}", color=colour, size=TEXT, loc="center", linespacing=1.25)
        axes.grid(visible=False)
        axes.spines["left"].set_visible(False)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_yticks([])
    _name_rows(panels[0], rows, min(_TALLEST / len(rows), _row_height(columns)))
    for axes in panels:
        for number, row in enumerate(rows):
            if number and row.symbol != rows[number - 1].symbol:
                axes.axhline(number - 0.5, color=GRID, linewidth=0.7, zorder=0)
    seen = {one.verdict for column in columns for _, one in column.cells}
    marks = [text for verdict, text in _LEGEND.items() if verdict in seen]
    label = "measured \u2212 derived exponent, with 95 % intervals"
    figure.supxlabel(f"{label} ({', '.join(marks)})" if marks else label, size=TEXT, color=MUTED)
    return panels


def _end(columns: Sequence[Column], delta: float) -> float:
    """Where the axis ends: where all intervals but a few in a hundred do, of a few multiples of the margin."""
    reach = sorted(
        max(abs(one.fit.low - one.derived), abs(one.fit.high - one.derived)) / delta
        for column in columns
        for _, one in column.cells
        if isinstance(one.fit, Fit) and one.derived != MINUS_INFINITY
    )
    most = reach[int(0.97 * (len(reach) - 1))] if reach else 0.0
    return delta * next((span for span in _SPANS if most < span * 0.95), _SPANS[-1])


def _intervals(axes: Axes, column: Column, rows: Sequence[Row], end: float) -> None:
    """The intervals of a column, clipped to the axis, and marks for what they say."""
    marks: dict[tuple[str, Verdict], list[tuple[float, float]]] = {}
    lines: dict[str, list[tuple[float, float, float]]] = {}
    counts, most, seen = Counter(row for row, _ in column.cells), _most([column]), Counter[Row]()
    for row, one in column.cells:
        y = rows.index(row) + (seen[row] - (counts[row] - 1) / 2) * 0.75 / max(most, 3)
        seen[row] += 1
        if not isinstance(one.fit, Fit) or one.derived == MINUS_INFINITY:
            marks.setdefault((">", "FAIL"), []).append((0.95 * end, y))
            continue
        middle, low, high = (value - float(one.derived) for value in (one.fit.exponent, one.fit.low, one.fit.high))
        colour = FAILURE if one.verdict == "FAIL" else column.colour
        lines.setdefault(colour, []).append((y, max(low, -end), min(high, end)))
        marker = ">" if middle > end else "<" if middle < -end else "x" if one.verdict == "FAIL" else "o"
        marks.setdefault((marker, one.verdict), []).append((min(max(middle, -0.95 * end), 0.95 * end), y))
    for colour, drawn in lines.items():
        axes.hlines(*zip(*drawn, strict=True), color=colour, linewidth=1.1, zorder=2)
    for (marker, verdict), places in marks.items():
        colour = FAILURE if verdict == "FAIL" else column.colour
        axes.plot(
            *zip(*places, strict=True),
            marker,
            color=colour,
            markerfacecolor="white" if verdict == "INCONCLUSIVE" else colour,
            markersize=3.2 if marker == "o" else 5.0,
            markeredgewidth=1.4 if marker == "x" else 0.9,
            zorder=3,
        )


def _name_rows(axes: Axes, rows: Sequence[Row], height: float) -> None:
    """The names of rows along the left, and the symbol of each group once, further left."""
    from matplotlib.transforms import ScaledTranslation, blended_transform_factory

    every, shown = max(1, round(SMALL * 1.25 / 72 / height + 0.49)), list[int]()
    for number, row in enumerate(rows):
        is_first = number == 0 or row.symbol != rows[number - 1].symbol
        while is_first and shown and number - shown[-1] < every:
            shown.pop()
        if not shown or number - shown[-1] >= every:
            shown.append(number)
    axes.set_yticks(shown, [shortened(rows[number].name) for number in shown])
    axes.tick_params(axis="y", length=0, labelcolor=MUTED)
    figure = axes.get_figure()
    assert figure is not None
    longest = max(letters(figure, shortened(row.name), SMALL) for row in rows)
    aside = ScaledTranslation(-(longest + 0.25), 0, figure.dpi_scale_trans)
    place = blended_transform_factory(axes.transAxes, axes.transData) + aside
    for number in shown:
        if number == 0 or rows[number].symbol != rows[number - 1].symbol:
            text = subscripted(rows[number].symbol)
            axes.text(0, number, text, transform=place, ha="right", va="center_baseline", size=SMALL)


def subscripted(symbol: str) -> str:
    """The symbol of an observable with its subscript set low.

    >>> subscripted("|dW|_F")
    '|dW|$_F$'
    """
    head, mark, tail = symbol.partition("_")
    return f"{head}$_{tail}$" if mark else head
