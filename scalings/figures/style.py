"""The visual language of all figures: what colours mean, where words stand, and how a figure becomes a file.

- Blue is training that is stable: light at the lazy end, dark at the rich end, shades between by richness.
- Orange is failure, and never by colour alone: an area is hatched, a point is a cross.
- Grey is what is neither, from light to dark: steps of a grid, or widths from small to large.
- Points are measured, with intervals; lines without points are derived.
- The title is the verdict. Lines are named at their ends. Nothing is said by a box over the data.

A figure is a function from an answer to a `Figure`, decorated with `styled`; `save` writes it. matplotlib is imported
inside functions alone, since a command without a figure does not need it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from scalings.figures.texts import lines_of, on_a_line, spread
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.results.checks import Check
from scalings.results.fits import Verdict

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.text import Annotation, Text

INK: Final = "#1a1c20"
MUTED: Final = "#5f646b"
GRID: Final = "#e3e5e8"
PALE: Final = "#b9bec5"
LAZY: Final = "#4a9bd9"
RICH: Final = "#003f77"
STABLE_FILL: Final = "#e3f1fb"
FAILURE: Final = "#c44601"
FAILURE_FILL: Final = "#fdeee3"
OPEN: Final = "#7d6300"
HATCH: Final = "////"
"""Over FAILURE_FILL: an area that fails is told without its colour."""

WIDTH: Final = 7.2
"""Inches: with DPI 1,584 pixels, and 9-point letters are 7 pixels high where a page shows it 400 pixels wide."""
DPI: Final = 220
TITLE, HEADING, TEXT, SMALL = 13.0, 10.5, 9.5, 9.0
"""Sizes of letters in points: of the title, of a panel's heading, of labels, and of numbers along axes."""
POINTS: Final[dict[str, Any]] = {"markersize": 4.5, "markeredgecolor": "white", "markeredgewidth": 0.5, "zorder": 3}
"""Of what is measured."""
MARKERS: Final = ("o", "s", "^", "D", "v", "P")
"""Of lines of one colour, as of the layers of one network."""
VERDICTS: Final[dict[Verdict, tuple[str, str]]] = {
    "PASS": ("\u2713", RICH),
    "FAIL": ("\u2717", FAILURE),
    "INCONCLUSIVE": ("?", OPEN),
}
"""The mark and the colour of each verdict."""

_RC: Final[dict[str, Any]] = {
    "axes.axisbelow": True,
    "axes.edgecolor": PALE,
    "axes.grid": True,
    "axes.labelcolor": MUTED,
    "axes.labelsize": TEXT,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": HEADING,
    "axes.titleweight": "bold",
    "figure.facecolor": "white",
    "font.family": ["DejaVu Sans"],
    "font.size": TEXT,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "hatch.linewidth": 0.6,
    "savefig.facecolor": "white",
    "svg.hashsalt": "scalings",
    "text.color": INK,
    "xtick.color": PALE,
    "xtick.labelcolor": INK,
    "xtick.labelsize": SMALL,
    "ytick.color": PALE,
    "ytick.labelcolor": INK,
    "ytick.labelsize": SMALL,
}
_EDGE = 0.12
"""Inches between a figure's border and what is in it."""
_END_LABEL = "label at the end of a line"
_P = ParamSpec("_P")
_R = TypeVar("_R")


def styled(draw: Callable[_P, _R]) -> Callable[_P, _R]:
    """Draw in this language alone: with matplotlib's own defaults, and not those of a user's matplotlibrc."""

    @wraps(draw)
    def in_style(*args: _P.args, **options: _P.kwargs) -> _R:
        from matplotlib import rc_context, rcParamsDefault

        # Not the backend, which would load pyplot.
        defaults = {name: value for name, value in rcParamsDefault.items() if name != "backend"}
        language: dict[Any, Any] = {**defaults, **_RC}
        with rc_context(language):
            return draw(*args, **options)

    return in_style


def shade(position: float) -> str:
    """The blue between lazy (0) and rich (1)."""
    return _between(LAZY, RICH, position)


def grey(position: float) -> str:
    """The grey between the first (0) and the last (1) of an order that is not richness, such as widths."""
    return _between(PALE, INK, position)


def _between(start: str, end: str, position: float) -> str:
    share = min(max(position, 0.0), 1.0)
    pairs = [(int(start[k : k + 2], 16), int(end[k : k + 2], 16)) for k in (1, 3, 5)]
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in pairs)


def colour_of(check: Check) -> str:
    """The colour of a parameterization: orange if it is unstable, grey if trivial, else the blue of its richness."""
    if not check.stable:
        return FAILURE
    if check.richness is None:
        return MUTED
    if check.largest_change == MINUS_INFINITY:  # the output alone moves
        return LAZY
    # |dz| ~ n^r, and units change by order 1 where r is the order of the norm of as many units as the layer has.
    most = check.largest_change - check.relative_change
    return shade(float(check.feature_learning) if most <= 0 else float(check.largest_change / most))


def canvas(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """An empty figure of `size` inches, and its panels row by row."""
    figure = page(size)
    panels: list[Axes] = list(figure.subplots(rows, columns, squeeze=False).flat)
    return figure, panels


def page(size: tuple[float, float]) -> Figure:
    """An empty figure of `size` inches, for panels or subfigures."""
    # A Figure of its own, without pyplot: no window, no global state, nothing to close.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    engine = ConstrainedLayoutEngine(w_pad=_EDGE, h_pad=_EDGE / 2, wspace=0.02, hspace=0.02)
    figure = Figure(figsize=size, layout=engine)
    FigureCanvasAgg(figure)
    return figure


def stacked(figure: Figure, heights: Sequence[float]) -> list[SubFigure]:
    """Subfigures below each other, of these heights in inches."""
    parts: list[SubFigure] = list(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).flat)
    return parts


def in_pairs(figure: Figure | SubFigure, count: int) -> list[Axes]:
    """So many panels, two in a row, and the first of an odd number alone, so that none is empty."""
    odd = count % 2
    grid = figure.add_gridspec((count + 1) // 2, 2)
    places = [grid[0, :]] * odd + [grid[k // 2, k % 2] for k in range(2 * odd, count + odd)]
    return [figure.add_subplot(place) for place in places]


def title(figure: Figure, sentence: str, *details: str, verdict: Verdict | None = None) -> None:
    """The verdict as a sentence, with its mark, and below it in smaller letters what it is about, a paragraph each.

    To be called once, before `save`. The figure grows by what it takes, so that panels keep their size.
    """
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    width, panels = figure.get_size_inches()
    left, top = _EDGE + 0.3 * bool(verdict), _EDGE
    lines: list[tuple[float, str, dict[str, Any]]] = []
    paragraphs = [(sentence, TITLE, "bold", INK), *((detail, TEXT, "normal", MUTED) for detail in details)]
    for text, size, weight, colour in paragraphs:
        how: dict[str, Any] = {"size": size, "weight": weight, "color": colour}
        for line in lines_of(figure, text, size, weight, width - left - _EDGE):
            lines.append((top, line, how))
            top += size * 1.4 / 72
        top += 0.03
    height = panels + top
    figure.set_size_inches(width, height)
    if verdict:
        mark, colour = VERDICTS[verdict]
        how = {"size": TITLE + 2, "weight": "bold", "color": colour}
        figure.text(_EDGE / width, 1 - _EDGE / height, mark, va="top", in_layout=False, **how)
    for at, line, how in lines:
        figure.text(left / width, 1 - at / height, line, va="top", in_layout=False, parse_math=False, **how)
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine), "as page makes it"
    engine.set(rect=(0, 0, 1, panels / height))


def heading(axes: Axes, text: str, note: str = "") -> list[Text]:
    """Write what a panel shows, and in a second line how to read it; returns what was written."""
    from matplotlib.transforms import ScaledTranslation

    written = [axes.set_title(text, pad=6 + (SMALL + 3) * bool(note))]
    if note:
        figure = axes.get_figure()
        assert figure is not None
        above = axes.transAxes + ScaledTranslation(0, 5 / 72, figure.dpi_scale_trans)
        written.append(axes.text(0, 1, on_a_line(note), transform=above, size=SMALL, color=MUTED, va="bottom"))
    return written


def end_label(axes: Axes, x: float, y: float, text: str, colour: str) -> None:
    """Name the line that ends at (x, y), right of the panel. `save` moves labels apart that would overlap."""
    label = axes.annotate(
        text,
        (x, y),
        xytext=(1.05, 0),
        textcoords=("axes fraction", "offset points"),
        va="center",
        size=TEXT,
        color=legible(colour),
        annotation_clip=False,
    )
    label.set_label(_END_LABEL)


def legible(colour: str) -> str:
    """The colour, darkened until letters in it have the contrast 4.5 on white that WCAG 2 asks for.

    >>> legible(RICH) == RICH, legible(LAZY) == LAZY
    (True, False)
    """
    share = 0.0
    while contrast(_between(colour, INK, share), "#ffffff") < 4.5:
        share += 0.05
    return _between(colour, INK, share)


def ink_on(colour: str) -> str:
    """Of dark and white letters those that are read better on this colour.

    >>> ink_on(LAZY) == INK, ink_on(RICH)
    (True, '#ffffff')
    """
    return max((INK, "#ffffff"), key=lambda ink: contrast(ink, colour))


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21 (WCAG 2).

    >>> contrast("#000000", "#ffffff"), contrast(INK, INK)
    (21.0, 1.0)
    """
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@styled
def save(figure: Figure, path: str | Path) -> None:
    """Write the figure, in the format of the file's ending: the same bytes for the same figure, so without a date."""
    settle(figure)
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(Path(path).suffix.lower())
    figure.savefig(path, dpi=DPI, metadata=undated)


def settle(figure: Figure) -> None:
    """Lay the figure out, move apart the labels at the ends of lines, and draw leaders to them."""
    from matplotlib.text import Annotation

    engine = figure.get_layout_engine()
    if engine is None:  # it is settled
        return
    engine.execute(figure)
    # Without an engine `savefig` draws once, not twice.
    figure.set_layout_engine(None)
    for axes in figure.axes:
        labels = [one for one in axes.texts if isinstance(one, Annotation) and one.get_label() == _END_LABEL]
        if labels:
            _spread_labels(figure, axes, labels)


def _spread_labels(figure: Figure, axes: Axes, labels: list[Annotation]) -> None:
    from matplotlib.lines import Line2D

    per_point, box = figure.dpi / 72, axes.get_window_extent()
    ends = {one: axes.transData.transform((one.xy[0], one.xy[1])) for one in labels}
    labels = sorted(labels, key=lambda one: float(ends[one][1]))
    heights = [one.get_window_extent().height * 1.08 for one in labels]
    wanted = [float(ends[one][1]) for one in labels]
    for label, y in zip(labels, spread(wanted, heights, box.y0, box.y1), strict=True):
        end = ends[label]
        # Offsets in points are from (x, y), whatever the resolution that the figure is saved with.
        label.xyann = (label.xyann[0], (y - end[1]) / per_point)
        start, stop = end[0] + 4 * per_point, label.get_window_extent().x0 - 2 * per_point
        leader = figure.transFigure.inverted().transform([(start, end[1]), (stop, y)])
        colour = str(label.get_color())
        figure.add_artist(Line2D(*leader.T, color=colour, linewidth=0.7))


def hatched(area: Artist) -> None:
    """Make a patch or a filled region one that fails: hatched, so that it is told without its colour."""
    area.set(facecolor=FAILURE_FILL, edgecolor=_between("#ffffff", FAILURE, 0.35), hatch=HATCH, linewidth=0)
