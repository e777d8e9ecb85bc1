"""The figure of `transfer`: the loss against the learning rate, and how the best and the largest stable one drift."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from scalings.figures.measurements import as_sentence, in_words, setting
from scalings.figures.slopes import Line, slopes
from scalings.figures.style import FAILURE, POINTS, WIDTH, canvas, colour_of, grey, hatched, heading, styled, title
from scalings.figures.ticks import factor_axis, log_axis
from scalings.results.fits import Verdict
from scalings.studies.transfer import TransferAgreement

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SENTENCES: Final[dict[Verdict, str]] = {
    "PASS": "the learning rate transfers (PASS)",
    "FAIL": "the learning rate does not transfer (FAIL)",
    "INCONCLUSIVE": "whether the learning rate transfers is open (INCONCLUSIVE)",
}
_HEIGHT: Final = 2.6
_ROOM: Final = 0.18
"""Of the panel of losses, above the initial one: for what diverged."""


@styled
def transfer_figure(agreement: TransferAgreement) -> Figure:
    """Above the loss against the learning rate, a curve for each width; below the best and the largest stable rate.

    Learning rates are factors on those of the parameterization: of one that transfers the minima are below each other,
    and both lines are flat. Lines have the derived slope, which may be another.
    """
    found, check = agreement.found, agreement.check
    drifts = _drifts(agreement)
    figure, (above, *below) = canvas(1 + bool(drifts), 1, (WIDTH, _HEIGHT * (1 + bool(drifts))))
    _losses(above, agreement)
    for axes in below:
        slopes(axes, drifts, list(found.seeds), scale=found.scale, symbol=agreement.symbol)
        heading(axes, "the best and the largest stable factor")
    title(
        figure,
        f"{found.parameterization.name}: {_SENTENCES[agreement.verdict]}: {in_words(check)}",
        as_sentence(agreement.reason),
        setting(found.training, list(found.seeds), found.scale),
        verdict=agreement.verdict,
    )
    return figure


def _losses(axes: Axes, agreement: TransferAgreement) -> None:
    """A curve for each width, as far as training is stable; where it no longer is, a cross above the initial loss."""
    found = agreement.found
    widths, best = list(found.curves), found.drifts.get("best")
    at_best = {width: math.exp(mean) for width, mean, _ in best.points} if best else {}
    ends: dict[int, float] = {}
    for number, width in enumerate(widths):
        stable = [(factor, loss) for factor, loss in found.curves[width] if loss < 0]
        if beyond := _beyond(found.curves[width], stable):
            ends[width] = beyond
        if not stable:
            continue
        factors, losses = (np.array(column) for column in zip(*stable, strict=True))
        axes.plot(factors, np.exp(losses), color=grey((number + 1) / len(widths)), linewidth=1.2)
        if width in at_best:
            lowest = np.exp(np.interp(np.log(at_best[width]), np.log(factors), losses))
            axes.plot(
                at_best[width],
                lowest,
                "o",
                color=colour_of(agreement.check),
                **POINTS,
            )
    losses_seen = [math.exp(loss) for curve in found.curves.values() for _, loss in curve]
    log_axis(axes, "y", [*losses_seen, 1.0], room=_ROOM)
    top = axes.get_ylim()[1]
    hatched(axes.axhspan(1.0, top, zorder=0))
    axes.plot(
        list(ends.values()), [top**0.5] * len(ends), "x", color=FAILURE, markersize=5.5, markeredgewidth=1.5, zorder=3
    )
    shown = [factor for curve in found.curves.values() for factor, loss in curve if loss < 0] + list(ends.values())
    factor_axis(axes, "x", shown or [1.0])
    axes.set_xlabel("factor on the learning rates of the parameterization")
    heading(
        axes,
        "mean loss over the updates / initial loss",
        f"Light is {found.scale} {widths[0]}, dark {widths[-1]}. Dots are the best; at crosses training diverges.",
    )


def _beyond(curve: Sequence[tuple[float, float]], stable: Sequence[tuple[float, float]]) -> float | None:
    """The smallest factor that was tried beyond those at which training was stable from any seed."""
    most = stable[-1][0] if stable else 0.0
    return next((factor for factor, _ in curve if factor > most), None)


def _drifts(agreement: TransferAgreement) -> list[Line]:
    lines = []
    for rate, fit in agreement.found.drifts.items():
        measured = f"${agreement.symbol}^{{{fit.exponent:+.2f} \\pm {fit.half_width:.2f}}}$"
        name = f"{rate}\nmeasured {measured}"
        if agreement.derived is not None:
            name += "\nderived"
        lines.append(Line(name, fit.points, agreement.derived, colour_of(agreement.check)))
    return lines
