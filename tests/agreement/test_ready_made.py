"""The ready-made networks of today are trained as derived: one block each, small sizes, the rich end, Adam.

As in `test_graph`, nothing that is asserted is refuted, and a theory with one learning rate wrong by 1/4 is. Not
asserted are |dz| of the scores of heads that grow in size and what a router's initial weights pass on: both are aligned
sums beside generic ones with larger constants (`scalings.studies.roles`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest

import scalings
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.dimensions import Dimension, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import Dense, Node, Repeat, Scores
from scalings.results.trials import Loss
from symbolic.derivation.members import member
from tests.agreement.experiments import QUARTER, Experiment, agrees, experiment, how, neighbours, refuted

pytestmark = [pytest.mark.slow, pytest.mark.long]
WIDTHS = (16, 24, 32, 40, 48, 64, 96, 128)
"""Multiples of 8, as there are 8 heads, and 8 groups of channels."""
SHARED_WIDTHS = (32, 64, 96, 128, 192, 256, 384, 512)
SLOW = ["dz scores", "passthrough router", "passthrough readout", "passthrough head"]
NETWORKS: dict[str, Callable[[], Network]] = {
    "llama": lambda: scalings.llama(1, vocabulary=16, groups=2),
    "llama, all of it": lambda: scalings.llama(1, vocabulary=16, groups="1/2", qk_norm=True, softcap=True),
    "moe": lambda: scalings.moe(1, vocabulary=16, experts=4, shared=1),
    "vit": lambda: scalings.vit(1),
    "resnet": lambda: scalings.resnet(1),
}


def trained(network: Network, loss: Loss = "cross-entropy") -> Experiment:
    given = member(network, "adam", Fraction(1, 2), loss=loss)
    return experiment(network, given, how("adam", batch=2, loss=loss), WIDTHS, 8)


@pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)
def test_what_is_derived_is_what_training_does(build: Callable[[], Network]) -> None:
    found = trained(build())
    fits, orders = found.asserted(SLOW), found.predicted()
    assert len(fits) > 100
    assert not refuted(fits, orders)
    for neighbour in neighbours(found.given):
        if neighbour.scales == found.given.scales:
            others = found.predicted(neighbour)
            told = {observable: fit for observable, fit in fits.items() if others[observable] != orders[observable]}
            assert refuted(told, others), neighbour


def test_lora_is_trained_as_derived() -> None:
    found = trained(scalings.lora(), "mse")
    fits, orders = found.asserted(), found.predicted()
    assert len(fits) > 20
    assert not refuted(fits, orders)
    for neighbour in neighbours(found.given):
        if neighbour.scales == found.given.scales:
            assert refuted(fits, found.predicted(neighbour)), neighbour


def test_heads_of_keys_that_ever_more_queries_share_explode() -> None:
    """No powers meet the criteria there, and those of a decoder with as many heads of keys as of queries are too large:
    what a shared value gets back adds up over its queries, so that features move along what it reads."""
    network = Network(tuple(map(_with_shared_heads, scalings.llama(1, vocabulary=16, grows="heads", groups=2).nodes)))
    rates = {"embedding": 0, "attention_gain": 0, "mlp_gain": 0, "final_gain": 0}
    scales = {**rates, "readout": -1}
    given = Parameterization.of(
        multiplier=[0] * network.depth,
        init=[scales.get(layer.name, Fraction(-1, 2)) for layer in network.layers],
        lr=[rates.get(layer.name, -1) for layer in network.layers],
        scales=[0, 0, 0],
    )
    assert scalings.derive(network, "adam", loss="cross-entropy").conflict is not None
    found = experiment(network, given, how("adam", batch=2, steps=1, loss="cross-entropy"), SHARED_WIDTHS, 16)
    agrees(found, "dz", "projection", 1, 1)
    agrees(found, "dz", "value", 1, Fraction(1, 2))


def _with_shared_heads(node: Node) -> Node:
    """Heads of 4 units, of which 2 have keys and values."""
    if isinstance(node, Repeat):
        return replace(node, nodes=tuple(map(_with_shared_heads, node.nodes)))
    if isinstance(node, Scores):
        return replace(node, heads=Dimension(QUARTER, Fraction(1)), head_size=fixed(4))
    return replace(node, fan_out=fixed(8)) if isinstance(node, Dense) and node.name in ("key", "value") else node


@pytest.mark.parametrize(("rate", "grows"), [(Fraction(0), True), (Fraction(-1, 2), False)])
def test_of_two_adapters_in_a_row_the_first_must_learn_more_slowly(rate: Fraction, grows: bool) -> None:
    """What the second one sends back through its random A lies along it, and the features of the first follow: with the
    rates of LoRA+, which are those of one adapter, they explode at the second update."""
    network, frozen, half = scalings.lora(4), MINUS_INFINITY, Fraction(-1, 2)
    given = Parameterization.of(
        multiplier=[0] * network.depth,
        init=[0, half, half, frozen, half, half, frozen, -1],
        lr=[frozen, frozen, -1, rate, frozen, -1, 0, frozen],
        scales=[0, 0],
    )
    verdict = scalings.check(network, given, "adam")
    assert verdict.stable is not grows
    training = replace(how("adam", batch=4), lr=0.3)
    found = experiment(network, given, training, (64, 96, 128, 192, 256, 384, 512, 768, 1024), 8)
    [fit] = [fit for key, fit in found.fits.items() if (key.quantity, key.layer, key.step) == ("dz", "A3", 2)]
    assert (fit.low > 0) is grows, fit
