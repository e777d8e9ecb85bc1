"""The figure of `freedom`: the singular values of the Jacobian, of which one tends to 0, and where it points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from scalings.figures.measurements import as_sentence, setting
from scalings.figures.slopes import Z
from scalings.figures.style import INK, MUTED, PALE, RICH, STABLE_FILL, WIDTH, canvas, end_label, heading, styled, title
from scalings.figures.ticks import log_axis, width_axis
from scalings.networks.dimensions import WIDTH_SCALE, symbol_of
from scalings.results.fits import Verdict
from scalings.studies.freedom import FreedomAgreement

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SENTENCES: Final[dict[Verdict, str]] = {
    "PASS": "The criteria leave one freedom, and it is the richness (PASS)",
    "FAIL": "The criteria do not leave the freedom that was derived (FAIL)",
    "INCONCLUSIVE": "Which freedom the criteria leave is open (INCONCLUSIVE)",
}
_HEIGHT: Final = 5.2


@styled
def freedom_figure(agreement: FreedomAgreement) -> Figure:
    """Above the singular values (g = 1) against the width, with the threshold of what counts as 0; below the direction
    of the last one, measured with intervals and derived."""
    measured = agreement.measured
    figure, (above, below) = canvas(2, 1, (WIDTH, _HEIGHT))
    _singular_values(above, agreement)
    _direction(below, agreement)
    title(
        figure,
        _SENTENCES[agreement.verdict],
        as_sentence(agreement.reason),
        setting(measured.training, list(measured.seeds)),
        verdict=agreement.verdict,
    )
    return figure


def _singular_values(axes: Axes, agreement: FreedomAgreement) -> None:
    measured, delta = agreement.measured, float(agreement.delta)
    least, _ = measured.freedoms(delta)
    seen = [
        mean + side * Z * error for one in measured.singular_values for _, mean, error in one.points for side in (-1, 1)
    ]
    log_axis(axes, "y", [*seen, delta], most=6)
    width_axis(axes, list(measured.seeds), f"{WIDTH_SCALE} {symbol_of(WIDTH_SCALE)}", most=9)
    axes.axhspan(axes.get_ylim()[0], delta, color=STABLE_FILL, linewidth=0, zorder=0)
    for number, one in enumerate(measured.singular_values, start=1):
        widths, means, errors = (np.array(column) for column in zip(*one.points, strict=True))
        free = number > len(measured.singular_values) - least
        colour = RICH if free else MUTED
        axes.errorbar(widths, means, Z * errors, fmt="o-", color=colour, markersize=4.5, linewidth=1.2, elinewidth=1.1)
        limit = f"$s_{number} = {_with_error(one.value, (one.high - one.low) / 2)}$"
        end_label(axes, widths[-1], means[-1], f"{limit}\na freedom" if free else limit, colour)
    heading(
        axes,
        "singular values of the criteria's Jacobian",
        f"Gauges aside, with their limits. Shaded: within {delta:g} of 0.",
    )


def _with_error(value: float, error: float) -> str:
    """The number with the digits that its error leaves, and the error.

    >>> _with_error(2.7521, 0.0123)
    '2.75 \\\\pm 0.01'
    """
    digits = max(0, -math.floor(math.log10(error))) if error > 0 else 3
    return f"{value:.{digits}f} \\pm {error:.{digits}f}"


def _direction(axes: Axes, agreement: FreedomAgreement) -> None:
    names = list(agreement.direction)
    for number, key in enumerate(names):
        mean, error = agreement.measured.direction[key]
        axes.plot([agreement.direction[key]] * 2, [number - 0.3, number + 0.3], color=INK, linewidth=1.6)
        axes.errorbar([mean], [number], xerr=[Z * error], fmt="o", color=RICH, markersize=5, elinewidth=1.1, zorder=3)
    axes.axvline(0, color=PALE, linewidth=0.8, zorder=0)
    axes.set_yticks(range(len(names)), [str(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("component")
    heading(axes, "the direction of the smallest one", "Dots: measured. Bars: the richness, as derived.")
