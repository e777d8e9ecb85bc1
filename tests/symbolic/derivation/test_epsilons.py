"""The largest epsilon of each layer: it changes no verdict, and a larger one drowns that layer's gradient."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Affine, format_exponent
from scalings.hyperparameters.splits import laws, with_epsilons
from scalings.networks.architectures import cnn, mlp, resmlp, transformer
from scalings.networks.network import Network
from scalings.results.derivations import Derivation, Family
from symbolic.derivation.derive import derive
from symbolic.derivation.several_scales import derive_each
from symbolic.evaluation.check import check
from tests import strategies
from tests.literature.depth import COMPLETE_P_EPSILON

HALF = Fraction(1, 2)
NETWORKS = {
    "mlp": mlp(3, biases=True),
    "cnn": cnn(3, depthwise=True),
    "resmlp": resmlp(branch=2, norm=True),
    "transformer": transformer(grows="heads", gains=True),
}


@cache
def asked(name: str, optimizer: str) -> Family:
    found = derive(NETWORKS[name], optimizer, epsilons=True).family
    assert found is not None
    return found


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("optimizer", ["adam", "muon+adam"])
@settings(max_examples=4, deadline=None)
@given(r=strategies.richness(), data=st.data())
def test_it_is_the_largest_that_changes_nothing(name: str, optimizer: str, r: Fraction, data: st.DataObject) -> None:
    network = NETWORKS[name]
    given = asked(name, optimizer).member(r)
    largest = [MINUS_INFINITY if layer.epsilon is None else layer.epsilon for layer in given.layers]
    known = [number for number, epsilon in enumerate(largest) if epsilon != MINUS_INFINITY]
    adams = [law.name == "adam" for law in laws(optimizer).among(network.layers)]
    assert [epsilon != MINUS_INFINITY for epsilon in largest] == adams

    def notes(epsilons: list[Fraction | float]) -> list[str]:
        law = with_epsilons(laws(optimizer), network.layers, list(map(format_exponent, epsilons)))
        verdict = check(network, given, law)
        return [note for note in verdict.notes if "drowns" in note]

    assert not notes(largest)
    law = with_epsilons(laws(optimizer), network.layers, list(map(format_exponent, largest)))
    assert check(network, given, law).findings == check(network, given, optimizer).findings
    raised = data.draw(st.sampled_from(known))
    larger = [epsilon + Fraction(number == raised, 16) for number, epsilon in enumerate(largest)]
    assert any(f"gradient of {network.layers[raised].name} at" in note for note in notes(larger))


def exponents(derivation: Derivation) -> dict[str, Affine | None]:
    layers = derivation.family.layers if derivation.family else derivation.polyhedra[0].layers
    return {node.name: layer.epsilon for node, layer in zip(derivation.network.layers, layers, strict=True)}


@pytest.mark.parametrize("scale", COMPLETE_P_EPSILON)
def test_complete_p(scale: str) -> None:
    """Its readout has a multiplier n^-1, and an init scale n^0: the gradient of the raw weight is n^-1 of ours."""
    derivation = derive("resmlp", "adam", scale=scale, loss="cross-entropy", epsilons=True)
    embedding, branch, readout = exponents(derivation).values()
    assert embedding is not None
    assert branch is not None
    assert readout is not None
    moved = readout.at(r=HALF) - (1 if scale == "width" else 0)
    found = (embedding.at(r=HALF), branch.at(r=HALF), moved)
    assert tuple(map(str, found)) == COMPLETE_P_EPSILON[scale]


def test_it_moves_with_the_gauge() -> None:
    """As the gradient of the raw weight, which is compared with it, does."""
    family = derive("mlp", "adam", epsilons=True).family
    assert family is not None
    other = family.in_gauge("unit-init")
    for one, moved in zip(family.layers, other.layers, strict=True):
        assert one.epsilon is not None
        assert moved.epsilon == one.epsilon + moved.multiplier - one.multiplier


def test_queries_need_a_smaller_one_where_heads_grow() -> None:
    """Their first gradient is behind keys that have not moved towards them."""
    found = {name: str(epsilon) for name, epsilon in exponents(derive("transformer", "adam", epsilons=True)).items()}
    assert (found["query"], found["key"], found["value"]) == ("-3/2", "-3/2", "-1")


def test_answers_without_it_are_as_they_were() -> None:
    asked, plain = (derive("mlp", "adam", epsilons=epsilons) for epsilons in (True, False))
    assert asked.family is not None
    assert plain.family is not None
    assert tuple(replace(layer, epsilon=None) for layer in asked.family.layers) == plain.family.layers
    assert asked.assumptions[:-1] == plain.assumptions


def test_laws_that_have_none() -> None:
    for law in ("sgd", "muon", "muon+sgd"):
        with pytest.raises(ArgumentError, match="epsilon: "):
            derive("mlp", law, epsilons=True)


def test_in_several_scales() -> None:
    network: Network = transformer(grows="heads")
    answer = derive_each(network, "adam", scales=("width", "depth"), loss="cross-entropy", epsilons=True)
    found = {node.name: str(one.epsilon) for node, one in zip(network.layers, answer.layers, strict=True)}
    assert (found["embedding"], found["up"], found["readout"]) == ("n^(-r-1/2)", "n^(-r-1/2) m^(-1)", "1")
