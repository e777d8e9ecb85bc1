"""The figure of `calibrate`: the hyperparameters that were solved for beside the derived slopes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from scalings.figures.forest import Column, Row, forest, forest_height
from scalings.figures.measurements import as_sentence, setting
from scalings.figures.slopes import Line, slopes
from scalings.figures.style import WIDTH, heading, in_pairs, page, shade, stacked, styled, title
from scalings.hyperparameters.parameterizations import Hyperparameter, Which
from scalings.networks.dimensions import WIDTH_SCALE, symbol_of
from scalings.results.fits import Verdict
from scalings.studies.calibration import CalibrationAgreement
from scalings.studies.equivalence import Comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SENTENCES: Final[dict[Verdict, str]] = {
    "PASS": "The hyperparameters that training solves for are the derived ones (PASS)",
    "FAIL": "The hyperparameters that training solves for are not the derived ones (FAIL)",
    "INCONCLUSIVE": "Whether training solves for the derived hyperparameters is open (INCONCLUSIVE)",
}
_NAMES: Final[dict[Which, str]] = {"init": "init scale sigma", "lr": "learning rate eta"}
_PANELS: Final = 2.2
"""Inches of the panels above the forest."""


@styled
def calibration_figure(agreement: CalibrationAgreement) -> Figure:
    """Init scales and learning rates against the width with lines of the derived slopes, and below how far the solved
    exponents are from the derived ones."""
    found, family = agreement.calibration, agreement.family
    colour = shade(float((agreement.richness - family.low) / (family.high - family.low)))
    column = Column("exponents solved for", None, colour, _cells(agreement))
    heights = (_PANELS, forest_height([column]))
    figure = page((WIDTH, sum(heights)))
    above, below = stacked(figure, heights)
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


def _cells(agreement: CalibrationAgreement) -> list[tuple[Row, Comparison[Hyperparameter]]]:
    """The exponents, with the rows that they are in: init scales above learning rates."""
    names, layers = list(_NAMES), [layer.name for layer in agreement.calibration.network.layers]
    return [
        (Row((names.index(key.which), layers.index(key.layer)), _NAMES[key.which].split()[-1], key.layer), one)
        for key, one in agreement.solved.items()
    ]
