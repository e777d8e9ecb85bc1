"""The verdict on a given parameterization."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from random import Random

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import TUTORIAL
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp, resmlp, transformer
from scalings.networks.dimensions import WIDTH, Dimension
from scalings.networks.network import Network
from symbolic.derivation.derive import derive
from symbolic.evaluation.check import check, verdict_on
from symbolic.evaluation.given_run import train_given
from symbolic.evaluation.predict import predict, prediction_of
from symbolic.evaluation.repair import repair
from symbolic.orders.algebra import EXACT
from symbolic.propagation.training import train
from tests import strategies
from tests.literature.perceptrons import TABLE_1, tensor_programs_iv

SGD = optimizer("sgd")


def verdicts_agree(parameterization: Parameterization) -> str:
    """Assert that check and theorem agree; returns the regime."""
    verdict, theorem = check(mlp(parameterization.depth), parameterization), tensor_programs_iv(parameterization)
    assert verdict.stable == theorem.stable
    assert verdict.nontrivial == theorem.nontrivial
    assert verdict.feature_learning == theorem.feature_learning
    assert verdict.richness == theorem.richness
    return verdict.regime


@given(st.data())
def test_agrees_with_tensor_programs_iv(data) -> None:  # type: ignore[no-untyped-def]
    verdicts_agree(data.draw(strategies.parameterizations(data.draw(strategies.depths))))


@pytest.mark.slow
def test_agrees_with_tensor_programs_iv_on_thousands() -> None:
    """As above without hypothesis, whose drawing takes longer than the verdict: 1,000 near-stable ones."""
    random = Random(0)
    regimes = Counter(verdicts_agree(strategies.near_stable(random)) for _ in range(1000))
    assert min(regimes[regime] for regime in ("unstable", "trivial", "lazy", "rich")) > 30


@pytest.mark.parametrize("regime", ["unstable", "trivial", "lazy", "rich"])
def test_the_drawn_parameterizations_reach_every_regime(regime: str) -> None:
    find(
        strategies.parameterizations(3),
        lambda drawn: check(mlp(3), drawn).regime == regime,
        settings=settings(phases=[Phase.generate]),
    )


@pytest.mark.slow
@given(strategies.networks, strategies.optimizers, st.data())
def test_a_gauge_changes_no_verdict(network, law, data) -> None:  # type: ignore[no-untyped-def]
    parameterization = data.draw(strategies.parameterizations(network.depth))
    shifts = data.draw(strategies.gauges(network.depth))
    if law.at_zero != "alike":  # the first step of zero weights has no gauge
        shifts = [
            Fraction(0) if layer.init == MINUS_INFINITY else t
            for layer, t in zip(parameterization.layers, shifts, strict=True)
        ]
    other = parameterization.shifted(shifts, law)
    assert check(network, other, law) == check(network, parameterization, law)


@pytest.mark.slow
@given(st.data())
def test_what_is_not_a_gauge_changes_orders(data) -> None:  # type: ignore[no-untyped-def]
    """The control to the test above: moving the learning rate by anything else than the law says is seen."""
    member = strategies.family(mlp(3)).member(data.draw(strategies.richness()))
    shifted = member.shifted(data.draw(strategies.gauges(3)), SGD)
    assert check(mlp(3), data.draw(strategies.perturbed(shifted))) != check(mlp(3), member)


@pytest.mark.slow
@given(strategies.networks, strategies.optimizers, st.data())
def test_stable_runs_have_settled(network, law, data) -> None:  # type: ignore[no-untyped-def]
    parameterization = data.draw(strategies.parameterizations(network.depth))
    if check(network, parameterization, law).stable:
        orders = predict(network, parameterization, law, steps=8)
        for layer in network.layers:
            late = {orders[Observable("dz", layer.name, step)] for step in range(3, 9)}
            assert len(late) == 1


@pytest.mark.parametrize(("name", "regime"), TABLE_1.items())
def test_the_presets(name: str, regime: str) -> None:
    assert check(mlp(3), preset(name, 3)).regime == regime


def test_the_standard_parameterization_at_its_largest_stable_learning_rate_is_lazy() -> None:
    standard = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1/2", lr="-1,-1,-1")
    verdict = check(mlp(3), standard)
    assert (verdict.regime, verdict.richness) == ("lazy", 0)


def test_a_refusal_says_why() -> None:
    reasons = check(mlp(3), preset("standard", 3)).reasons()
    assert any("stable output at layer3 after 1 update: n^(3/2) is not <= n^0" in reason for reason in reasons)
    assert check(mlp(3), preset("mup", 3)).reasons() == ()


def test_a_vanishing_signal_is_unstable() -> None:
    vanishing = Parameterization.of(multiplier="0,0,0", init="0,-1,-1", lr="1,0,-1")
    verdict = check(mlp(3), vanishing)
    assert verdict.regime == "unstable"
    assert "signal propagation at layer2 at initialization" in verdict.reasons()[0]


def test_a_zero_initialised_readout_moves_features_from_the_second_update() -> None:
    zero = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-oo", lr="1,0,-1")
    verdict = check(mlp(3), zero)
    assert (verdict.regime, verdict.richness) == ("rich", Fraction(1, 2))
    orders = predict(mlp(3), zero)
    assert orders[Observable("dz", "layer1", 1)] == MINUS_INFINITY
    assert orders[Observable("dz", "layer1", 2)] == Fraction(1, 2)


def test_weights_that_are_never_moved_are_trivial_under_a_law_of_their_norm() -> None:
    zero = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-oo", lr="0,-1/2,0")
    assert check(mlp(3), zero, optimizer("law:0,0,0,0,1")).regime == "trivial"
    assert check(mlp(3), zero, optimizer("lars")).regime == "unstable", "whose first step is that of sgd"
    for name in ("lamb", "adafactor"):
        slow = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-oo", lr="0,-1/2,-1")
        assert check(mlp(3), slow, optimizer(name)).regime == "rich", name


def test_growth_with_every_update_is_unstable() -> None:
    growing = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-8", lr="-9,-9,1/100")
    verdict = check(mlp(3), growing, optimizer("lars"))
    assert verdict.growing
    assert verdict.reasons() == ("orders grow with every further update",)


def test_a_loss_that_is_not_one_is_refused() -> None:
    with pytest.raises(ArgumentError, match="loss: expected one of mse, cross-entropy, but got 'hinge'"):
        check(mlp(3), preset("mup", 3), loss="hinge")  # type: ignore[arg-type]


def test_one_entry_for_each_layer() -> None:
    with pytest.raises(ArgumentError, match="4 layers need 4 exponents each, but got 3"):
        check(mlp(4), preset("mup", 3))


def test_a_repair_leaves_a_zero_readout_at_zero() -> None:
    given = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-oo", lr="1,0,0")
    found = repair(mlp(3), given)
    assert found is not None
    assert found.changes == (("layer3", "lr", Fraction(0), Fraction(-1)),)


@pytest.mark.slow
@settings(max_examples=30)
@given(strategies.networks, strategies.optimizers, st.data())
def test_a_repair_is_a_member_and_is_minimal(network, law, data) -> None:  # type: ignore[no-untyped-def]
    r = data.draw(strategies.richness())
    member = strategies.family(network, law).member(r).shifted(data.draw(strategies.gauges(network.depth)), law)
    found = repair(network, data.draw(strategies.perturbed(member)), law)
    assert found is not None
    assert check(network, found.parameterization, law).nontrivial
    assert len(found.changes) == 1, "one exponent was moved, so one is to be moved back"
    assert repair(network, member, law).changes == ()  # type: ignore[union-attr]


NARROWING = [WIDTH, Dimension(4, Fraction(1, 2))]
"""Hidden layers of n and of n^(1/2) units."""


@pytest.mark.parametrize("law", ["sgd", "adam"])
def test_each_layer_learns_features_beside_its_own_number_of_units(law: str) -> None:
    """|dz| ~ n^r at both, r <= 1/4: there the narrow layer moves as a whole, and the wide one does not."""
    network = mlp(3, hidden=NARROWING)
    family = strategies.family(network, optimizer(law))
    assert (family.low, family.high) == (0, Fraction(1, 4))
    verdicts = {r: check(network, family.member(r), optimizer(law)) for r in ("0", "1/8", "1/4")}
    assert [(one.regime, str(one.richness)) for one in verdicts.values()] == [
        ("lazy", "0"),
        ("lazy", "1/8"),
        ("rich", "1/4"),
    ]
    assert all(one.meets(*TUTORIAL) for one in verdicts.values())
    assert check(mlp(3), strategies.family(mlp(3), optimizer(law)).member("1/4"), optimizer(law)).regime == "lazy"


def test_widths_that_grow_from_layer_to_layer_contradict_the_useful_update() -> None:
    """What a narrow layer passes on to a wider one is larger than it is, and mostly not along the gradient."""
    derivation = derive(mlp(3, hidden=NARROWING[::-1]))
    assert derivation.degrees_of_freedom is None
    assert derivation.contradiction == ("useful update",)


@pytest.mark.parametrize(
    "network", [mlp(3), resmlp(branch=2), transformer(grows="heads", biases=True)], ids=["mlp", "resmlp", "transformer"]
)
def test_a_longer_run_has_the_orders_of_a_shorter_one(network: Network) -> None:
    """Of a repeated block's two copies the last, in the same order; and a longer one has more, the control."""
    problem = Problem(network, optimizer("adam"), loss="cross-entropy")
    exponents = LayerExponents[Exponent](Fraction(0), Fraction(-1, 2), Fraction(-1))
    given = Parameterization((exponents,) * network.depth)
    longer, shorter = train_given(problem, given, 6), dict(train(problem, given.layers, EXACT, 2))
    assert list(longer.until(2).items()) == list(shorter.items())
    alone = predict(network, given, problem.law, 2, loss="cross-entropy")
    assert prediction_of(longer, 2) == prediction_of(train_given(problem, given), 2) == alone
    assert longer.until(3) != shorter
    assert verdict_on(longer) == verdict_on(train_given(problem, given))
