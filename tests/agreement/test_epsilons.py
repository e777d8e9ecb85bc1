"""An epsilon of its own power of n for each layer: training by it has the orders that are derived, on both sides of the
largest one. What is larger by n^(1/2) drowns the gradient, and the theory without an epsilon is refused.

How far entries and epsilons are apart at finite widths is a matter of their constants: `measuring.beside_epsilons`
chooses that of epsilon by what is derived.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import pytest

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.hyperparameters.exponents import Exponent, format_exponent
from scalings.hyperparameters.splits import Laws, laws, with_epsilons
from scalings.networks.architectures import mlp, resmlp
from scalings.networks.network import Network
from scalings.studies import measuring
from symbolic.derivation.derive import derive
from symbolic.evaluation.given_run import train_given
from symbolic.orders.algebra import EXACT
from symbolic.propagation.training import train
from tests.agreement.experiments import QUARTER, WIDTHS, Experiment, experiment, how, refuted

HALF = Fraction(1, 2)
NETWORKS = {"mlp": (mlp(3), "adam"), "resmlp": (resmlp(branch=2), "muon+adam")}


def trained(name: str, r: str, by: Fraction, seeds: int) -> tuple[Experiment, Laws]:
    """A member with epsilons that are n^by times the largest that change nothing."""
    network, optimizer = NETWORKS[name]
    family = derive(network, optimizer, epsilons=True).family
    assert family is not None
    member = family.member(r)
    moved = tuple(one if one.epsilon is None else replace(one, epsilon=one.epsilon + by) for one in member.layers)
    law = with_epsilons(
        laws(optimizer),
        network.layers,
        ["-oo" if one.epsilon is None else format_exponent(one.epsilon) for one in moved],
    )
    problem = Problem(network, law)
    given = measuring.with_epsilons(member, problem)
    assert [one.epsilon for one in given.layers if one.epsilon != -float("inf")] == [
        one.epsilon for one in moved if one.epsilon is not None
    ]
    training = measuring.beside_epsilons(how(optimizer), train_given(problem, given))
    return experiment(network, given, training, WIDTHS, seeds), law


def derived(network: Network, law: Laws, found: Experiment) -> Mapping[Observable, Exponent]:
    return dict(
        train(Problem(network, law), found.given.layers, EXACT, found.training.steps, scales=found.given.scales)
    )


CASES = [("mlp", "1/2", -HALF), ("mlp", "1/2", Fraction(0)), ("mlp", "1/2", HALF), ("mlp", "0", HALF)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "r", "by"),
    [*CASES, *(pytest.param("resmlp", "1/2", by, marks=pytest.mark.long) for by in (Fraction(0), HALF))],
)
def test_training_by_epsilons_is_as_derived(name: str, r: str, by: Fraction) -> None:
    found, law = trained(name, r, by, 24)
    fits, orders, without = found.asserted(), derived(found.network, law, found), found.predicted()
    assert not refuted(fits, orders)
    assert bool(refuted(fits, without)) == (by > 0)
    told = {one: fit for one, fit in fits.items() if name == "mlp" or one.quantity == "dW_frobenius"}
    for observable, fit in told.items():
        for wrong in (QUARTER, -QUARTER):
            assert refuted({observable: fit}, {observable: orders[observable] + wrong}), f"{observable}: {fit}"


@pytest.mark.slow
def test_an_epsilon_that_drowns_some_gradients_and_not_others() -> None:
    """The readout's gradient has entries n^0, those of the others are n^(-1): n^(-1/2) is between them."""
    network, optimizer = NETWORKS["mlp"]
    family = derive(network, optimizer).family
    assert family is not None
    law = with_epsilons(laws(optimizer), network.layers, ["-1/2"])
    problem, member = Problem(network, law), family.member("1/2")
    training = measuring.beside_epsilons(how(optimizer), train_given(problem, member))
    assert training.epsilons == (1.0, 1.0, 1 / 32)
    found = experiment(network, measuring.with_epsilons(member, problem), training, WIDTHS, 24)
    fits = found.asserted()
    assert not refuted(fits, derived(network, law, found))
    assert refuted(fits, found.predicted())
