"""The derivation finds the tutorial's family, for the right reasons, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalings.criteria.criterion import Criterion, Product
from scalings.criteria.parsing import parse_criterion
from scalings.criteria.tutorial import (
    BOUNDED_OUTPUT,
    CRITERIA,
    MAXIMALITY,
    NONTRIVIALITY,
    SIGNAL_PROPAGATION,
    STABLE_FEATURES,
    TUTORIAL,
    USEFUL_UPDATE,
)
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.gauges import GAUGES, Gauge
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import OPTIMIZERS, UpdateLaw, optimizer
from scalings.networks.architectures import mlp
from scalings.networks.dimensions import Dimension
from scalings.results.derivations import Derivation, Polyhedron
from symbolic.derivation.derive import derive
from symbolic.evaluation.check import check
from tests import strategies
from tests.literature.perceptrons import TUTORIAL_FAMILY, tensor_programs_iv

SGD = optimizer("sgd")


@pytest.mark.parametrize("depth", [2, 3, 5, 12])
@pytest.mark.parametrize("gauge", GAUGES)
def test_the_tutorials_family(depth: int, gauge: Gauge) -> None:
    derivation = derive(mlp(depth), SGD, gauge=gauge)
    first, hidden, last = TUTORIAL_FAMILY[gauge]
    assert derivation.family is not None
    layers = [(str(layer.multiplier), str(layer.init), str(layer.lr)) for layer in derivation.family.layers]
    assert layers == [first, *[hidden] * (depth - 2), last]
    assert (derivation.family.low, derivation.family.high) == (0, Fraction(1, 2))
    assert derivation.degrees_of_freedom == 1


def test_layers_of_unequal_width_have_the_same_family() -> None:
    unequal = mlp(4, hidden=[Dimension(1, Fraction(1)), Dimension(3, Fraction(1)), Dimension(2, Fraction(1))])
    assert strategies.family(unequal).layers == strategies.family(mlp(4)).layers
    assert [layer.shape(10) for layer in unequal.layers] == [(10, 64), (30, 10), (20, 30), (10, 20)]


@pytest.mark.parametrize("depth", [2, 3, 7])
def test_each_step_says_how_many_freedoms_are_left(depth: int) -> None:
    freedoms = [step.freedoms for step in derive(mlp(depth)).steps]
    assert freedoms[0] == 2 * depth - 1
    assert all(before - after in (0, 1) for before, after in pairwise(freedoms))
    assert freedoms[-1] == 1


@pytest.mark.parametrize("law", OPTIMIZERS.values(), ids=lambda law: law.name)
def test_one_freedom_and_the_same_range_for_every_optimizer(law: UpdateLaw) -> None:
    family = derive(mlp(4), law).family
    assert family is not None
    assert (family.low, family.high) == (0, Fraction(1, 2))


def test_learning_rates_differ_between_optimizers() -> None:
    rates = {
        name: [str(layer.lr) for layer in strategies.family(mlp(3), law).layers] for name, law in OPTIMIZERS.items()
    }
    assert rates["adam"] == ["r - 1/2", "r - 3/2", "-1"]  # at r = 1/2 Tensor Programs V, Table 3: 1, 1/n, 1/n
    assert rates["muon"] == ["r", "r - 1/2", "-1/2"]
    assert rates["sgd"] != rates["adam"] != rates["muon"]


def test_what_implies_a_step_does() -> None:
    """Every step that says nothing new says nothing new after the criteria alone that it names."""
    derivation = derive(mlp(3))
    silent = [step for step in derivation.steps if not step.statement and step.criterion != MAXIMALITY.name]
    assert len(silent) == 3
    for step in silent:
        named = {title.rpartition(" (")[0] for title in step.implied_by} | {step.criterion}
        fewer = derive(mlp(3), criteria=[criterion for criterion in TUTORIAL if criterion.name in named])
        steps = [*fewer.steps, *(other for polyhedron in fewer.polyhedra for other in polyhedron.steps)]
        assert [other.statement for other in steps if other.title == step.title] == [""]


def implied(derivation: Derivation, criterion: Criterion) -> set[str]:
    """The criteria that imply every step of this one; empty if some step taught something."""
    steps = [step for step in derivation.steps if step.criterion == criterion.name]
    reasons = [{title.rpartition(" (")[0] for title in step.implied_by} for step in steps]
    return set() if any(step.statement for step in steps) else set.union(*reasons)


def test_criteria_that_follow_from_others_are_found_out() -> None:
    derivation = derive(mlp(3))
    assert MAXIMALITY.name in implied(derivation, STABLE_FEATURES)
    last = next(step for step in derivation.steps if step.title == "useful update (layer3)")
    assert not last.statement
    assert "nontriviality (layer3)" in last.implied_by
    assert not implied(derivation, SIGNAL_PROPAGATION)


@pytest.mark.parametrize("criterion", [STABLE_FEATURES, BOUNDED_OUTPUT, NONTRIVIALITY], ids=lambda c: c.name)
def test_dropping_an_implied_criterion_changes_nothing(criterion: Criterion) -> None:
    family = derive(mlp(3), criteria=[other for other in TUTORIAL if other is not criterion]).family
    assert family == strategies.family(mlp(3))


@pytest.mark.parametrize(
    ("criterion", "freedoms"), [(SIGNAL_PROPAGATION, 3), (MAXIMALITY, 3), (USEFUL_UPDATE, 3)], ids=str
)
def test_dropping_an_independent_criterion_frees_exponents(criterion: Criterion, freedoms: int) -> None:
    derivation = derive(mlp(3), criteria=[other for other in TUTORIAL if other is not criterion])
    assert derivation.family is None
    assert derivation.degrees_of_freedom == freedoms
    assert derivation.polyhedra


def test_a_changed_criterion_changes_the_answer() -> None:
    """The derivation does not know its answer: ask for another output, get another family."""
    smaller = replace(NONTRIVIALITY, right=Product((("z", "initially"),)))
    derivation = derive(mlp(3), criteria=[SIGNAL_PROPAGATION, BOUNDED_OUTPUT, MAXIMALITY, smaller, USEFUL_UPDATE])
    (polyhedron,) = derivation.polyhedra
    assert polyhedron.dimension == 0, "the output may only move as much as it is large: that is the lazy end alone"
    assert "sigma_3 + 1/2" in polyhedron.equations


def test_contradictory_criteria_are_named() -> None:
    vanishing = replace(SIGNAL_PROPAGATION, name="vanishing signal", right=Product())
    derivation = derive(mlp(3), criteria=[*TUTORIAL, vanishing])
    assert derivation.degrees_of_freedom is None
    assert derivation.contradiction == ("signal propagation", "vanishing signal")


def test_an_optimizer_without_a_global_learning_rate() -> None:
    scale_free = UpdateLaw("scale-free", Fraction(0), weight=Fraction(1))
    with pytest.raises(ArgumentError, match="no gauge moves a learning rate of scale-free"):
        derive(mlp(3), scale_free, gauge="global-lr")


@given(strategies.networks, strategies.optimizers, st.data())
def test_members_meet_the_criteria(network, law, data) -> None:  # type: ignore[no-untyped-def]
    family = strategies.family(network, law)
    r = data.draw(strategies.richness(family.low, family.high))
    gauge = data.draw(strategies.gauges(network.depth))
    verdict = check(network, family.member(r).shifted(gauge, law), law)
    assert verdict.nontrivial, verdict.reasons()
    assert verdict.richness == r
    assert verdict.meets(*TUTORIAL)


@pytest.mark.slow
@given(strategies.networks, strategies.optimizers, st.data())
def test_nothing_beside_the_family_does(network, law, data) -> None:  # type: ignore[no-untyped-def]
    family = strategies.family(network, law)
    neighbour = data.draw(strategies.perturbed(family.member(data.draw(strategies.richness()))))
    assert not check(network, neighbour, law).meets(*TUTORIAL)


@settings(max_examples=60)
@given(st.data())
def test_the_stable_and_nontrivial_polytope_is_tensor_programs_iv(data) -> None:  # type: ignore[no-untyped-def]
    parameterization = data.draw(strategies.parameterizations(3)).in_gauge("unit-multiplier", SGD)
    numbered = list(enumerate(parameterization.layers, start=1))
    point = {f"eta_{number}": layer.lr for number, layer in numbered}
    point |= {f"sigma_{number}": layer.init for number, layer in numbered}
    if all(isinstance(exponent, Fraction) for exponent in point.values()):
        inside = any(strategies.contains(polyhedron, point) for polyhedron in stability_pieces())
        assert inside == tensor_programs_iv(parameterization).nontrivial


def stability_pieces() -> tuple[Polyhedron, ...]:
    if not _PIECES:
        _PIECES.extend(derive(mlp(3), criteria=CRITERIA["stability"]).polyhedra)
    return tuple(_PIECES)


_PIECES: list[Polyhedron] = []


@pytest.mark.parametrize("module", ["torch", "z3"])
def test_deriving_loads_neither_torch_nor_z3(module: str) -> None:
    code = "import sys; from scalings.command_line.app import main; main(['derive']); sys.exit({!r} in sys.modules)"
    derived = subprocess.run([sys.executable, "-c", code.format(module)], capture_output=True, check=False)
    assert derived.returncode == 0
    # ... and the test can fail: sympy is loaded.
    control = subprocess.run([sys.executable, "-c", code.format("sympy")], capture_output=True, check=False)
    assert control.returncode == 1


def test_a_readout_that_starts_at_zero_leaves_the_rich_end_alone() -> None:
    """Tensor Programs V (arXiv 2203.03466), appendix D.2, starts it so: the other layers learn from update 2 on."""
    found = derive(mlp(3), given={"sigma_3": MINUS_INFINITY})
    assert (found.degrees_of_freedom, found.contradiction) == (0, ())
    [polyhedron] = found.polyhedra
    assert set(polyhedron.equations) == {"eta_1 - 1", "eta_2", "eta_3 + 1", "sigma_1", "sigma_2 + 1/2"}
    mup = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-oo", lr="1,0,-1")
    assert check(mlp(3), mup).meets(*TUTORIAL)
    slow = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-oo", lr="1,-1/4,-1")
    assert not check(mlp(3), slow).meets(*TUTORIAL)


@pytest.mark.parametrize(
    ("relation", "binding"),
    [("|dz| <= n^(1/4) at hidden after updates", True), ("|dz| <= n^2 at hidden after updates", False)],
)
def test_reasons_come_before_what_they_explain(relation: str, binding: bool) -> None:
    """A bound of one's own, which is imposed last, was named as the reason of a step before it."""
    own = parse_criterion(f"quiet: {relation}")
    derivation = derive(mlp(3), criteria=[*TUTORIAL, own])
    said: list[str] = []
    for step in derivation.steps:
        assert set(step.implied_by) <= set(said), f"{step.title} rests on what comes later"
        said.append(step.title)
    [quiet] = [step for step in derivation.steps if step.title == "quiet (layer1)"]
    assert bool(quiet.statement) == binding, "the control: what binds says so, and what does not names its reasons"
    assert bool(quiet.implied_by) != binding
    [maximality] = [step for step in derivation.steps if step.title == "maximality (layer2)"]
    assert (maximality.statement, maximality.implied_by) == ("r <= 1/2", ())
