"""Splits of update laws: how they are written, whose law is whose, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalings.criteria.problem import Problem
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.splits import Split, assumptions, by_layers, laws, with_epsilons
from scalings.hyperparameters.update_laws import DECAYS, OPTIMIZERS, UpdateLaw, optimizer, parts
from scalings.networks.architectures import cnn, mlp, transformer
from scalings.results.trials import Training

written = st.sampled_from(
    [*OPTIMIZERS, "lion+coupled", "muon+independent", "adam+l2", "law:0,+1,-1/2", "shampoo:1/8,1/8+coupled"]
)
named = st.dictionaries(st.sampled_from(["layer1", "layer2", "a.b-c_0"]), written, max_size=3)


@given(written, st.none() | written, named)
def test_what_is_written_is_read(hidden: str, rest: str | None, by_layer: dict[str, str]) -> None:
    text = hidden if rest is None else f"{hidden}+{rest}"
    split = laws(text, by_layer)
    assert laws(split.name) == split
    assert split.name == ";".join([text, *(f"{layer}={law}" for layer, law in by_layer.items())])
    expected = [optimizer(hidden), optimizer(rest or hidden), *map(optimizer, by_layer.values())]
    assert split.parts == tuple(dict.fromkeys(expected))
    assert Training(optimizer=split.name).law == split


@given(written, written)
def test_every_plus_has_one_reading(first: str, second: str) -> None:
    assert parts(f"{first}+{second}") == [first, second]


def test_no_decay_is_called_like_an_optimizer() -> None:
    """Or the + before it would have two readings."""
    assert DECAYS.keys().isdisjoint(OPTIMIZERS)


@pytest.mark.parametrize("network", [mlp(4, biases=True), cnn(3, depthwise=True), transformer(gains=True, biases=True)])
def test_the_default_split_goes_by_growth(network: object) -> None:
    """Matrices that grow both ways, as Muon is used (Jordan et al. 2024); the rest takes Adam."""
    layers = network.layers  # type: ignore[attr-defined]
    found = {layer.name: law.name for layer, law in zip(layers, laws("muon+adam").among(layers), strict=True)}
    both = {one.name for one in layers if one.fan_in.order > 0 < one.fan_out.order}
    assert {name for name, law in found.items() if law == "muon"} == both
    assert both
    assert len(both) < len(layers)


def test_tied_weights_have_one_law() -> None:
    problem = Problem.of(transformer(tied=True), "muon+adam")
    assert problem.laws["weight_embedding"].name == "adam"
    with pytest.raises(ArgumentError, match=r"expected one of embedding, query, .*, but got 'readout'"):
        Problem.of(transformer(tied=True), "muon+adam;readout=sgd")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("muon+adamw+sgd", "expected a law of hidden matrices and one of the rest, but got muon, adamw, sgd"),
        ("muon+adma", "expected coupled, independent, l2, inside behind the \\+, or another optimizer, but got 'adma'"),
        ("muon+adamw+l2", "adamw decays already"),
        ("muon+inside+adam", "decay inside the step is lamb's"),
        ("l2+adam", "expected one of sgd"),
        ("+adam", "expected one of sgd"),
        ("adam+", "expected coupled"),
        ("adam;", "expected LAYER=OPTIMIZER, but got ''"),
        ("adam;layer1", "expected LAYER=OPTIMIZER, but got 'layer1'"),
        ("adam;=sgd", "expected LAYER=OPTIMIZER, but got '=sgd'"),
        ("adam;layer1=sgd;layer1=sgd", "expected one law for each layer, but got two for 'layer1'"),
        ("adam;layer1=muon+sgd", "of layer1: expected one law for all weights, but got 'muon\\+sgd'"),
    ],
)
def test_what_is_no_split_is_refused(text: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        laws(text)


def test_one_law_is_no_split() -> None:
    assert isinstance(laws("adam+l2"), UpdateLaw)
    with pytest.raises(ArgumentError, match="expected one law for all weights, but got 'muon\\+adam'"):
        optimizer("muon+adam")
    with pytest.raises(ArgumentError, match="expected one law for all weights, but got 'adam;layer1=sgd'"):
        optimizer("adam;layer1=sgd")


def test_a_law_of_a_layer_that_is_not_there() -> None:
    with pytest.raises(ArgumentError, match="law: did you mean layer3\\? expected one of layer1, layer2, layer3"):
        Problem.of(mlp(3), laws("adam", {"layer4": "sgd"}))


def test_assumptions_say_whose_they_are() -> None:
    layers = mlp(3).layers
    assert assumptions(layers, laws("adam").among(layers)) == optimizer("adam").assumptions
    assert assumptions(layers, laws("adam+adam").among(layers)) == optimizer("adam").assumptions
    said = assumptions(layers, laws("muon+adamw").among(layers))
    assert [one.partition(":")[0] for one in said] == ["of layer1, layer3", "of layer1, layer3", "of layer2"]


def test_epsilons_are_of_each_law_or_of_each_layer() -> None:
    layers = mlp(3).layers

    def orders(name: str, *exponents: str) -> list[float | Fraction]:
        return [law.epsilon for law in with_epsilons(laws(name), layers, exponents).among(layers)]

    assert orders("adam", "-1") == [-1, -1, -1]
    assert orders("muon+adam", "-1") == [-1, MINUS_INFINITY, -1]
    assert orders("adam", "-1", "-oo", "-1/2") == [-1, MINUS_INFINITY, Fraction(-1, 2)]
    assert orders("muon+adam", "-1", "-oo", "-1/2") == [-1, MINUS_INFINITY, Fraction(-1, 2)]
    for name, exponents, message in [
        ("muon+sgd", ["-1"], "muon does not divide by the size"),
        ("muon+adam", ["-1", "-1", "-1"], "muon does not divide by the size"),
        ("adam", ["-1", "-1"], "expected one exponent, or 3, but got 2"),
        ("adam", ["-1", "x", "-1"], "expected a fraction"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            with_epsilons(laws(name), layers, exponents)


def test_constants_are_those_of_each_law() -> None:
    """A default for each optimizer, and all of them as many times as large as the first one's is chosen."""
    training = Training.of("muon+sgd")
    assert training.factors(optimizer("muon")) == (1, 1)
    assert training.lr * training.factors(optimizer("sgd"))[0] == Training.of("sgd").lr
    assert training.decay == Training.of("sgd").decay
    decaying = Training.of("muon+adam+l2")
    assert decaying.decay * decaying.factors(optimizer("adam+l2"))[1] == Training.of("adam+l2").decay


def test_names_of_layers_may_come_in_pairs() -> None:
    assert by_layers([("layer1", "sgd"), ("layer2", optimizer("adam"))]) == by_layers(["layer1=sgd", "layer2=adam"])
    assert isinstance(laws("adam", {"layer1": optimizer("adam")}), Split)
