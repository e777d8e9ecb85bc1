"""The phase diagram: its cells have the verdicts of check, on areas, on borders and in corners."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest

from scalings.criteria.problem import Problem
from scalings.errors import ArgumentError
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp, resmlp, transformer
from scalings.results.phases import Corner, PhaseCell, PhaseDiagram, contains, phase_of
from symbolic.derivation.derive import derivation_of
from symbolic.evaluation.check import verdict_on
from symbolic.evaluation.given_run import train_given
from symbolic.evaluation.phases import phases_of
from symbolic.polyhedra.polygons import middle, outlines
from tests.strategies import SGD

THREE = Problem(mlp(3), SGD)
STANDARD = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1/2", lr="0,0,0", scales="0", name="standard")
DEEP = Parameterization.of(multiplier="0,1/2,0,0", init="0,-1,-1/2,0", lr="0,0,0,-1", name="in another gauge")
PLANES = {
    "mlp": (THREE, preset("standard", 3)),
    "member": (THREE, preset("mup", 3)),
    "adam": (Problem(mlp(4), optimizer("adam")), DEEP),
    "resmlp": (Problem(resmlp(), SGD), STANDARD),
}
POINTS = 150


def verdict(diagram: PhaseDiagram, point: Corner) -> object:
    """The phase of a point by check itself."""
    return phase_of(verdict_on(train_given(diagram.problem, diagram.plane.at(*point))))


def points(diagram: PhaseDiagram) -> Iterator[Corner]:
    """Random points of the window, and of every border: coarse fractions, so that many lie on other borders too."""
    random = Random(7)
    (left, bottom), (right, top) = diagram.window
    for _ in range(POINTS):
        parts = random.choice((4, 12, 97, 1000))
        across, along = (Fraction(random.randint(0, parts), parts) for _ in "xy")
        yield left + across * (right - left), bottom + along * (top - bottom)
    for cell in diagram.cells:
        if len(cell.corners) == 2:
            share = Fraction(random.randint(1, 9), 10)
            (x0, y0), (x1, y1) = cell.corners
            yield x0 + share * (x1 - x0), y0 + share * (y1 - y0)


def disagreements(diagram: PhaseDiagram) -> int:
    return sum(diagram.at(*point) != verdict(diagram, point) for point in points(diagram))


@pytest.mark.parametrize("name", PLANES)
def test_every_cell_has_the_verdict_of_check(name: str) -> None:
    diagram = phases_of(*PLANES[name])
    assert disagreements(diagram) == 0
    assert len({cell.phase for cell in diagram.cells}) > 4


@pytest.mark.parametrize("name", PLANES)
def test_every_point_lies_in_one_cell(name: str) -> None:
    diagram = phases_of(*PLANES[name])
    for point in points(diagram):
        assert sum(contains(cell.corners, point) for cell in diagram.cells) == 1
    (left, bottom), (right, top) = diagram.window
    corners = {(left, bottom), (right, bottom), (right, top), (left, top)}
    assert [set(loop) for loop in outlines(cell.corners for cell in diagram.cells if len(cell.corners) > 2)] == [
        corners
    ]


def test_a_shifted_border_is_refused() -> None:
    diagram = phases_of(*PLANES["mlp"])
    end, moved = diagram.plane.high, diagram.plane.high + Fraction(1, 20)

    def shifted(cell: PhaseCell) -> PhaseCell:
        return replace(cell, corners=tuple((moved if x == end else x, y) for x, y in cell.corners))

    assert disagreements(replace(diagram, cells=tuple(map(shifted, diagram.cells)))) > 3


def test_a_wrong_phase_is_refused() -> None:
    diagram = phases_of(*PLANES["mlp"])
    wrong = diagram.cells[0].phase
    for number, cell in enumerate(diagram.cells):
        if cell.phase != wrong:
            cells = (*diagram.cells[:number], replace(cell, phase=wrong), *diagram.cells[number + 1 :])
            assert replace(diagram, cells=cells).at(*middle(cell.corners)) != verdict(diagram, middle(cell.corners))


def test_the_family_lies_at_the_bottom_of_the_repair() -> None:
    for problem, given in PLANES.values():
        plane = phases_of(problem, given).plane
        assert plane.at(*plane.point).layers == given.layers
        family = derivation_of(problem).family
        assert family
        for r in (family.low, Fraction(1, 3), family.high):
            on_plane = plane.at(r, Fraction(0)).in_gauge("unit-multiplier", problem.law)
            assert on_plane.layers == family.member(r).layers


def test_known_regions() -> None:
    """By hand: under SGD the lazy member is stable with slower layers; a common rate leaves one line to train on."""
    given = phases_of(*PLANES["mlp"])
    inside = Fraction(1, 4), Fraction(-1, 2)
    assert (given.at(*inside).regime, given.at(*inside).reason) == ("lazy", "maximality is not met")
    assert given.at(Fraction(1, 2), Fraction(-1, 2)).regime == "rich"  # the readout's rate falls with layer2's
    member = phases_of(*PLANES["member"])
    for t, regime in ((Fraction(1, 100), "unstable"), (Fraction(0), "lazy"), (Fraction(-1, 100), "trivial")):
        assert member.at(Fraction(1, 4), t).regime == regime
    assert member.at(Fraction(-1, 100), Fraction(0)).reason == "the output explodes at initialization"
    assert member.at(Fraction(1, 2), Fraction(0)).regime == "rich"


def test_zero_weights_stay_zero_in_the_plane() -> None:
    zero = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-oo", lr="1,0,0")
    diagram = phases_of(THREE, zero)
    assert disagreements(diagram) == 0
    assert diagram.plane.at(*diagram.plane.point).layers == zero.layers


def test_what_has_no_plane_is_refused_in_a_sentence() -> None:
    frozen = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="1,0,-oo")
    with pytest.raises(ArgumentError, match="lr of layer3 is 0 as given and n\\^\\(-1\\) repaired"):
        phases_of(THREE, frozen)
    problem = Problem(transformer(), SGD)
    depth = problem.network.depth
    ones, scales = [0] * depth, [0] * len(problem.network.multipliers)
    some = Parameterization.of(multiplier=ones, init=ones, lr=ones, scales=scales)
    with pytest.raises(ArgumentError, match="needs a derived family of one freedom"):
        phases_of(problem, some)
