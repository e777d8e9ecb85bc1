"""The figure of `check_model`, to stand in a page: every exponent that is asserted, measured minus derived.

It is SVG within the page, and has the page's own colours, so that it is dark where the page is.
"""

from __future__ import annotations

from io import StringIO
from typing import Final

from scalings.figures.forest import forest, forest_height
from scalings.figures.measurements import columns_of
from scalings.figures.style import (
    FAILURE,
    FAILURE_FILL,
    GRID,
    INK,
    LAZY,
    MUTED,
    OPEN,
    PALE,
    RICH,
    STABLE_FILL,
    WIDTH,
    page,
    settle,
    styled,
)
from scalings.studies.model_checks import ModelCheck

COLOURS: Final = {
    "paper": "#ffffff",
    "ink": INK,
    "muted": MUTED,
    "grid": GRID,
    "pale": PALE,
    "lazy": LAZY,
    "rich": RICH,
    "stable": STABLE_FILL,
    "failure": FAILURE,
    "failing": FAILURE_FILL,
    "open": OPEN,
}
"""Of figures, by their names as variables of a page's style."""


@styled
def model_check_svg(answer: ModelCheck) -> str | None:
    """The figure as SVG; None where nothing was asserted, or training is unstable in theory."""
    columns = columns_of(answer.problem.network, answer.agreement, answer.check) if answer.check.stable else []
    if not columns:
        return None
    figure = page((WIDTH, forest_height(columns)))
    forest(figure, columns, answer.agreement.delta)
    settle(figure)
    written = StringIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(written, format="svg", transparent=True, metadata=no_metadata)
    svg = written.getvalue()
    for name, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg[svg.index("<svg") :]
