"""The phase diagram of `check`: what every parameterization between the given one and the derived family is.

An area has one verdict, which is written in it. Borders are exact. The thick line is the family, from its lazy to its
rich end; the star is what was given, the arrow its repair.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise, product
from typing import TYPE_CHECKING

from scalings.criteria.problem import Problem
from scalings.figures import style
from scalings.figures.label_placement import deepest_point, place, place_beside
from scalings.figures.powers import power, signed, together
from scalings.figures.texts import shortened
from scalings.hyperparameters.exponents import Exponent
from scalings.results.checks import Regime
from scalings.results.fits import Verdict
from scalings.results.phases import Phase, PhaseDiagram
from symbolic.polyhedra.polygons import Cell, connected, outlines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.path import Path
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

_TRIVIAL_FILL, _TRIVIAL_HATCH = "#f0f1f2", "..."
_RICH_FILL = "#b9d4ea"
_COLOURS: dict[Regime, str] = {
    "unstable": style.FAILURE,
    "trivial": style.MUTED,
    "lazy": style.legible(style.LAZY),
    "rich": style.RICH,
}
_FLAT = 24.0
"""Pixels: markers and straight lines are no higher, or no wider."""
_MOST_CHANGES = 4
"""The most lines that say what a repair changes; others are counted."""


@style.styled
def phase_figure(diagram: PhaseDiagram, unmet: str = "") -> Figure:
    """The figure of a diagram; `unmet` is what was asked beyond stability and a moving output, and is not so."""
    figure, (axes,) = style.canvas(1, 1, (style.WIDTH, 4.3))
    failed = bool(unmet) or diagram.given.regime in ("unstable", "trivial")
    verdict: Verdict = "FAIL" if failed else "PASS"
    style.title(figure, verdict_sentence(diagram, unmet), _detail(diagram.problem), verdict=verdict)
    _frame(axes, diagram)
    areas = list(_areas(diagram))
    for phase, group in areas:
        _fill(axes, phase, _path(group))
    rich = _lines(axes, diagram)
    words = [*_family(axes, diagram), *_given(axes, diagram)]
    style.settle(figure)
    words += _name_line(axes, rich, words)
    _name_areas(axes, areas, words)
    return figure


def verdict_sentence(diagram: PhaseDiagram, unmet: str = "") -> str:
    """What the given parameterization is, as a sentence."""
    phase = diagram.given
    what = f"{diagram.name} is {phase.regime}"
    if reason := phase.reason or unmet:
        return f"{what}: {reason}"
    return f"{what}, r = {signed(diagram.plane.point[0])}, and meets all criteria"


def _detail(problem: Problem) -> str:
    where = f"{problem.network.depth} layers under {problem.law.name}, in the {problem.scale} {problem.symbol}"
    return f"{where}: the plane through yours and the derived family"


def _frame(axes: Axes, diagram: PhaseDiagram) -> None:
    (left, bottom), (right, top) = diagram.window
    plane, low, high = diagram.plane, diagram.plane.low, diagram.plane.high
    axes.set_xlim(float(left), float(right))
    axes.set_ylim(float(bottom), float(top))
    axes.grid(visible=False)
    axes.spines[:].set_visible(True)
    axes.tick_params(length=3)
    # The middle has no number where it would touch that of the star.
    middle, apart = (low + high) / 2, (right - left) / 16
    marks = sorted({low, high, plane.point[0]} | ({middle} if abs(middle - plane.point[0]) > apart else set()))
    marks = [mark for mark in marks if mark in (low, high) or min(mark - low, high - mark) > apart]
    axes.set_xticks([float(mark) for mark in marks], [signed(mark) for mark in marks])
    axes.set_xlabel("richness r along the derived family")
    if plane.across == "given":
        axes.set_yticks([0, 1], ["repaired", "as given"], rotation=90, va="center")
        axes.set_ylabel("share of the repair that is undone")
    else:
        heights = (bottom, bottom / 2, Fraction(0), top / 2, top)
        axes.set_yticks([float(y) for y in heights], [signed(y) for y in heights])
        axes.set_ylabel(f"t, all learning rates \u00d7 ${diagram.problem.symbol}^t$")


def _areas(diagram: PhaseDiagram) -> Iterator[tuple[Phase, list[Cell]]]:
    """What hangs together of one phase."""
    polygons = [cell for cell in diagram.cells if len(cell.corners) > 2]
    for phase in dict.fromkeys(cell.phase for cell in polygons):
        for group in connected([cell.corners for cell in polygons if cell.phase == phase]):
            yield phase, group


def _path(cells: Sequence[Cell]) -> Path:
    from matplotlib.path import Path

    loops = [[(float(x), float(y)) for x, y in loop] for loop in outlines(cells)]
    return Path.make_compound_path(*(Path([*loop, loop[0]], closed=True) for loop in loops))


def _fill(axes: Axes, phase: Phase, path: Path) -> None:
    from matplotlib.patches import PathPatch

    area = axes.add_patch(PathPatch(path, linewidth=0))
    match phase.regime:
        case "unstable":
            style.hatched(area)
            axes.add_patch(PathPatch(path, facecolor="none", edgecolor=style.FAILURE, linewidth=0.7))
        case "trivial":
            area.set(facecolor=_TRIVIAL_FILL, edgecolor=style.PALE, hatch=_TRIVIAL_HATCH)
        case "lazy":
            area.set_facecolor(style.STABLE_FILL)
        case "rich":
            area.set_facecolor(_RICH_FILL)


def _lines(axes: Axes, diagram: PhaseDiagram) -> list[Cell]:
    """Draw borders that are rich or lazy by themselves, as where an area of less or of nothing ends; returns the rich
    ones."""
    found: list[Cell] = []
    for cell in diagram.cells:
        if len(cell.corners) != 2 or cell.phase.regime not in ("lazy", "rich") or _is_drawn(diagram, cell.corners):
            continue
        rich = cell.phase.regime == "rich"
        colour, width = (style.RICH, 2.5) if rich else (style.LAZY, 1.2)
        (x0, y0), (x1, y1) = [(float(x), float(y)) for x, y in cell.corners]
        axes.plot([x0, x1], [y0, y1], color=colour, linewidth=width, zorder=3)
        found += [cell.corners] if rich else []
    return found


def _name_line(axes: Axes, lines: Sequence[Cell], words: Sequence[Text]) -> list[Text]:
    """Name the first of these lines beside which there is room for it, as near to its middle as there is."""
    frame, taken = axes.get_window_extent(), [one.get_window_extent() for one in words]
    for line in lines:
        (x0, y0), (x1, y1) = [(float(x), float(y)) for x, y in line]
        x, y = _across(*axes.transData.transform([(x0, y0), (x1, y1)]))
        for share, side in product((0.5, 0.35, 0.65, 0.2, 0.8), (1, -1)):
            label = axes.annotate(
                "rich",
                (x0 + share * (x1 - x0), y0 + share * (y1 - y0)),
                xytext=(side * 18 * x, side * 11 * y),
                textcoords="offset points",
                ha="center",
                va="center",
                color=style.RICH,
                weight="bold",
                zorder=8,
            )
            box = label.get_window_extent()
            if frame.x0 < box.x0 < box.x1 < frame.x1 and not any(box.overlaps(one) for one in taken):
                return [_haloed(label)]
            label.remove()
    return []


def _across(start: Sequence[float], end: Sequence[float]) -> tuple[float, float]:
    """The unit vector across a line, to the left or up."""
    x, y = start[1] - end[1], end[0] - start[0]
    sign = -1 if x > 0 or (x == 0 and y < 0) else 1
    return sign * x / math.hypot(x, y), sign * y / math.hypot(x, y)


def _is_drawn(diagram: PhaseDiagram, corners: Cell) -> bool:
    """Whether a segment is of the family, or of the frame."""
    (left, bottom), (right, top) = diagram.window
    xs, ys = {x for x, _ in corners}, {y for _, y in corners}
    return ys == {0} or ys in ({bottom}, {top}) or xs in ({left}, {right})


def _family(axes: Axes, diagram: PhaseDiagram) -> list[Text]:
    """The thick line of the family, and its name and those of its ends."""
    import numpy as np
    from matplotlib.collections import LineCollection

    low, high = float(diagram.plane.low), float(diagram.plane.high)
    xs = np.linspace(low, high, 101).tolist()
    pieces = [[(start, 0.0), (end, 0.0)] for start, end in pairwise(xs)]
    # A white casing, so that the line stands out from any area.
    axes.plot([low, high], [0, 0], color="white", linewidth=9, solid_capstyle="butt", zorder=4)
    shades = [style.shade(k / 99) for k in range(100)]
    axes.add_collection(LineCollection(pieces, colors=shades, linewidths=6, zorder=5))
    middle = axes.annotate(
        "the derived family",
        ((low + high) / 2, 0),
        xytext=(0, -8),
        textcoords="offset points",
        ha="center",
        va="top",
        color=style.RICH,
        zorder=8,
    )
    words = [_haloed(middle)]
    ends = (
        (diagram.plane.low, "lazy", " (NTK)", style.LAZY, -1),
        (diagram.plane.high, "rich", " (\u00b5P)", style.RICH, 1),
    )
    for r, regime, known, colour, side in ends:
        found = diagram.at(r, Fraction(0)).regime
        axes.plot(
            [float(r)], [0], "o", markersize=11, color=colour, markeredgecolor="white", markeredgewidth=1.6, zorder=6
        )
        label = axes.annotate(
            found + (known if found == regime and diagram.problem.symbol == "n" else ""),
            (float(r), 0),
            xytext=(side * 9, 0),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="center",
            weight="bold",
            color=style.legible(colour),
            zorder=8,
        )
        words.append(_haloed(label))
    return words


def _given(axes: Axes, diagram: PhaseDiagram) -> list[Text]:
    """The star, and the arrow of its repair."""
    x, y = (float(one) for one in diagram.plane.point)
    on_the_left = 2 * diagram.plane.point[0] < diagram.window[0][0] + diagram.window[1][0]
    words = []
    if diagram.plane.across == "given":
        arrow = {"arrowstyle": "-|>", "color": style.INK, "linewidth": 1.6, "mutation_scale": 15, "shrinkB": 9}
        axes.annotate("", (x, 0), (x, y), arrowprops=arrow, zorder=7)
        words.append(_beside(axes, "\n".join(["repair:", *change_lines(diagram)]), (x, y / 2), on_the_left, 0))
    axes.plot([x], [y], "*", markersize=17, color=style.INK, markeredgecolor="white", markeredgewidth=1.2, zorder=9)
    name = _beside(axes, f"yours: {shortened(diagram.name)}", (x, y), on_the_left, 0 if y else 13)
    name.set_fontweight("bold")
    name.set_parse_math(False)  # a name is a name, whatever is in it
    return [*words, name]


def _beside(axes: Axes, text: str, at: tuple[float, float], right: bool, above: float) -> Text:
    label = axes.annotate(
        text,
        at,
        xytext=(11 if right else -11, above),
        textcoords="offset points",
        ha="left" if right else "right",
        va="center",
        zorder=8,
    )
    return _haloed(label)


def change_lines(diagram: PhaseDiagram) -> list[str]:
    """What a repair changes: a line for all layers in which one exponent changes alike."""
    alike: dict[tuple[str, Exponent, Exponent], list[str]] = {}
    for name, which, old, new in diagram.plane.changes:
        alike.setdefault((which, old, new), []).append(name)
    symbol, lines = diagram.problem.symbol, []
    for (what, old, new), names in alike.items():
        lines.append(f"{what} of {together(names, names)}: {power(old, symbol)} \u2192 {power(new, symbol)}")
    more = len(lines) - _MOST_CHANGES
    return lines if more <= 0 else [*lines[:_MOST_CHANGES], f"and {more} more"]


def _name_areas(axes: Axes, areas: Sequence[tuple[Phase, list[Cell]]], words: Sequence[Text]) -> None:
    """Write in each area what it is, the largest first; beside it, with a line, where there is no room in it."""
    from matplotlib.patches import FancyArrowPatch

    # Slanted lines are borders of areas: what is inside an area does not meet them.
    flat = [box for box in (line.get_window_extent() for line in axes.lines) if min(box.width, box.height) <= _FLAT]
    taken = [*(one.get_window_extent() for one in words), *map(_padded, flat)]
    taken += [_padded(one.get_window_extent()) for one in axes.patches if isinstance(one, FancyArrowPatch)]
    paths = [(phase, axes.transData.transform_path(_path(group))) for phase, group in areas]
    for phase, path in sorted(paths, key=lambda pair: -_size(pair[1])):
        room = place(list(_labels(axes, phase)), path, taken) or _point_at(axes, phase, path, taken)
        taken += [room] if room else []


def _labels(axes: Axes, phase: Phase) -> Iterator[Text]:
    """Ways to write a phase, from the one that is read best to the one that takes the least room."""
    head = {"unstable": "unstable", "trivial": "trivial", "lazy": "stable, lazy", "rich": "stable, rich"}[phase.regime]
    bold = f"$\\mathbf{{{head.replace(' ', chr(92) + ' ')}}}$"
    broken = phase.reason.replace(" at ", "\nat ").replace(", ", ",\n")
    for text, angle in (
        (f"{bold}\n{phase.reason}", 0),
        (f"{bold}\n{broken}", 0),
        (f"{bold}: {phase.reason}", 90),
        (phase.reason, 0),
    ):
        yield _named(axes, text, phase, angle)


def _named(axes: Axes, text: str, phase: Phase, angle: int = 0) -> Text:
    colour = _COLOURS[phase.regime]
    return _haloed(axes.text(0, 0, text, rotation=angle, ha="center", va="center", color=colour, zorder=7))


def _point_at(axes: Axes, phase: Phase, area: Path, taken: Sequence[Bbox]) -> Bbox | None:
    """Write what a small area is beside it, with a line into it."""
    inside = deepest_point(area)
    text = _named(axes, phase.reason, phase)
    room = place_beside(text, inside, axes.get_window_extent(), [*taken, _padded(area.get_extents())])
    if room:
        start = min(max(inside[0], room.x0), room.x1), room.y0 if inside[1] < room.y0 else room.y1
        ends = axes.transData.inverted().transform([start, inside])
        axes.plot(*ends.T, color=style.INK, linewidth=0.7, zorder=6)
        axes.plot(*ends[-1], "o", color=style.INK, markersize=3, zorder=6)
    return room


def _size(path: Path) -> float:
    box = path.get_extents()
    return float(box.width * box.height)


def _padded(box: Bbox) -> Bbox:
    return box.padded(4.0)


def _haloed(text: Text) -> Text:
    """With a white rim, so that it is read over hatches."""
    from matplotlib.patheffects import withStroke

    text.set_path_effects([withStroke(linewidth=3, foreground="white")])
    return text
