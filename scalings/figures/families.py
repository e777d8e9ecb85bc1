"""The family that `derive` finds: the exponents of every layer over the richness, from the lazy to the rich end."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, Final

from scalings.errors import ArgumentError
from scalings.figures import style
from scalings.figures.powers import power, signed, together
from scalings.hyperparameters.exponents import Affine, is_zero
from scalings.hyperparameters.gauges import GAUGES, Gauge
from scalings.results.derivations import Derivation, Family

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GAUGE_WORDS: Final[dict[Gauge, str]] = {
    "unit-multiplier": "all multipliers 1",
    "unit-init": "all init scales 1",
    "global-lr": "one global learning rate",
}
KIND_WORDS: Final = {
    "multiplier": "multiplier g",
    "init": "init scale \u03c3",
    "lr": "learning rate \u03b7",
    "decay": "weight decay \u03bb",
    "epsilon": "largest \u03b5",
}
_INCHES, _A_LINE = 1.7, 0.22
"""The height of a panel: what it needs itself, and for each line in it."""
_LONG: Final = 24
"""Names of layers with more letters take half the width of a figure."""


@style.styled
def family_figure(derivation: Derivation, gauge: Gauge | None = None) -> Figure:
    """A panel for each kind of exponent, in a gauge or in each that the family has (in g = 1 where names are long).

    The answer must be a family.
    """
    family = derivation.family
    assert family, "a figure is drawn of a family with one freedom"
    curves = {one: _curves(family.in_gauge(one)) for one in ([gauge] if gauge else _gauges(family))}
    columns = 1 if any(_is_wide(kinds) for kinds in curves.values()) else 2
    if columns == 1:
        curves = dict(list(curves.items())[:1])
    rows = [(name, kinds) for name, every in curves.items() for kinds in _split(every, columns)]
    heights = [_INCHES + _A_LINE * max(len(lines) for lines in kinds.values()) for _, kinds in rows]
    figure = style.page((style.WIDTH, 0.2 + sum(heights)))
    grid = figure.add_gridspec(len(rows), columns)
    style.title(figure, _sentence(derivation, family), _detail(derivation, *curves))
    for number, (name, kinds) in enumerate(rows):
        for place, (kind, lines) in enumerate(kinds.items()):
            # A panel that is alone in its row has all of it.
            panel = figure.add_subplot(grid[number, place if len(kinds) == columns else slice(None)])
            _draw(panel, family, lines, derivation.symbol)
            told = place == 0 and len(curves) > 1
            panel.set_title(f"{KIND_WORDS[kind]}, {GAUGE_WORDS[name]}" if told else KIND_WORDS[kind])
            if number + 1 == len(rows):
                panel.set_xlabel("richness r")
    return figure


def _sentence(derivation: Derivation, family: Family) -> str:
    ends = (("lazy", family.low), ("rich", family.high))
    low, high = (f"{r} ({name})" if derivation.symbol == "n" else str(r) for name, r in ends)
    return f"One freedom is left: the richness r, from {low} to {high}"


def _detail(derivation: Derivation, *gauges: Gauge) -> str:
    network, symbol = derivation.network, derivation.symbol
    form = GAUGE_WORDS[gauges[0]] if len(gauges) == 1 else "in gauges that train alike"
    return f"{network.depth} layers under {derivation.law.name}: the power of {symbol} of every layer, {form}"


def _is_wide(kinds: dict[str, dict[Affine, str]]) -> bool:
    """Whether two panels beside each other would leave no room for their labels."""
    return any(len(names) > _LONG for lines in kinds.values() for names in lines.values())


def _split(kinds: dict[str, dict[Affine, str]], columns: int) -> Iterator[dict[str, dict[Affine, str]]]:
    listed = list(kinds.items())
    for start in range(0, len(listed), columns):
        yield dict(listed[start : start + columns])


def _gauges(family: Family) -> list[Gauge]:
    """The gauges that every layer of the family has."""
    found: list[Gauge] = []
    for gauge in GAUGES:
        try:
            family.in_gauge(gauge)
        except ArgumentError:
            continue
        found.append(gauge)
    return found


def _curves(family: Family) -> dict[str, dict[Affine, str]]:
    """By kind of exponent, the different lines and whose they are; kinds that are n^0 throughout are left out."""
    every = [layer.name for layer in family.network.layers]
    found: dict[str, dict[Affine, list[str]]] = {}
    for name, layer in zip(every, family.layers, strict=True):
        for kind, exponent in layer.named.items():
            if not is_zero(exponent):
                found.setdefault(kind, {}).setdefault(exponent, []).append(name)
    for node, exponent in zip(family.network.multipliers, family.scales, strict=True):
        found.setdefault("multiplier", {}).setdefault(exponent, []).append(node.name)
        every.append(node.name)
    unit = Affine(Fraction(0))
    return {
        kind: {exponent: together(names, every) for exponent, names in lines.items()}
        for kind, lines in sorted(found.items(), key=lambda pair: list(KIND_WORDS).index(pair[0]))
        if lines.keys() != {unit}
    }


def _draw(axes: Axes, family: Family, lines: dict[Affine, str], symbol: str) -> None:
    import numpy as np
    from matplotlib.collections import LineCollection

    low, high = family.low, family.high
    ends = [exponent.at(r=r) for exponent in lines for r in (low, high)]
    bottom, top = floor(2 * min(ends)) / 2, ceil(2 * max(ends)) / 2
    for exponent, names in lines.items():
        start, end = float(exponent.at(r=low)), float(exponent.at(r=high))
        xs, ys = np.linspace(float(low), float(high), 51), np.linspace(start, end, 51)
        points = np.column_stack([xs, ys])
        pieces = np.stack([points[:-1], points[1:]], axis=1)
        shades = [style.shade(k / 49) for k in range(50)]
        axes.add_collection(LineCollection(list(pieces), colors=shades, linewidths=2.4, capstyle="round"))
        axes.plot(xs[0], ys[0], "o", color=style.LAZY, markersize=4.5, clip_on=False, zorder=4)
        axes.plot(xs[-1], ys[-1], "o", color=style.RICH, markersize=4.5, clip_on=False, zorder=4)
        style.end_label(axes, float(high), end, f"{names}: {power(exponent, symbol)}", style.RICH)
    axes.set_xlim(float(low), float(high))
    axes.set_ylim(bottom - 0.12, top + 0.12)
    marks = sorted({low, (low + high) / 2, high})
    known = {low: "\nNTK", high: "\n\u00b5P"} if symbol == "n" else {}
    axes.set_xticks([float(mark) for mark in marks], [signed(mark) + known.get(mark, "") for mark in marks])
    halves = [Fraction(k, 2) for k in range(int(2 * bottom), int(2 * top) + 1)]
    every = 1 + len(halves) // 6
    axes.set_yticks([float(y) for y in halves[::every]], [signed(y) for y in halves[::every]])
