"""A tied readout is aligned with what its own weight wrote into the stream, and with nothing else there."""

from __future__ import annotations

from fractions import Fraction

import pytest

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.dimensions import WIDTH, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import Dense, Elementwise, Embedding, Node, Norm, Product, Sum, Weight
from symbolic.orders.algebra import EXACT
from symbolic.propagation.training import train


@pytest.mark.parametrize(
    ("tokens", "logits"),
    [
        ("-1/2", "0"),  # as in nanoGPT: positions are as large as the stream, and the echo is n n^(-1/2) n^(-1/2)
        ("0", "1"),  # tokens are as large as positions: |W|^2 over the stream's entries of size 1
        ("-1", "-1/2"),  # the echo is n n^(-1) n^(-1), the rest a sum of random signs
    ],
)
def test_only_the_part_that_its_weight_wrote_echoes(tokens: str, logits: str) -> None:
    network = Network(
        (
            Embedding("token", "input", "wte", fixed(11), WIDTH),
            Embedding("position", "input", "wpe", fixed(5), WIDTH),
            Sum("stream", ("token", "position")),
            Norm("norm", "stream"),
            Dense("readout", "norm", "wte", WIDTH, fixed(11)),
        )
    )
    zero = Fraction(0)
    layers = [LayerExponents(zero, Fraction(tokens), zero), LayerExponents(zero, zero, zero)]
    orders = dict(train(Problem(network, optimizer("sgd"), loss="cross-entropy"), layers, EXACT, 1))
    assert orders[Observable("z", "readout", 0)] == Fraction(logits)


def test_a_weight_that_is_used_again_and_again_is_followed_in_time() -> None:
    """As in a recurrent network, of which the state has many paths to what was written before."""
    steps = 40
    nodes: list[Node] = [Dense("first", "input", "u", fixed(3), WIDTH), Weight("start", "s", fixed(1), WIDTH)]
    state, before = "start", "first"
    for step in range(steps):
        nodes += [
            Dense(f"w{step}", state, "w", WIDTH, WIDTH),
            Sum(f"z{step}", (before, f"w{step}")),
            Elementwise(f"gate{step}", f"z{step}", "sigmoid"),
            Product(f"kept{step}", f"gate{step}", before, WIDTH),
            Sum(f"h{step}", (f"kept{step}", f"z{step}")),
        ]
        state = before = f"h{step}"
    network = Network((*nodes, Dense("readout", state, "v", WIDTH, fixed(2))))
    half, zero = Fraction(1, 2), Fraction(0)
    inits = {"u": zero, "s": zero, "w": -half, "v": -Fraction(1)}
    layers = [LayerExponents(zero, inits[layer.weight], zero) for layer in network.layers]
    orders = dict(train(Problem(network, optimizer("sgd")), layers, EXACT, 1))
    assert orders[Observable("z", f"w{steps - 1}", 0)] == half
