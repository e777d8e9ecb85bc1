"""The figure of `richness`: how far trained networks are from their linearizations, and the paths that lead there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from scalings.figures.measurements import as_sentence, setting
from scalings.figures.slopes import Line, slopes
from scalings.figures.style import (
    MARKERS,
    MUTED,
    POINTS,
    WIDTH,
    colour_of,
    end_label,
    heading,
    in_pairs,
    page,
    styled,
    title,
)
from scalings.figures.ticks import count_axis, log_axis
from scalings.networks.dimensions import WIDTH_SCALE, symbol_of
from scalings.results.fits import Fit, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scalings.studies.richness import FollowedMember, LazyToRich

_SENTENCES: Final[dict[Verdict, str]] = {
    "PASS": "Lazy training follows its linearization, rich training leaves it (PASS)",
    "FAIL": "Lazy and rich training are not what was derived (FAIL)",
    "INCONCLUSIVE": "Whether training is lazy at one end and rich at the other is open (INCONCLUSIVE)",
}
_HEIGHT: Final = 7.2


@styled
def richness_figure(found: LazyToRich) -> Figure:
    """The distance from the linearized network against the width, with intervals and derived slopes; its exponents
    against the richness, which decide; and the loss, the change of the features and of the kernel step by step."""
    figure = page((WIDTH, _HEIGHT))
    distance, exponents, loss, moved, changed = in_pairs(figure, 5)
    symbol = symbol_of(WIDTH_SCALE)
    slopes(distance, [_distance(member) for member in found.members], found.widths, scale=WIDTH_SCALE, symbol=symbol)
    heading(distance, "distance from the linearized network")
    _exponents(exponents, found)
    _paths(loss, "loss", [(member, member.run.loss, 0) for member in found.members])
    # At step 0 nothing has changed, and a logarithm of 0 is no point of a path.
    _paths(moved, "|dz|/|z| of the last hidden layer", [(member, member.run.movement, 1) for member in found.members])
    _paths(
        changed, "|dK|/|K| of the tangent kernel", [(member, member.run.kernel_change, 1) for member in found.members]
    )
    title(
        figure,
        _SENTENCES[found.verdict],
        as_sentence(found.reason),
        setting(found.training, found.widths),
        verdict=found.verdict,
    )
    return figure


def _named(member: FollowedMember) -> str:
    return f"r = {member.richness}"


def _distance(member: FollowedMember) -> Line:
    fit = member.run.fit
    points = fit.points if isinstance(fit, Fit) else ()
    lost = [width for width, values in member.run.distances.items() if not np.isfinite(values).all()]
    return Line(
        f"{_named(member)}, {member.check.regime}",
        points,
        member.derived,
        colour_of(member.check),
        bound=True,
        diverged=lost,
    )


def _exponents(axes: Axes, found: LazyToRich) -> None:
    """The exponent of the distance against r: measured with intervals, the bound derived, and the threshold."""
    richness = [float(member.richness) for member in found.members]
    derived = [float(member.derived) for member in found.members]
    axes.plot(richness, derived, color=MUTED, linewidth=1.3, linestyle=(0, (4, 2)))
    for number, member in enumerate(found.members):
        fit = member.run.fit
        if isinstance(fit, Fit):
            axes.errorbar(
                [float(member.richness)],
                [fit.exponent],
                [[fit.exponent - fit.low], [fit.high - fit.exponent]],
                fmt=MARKERS[number],
                color=colour_of(member.check),
                **POINTS,
            )
    end_label(axes, richness[-1], derived[-1], "derived\nbound", MUTED)
    threshold = derived[0] / 2
    axes.axhline(threshold, color=MUTED, linewidth=1.0, linestyle=":")
    end_label(axes, richness[-1], threshold, "lazy below,\nrich above", MUTED)
    axes.set_xticks(richness, [str(member.richness) for member in found.members])
    axes.set_xlabel("richness r")
    heading(axes, "exponent of the distance", "with 95 % intervals")


def _paths(axes: Axes, name: str, paths: list[tuple[FollowedMember, tuple[float, ...], int]]) -> None:
    log_axis(axes, "y", [value for _, values, first in paths for value in values[first:]])
    for member, values, first in paths:
        colour = colour_of(member.check)
        axes.plot(range(first, len(values)), values[first:], color=colour, linewidth=1.4)
        end_label(axes, len(values) - 1, values[-1], _named(member), colour)
    count_axis(axes, "update")
    heading(axes, name, f"at width {paths[0][0].run.width}")
