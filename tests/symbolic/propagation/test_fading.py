"""What decay takes of values, beside what updates do to them: as sizes of initial values go, and along them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import pytest

from scalings.criteria.observables import Observable
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.architectures import mlp, transformer
from scalings.networks.dimensions import ONE, WIDTH
from scalings.networks.network import Network
from scalings.networks.nodes import INPUT, Dense, Elementwise, Node, Norm, Sum
from symbolic.derivation.derive import derive
from symbolic.evaluation.predict import predict

HALF = Fraction(1, 2)
STILL = Fraction(-20)
"""A learning rate at which updates do next to nothing."""


def fading(given: Parameterization, **fractions: Fraction) -> Parameterization:
    """Learning rates as small as that; decay that takes these fractions of "layer1", ..., and of others nothing."""

    def of(layer: LayerExponents[Exponent], fraction: Exponent) -> LayerExponents[Exponent]:
        return replace(layer, lr=STILL, decay=fraction - STILL)

    names = [f"layer{number}" for number in range(1, len(given.layers) + 1)]
    layers = [of(layer, fractions.get(name, STILL)) for name, layer in zip(names, given.layers, strict=True)]
    return replace(given, layers=tuple(layers))


def lazy(network: Network, r: str = "0") -> Parameterization:
    family = derive(network, "adamw").family
    assert family is not None
    return family.member(r)


@pytest.mark.parametrize("fraction", [Fraction(0), Fraction(-1, 4)])
def test_all_values_behind_a_weight_lose_the_fraction_that_it_does(fraction: Fraction) -> None:
    network = mlp(4)
    orders = predict(network, fading(lazy(network), layer2=fraction), "adamw", 2)
    for layer in ("layer2", "layer3", "layer4"):
        lost = orders[Observable("dz", layer, 2)] - orders[Observable("z", layer, 0)]
        assert lost == fraction, layer
    assert orders[Observable("passthrough", "layer4", 2)] == fraction  # not n^(1/2) times it, as an update's would be


def test_scores_lose_the_fraction_that_queries_do() -> None:
    network = transformer(1)
    assert [node.name for node in network.layers][1] == "query"
    zero = Fraction(0)
    layers = [LayerExponents[Exponent](zero, -HALF if node.fan_in == WIDTH else zero, zero) for node in network.layers]
    given = fading(Parameterization(tuple(layers), scales=(-HALF, zero, zero)), layer2=zero)
    orders = predict(network, given, "adamw", 3)
    scores = orders[Observable("z", "scores", 0)]
    assert orders[Observable("dz", "query", 3)] == orders[Observable("z", "query", 0)]
    assert orders[Observable("dz", "scores", 3)] == scores


def chain(between: Sequence[Node]) -> Network:
    """Two matrices with something in between, and a readout."""
    last = between[-1].name
    return Network(
        (
            Dense("first", INPUT, "first_weight", ONE, WIDTH),
            *between,
            Dense("second", last, "second_weight", WIDTH, WIDTH),
            Dense("readout", "second", "readout_weight", WIDTH, ONE),
        )
    )


GIVEN = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1/2", lr="-20,-3/2,-1", decay="19,-20,-20")
"""Of what the first weight makes, decay takes n^(-1), and a lazy step moves the second one."""


@pytest.mark.parametrize(
    ("between", "along"),
    [
        ([Elementwise("h", "first", "relu")], True),
        ([Norm("h", "first")], False),
        ([Elementwise("x", "first", "relu"), Norm("h", "x")], False),
        ([Elementwise("x", "first", "relu"), Norm("y", "x"), Sum("h", ("x", "y"))], True),
    ],
)
def test_updates_act_on_it_as_on_the_value_unless_its_size_is_lost(between: Sequence[Node], along: bool) -> None:
    orders = predict(chain(between), GIVEN, "adamw", 2)
    layer, interaction = (orders[Observable(term, "second", 2)] for term in ("layer", "interaction"))
    assert interaction - layer == (-1 if along else Fraction(-3, 2))
