"""The figure of an answer that is no family: values and ranges are its own, in words that do not overlap."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache

import pytest

from scalings.criteria.tutorial import BOUNDED_OUTPUT, CRITERIA, MAXIMALITY, TUTORIAL, UNIFORM_RICHNESS
from scalings.figures.ranges import ranges_figure
from scalings.networks.architectures import mlp, transformer
from scalings.results.derivations import Derivation
from symbolic.derivation.derive import derive
from tests.scalings.figures.legible import illegible

OPEN = [one for one in TUTORIAL if one not in (MAXIMALITY, UNIFORM_RICHNESS)]
_WITHOUT_MAXIMALITY = [one for one in TUTORIAL if one is not MAXIMALITY]
_WITHOUT_BOUND = [one for one in TUTORIAL if one is not BOUNDED_OUTPUT]
_ANSWERS: dict[str, Callable[[], Derivation]] = {
    "a point": lambda: derive("transformer"),
    "tied": lambda: derive(transformer(tied=True, biases=True, gains=True), "adamw"),
    "three freedoms": lambda: derive("mlp", criteria=_WITHOUT_MAXIMALITY),
    "in the depth": lambda: derive("resmlp", "adamw", OPEN, scale="depth"),
    "pieces": lambda: derive("mlp", criteria=CRITERIA["stability"]),
    "deep": lambda: derive(mlp(14), criteria=_WITHOUT_BOUND, given={"eta_1": Fraction(0)}),
}


@cache
def answer(name: str) -> Derivation:
    return _ANSWERS[name]()


@pytest.mark.parametrize("name", _ANSWERS)
def test_no_words_overlap_or_are_cut(name: str) -> None:
    assert answer(name).family is None
    assert illegible(ranges_figure(answer(name))) == []


def drawn(derivation: Derivation, kind: str) -> list[tuple[float, float]]:
    """Where the bars of a panel start and end, row by row."""
    [panel] = [one for one in ranges_figure(derivation).axes if one.get_title(loc="left").startswith(kind)]
    bars = [line.get_xdata() for line in panel.lines if len(line.get_xdata()) == 2]
    return [(float(low), float(high)) for low, high in bars]


def test_what_is_determined_is_a_dot_and_what_is_free_a_bar() -> None:
    assert drawn(answer("a point"), "learning rate") == [(1, 1), (0, 0), (-1, -1)]
    assert drawn(answer("three freedoms"), "init scale") == [(0, 0), (-0.5, -0.5), (-1, -0.5)]


def test_what_has_no_smallest_value_ends_in_an_arrow() -> None:
    assert arrows("three freedoms", 1) == [1, 2], "layers 2 and 3 may learn as slowly as one likes, layer 1 may not"


def test_pieces_are_drawn_together() -> None:
    """The readout may start as small as one likes in one piece alone, and with the tutorial's criteria in none."""
    assert arrows("pieces", 0) == [2]
    assert arrows("three freedoms", 0) == [], "the control"


def arrows(name: str, panel: int) -> list[float]:
    """The rows of a panel that know no smallest value."""
    lines = ranges_figure(answer(name)).axes[panel].lines
    assert not [line for line in lines if line.get_marker() == ">"]
    return [line.get_ydata()[0] for line in lines if line.get_marker() == "<"]
