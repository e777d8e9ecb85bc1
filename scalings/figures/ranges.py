"""The figure of `derive` where the answer is no family: of every exponent the value, or the range that it has.

A dot is an exponent that the criteria determine. A bar goes from the smallest to the largest value in the answer, over
all pieces; where there is no smallest or no largest, it ends in an arrow at the border.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby
from math import ceil, floor
from typing import TYPE_CHECKING, Final

from scalings.figures import style
from scalings.figures.families import GAUGE_WORDS, KIND_WORDS
from scalings.figures.powers import signed, together
from scalings.hyperparameters.exponents import Affine, is_zero
from scalings.hyperparameters.gauges import Gauge
from scalings.results.derivations import Derivation, Ends, Polytope, format_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW, _HEAD = 0.24, 0.75
"""Inches: of a row, and of a panel's heading and axis."""
_TICKS: Final = 4


@style.styled
def ranges_figure(derivation: Derivation, gauge: Gauge | None = None) -> Figure:
    """A row for each layer and multiplier, a panel for each kind of exponent, in one gauge (g = 1 if not given).

    The answer must have a point, and no polyhedron of too many corners to go through.
    """
    written = gauge or "unit-multiplier"
    rows = list(_merged(derivation, _rows(derivation, written)))
    kinds = [kind for kind in KIND_WORDS if any(cells.get(kind, _UNIT) != _UNIT for _, cells in rows)] or ["lr"]
    figure, axes = style.canvas(1, len(kinds), (style.WIDTH, _HEAD + _ROW * len(rows)))
    style.title(figure, _sentence(derivation), _detail(derivation, written))
    for number, (panel, kind) in enumerate(zip(axes, kinds, strict=True)):
        _draw(panel, [cells.get(kind) for _, cells in rows])
        panel.set_title(KIND_WORDS[kind])
        names = [name for name, _ in rows] if number == 0 else []
        panel.set_yticks(range(len(rows)), names or [""] * len(rows))
        panel.set_xlabel(f"power of {derivation.symbol}")
    return figure


_UNIT: Ends = (Fraction(0), Fraction(0))
Cells = dict[str, Ends]


def _sentence(derivation: Derivation) -> str:
    free = derivation.degrees_of_freedom
    if free == 0 and len(derivation.polyhedra) == 1:
        return "No freedom is left: one parameterization meets the criteria"
    left = "1 freedom is left" if free == 1 else f"{free} freedoms are left"
    pieces = len(derivation.polyhedra)
    return f"{left}: the range of every exponent" if pieces == 1 else f"Up to {left}, in {pieces} pieces"


def _detail(derivation: Derivation, gauge: Gauge) -> str:
    pieces = [piece for piece in derivation.polyhedra if piece.richness]
    lows, highs = ([piece.ends[side] for piece in pieces] for side in (0, 1))
    bounds = (
        None if None in lows else min((one for one in lows if one is not None), default=None),
        None if None in highs else max((one for one in highs if one is not None), default=None),
    )
    rich = f", {format_range(bounds)}" if pieces else ""
    return f"{derivation.network.depth} layers under {derivation.law.name}, {GAUGE_WORDS[gauge]}{rich}"


def _rows(derivation: Derivation, gauge: Gauge) -> dict[str, Cells]:
    """By layer or multiplier the ends of each kind of exponent, without those that are zero by structure."""
    found: dict[str, Cells] = {}
    for piece in derivation.polyhedra:
        assert piece.polytope, "every piece has one"
        layers = piece.in_gauge(gauge, derivation.laws)
        named = [(node.name, layer.named) for node, layer in zip(derivation.network.layers, layers, strict=True)]
        multipliers = zip(derivation.network.multipliers, piece.scales, strict=True)
        named += [(node.name, {"multiplier": exponent}) for node, exponent in multipliers]
        for name, exponents in named:
            cells = found.setdefault(name, {})
            for kind, exponent in exponents.items():
                if not is_zero(exponent):
                    ends = _ends(exponent, piece.polytope)
                    cells[kind] = _hull(cells[kind], ends) if kind in cells else ends
    return found


def _ends(exponent: Affine, polytope: Polytope) -> Ends:
    """The smallest and the largest value on a polytope."""
    assert polytope.vertices, "what spans it is known"
    values = [Fraction(exponent.at(**point)) for point in polytope.vertices]
    slopes = [
        sum((factor * along[name] for name, factor in exponent.coefficients.items()), Fraction(0))
        for along in (*polytope.rays, *polytope.lines)
    ]
    slopes += [-slope for slope in slopes[len(polytope.rays) :]]
    return (
        None if any(slope < 0 for slope in slopes) else min(values),
        None if any(slope > 0 for slope in slopes) else max(values),
    )


def _hull(one: Ends, other: Ends) -> Ends:
    (low, high), (below, above) = one, other
    return (
        None if low is None or below is None else min(low, below),
        None if high is None or above is None else max(high, above),
    )


def _merged(derivation: Derivation, rows: dict[str, Cells]) -> Iterator[tuple[str, Cells]]:
    """Rows, with neighbours that are alike in one, if they are more than two."""
    every = list(rows)
    layers = len(derivation.network.layers)
    for _, run in groupby(enumerate(every), key=lambda pair: (pair[0] < layers, rows[pair[1]])):
        names = [name for _, name in run]
        for alike in [[name] for name in names] if len(names) <= 2 else [names]:
            yield together(alike, every), rows[alike[0]]


def _draw(axes: Axes, column: list[Ends | None]) -> None:
    known = [float(end) for ends in column if ends for end in ends if end is not None] or [0.0]
    beyond = [0.8 if any(ends and ends[side] is None for ends in column) else 0.3 for side in (0, 1)]
    left, right = floor(2 * min(known)) / 2 - beyond[0], ceil(2 * max(known)) / 2 + beyond[1]
    for row, ends in enumerate(column):
        if ends is None:
            continue
        low, high = (None if end is None else float(end) for end in ends)
        start, stop = left if low is None else low, right if high is None else high
        axes.plot([start, stop], [row, row], color=style.LAZY, linewidth=3.2, solid_capstyle="butt")
        for x, end, arrow in ((start, low, "<"), (stop, high, ">")):
            colour = style.RICH if low == high and low is not None else style.LAZY
            axes.plot(x, row, arrow if end is None else "o", color=colour, markersize=5, clip_on=False)
    axes.set_xlim(left, right)
    axes.set_ylim(len(column) - 0.5, -0.5)
    halves = [Fraction(k, 2) for k in range(ceil(2 * left), floor(2 * right) + 1)]
    every = 1 + (len(halves) - 1) // _TICKS
    axes.set_xticks([float(x) for x in halves[::every]], [signed(x) for x in halves[::every]])
    axes.tick_params(axis="y", length=0)
