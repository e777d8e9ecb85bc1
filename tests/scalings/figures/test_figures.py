"""What every figure owes: its verdict in the title, nothing that cannot be read, and no panel that is empty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from matplotlib.figure import Figure

from scalings.criteria.observables import Observable
from scalings.figures.calibration import calibration_figure
from scalings.figures.freedom import freedom_figure
from scalings.figures.measurements import measurement_figure
from scalings.figures.optimizer_laws import law_figure
from scalings.figures.richness import richness_figure
from scalings.figures.style import VERDICTS
from scalings.figures.transfer import transfer_figure
from scalings.figures.verification import verification_figure
from scalings.hyperparameters.update_laws import optimizer
from scalings.results.fits import Verdict
from tests.scalings.figures import answers
from tests.scalings.figures.legible import illegible

OFF = {Observable("dz", "layer2", 2): 0.3, Observable("dz", "layer2", 1): -0.3}
LONG = "my $own ^one_" * 12 + "x" * 160
Drawing = tuple[Callable[..., Figure], Callable[[], Any], Verdict, str]
FIGURES: dict[str, Drawing] = {
    "measure": (measurement_figure, answers.measurement, "PASS", "mup: training agrees with theory"),
    "measure, refuted": (
        measurement_figure,
        lambda: answers.measurement(off=OFF),
        "FAIL",
        "mup: training does not agree with theory",
    ),
    "measure, open": (measurement_figure, lambda: answers.measurement(noise=0.6), "INCONCLUSIVE", "mup: whether"),
    "measure, diverged": (measurement_figure, lambda: answers.measurement(diverged=(4096, 8192)), "FAIL", "mup:"),
    "measure, unstable": (
        measurement_figure,
        lambda: answers.measurement("standard", diverged=(4096, 8192)),
        "PASS",
        "standard: training agrees with theory (PASS): unstable",
    ),
    "measure, deep": (measurement_figure, lambda: answers.measurement(depth=12), "PASS", "mup:"),
    "measure, a long name": (
        measurement_figure,
        lambda: answers.renamed(answers.measurement(), LONG),
        "PASS",
        "my $own ^one_my",
    ),
    "verify": (verification_figure, answers.verification, "PASS", "Training agrees with theory"),
    "verify, open": (verification_figure, lambda: answers.verification(0.6), "INCONCLUSIVE", "Whether training"),
    "transfer": (transfer_figure, answers.transfer, "PASS", "mup: the learning rate transfers"),
    "transfer, drifting": (
        transfer_figure,
        lambda: answers.transfer("ntp", drift=0.5),
        "FAIL",
        "ntp: the learning rate does not transfer (FAIL): lazy, r = 0",
    ),
    "transfer, on the edge": (transfer_figure, lambda: answers.transfer(edges=True), "INCONCLUSIVE", "mup: whether"),
    "richness": (richness_figure, answers.richness, "PASS", "Lazy training follows its linearization"),
    "richness, not lazy": (richness_figure, lambda: answers.richness(slope=-0.1), "FAIL", "Lazy and rich training"),
    "calibrate": (calibration_figure, answers.calibration, "INCONCLUSIVE", "Whether training solves"),
    "freedom": (freedom_figure, answers.freedom, "INCONCLUSIVE", "Which freedom the criteria leave"),
    "law": (law_figure, answers.law, "PASS", "sgd follows the law of sgd"),
    "law, another": (
        law_figure,
        lambda: (answers.law(), optimizer("adam")),
        "FAIL",
        "sgd does not follow the law of adam",
    ),
    "law, bent": (law_figure, lambda: answers.law("adam", "eps=1e-2"), "FAIL", "adam does not follow one law"),
}
_ALIKE = ("measure, open", "measure, diverged", "measure, deep", "verify, open", "transfer, on the edge")
"""Figures that are much like another one."""


def given(answer: Callable[[], Any]) -> tuple[Any, ...]:
    """The arguments of a figure: an answer, or an answer and what else is drawn."""
    found = answer()
    return found if isinstance(found, tuple) else (found,)


def title_of(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.texts)


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=pytest.mark.slow) if one in _ALIKE else one for one in FIGURES]
)
def test_a_figure_says_its_verdict_and_can_be_read(name: str) -> None:
    draw, answer, verdict, sentence = FIGURES[name]
    figure = draw(*given(answer))
    mark, colour = VERDICTS[verdict]
    assert (figure.texts[0].get_text(), figure.texts[0].get_color()) == (mark, colour)
    assert sentence in title_of(figure)
    assert f"({verdict})" in title_of(figure)
    assert illegible(figure) == []
    assert all(axes.lines or axes.collections for axes in figure.axes), "a panel without anything in it"


def test_what_was_not_measured_has_no_panel() -> None:
    """As in a coordinate check, which looks at sizes of representations and the loss only."""
    found, agreement, verdict = answers.measurement()
    seen = {at: values for at, values in found.values.items() if at.quantity in ("z", "dz", "loss")}
    kept = tuple(one for one in agreement.comparisons if one.of in seen)
    figure = measurement_figure(replace(found, values=seen), replace(agreement, comparisons=kept), verdict)
    headings = [axes.get_title(loc="left") for axes in figure.axes]
    assert [one for one in headings if one] == ["|dz| after 2 updates", "|z| after 2 updates", "loss after 2 updates"]
    assert illegible(figure) == []
