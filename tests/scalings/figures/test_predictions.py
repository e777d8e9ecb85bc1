"""The figure of predict: the orders of changes, by layer and step."""

from __future__ import annotations

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from scalings.criteria.problem import Problem
from scalings.figures.predictions import prediction_figure
from scalings.figures.style import FAILURE_FILL, LAZY, RICH, contrast
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp, transformer
from scalings.results.phases import phase_of
from symbolic.derivation.derive import derivation_of
from symbolic.evaluation.check import verdict_on
from symbolic.evaluation.given_run import train_given
from symbolic.evaluation.predict import prediction_of
from tests.scalings.figures.legible import drawn_texts, illegible
from tests.strategies import SGD

THREE = Problem(mlp(3), SGD)


def drawn(problem: Problem, given: Parameterization, steps: int = 3) -> Figure:
    run = train_given(problem, given, max(steps, 4))
    return prediction_figure(problem, given.name, prediction_of(run, steps), phase_of(verdict_on(run)))


def colours(figure: Figure) -> list[object]:
    """Of the cells of |dz|, layer by layer."""
    cells = [one for one in figure.axes[0].patches if isinstance(one, Rectangle)]
    return [to_hex(cell.get_facecolor()) for cell in cells]


@pytest.mark.parametrize("steps", [1, 3, 12])
@pytest.mark.parametrize("name", ["standard", "ntp", "mup"])
def test_no_words_overlap_or_are_cut(name: str, steps: int) -> None:
    assert illegible(drawn(THREE, preset(name, 3), steps)) == []


def test_no_words_overlap_in_a_transformer() -> None:
    problem = Problem(transformer(grows="heads"), optimizer("adamw"), loss="cross-entropy")
    family = derivation_of(problem).family
    assert family
    assert illegible(drawn(problem, family.member("1/2"))) == []


def test_colours_tell_what_learns_what_is_lazy_and_what_explodes() -> None:
    assert colours(drawn(THREE, preset("mup", 3))) == [RICH] * 3
    assert colours(drawn(THREE, preset("ntp", 3))) == [LAZY, LAZY, RICH]  # the output moves by order 1
    assert colours(drawn(THREE, preset("standard", 3), 1)) == [LAZY, FAILURE_FILL, FAILURE_FILL]


@pytest.mark.parametrize("r", ["0", "1/8", "1/5", "1/4", "1/2"])
def test_letters_have_contrast_on_their_cells(r: str) -> None:
    """4 is the best that black and white letters have on the blue between."""
    family = derivation_of(THREE).family
    assert family
    axes = drawn(THREE, family.member(r)).axes[0]
    cells = [one for one in axes.patches if isinstance(one, Rectangle)]
    pairs = [
        (to_hex(text.get_color()), to_hex(cell.get_facecolor())) for text, cell in zip(axes.texts, cells, strict=True)
    ]
    assert all(contrast(ink, colour) >= 4 for ink, colour in pairs)


def test_cells_have_the_orders() -> None:
    words = [text for text, _ in drawn_texts(drawn(THREE, preset("standard", 3), 2))]
    assert {"$n^{3/2}$", "$n^{15/2}$", "0", "layer2"} <= set(words)
    assert "standard is unstable: the output explodes" in words


def test_layers_that_are_alike_are_one_row() -> None:
    words = [text for text, _ in drawn_texts(drawn(Problem(mlp(40), SGD), preset("ntp", 40)))]
    assert "layer2 to layer39" in words
    assert len(words) < 60
