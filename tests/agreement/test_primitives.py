"""Networks of primitives agree with training: gated layers, normalization in parts, gates that a router gives."""

from __future__ import annotations

from fractions import Fraction

import pytest

from scalings.criteria.observables import Observable
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import OPTIMIZERS
from scalings.networks.dimensions import ONE, WIDTH, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import INPUT, Dense, Elementwise, Mean, Node, Power, Product, Softmax, Sum
from symbolic.derivation.derive import derive
from symbolic.evaluation.predict import predict
from tests.agreement.experiments import ENDS_AND_MIDDLE, WIDTHS, agrees, confirm, experiment, how, member, p_value

pytestmark = [pytest.mark.slow, pytest.mark.long]
SLOW = ["z readout", "dz readout", "passthrough readout"]
"""Sums of what is aligned and what is not, with intervals too wide to tell 1/4."""
FIRST = Dense("first", INPUT, "w1", fixed(64), WIDTH)
READOUT = Dense("readout", "h", "w_out", WIDTH, fixed(10))


def hidden(name: str, source: str) -> Dense:
    return Dense(name, source, f"w_{name}", WIDTH, WIDTH)


def network_of(*nodes: Node) -> Network:
    return Network((FIRST, *nodes, READOUT))


@pytest.mark.parametrize("r", ENDS_AND_MIDDLE)
def test_gated_layers(r: str) -> None:
    """W (silu(W_g x) * W_u x), as in Shazeer, arXiv 2002.05202, under Adam: gradients are products of what three layers
    gave, and those of SGD have too wide a spread over seeds to tell 1/4."""
    gated = [hidden("gate", "first"), Elementwise("silu", "gate", "silu"), hidden("up", "first")]
    network = network_of(
        *gated, Product("product", "silu", "up", WIDTH), hidden("down", "product"), Elementwise("h", "down", "gelu")
    )
    confirm(experiment(network, member(network, "adam", r), how("adam"), WIDTHS, 24), slow=SLOW)


@pytest.mark.parametrize("r", ENDS_AND_MIDDLE)
def test_a_normalization_in_parts(r: str) -> None:
    """h = z (mean of z^2)^(-1/2), of what a layer passes on."""
    parts = [
        Elementwise("phi", "first", "relu"),
        hidden("second", "phi"),
        Power("square", "second", Fraction(2)),
        Mean("variance", "square", ONE, WIDTH, coherent=True),
        Power("root", "variance", Fraction(-1, 2)),
        Product("h", "second", "root", WIDTH),
    ]
    network = network_of(*parts)
    confirm(experiment(network, member(network, "sgd", r), how("sgd"), WIDTHS, 24), slow=SLOW)


@pytest.mark.parametrize("stops", [True, False])
def test_no_gradient_passes_a_detached_branch(stops: bool) -> None:
    """Beside a branch that starts at n^(-1/2), one that starts at 1: signals come back by the first alone if the second
    is detached, and else they are larger by n^(1/2)."""
    branches = [
        Dense("small", "first", "w_small", WIDTH, WIDTH),
        Dense("large", "first", "w", WIDTH, WIDTH, frozen=True),
    ]

    def network(stops: bool) -> Network:
        other = Elementwise("other", "large", "detach" if stops else "linear")
        return network_of(*branches, other, Sum("h", ("small", "other")))

    given = Parameterization.of(multiplier="0,0,0,0", init="0,-1,-1/2,-1", lr="0,-1,-oo,-1")
    found = experiment(network(stops), given, how("adam", steps=1), WIDTHS, 12)
    signal = Observable("d", "first", 0)
    right, wrong = (dict(predict(network(one), given, "adam", 1))[signal] for one in (stops, not stops))
    assert abs(right - wrong) == Fraction(1, 2)
    assert p_value(found.fits[signal], right) >= 0.05
    assert p_value(found.fits[signal], wrong) < 0.05


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_gates_that_a_router_gives(optimizer: str) -> None:
    """Four gates, each of a quarter of the units. The router starts as a readout does, and at the first update it meets
    what is passed on to it by chance: aligned, this would be n^0. Later on it crosses to that slowly.
    """
    gates = [Dense("router", "phi", "w_router", WIDTH, fixed(4)), Softmax("gates", "router", fixed(4))]
    expert = hidden("expert", "phi")
    network = network_of(Elementwise("phi", "first", "relu"), *gates, expert, Product("h", "gates", "expert", WIDTH))
    rates = {"sgd": ("1", "-1", "0", "-1"), "adam": ("0", "-1", "-1", "-1")}[optimizer]
    given = Parameterization.of(multiplier="0,0,0,0", init="0,-1,-1/2,-1", lr=",".join(rates))
    assert derive(network, OPTIMIZERS[optimizer]).degrees_of_freedom == 1, "the router's init scale"
    found = experiment(network, given, how(optimizer, steps=1), WIDTHS, 24)
    agrees(found, "passthrough", "router", 1, Fraction(-1, 2))
    confirm(found, slow=[*SLOW, "dz router"])
