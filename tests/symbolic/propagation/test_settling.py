"""Orders that settle late, and those that never do: a verdict waits until it is clear which."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest

from scalings.certificates.verifier import certify
from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp, transformer
from scalings.networks.dimensions import WIDTH, Dimension, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import INPUT, Dense, Product, Softmax
from symbolic.certificates.assembly import difference
from symbolic.certificates.writing import parameterization_certificate
from symbolic.evaluation.check import check, verdict_on
from symbolic.evaluation.given_run import train_given
from symbolic.orders.algebra import EXACT
from symbolic.propagation.settling import updates_until_rest
from symbolic.propagation.training import train

WIDTHS = [Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(2)]
WIDENING = mlp(5, hidden=[Dimension(1, width) for width in WIDTHS])
"""Every layer is wider than the one before by a power of n, so that each may come to send back more than at first."""
SIGNALS = [Fraction(0), *(-width / 2 for width in WIDTHS[:-1])]
"""Init scales that propagate signals."""

LATE = {
    "sgd, 4": ("sgd", "3/4,-1/4,-1,3/4,-2", "-4", 4, "lazy"),
    "sgd, 5": ("sgd", "-7/4,3/4,-3/4,3/4,-2", "-3", 5, "rich"),
    "sgd, 6": ("sgd", "-1,1/2,3/4,3/4,-2", "-7/2", 6, "rich"),
    "shampoo, 4": ("shampoo:1/8,1/8", "-1/4,-5/4,1/4,1/2,-3/2", "-11/4", 4, "lazy"),
    "shampoo, 6": ("shampoo:1/8,1/8", "0,1/4,1/4,3/4,-3/2", "-4", 6, "rich"),
}
"""Optimizer, learning rates, init scale of the readout, the update that first raises nothing, and the regime."""


def widening(lr: str, readout: str) -> Parameterization:
    return Parameterization.of(multiplier=[0] * 5, init=[*SIGNALS, Fraction(readout)], lr=lr)


@pytest.mark.parametrize("name", LATE)
def test_orders_that_settle_late_are_stable(name: str) -> None:
    law, lr, readout, settled, regime = LATE[name]
    problem, given = Problem(WIDENING, optimizer(law)), widening(lr, readout)
    run = train_given(problem, given)
    assert (run.settled, verdict_on(run).regime) == (settled, regime)
    longer = train_given(problem, given, 12).orders
    for layer, width in zip(WIDENING.layers, [*WIDTHS, Fraction(0)], strict=True):
        changes = [longer[Observable("dz", layer.name, step)] for step in range(1, 13)]
        assert max(changes) <= width / 2
        assert set(changes[settled - 1 :]) == {run.orders[Observable("dz", layer.name, settled)]}


@pytest.mark.parametrize("name", ["sgd, 5", "shampoo, 6"])
def test_their_certificates_say_so(name: str) -> None:
    law, lr, readout, *_ = LATE[name]
    document = parameterization_certificate(Problem(WIDENING, optimizer(law)), widening(lr, readout))
    certify(document)
    assert document["answer"]
    assert difference(document) is None


def test_no_stable_run_rests_later_than_is_proved() -> None:
    random, late = Random(0), 0
    for _ in range(300):
        lr = [Fraction(random.randint(-8, 4), 4) for _ in WIDTHS]
        given = Parameterization.of(
            multiplier=[0] * 5, init=[*SIGNALS, Fraction(random.randint(-16, -8), 4)], lr=[*lr, Fraction(-2)]
        )
        run = train_given(Problem(WIDENING, optimizer("sgd")), given)
        if verdict_on(run).stable:
            assert run.settled <= updates_until_rest(run.problem)
            late += run.settled > 3
    assert late > 30, "and many rest later than in three updates"


FIRST, READOUT = Dense("first", INPUT, "w1", fixed(64), WIDTH), Dense("readout", "mixed", "w_out", WIDTH, fixed(10))
ROUTED = Network(
    (
        FIRST,
        Dense("router", "first", "w_router", WIDTH, fixed(4)),
        Softmax("gates", "router"),
        Dense("expert", "first", "w_expert", WIDTH, WIDTH),
        Product("mixed", "gates", "expert", WIDTH),
        READOUT,
    )
)
"""Experts come to lie along what the router is sent, and the router's gradient grows."""


@pytest.mark.parametrize("zero", [None, pytest.param(1, marks=pytest.mark.slow)])
def test_no_stable_run_with_products_rests_later_than_is_proved(zero: int | None) -> None:
    random, found = Random(0), set[int]()
    for _ in range(400):
        init = [Fraction(0), Fraction(random.randint(-8, -2), 4), Fraction(-1, 2), Fraction(random.randint(-16, -4), 4)]
        lr = [Fraction(random.randint(-8, 6), 4) for _ in init]
        if zero is not None:
            init[zero] = MINUS_INFINITY
        given = Parameterization.of(multiplier=[0] * 4, init=init, lr=lr)
        run = train_given(Problem(ROUTED, optimizer("sgd")), given)
        if verdict_on(run).stable:
            assert run.settled <= updates_until_rest(run.problem, given.layers)
            found.add(run.settled)
    assert max(found) > 3, "and some rest later than a perceptron"


@pytest.mark.parametrize(
    ("network", "updates"),
    [(mlp(2), 3), (mlp(9), 3), (transformer(grows="heads", biases=True), 3), (WIDENING, 6), (ROUTED, 4)],
    ids=["shallow", "deep", "transformer", "widening", "routed"],
)
def test_how_many_updates_tell(network: Network, updates: int) -> None:
    assert updates_until_rest(Problem(network, optimizer("adam"))) == updates


def test_behind_zeros_it_takes_as_many_more_as_they_are_late() -> None:
    zero = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-oo", lr="0,-1,-1")
    assert updates_until_rest(Problem(mlp(3), optimizer("sgd")), zero.layers) == 4


# What really grows, however slowly


def test_slow_growth_under_a_law_of_the_weights_norm() -> None:
    for rate in (Fraction(1, 100), Fraction(1, 10**6)):
        growing = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-8", lr=[-9, -9, rate])
        run = train_given(Problem(mlp(3), optimizer("lars")), growing)
        assert (run.growing, run.settled) == (True, 4)
        assert verdict_on(run).regime == "unstable"
    rests = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-8", lr="-9,-9,0")
    assert check(mlp(3), rests, optimizer("lars")).stable


def cycle(gain: Fraction) -> Parameterization:
    """A zero matrix before a very small one: each grows with what the other one has become.

    |dW_2| ~ eta_2 |d_2|^p, |d_2| ~ |dW_3| |d_3|, |dW_3| ~ eta_3 |h_2|^p, |h_2| ~ |dW_2| |h_1|: round by round |dW_2|
    gains n^(2 eta_2 + ...), which is n^gain for p = 1.
    """
    rates = [Fraction(-50), Fraction(0), gain - 1, Fraction(-50)]
    return Parameterization.of(multiplier=[0] * 4, init=[0, MINUS_INFINITY, -40, Fraction(-1, 2)], lr=rates)


def test_slow_growth_through_a_cycle_of_weights() -> None:
    network, sgd = mlp(4, "tanh"), optimizer("sgd")
    slow = train_given(Problem(network, sgd), cycle(Fraction(1, 1000)))
    assert slow.growing
    assert not verdict_on(slow).stable
    assert slow.settled <= 2 * network.depth + 3
    orders = train(slow.problem, slow.parameterization.layers, EXACT, 40)
    changes = {key.step: order for key, order in orders if (key.quantity, key.layer) == ("dW_frobenius", "layer2")}
    assert all(changes[step + 2] == changes[step] + Fraction(1, 1000) for step in range(3, 38))
    for gain in (Fraction(0), Fraction(-1, 1000)):
        still = train_given(Problem(network, sgd), cycle(gain))
        assert not still.growing
        assert verdict_on(still).stable


def test_changes_that_shrink_are_no_growth() -> None:
    """Under a law of the gradient's square root the cycle tends to an order, and never reaches it."""
    given = cycle(Fraction(1, 4))
    run = train_given(Problem(mlp(4, "tanh"), optimizer("shampoo:1/8,1/8")), given)
    assert not run.growing
    changes = [run.orders[Observable("dW_frobenius", "layer2", step)] for step in range(3, run.settled + 1)]
    assert changes[0] < changes[-1]
    rises = [after - before for before, after in zip(changes, changes[2:], strict=False)]
    assert all(later <= earlier for earlier, later in zip(rises, rises[2:], strict=False))
