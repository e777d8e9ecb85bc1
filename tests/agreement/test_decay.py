"""What decay takes of values: weights pass it on as they do the values, and updates act on it as on the values."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from scalings.criteria.observables import Observable, Quantity
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.architectures import mlp
from scalings.networks.nodes import Activation
from scalings.results.trials import Training
from symbolic.evaluation.check import check
from tests.agreement.experiments import HALF, SQUARES, Experiment, agrees, experiment, member, p_value

# In constants, too, decay takes more of values than updates move them at random: orders show early.
TRAINING = Training(optimizer="adamw", lr=0.05, decay=6.0, batch=4, steps=1)


def trained(activation: Activation, given: Parameterization) -> Experiment:
    return experiment(mlp(3, activation), given, TRAINING, SQUARES, seeds=16)


def decaying(given: Parameterization, layer: int, by: Fraction) -> Parameterization:
    """By so much more of one layer."""
    before = given.layers[layer].decay
    assert before is not None
    changed = replace(given.layers[layer], decay=before + by)
    return replace(given, layers=(*given.layers[:layer], changed, *given.layers[layer + 1 :]))


def is_refuted(found: Experiment, quantity: Quantity, layer: str, wrong: Fraction | int) -> bool:
    return p_value(found.fits[Observable(quantity, layer, 1)], wrong) < 0.05


@pytest.mark.parametrize("activation", ["relu", pytest.param("linear", marks=pytest.mark.slow)])
def test_updates_of_lazy_networks_act_on_it_in_full(activation: Activation) -> None:
    found = trained(activation, member(mlp(3, activation), "adamw", "0"))
    for layer in ("layer2", "layer3"):
        agrees(found, "interaction", layer, 1, -HALF)
        assert is_refuted(found, "interaction", layer, -1)  # by chance, or by curvature, |dh| / |h| of |dh|


@pytest.mark.parametrize("layer", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_readout_passes_it_on_by_chance(layer: int) -> None:
    """Decay that takes more of lazy features than updates give them leaves the output as it was."""
    network = mlp(3, "relu")
    given = decaying(member(network, "adamw", "0"), layer, HALF)
    found = trained("relu", given)
    agrees(found, "dz", f"layer{layer + 1}", 1, HALF)
    agrees(found, "passthrough", "layer3", 1, 0)
    agrees(found, "interaction", "layer3", 1, 0)
    agrees(found, "dz", "layer3", 1, 0)
    assert is_refuted(found, "dz", "layer3", HALF)  # as if it were aligned with the readout
    assert check(network, given, "adamw").regime != "unstable"
    assert check(network, decaying(given, layer, HALF), "adamw").regime == "unstable"
