"""The orders that `predict` finds, as tables of layers and steps: the change of each layer, and where it comes from.

A cell has the power of the change; its colour compares it with the size of what changes: blue and dark where units
change by order 1, light where the change vanishes with the width, orange and hatched where it explodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING, Final

from scalings.criteria.observables import SYMBOLS, Observable, Quantity
from scalings.criteria.problem import Problem
from scalings.figures import style
from scalings.figures.powers import power, together
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.results.fits import Verdict
from scalings.results.phases import Phase

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANELS: Final[dict[Quantity, str]] = {
    "dz": "change since initialization",
    "layer": "by the layer's own update",
    "passthrough": "passed on from below",
    "interaction": "by both at once",
}
_CELL = 0.27
"""The height of a row, in inches."""
_MOST_ROWS = 24
_LETTERS: Final = 30
"""As many fit side by side in a table; exponents that explode grow longer with each step."""


@dataclass(frozen=True)
class _Row:
    """Layers whose orders are all alike."""

    names: tuple[str, ...]
    full: Fraction
    """The order of a change of order 1 in each unit."""


@style.styled
def prediction_figure(problem: Problem, name: str, orders: Mapping[Observable, Exponent], phase: Phase) -> Figure:
    """A table for |dz| and for each of its terms; `phase` is the verdict on the parameterization of this name."""
    rows, every_column = _rows(problem, orders), _columns(orders)
    shown, columns = rows[:_MOST_ROWS], _that_fit(every_column, orders)
    is_whole = (len(shown), len(columns)) == (len(rows), len(every_column))
    figure, panels = style.canvas(2, 2, (style.WIDTH, 0.3 + 2 * (0.55 + _CELL * len(shown))))
    verdict: Verdict = "PASS" if phase.regime in ("lazy", "rich") else "FAIL"
    style.title(figure, sentence(name, phase), _detail(problem, is_whole), verdict=verdict)
    every = [one.name for one in problem.network.representations]
    for number, (panel, (quantity, title)) in enumerate(zip(panels, _PANELS.items(), strict=True)):
        panel.set_title(f"{SYMBOLS[quantity]}, {title}", size=style.TEXT)
        _table(panel, quantity, shown, columns, orders, problem.symbol)
        names = [together(row.names, every) for row in shown]
        panel.set_yticks(range(len(shown)), names if number % 2 == 0 else [])
        panel.set_xticks(range(len(columns)), [_steps(column) for column in columns])
        if number >= 2:
            panel.set_xlabel("updates")
    return figure


def sentence(name: str, phase: Phase) -> str:
    """What training does at the layers, in words."""
    changes = {
        "rich": "units of hidden layers change by order 1",
        "lazy": "changes of hidden units vanish with the width",
    }
    return f"{name} is {phase.regime}: {changes.get(phase.regime, phase.reason)}"


def _detail(problem: Problem, is_whole: bool) -> str:
    more = "" if is_whole else ". The rest is in the text"
    where = f"{problem.network.depth} layers under {problem.law.name}"
    return f"{where}. Powers of the {problem.scale} {problem.symbol}; dark: order 1 in each unit, light: less{more}"


def _rows(problem: Problem, orders: Mapping[Observable, Exponent]) -> list[_Row]:
    """Consecutive layers that are alike are one row."""
    last = max(observable.step for observable in orders)
    quantities, steps = tuple(_PANELS), range(1, last + 1)
    alike = []
    for one in problem.network.representations:
        found = tuple(orders.get(Observable(quantity, one.name, step)) for quantity in quantities for step in steps)
        if any(order is not None for order in found):
            full = Fraction(0) if one.is_output else one.units.order_in(problem.scale) / 2
            alike.append((one.name, (full, found)))
    grouped = groupby(alike, key=lambda pair: pair[1])
    return [_Row(tuple(name for name, _ in group), full) for (full, _), group in grouped]


def _columns(orders: Mapping[Observable, Exponent]) -> list[tuple[int, int]]:
    """Consecutive steps after which all is alike are one column, (first, last)."""
    keys = sorted({(one.quantity, one.layer) for one in orders if one.quantity in _PANELS})
    last = max(observable.step for observable in orders)
    found: list[tuple[int, int]] = []
    before: Sequence[Exponent | None] = ()
    for step in range(1, last + 1):
        now = [orders.get(Observable(quantity, layer, step)) for quantity, layer in keys]
        if now == before:
            found[-1] = found[-1][0], step
        else:
            found.append((step, step))
        before = now
    return found


def _that_fit(columns: Sequence[tuple[int, int]], orders: Mapping[Observable, Exponent]) -> list[tuple[int, int]]:
    """The first columns, as many as there is room for."""
    longest = [
        max(len(str(order)) for one, order in orders.items() if one.step == step and one.quantity in _PANELS)
        for step, _ in columns
    ]
    return [column for k, column in enumerate(columns) if k == 0 or sum(longest[: k + 1]) + 2 * k <= _LETTERS]


def _steps(column: tuple[int, int]) -> str:
    first, last = column
    return str(first) if first == last else f"{first} to {last}"


def _table(
    axes: Axes,
    quantity: Quantity,
    rows: Sequence[_Row],
    columns: Sequence[tuple[int, int]],
    orders: Mapping[Observable, Exponent],
    symbol: str,
) -> None:
    from matplotlib.colors import to_hex
    from matplotlib.patches import Rectangle

    for y, row in enumerate(rows):
        for x, (step, _) in enumerate(columns):
            order = orders.get(Observable(quantity, row.names[0], step))
            if order is None:
                continue
            cell = axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, linewidth=0))
            richness = 1 + 2 * (order - row.full)  # 1 where units change by order 1, 0 where by n^(-1/2)
            if richness > 1:
                style.hatched(cell)
            elif order == MINUS_INFINITY:
                cell.set_facecolor("white")
            else:
                cell.set_facecolor(style.shade(float(richness)) if richness >= 0 else style.STABLE_FILL)
            ink = style.ink_on(to_hex(cell.get_facecolor()))
            axes.text(x, y, power(order, symbol), ha="center", va="center", color=ink)
    axes.grid(visible=False)
    axes.spines[:].set_visible(True)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(length=0)
    axes.set_xticks([x + 0.5 for x in range(len(columns) - 1)], minor=True)
    axes.set_yticks([y + 0.5 for y in range(len(rows) - 1)], minor=True)
    axes.set_axisbelow(False)
    axes.grid(visible=True, which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0)
