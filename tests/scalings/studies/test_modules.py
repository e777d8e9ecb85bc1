"""`measure` of a traced network: its module is trained, and agrees with what is derived of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from torch import nn

import scalings
from empirical.engines.module.standard import standard
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.nodes import Bias
from scalings.results.trials import Training
from scalings.studies.comparisons import compare
from scalings.studies.modules import agreement
from scalings.tapes.network import TracedNetwork
from scalings.tapes.translation.translate import translated
from tests.empirical.tracing.zoo import points

WIDTHS = (16, 24, 32, 48, 64, 96, 128, 192)
DATA = points(4, 6)


def build(width: int) -> nn.Module:
    hidden = nn.Sequential(nn.Linear(width, width), nn.GELU())
    return nn.Sequential(nn.Linear(6, width), nn.GELU(), hidden, nn.LayerNorm(width), nn.Linear(width, 2))


@pytest.fixture(scope="module")
def traced() -> TracedNetwork:
    return scalings.trace(build, DATA, (16, 32, 64))


def test_a_module_has_the_derived_exponents_and_no_others(traced: TracedNetwork) -> None:
    network = translated(traced).network
    right, wrong = (scalings.member(network, "adam", r) for r in ("1/2", "0"))
    training = Training.of("adam", steps=2)
    measured = scalings.measure(traced, right, training, build=build, data=DATA, widths=WIDTHS, seeds=4, cap=1)
    assert measured.network == network
    assert measured.widths == WIDTHS
    assert "on its own data" in repr(measured)
    found = compare(network, scalings.predict(network, right, "adam", 2), measured)
    assert found.verdict != "FAIL", found.reason
    assert len(found.comparisons) > 50
    other = compare(network, scalings.predict(network, wrong, "adam", 2), measured)
    assert other.verdict == "FAIL"


def test_what_is_zero_in_theory_may_be_so_in_some_runs_alone(traced: TracedNetwork) -> None:
    """As roundings are, which cancel or do not; what is never zero refutes that it is."""
    translation = translated(traced)
    network = translation.network
    right = scalings.member(network, "adam", "1/2")
    derived = dict(scalings.predict(network, right, "adam", 1))
    training = Training.of("adam", steps=1)
    measured = scalings.measure(traced, right, training, build=build, data=DATA, widths=WIDTHS, seeds=3, cap=1)
    one = next(one for one in derived if one.quantity == "dW_frobenius")
    without = {**derived, one: MINUS_INFINITY}
    assert agreement(translation, without, measured).verdict == "FAIL"
    values = {width: seen * [1, 0, 1] for width, seen in measured.values[one].items()}
    at_times = replace(measured, values={**measured.values, one: values})
    assert one in at_times.fits, "it has an exponent all the same"
    assert one not in {each.of for each in agreement(translation, without, at_times).comparisons}
    assert one in {each.of for each in agreement(translation, derived, at_times).comparisons}


def test_the_standard_parameterization_is_the_modules_own(traced: TracedNetwork) -> None:
    translation = translated(traced)
    own = standard(build, traced, translation)
    found = {
        node.weight: (str(layer.init), str(layer.lr))
        for node, layer in zip(translation.network.layers, own.layers, strict=True)
    }
    assert found["0.weight"] == ("0", "0")
    assert found["2.0.weight"] == found["2.0.bias"] == ("-1/2", "0")
    assert found["4.weight"] == ("-1/2", "0")
    starts = {node.start: layer.init for node, layer in zip(translation.network.layers, own.layers, strict=True)}
    assert str(starts["one"]) == "0"
    assert str(starts["zero"]) == "-inf"
    assert any(isinstance(node, Bias) and node.start == "zero" for node in translation.network.layers)
    training = Training.of("sgd", steps=1)
    measured = scalings.measure(traced, "standard", training, build=build, data=DATA, widths=WIDTHS[:3], seeds=1)
    assert measured.parameterization == own


MUP = Parameterization.of(multiplier="0", init="0", lr="0")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"build": None}, "build: expected what the network was traced with"),
        ({"data": None}, "data: expected what the network was traced with"),
        ({"scale": "depth"}, "scale: expected width"),
        ({"engine": "matrix-free"}, "engine: expected auto or dense"),
        ({"engine": "fast"}, "engine: expected one of"),
        ({"device": "cuda"}, "device: expected auto or cpu"),
        ({"widths": (16, 32)}, "widths: expected at least 3"),
        ({"build": lambda _: 1 / 0}, "build: it fails at width"),
        ({"parameterization": MUP}, "parameterization: .* layers need"),
        ({"parameterization": "mup"}, "parameterization: expected a Parameterization, or 'standard'"),
    ],
)
def test_what_cannot_be_measured_is_said_in_a_line(
    traced: TracedNetwork, options: dict[str, Any], message: str
) -> None:
    given = {"parameterization": "standard", "build": build, "data": DATA, **options}
    with pytest.raises(ArgumentError, match=message):
        scalings.measure(traced, training=Training.of("sgd", steps=1), **given)


def test_build_is_for_traced_networks_alone() -> None:
    with pytest.raises(ArgumentError, match="build: expected a traced network"):
        scalings.measure("mlp", "mup", build=build)


def test_what_has_no_value_of_its_own_is_not_taken_for_zero(traced: TracedNetwork) -> None:
    """The product of a linear layer is made together with its bias; what was seen to be zero is still told."""
    translation = translated(traced)
    network = translation.network
    assert "0" not in translation.values
    own = standard(build, traced, translation)
    frozen = [
        replace(layer, lr=MINUS_INFINITY) if node.weight.startswith("0.") else layer
        for node, layer in zip(network.layers, own.layers, strict=True)
    ]
    training = Training.of("sgd", steps=1)
    still = replace(own, layers=tuple(frozen))
    measured = scalings.measure(traced, still, training, build=build, data=DATA, widths=WIDTHS[:3], seeds=1)
    derived = scalings.predict(network, own, "sgd", 1)
    unmeasured = {one.layer for one in compare(network, derived, measured).unmeasured if one.quantity == "dz"}
    assert "0.bias" in unmeasured
    assert "0" not in unmeasured
