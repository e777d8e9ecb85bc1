"""Clause 11 of the roles: what the first update of a torch module is made of, with the margin of `check_model`."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from scalings.criteria.observables import Observable, Quantity
from scalings.networks.architectures import cnn, mlp, transformer
from scalings.networks.network import Network
from scalings.results.fits import Verdict
from scalings.studies.comparisons import compare
from scalings.studies.roles import roles
from symbolic.evaluation.predict import predict
from tests import strategies
from tests.scalings.studies.test_roles import HALF, QUARTER, Orders, seen

CONVOLUTIONS = cnn(4)
MODULE = Network(CONVOLUTIONS.nodes, of_module=True)
ORDERS: Orders = dict(predict(MODULE, strategies.family(CONVOLUTIONS).member("1/2"), "sgd", steps=2))
AT_FIRST: list[tuple[Quantity, int]] = [("z", 0), ("d", 0), ("gradient", 1)]
SIGNALS: tuple[Quantity, Quantity] = ("z", "d")
HIDDEN = {(quantity, f"layer{layer}") for quantity in ("z", "d", "gradient") for layer in (1, 2, 3)}


def told(network: Network, orders: Orders, *, stable: bool = True, margin: Fraction = QUARTER) -> set[tuple[str, str]]:
    found = roles(network, orders, stable=stable, margin=margin)
    return {
        (one.quantity, one.layer) for one in found if (one.quantity, one.step) in AT_FIRST and found[one] == "asserted"
    }


def verdict(changed: Orders, network: Network = MODULE, delta: Fraction = QUARTER) -> Verdict:
    """Of a measurement with these orders in place of some."""
    return compare(network, ORDERS, seen(ORDERS | changed), delta, excluded=2 * delta).verdict


def test_what_the_first_update_is_made_of_is_asserted() -> None:
    """Of the output only the gradient of its weight; and nothing where exponents may not be off by so much, where
    training is unstable, and where it is no torch module."""
    assert told(MODULE, ORDERS) == HIDDEN | {("gradient", "layer4")}
    assert told(MODULE, ORDERS, margin=Fraction(1, 10)) == set()
    assert told(MODULE, ORDERS, stable=False) == set()
    assert told(CONVOLUTIONS, ORDERS) == set()


def test_inner_products_of_attention_are_not() -> None:
    module = Network(transformer(1, grows="head-size").nodes, of_module=True)
    orders: Orders = {Observable(quantity, node.name, 0): HALF for quantity in SIGNALS for node in module.flat}
    found = {layer for _, layer in told(module, orders)}
    assert found.isdisjoint({"scores", module.function.name})
    assert {"query", "key", "value"} <= found


@pytest.mark.parametrize("by", [-HALF, HALF])
@pytest.mark.parametrize(("quantity", "step"), AT_FIRST)
def test_one_that_is_off_is_refused(quantity: Quantity, step: int, by: Fraction) -> None:
    one = Observable(quantity, "layer2", step)
    assert verdict({}) == "PASS"
    assert verdict({one: ORDERS[one] + by}) == "FAIL"
    assert verdict({one: ORDERS[one] + by}, CONVOLUTIONS) == "PASS"


@pytest.mark.parametrize("network", [MODULE, Network(mlp(4).nodes, of_module=True)], ids=["convolutions", "perceptron"])
def test_what_the_loss_sends_back_is_no_contradiction(network: Network) -> None:
    """As of an output that is its own target; but a gradient that is off while the output's is not is one."""
    sent = {one: order - HALF for one, order in ORDERS.items() if one.quantity in ("d", "gradient")}
    assert verdict(sent, network) == "PASS"
    assert verdict({one: order for one, order in sent.items() if one.layer != "layer4"}, network) == "FAIL"


def test_a_gradient_that_is_not_there_leaves_nothing_open() -> None:
    """In front of the first trained weight there is none."""
    fits = seen(ORDERS)
    for quantity, step in AT_FIRST[1:]:
        del fits[Observable(quantity, "layer1", step)]
    assert compare(MODULE, ORDERS, fits, QUARTER).verdict == "PASS"


def test_terms_of_what_explodes_are_reported_where_a_module_is_trained() -> None:
    """Tanh saturates far out, which the terms behind it do not show at widths where it does not yet."""
    network = replace(mlp(2), of_module=True)
    derived = {Observable(term, "layer2", step): Fraction(0) for term in ("layer", "passthrough") for step in (1, 2)}
    derived |= {Observable("dz", "layer2", step): Fraction(0) for step in (1, 2)}
    found = {(one.quantity, one.step): role for one, role in roles(network, derived, stable=False).items()}
    assert found["passthrough", 2] == found["layer", 2] == "reported"
    assert found["dz", 2] == "upper bound"
    plain = roles(replace(network, of_module=False), derived, stable=False)
    assert plain[Observable("layer", "layer2", 2)] != "reported"
