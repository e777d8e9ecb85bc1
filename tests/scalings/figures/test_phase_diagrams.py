"""The figures of check, derive and predict are legible, say their verdict, and are alike byte for byte."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib.path import Path as Outline

from scalings.criteria.problem import Problem
from scalings.figures.label_placement import deepest_point
from scalings.figures.phase_diagrams import change_lines, phase_figure, verdict_sentence
from scalings.figures.style import VERDICTS, save
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp
from scalings.results.checks import Repair
from scalings.results.phases import PhaseDiagram
from symbolic.derivation.derive import derivation_of
from symbolic.evaluation.phases import phases_of
from symbolic.evaluation.repair import repair_of
from tests.scalings.figures.legible import drawn_texts, illegible
from tests.strategies import SGD

READOUT = Parameterization.of(multiplier="0,0,0", init="0,-1/2,0", lr="0,0,0", name="large readout")
SMALL = Parameterization.of(multiplier="0,0,0", init="-1/2,-1/2,-1/2", lr="0,-1,-1", name="small")
SLOW = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1/2", lr="0,-2,-1", name="slow")
DEEP = Parameterization.of(multiplier="0,0,0,0", init="0,-1/2,-1/2,-1/2", lr="0,0,0,0", name="a default of torch")
MUON = replace(DEEP, name="slanted")


_THREE = Problem(mlp(3), SGD)
_GIVEN = {
    one.name: (_THREE, one) for one in (preset("standard", 3), preset("mup", 3), preset("ntp", 3), READOUT, SMALL, SLOW)
} | {
    DEEP.name: (Problem(mlp(4), optimizer("adam")), DEEP),
    MUON.name: (Problem(mlp(4), optimizer("muon")), MUON),
}


@cache
def diagram_of(name: str) -> PhaseDiagram:
    return phases_of(*_GIVEN[name])


@pytest.mark.parametrize("name", _GIVEN)
def test_no_words_overlap_or_are_cut(name: str) -> None:
    assert illegible(phase_figure(diagram_of(name))) == []


@pytest.mark.parametrize("name", _GIVEN)
def test_every_area_is_named(name: str) -> None:
    diagram = diagram_of(name)
    words = " ".join(text for text, _ in drawn_texts(phase_figure(diagram))).replace("\n", " ")
    for cell in diagram.cells:
        if len(cell.corners) > 2:
            assert cell.phase.reason in words


def test_the_title_is_the_verdict() -> None:
    sentences = [verdict_sentence(diagram_of(name)) for name in _GIVEN]
    assert sentences[:3] == [
        "standard is unstable: the output explodes",
        "mup is rich, r = 1/2, and meets all criteria",
        "ntp is lazy, r = 0, and meets all criteria",
    ]
    assert sentences[4:6] == [
        "small is unstable: signals vanish at initialization",
        "slow is lazy: maximality is not met",
    ]


@pytest.mark.slow
def test_the_arrow_says_what_the_repair_changes() -> None:
    standard, readout = diagram_of("standard"), diagram_of(READOUT.name)
    assert change_lines(standard) == ["lr of layer2, layer3: 1 \u2192 $1/n$"]
    assert change_lines(readout)[1] == "init of layer3: 1 \u2192 $n^{-1/2}$"


@pytest.mark.parametrize(
    "name",
    [r"$my^ \odd_{name} <of> & more than forty letters$", "x" * 160, r"$\frac{1}{0$", "two\nlines\x00\x1b[31m", ""],
)
@pytest.mark.parametrize("exponents", ["standard", "mup"])
def test_a_name_is_a_name_whatever_is_in_it(name: str, exponents: str, tmp_path: Path) -> None:
    diagram = phases_of(Problem(mlp(3), SGD), replace(preset(exponents, 3), name=name))
    assert illegible(phase_figure(diagram)) == []
    save(phase_figure(diagram), tmp_path / "phases.svg")
    ElementTree.parse(tmp_path / "phases.svg")


def test_a_wish_that_is_not_met_is_the_verdict() -> None:
    """What was given meets the criteria and is stable, but is not what was asked for; its repair has another r."""
    problem, ntp = Problem(mlp(3), SGD), preset("ntp", 3)
    repair = repair_of(problem, ntp, Fraction(1, 2))
    assert isinstance(repair, Repair)
    figure = phase_figure(phases_of(problem, ntp, repair), "r = 1/2 was asked for")
    words = [text for text, _ in drawn_texts(figure)]
    assert figure.texts[0].get_text() == VERDICTS["FAIL"][0]
    assert "ntp is lazy: r = 1/2 was asked for" in words
    assert illegible(figure) == []


@pytest.mark.parametrize("r", ["1/100", "24/100", "26/100", "49/100"])
def test_numbers_of_the_richness_keep_apart(r: str) -> None:
    problem = Problem(mlp(3), SGD)
    family = derivation_of(problem).family
    assert family
    assert illegible(phase_figure(phases_of(problem, family.member(Fraction(r))))) == []


def test_the_line_into_an_area_ends_far_from_its_border() -> None:
    """The corners of a box that are corners of an area lie on its border, too."""
    x, y = deepest_point(Outline([(0, 0), (1, 0), (1, 1), (0, 0)], closed=True))
    assert min(y, 1 - x, (x - y) / 2**0.5) > 0.25


@pytest.mark.slow
def test_a_figure_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    for ending in ("svg", "png", "pdf"):
        files = [tmp_path / f"{number}.{ending}" for number in range(2)]
        for file in files:
            save(phase_figure(phases_of(Problem(mlp(3), SGD), preset("standard", 3))), file)
        first, second = (file.read_bytes() for file in files)
        assert first == second
