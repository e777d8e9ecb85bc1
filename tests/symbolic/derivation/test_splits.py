"""A law for each weight: what is derived, checked, repaired and predicted with splits of update laws."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalings.criteria.problem import Problem
from scalings.errors import ArgumentError
from scalings.hyperparameters.gauges import GAUGES, Gauge
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.splits import Split, laws
from scalings.hyperparameters.update_laws import OPTIMIZERS, optimizer
from scalings.networks.architectures import mlp, resmlp, transformer
from scalings.results.checks import Repair
from symbolic.derivation.derive import derive
from symbolic.derivation.induction import induct
from symbolic.derivation.members import member
from symbolic.derivation.several_scales import derive_each
from symbolic.evaluation.check import check
from symbolic.evaluation.phases import phases
from symbolic.evaluation.predict import predict
from symbolic.evaluation.repair import repair
from tests import strategies
from tests.literature.optimizers import MUON_BESIDE_ADAM

HALF = Fraction(1, 2)
each_law = st.tuples(*[st.sampled_from([*OPTIMIZERS, "law:-1", "law:1/2,1"])] * 3)


@pytest.mark.parametrize(("name", "rates"), MUON_BESIDE_ADAM.items())
def test_muon_beside_adam(name: str, rates: tuple[str, str, str]) -> None:
    """A transformer's hidden matrices by Muon, its embedding and readout by Adam."""
    network = transformer(grows="heads")
    found = member(network, name, HALF, loss="cross-entropy")
    by_role = {node.role: rate for node, rate in zip(network.layers, ("0",) * network.depth, strict=True)}
    by_role |= dict(zip(("input", "hidden", "output"), rates, strict=True))
    assert [str(layer.lr) for layer in found.layers] == [by_role[node.role] for node in network.layers]
    inits = {"input": "0", "hidden": "-1/2", "output": "-1"}
    assert [str(layer.init) for layer in found.layers] == [inits[node.role] for node in network.layers]
    assert check(network, found, name, loss="cross-entropy").regime == "rich"


@settings(max_examples=25, deadline=None)
@given(each_law, strategies.richness())
def test_each_layer_has_the_exponents_of_its_own_law(names: tuple[str, str, str], r: Fraction) -> None:
    """Criteria ask how large each layer's update is, whatever makes it: so laws of layers do not meet."""
    network = mlp(3)
    split = laws("sgd", {f"layer{number}": name for number, name in enumerate(names, start=1)})
    found = derive(network, split).family
    assert found is not None
    alone = [strategies.family(network, optimizer(name)).member(r).layers for name in names]
    assert found.member(r).layers == tuple(layers[number] for number, layers in enumerate(alone))
    assert check(network, found.member(r), split).nontrivial


@settings(max_examples=15, deadline=None)
@given(strategies.optimizers, st.sampled_from([mlp(3), mlp(2, biases=True), resmlp()]))
def test_one_law_is_the_split_where_all_are_equal(law: object, network: object) -> None:
    one = derive(network, law)  # type: ignore[arg-type]
    same = derive(network, Split("the same", law, law))  # type: ignore[arg-type]
    assert replace(same, law=law, family=one.family) == one  # type: ignore[arg-type]
    assert same.family == (one.family and replace(one.family, law=same.law))


@settings(max_examples=25, deadline=None)
@given(each_law, strategies.richness(), st.sampled_from(GAUGES), strategies.gauges(3))
def test_gauges_of_each_law_change_no_verdict(
    names: tuple[str, str, str], r: Fraction, gauge: Gauge, by: list[Fraction]
) -> None:
    network = mlp(3)
    split = laws("sgd", {f"layer{number}": name for number, name in enumerate(names, start=1)})
    given = member(network, split, r)
    each = split.among(network.layers)
    moved = given.shifted(by, each)
    before, after = predict(network, given, split), predict(network, moved, split)
    assert all(after[key] == order for key, order in before.items() if key.quantity in ("z", "dz", "loss"))
    if gauge != "global-lr" or all(law.gauge_power for law in each):
        assert check(network, moved.in_gauge(gauge, each), split).richness == check(network, given, split).richness


def test_the_gauge_of_another_law_changes_training() -> None:
    """The negative control of the test above."""
    given, split = member(mlp(3), "muon+sgd", HALF), laws("muon+sgd")
    wrong = given.shifted([HALF] * 3, optimizer("muon"))
    assert predict(mlp(3), wrong, split) != predict(mlp(3), given, split)
    assert not check(mlp(3), wrong, split).stable


def test_layers_decay_by_their_own_laws() -> None:
    derivation = derive(mlp(3), "muon+adamw")
    assert derivation.family is not None
    assert [str(layer.decay) for layer in derivation.family.layers] == ["0", "None", "1"]
    assert not any(step.criterion == "maximal decay" and step.layer == "layer2" for step in derivation.steps)
    other = derive(mlp(3), "muon+coupled+adam").family
    assert other is not None
    assert [layer.decay is None for layer in other.layers] == [True, False, True]


def test_a_repair_is_by_the_law_of_each_layer() -> None:
    standard = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1/2", lr="0,0,0")
    found = repair(mlp(3), standard, "muon+adam")
    assert isinstance(found, Repair)
    assert [(layer, which, str(new)) for layer, which, _, new in found.changes] == [
        ("layer3", "lr", "-1"),
        ("layer3", "init", "-1"),
    ]
    assert found.verdict.nontrivial
    assert "unstable" in check(mlp(3), standard, "muon+adam").regime


def test_phases_of_a_split() -> None:
    diagram = phases(mlp(3), member(mlp(3), "muon+adam", HALF), "muon+adam")
    assert diagram.given.regime == "rich"
    assert {cell.phase.regime for cell in diagram.cells} >= {"rich", "unstable"}


def test_several_scales_have_one_split() -> None:
    """Roles are those of the width, whatever the scale variable; steps of Muon in the depth: as those of Adam."""
    answer = derive_each("transformer", "muon+adam", scales=("width", "depth"), loss="cross-entropy")
    assert [law.name for law in answer.laws] == ["adam", *["muon"] * 6, "adam"]
    rates = {node.name: str(one.lr) for node, one in zip(answer.network.layers, answer.layers, strict=True)}
    assert rates["up"] == "1"
    assert (rates["embedding"], rates["readout"]) == ("1", "n^(-1)")


def test_the_induction_over_depth() -> None:
    """A hidden layer that is inserted has the law of hidden matrices."""
    assert induct(laws("muon+adam")).holds
    assert induct(laws("muon+adam")).equations != induct(optimizer("adam")).equations
    with pytest.raises(ArgumentError, match="all_depths: the induction is over layers alike, but layer2 has a law of"):
        induct(laws("adam", {"layer2": "sgd"}))


def test_powers_below_zero() -> None:
    """K-FAC without damping, |dW| = eta / |G|: no learning rate needs a power of the width, at any richness (Ishikawa
    and Karakida, arXiv 2312.12226)."""
    family = strategies.family(mlp(4), optimizer("shampoo:1/2,1/2"))
    assert [str(layer.lr) for layer in family.layers] == ["0"] * 4
    assert (family.low, family.high) == (0, HALF)
    law = optimizer("law:-1")
    assert check(mlp(4), family.member(HALF), law).regime == "rich"
    assert Problem(mlp(4), law).laws["weight1"].gauge_power == 0
