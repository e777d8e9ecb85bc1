"""The figure of derive: every exponent of the family, in words that do not overlap."""

from __future__ import annotations

from fractions import Fraction

import pytest

from scalings.criteria.problem import Problem
from scalings.figures.families import family_figure
from scalings.hyperparameters.gauges import GAUGES, Gauge
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import cnn, mlp, resmlp, transformer
from scalings.results.derivations import Derivation
from symbolic.derivation.derive import derivation_of
from tests.scalings.figures.legible import drawn_texts, illegible
from tests.strategies import SGD

PROBLEMS = {
    "mlp": Problem(mlp(3), SGD),
    "deep": Problem(mlp(12), optimizer("adam")),
    "lars": Problem(mlp(3), optimizer("lars")),
    "resmlp": Problem(resmlp(), SGD),
    "cnn": Problem(cnn(4), SGD),
    "transformer": Problem(transformer(grows="heads", gains=True), optimizer("adamw"), loss="cross-entropy"),
}


def derived(name: str) -> Derivation:
    return derivation_of(PROBLEMS[name])


@pytest.mark.parametrize("name", PROBLEMS)
def test_no_words_overlap_or_are_cut(name: str) -> None:
    assert illegible(family_figure(derived(name))) == []


def test_no_place_is_empty() -> None:
    """Weight decays are a third kind beside two in a row."""
    figure = family_figure(derivation_of(Problem(mlp(3), optimizer("adamw"))))
    places = [spec for axes in figure.axes if (spec := axes.get_subplotspec())]
    assert sum(len(place.colspan) for place in places) == 2 * max(place.rowspan.stop for place in places)
    assert illegible(figure) == []


def test_a_panel_for_each_gauge_or_for_the_one_asked_for() -> None:
    headings = {one.get_title(loc="left") for one in family_figure(derived("mlp")).axes}
    assert len(family_figure(derived("mlp")).axes) == 2 * len(GAUGES)
    assert headings >= {"init scale \u03c3, all multipliers 1", "multiplier g, one global learning rate"}
    gauge: Gauge = "global-lr"
    words = [text for text, _ in drawn_texts(family_figure(derived("mlp"), gauge))]
    assert {"multiplier g", "init scale \u03c3"} <= set(words)
    assert "learning rate \u03b7" not in words


def test_a_gauge_that_the_optimizer_has_not_is_left_out() -> None:
    """Under lars no gauge moves a learning rate, so that none makes it global."""
    titles = [one.get_title(loc="left") for one in family_figure(derived("lars")).axes]
    assert not any("global" in title for title in titles)


def test_the_ends_of_lines_are_the_exponents_of_the_members() -> None:
    derivation = derived("mlp")
    assert derivation.family
    lazy, rich = (derivation.family.member(r) for r in (Fraction(0), Fraction(1, 2)))
    panel = family_figure(derivation, "unit-multiplier").axes[1]
    drawn = [tuple(line.get_ydata()[0] for line in panel.lines[k : k + 2]) for k in range(0, 6, 2)]
    assert drawn == [(float(a.lr), float(b.lr)) for a, b in zip(lazy.layers, rich.layers, strict=True)]
    words = [text for text, _ in drawn_texts(family_figure(derivation, "unit-multiplier"))]
    assert {"layer1: $n^{2r}$", "layer2: $n^{2r-1}$", "layer3: $1/n$"} <= set(words)
