"""The figure of `calibrate`: the hyperparameters that were solved for beside the derived slopes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from scalings.figures.forest import Column, forest, forest_height
from scalings.figures.measurements import as_sentence, setting
from scalings.figures.slopes import Line, slopes
from scalings.figures.style import WIDTH, heading, in_pairs, page, shade, styled, title
from scalings.networks.dimensions import WIDTH_SCALE, symbol_of
from scalings.results.fits import Verdict
from scalings.studies.calibration import CalibrationAgreement

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SENTENCES: Final[dict[Verdict, str]] = {
    "PASS": "The hyperparameters that training solves for are the derived ones (PASS)",
    "FAIL": "The hyperparameters that training solves for are not the derived ones (FAIL)",
    "INCONCLUSIVE": "Whether training solves for the derived hyperparameters is open (INCONCLUSIVE)",
}
_NAMES: Final = {"init": "init scale sigma", "lr": "learning rate eta"}
_PANELS: Final = 2.2
"""Inches of the panels above the forest."""


@styled
def calibration_figure(agreement: CalibrationAgreement) -> Figure:
    """Init scales and learning rates against the width with lines of the derived slopes, and below how far the solved
    exponents are from the derived ones."""
    found, family = agreement.calibration, agreement.family
    colour = shade(float((agreement.richness - family.low) / (family.high - family.low)))
    column = Column(
        "exponents solved for",
        None,
        colour,
        [((str(key).split()[0], key.layer), one) for key, one in agreement.solved.items()],
    )
    heights = (_PANELS, forest_height([column]))
    figure = page((WIDTH, sum(heights)))
    above, below = figure.subfigures(2, 1, height_ratios=heights)
    for axes, which in zip(in_pairs(above, len(_NAMES)), _NAMES, strict=True):
        lines = [
            Line(key.layer, one.points, agreement.solved[key].derived, colour)
            for key, one in found.fits.items()
            if key.which == which
        ]
        slopes(axes, lines, list(found.seeds), scale=WIDTH_SCALE, symbol=symbol_of(WIDTH_SCALE))
        heading(axes, _NAMES[which])
    forest(below, [column], agreement.delta)
    title(
        figure,
        f"{_SENTENCES[agreement.verdict]}: r = {agreement.richness}",
        as_sentence(agreement.reason),
        setting(found.training, list(found.seeds)),
        verdict=agreement.verdict,
    )
    return figure
