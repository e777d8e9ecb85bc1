"""The figure of `measure --long`: alignments against the number of updates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from scalings.criteria.problem import Problem
from scalings.figures.measurements import as_sentence
from scalings.figures.style import MARKERS, POINTS, WIDTH, canvas, end_label, heading, shade, styled, title
from scalings.results.fits import Verdict
from scalings.studies.long_training import LongTraining

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SENTENCES: Final[dict[Verdict, str]] = {
    "PASS": "alignments stay as assumed (PASS)",
    "FAIL": "an alignment does not stay as assumed (FAIL)",
    "INCONCLUSIVE": "whether alignments stay as assumed is open (INCONCLUSIVE)",
}
_HEIGHT: Final = 3.2
_BESIDE: Final = 0.04
"""How far points of one checkpoint are drawn from each other, as a share of its number."""


@styled
def long_figure(problem: Problem, found: LongTraining) -> Figure:
    """A line for each layer's alpha or omega, with intervals; the band is what is assumed, with its margin."""
    measurement, shown = found.measurement, found.alignments
    figure, (axes,) = canvas(1, 1, (WIDTH, _HEIGHT))
    axes.set_xscale("log")
    for assumed in {float(one.assumed) for one in shown}:
        axes.axhspan(assumed - found.margin, assumed + found.margin, color="0.92", zorder=0)
        axes.axhline(assumed, color="0.6", linewidth=0.8, zorder=1)
    for number, one in enumerate(shown):
        seen = [(step, share) for step, share in one.measured.items() if share]
        beside = 1 + _BESIDE * (number - (len(shown) - 1) / 2)
        colour, steps = shade((number + 0.5) / len(shown)), [step * beside for step, _ in seen]
        values = [share.value for _, share in seen]
        spread = [[share.value - share.low for _, share in seen], [share.high - share.value for _, share in seen]]
        axes.errorbar(steps, values, yerr=spread, color=colour, linewidth=1.2, elinewidth=0.8)
        axes.plot(steps, values, MARKERS[number % len(MARKERS)], color=colour, **POINTS)
        if seen:
            end_label(axes, steps[-1], values[-1], f"{one.kind} of {one.layer}", colour)
    axes.set_xticks(list(measurement.training.checkpoints), list(map(str, measurement.training.checkpoints)))
    axes.minorticks_off()
    axes.set_xlabel("updates")
    heading(axes, "alignment: 1 is full, 0 none", "The band is what theory assumes, with its margin.")
    title(
        figure,
        f"{measurement.parameterization.name}, {problem.law.name}: {_SENTENCES[found.verdict]}",
        as_sentence(found.reason),
        f"Fitted over {problem.scale}s {measurement.widths[0]} to {measurement.widths[-1]}; 95 % intervals.",
        verdict=found.verdict,
    )
    return figure
