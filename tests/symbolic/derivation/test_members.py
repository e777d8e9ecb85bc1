"""The member of each richness: it is as rich as asked, meets the criteria, and no learning rate could be larger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import pytest

from scalings.criteria.criterion import Criterion
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import (
    BOUNDED_OUTPUT,
    CRITERIA,
    MAXIMALITY,
    STABLE_FEATURES,
    TUTORIAL,
    UNIFORM_RICHNESS,
    USEFUL_UPDATE,
)
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.architectures import as_network, mlp, transformer
from scalings.networks.dimensions import DEPTH_SCALE, WIDTH, WIDTH_SCALE, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import Dense, Elementwise, Scale
from symbolic.derivation.derive import derive
from symbolic.derivation.members import Members, member
from symbolic.evaluation.check import verdict_on
from symbolic.evaluation.given_run import train_given
from symbolic.propagation.question import Question

STEP = Fraction(1, 8)
SCALED = Network(
    (
        Dense("in", "input", "w1", fixed(64), WIDTH),
        Elementwise("relu", "in", "relu"),
        Scale("scale", "relu"),
        Dense("out", "scale", "w2", WIDTH, fixed(10)),
    )
)
"""A multiplier in front of a weight: a freedom beside the richness, that knows no largest learning rate."""


def without(*dropped: Criterion) -> tuple[Criterion, ...]:
    return tuple(one for one in TUTORIAL if one not in dropped)


OPEN: list[tuple[str, str, str, Sequence[Criterion], list[str]]] = [
    ("mlp", "sgd", WIDTH_SCALE, without(MAXIMALITY), ["0", "1/8", "1/4", "1/2"]),
    ("mlp", "adam", WIDTH_SCALE, without(MAXIMALITY), ["0", "1/4", "1/2"]),
    ("mlp", "sgd", WIDTH_SCALE, without(USEFUL_UPDATE), ["0", "1/2"]),
    ("mlp", "sgd", WIDTH_SCALE, CRITERIA["stability"], ["-1", "0", "1/2"]),
    ("resmlp", "adam", DEPTH_SCALE, without(MAXIMALITY, UNIFORM_RICHNESS), ["0"]),
    ("transformer", "sgd", WIDTH_SCALE, TUTORIAL, ["1/2"]),
]


def is_one(found: Parameterization, problem: Problem, criteria: Sequence[Criterion], richness: str) -> bool:
    """Whether it meets all criteria, by training on given orders, and is as rich as asked."""
    verdict = verdict_on(train_given(problem, found), criteria)
    return verdict.meets(*criteria) and verdict.richness == Fraction(richness)


@pytest.mark.parametrize(("network", "law", "scale", "criteria", "wished"), OPEN)
def test_it_is_as_rich_as_asked_and_learns_as_fast_as_can_be(
    network: str, law: str, scale: str, criteria: Sequence[Criterion], wished: list[str]
) -> None:
    problem = Problem.of(network, law, scale)
    for richness in wished:
        found = member(network, law, richness, criteria, scale=scale)
        assert is_one(found, problem, criteria, richness)
        for number, layer in enumerate(found.layers):
            faster = (*found.layers[:number], replace(layer, lr=layer.lr + STEP), *found.layers[number + 1 :])
            assert not is_one(replace(found, layers=faster), problem, criteria, richness), "the control: nothing faster"


def test_where_the_richness_is_the_only_freedom_it_is_the_familys() -> None:
    for law in ("sgd", "adam", "muon"):
        family = derive("mlp", law).family
        assert family
        for richness in ("0", "1/3", "1/2"):
            found = member("mlp", law, richness)
            assert (found, found.choice) == (family.member(richness), "")
    assert member("mlp") == member("mlp", richness="1/2"), "the richest, if none is asked for"


@pytest.mark.slow
def test_the_only_answer_is_not_called_a_choice() -> None:
    for network in (transformer(), transformer(tied=True)):
        assert derive(network).degrees_of_freedom == 0
        assert member(network, "sgd", "1/2").choice == ""
    chosen = member("mlp", "sgd", "1/4", without(MAXIMALITY)).choice
    assert chosen.startswith("r = 1/4 leaves the learning rate of layer2, layer3 open")
    assert chosen.endswith("every learning rate maximal"), "the control: here there were others"


def test_what_has_no_largest_value_stays_neutral() -> None:
    found = member(SCALED, "adam", "1/2")
    assert found.scales == (0,)
    assert "but for that of out, which has no maximum" in found.choice
    plain = derive(mlp(2), "adam").family
    assert plain
    assert found.layers == plain.member("1/2").layers, "as without the multiplier"


@pytest.mark.slow
def test_richnesses_that_there_are_not() -> None:
    with pytest.raises(ArgumentError, match="r: expected a fraction r = 1/2, but got 1/4"):
        member("transformer", "sgd", "1/4")
    with pytest.raises(ArgumentError, match=r"r: expected a fraction 0 <= r <= 1/2, but got 3/4"):
        member("mlp", "sgd", "3/4")
    with pytest.raises(ArgumentError, match=r"r: expected a fraction r <= 1/2, but got 1"):
        member("mlp", "sgd", 1, "stability")
    with pytest.raises(ArgumentError, match="r: expected a fraction such as"):
        member("mlp", "sgd", "rich")
    with pytest.raises(ArgumentError, match="criteria: nothing meets them here"):
        member("transformer", given={"kappa_1": Fraction(0)})
    with pytest.raises(ArgumentError, match="gamma: multiplies"):
        Members(Question(Problem.of("transformer", "sgd"))).member("1/2", Fraction(2))


def test_every_richness_between_the_ends_has_a_member() -> None:
    """The ends of an answer are those of its members: beyond them there is none."""
    criteria = without(MAXIMALITY, BOUNDED_OUTPUT)
    members = Members(Question(Problem(as_network("mlp"), Problem.of("mlp", "sgd").law), criteria))
    low, high = members.ends
    assert high == Fraction(1, 2)
    start = Fraction(-2) if low is None else low
    for share in range(5):
        richness = start + (high - start) * Fraction(share, 4)
        assert is_one(members.member(richness), members.question.problem, criteria, str(richness))


def test_a_richness_without_an_upper_end_is_a_freedom() -> None:
    """Where the readout is frozen and features may explode, r >= 0 is all: it was said that no freedom is left."""
    criteria = without(MAXIMALITY, STABLE_FEATURES)
    frozen = {"eta_2": MINUS_INFINITY}
    answer = derive(mlp(2), criteria=criteria, given=frozen)
    [piece] = answer.polyhedra
    assert (answer.degrees_of_freedom, piece.dimension, piece.ends) == (1, 1, (0, None))
    for richness in (0, 1, Fraction(7, 2)):
        found = member(mlp(2), "sgd", richness, criteria, given=frozen)
        assert [layer.lr for layer in found.layers] == [2 * richness, MINUS_INFINITY]
    with pytest.raises(ArgumentError, match="expected a fraction 0 <= r, but got -1"):
        member(mlp(2), "sgd", -1, criteria, given=frozen)
    with pytest.raises(ArgumentError, match="since there is no largest one"):
        member(mlp(2), "sgd", None, criteria, given=frozen)
    assert derive(mlp(2), given=frozen, criteria=without(MAXIMALITY)).family, "the control: a segment with two ends"
