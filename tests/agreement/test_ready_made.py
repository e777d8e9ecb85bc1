"""The ready-made networks of today are trained as derived: one block each, small sizes, the rich end, Adam.

As in `test_graph`, nothing that is asserted is refuted, and a theory with one learning rate wrong by 1/4 is. Not
asserted are |dz| of the scores of heads that grow in size and what a router's initial weights pass on: both are aligned
sums beside generic ones with larger constants (`scalings.studies.roles`).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

import scalings
from scalings.networks.network import Network
from scalings.results.trials import Loss
from symbolic.derivation.members import member
from tests.agreement.experiments import Experiment, experiment, how, neighbours, refuted

pytestmark = [pytest.mark.slow, pytest.mark.long]
WIDTHS = (16, 24, 32, 40, 48, 64, 96, 128)
"""Multiples of 8, as there are 8 heads, and 8 groups of channels."""
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
