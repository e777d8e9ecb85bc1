"""Clipping by the global norm: the largest gradient of all layers divides every one."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalings.certificates.verifier import certify
from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.splits import laws
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp, resmlp
from symbolic.certificates.writing import derivation_certificate
from symbolic.derivation.derive import derive
from symbolic.derivation.members import member
from symbolic.evaluation.check import check
from symbolic.evaluation.predict import predict
from tests import strategies

HALF = Fraction(1, 2)


def test_sgd_with_clipping() -> None:
    """The readout's gradient |h| |d| = n^(1/2) is the largest, at every richness: rates n^(1/2) times those of SGD."""
    clipped, plain = derive(mlp(4), "sgd+clip").family, strategies.family(mlp(4))
    assert clipped is not None
    assert (clipped.low, clipped.high) == (plain.low, plain.high)
    for one, other in zip(clipped.layers, plain.layers, strict=True):
        assert one.init == other.init
        assert str(one.lr - other.lr) == "1/2"


def test_in_the_depth_all_copies_count() -> None:
    """m copies of gradients m^-1 make m^(-1/2), less than that of the readout; without multipliers they are more."""
    network, given = resmlp(), member("resmlp", "sgd", scale="depth")
    orders, plain = (predict(network, given, law, 1, scale="depth") for law in ("sgd+clip", "sgd"))
    changed = Observable("dW_frobenius", "branch1", 1)
    assert orders[changed] == plain[changed]
    free = derive(network, "sgd+clip", "stability", scale="depth", given={"kappa_1": Fraction(0)})
    assert free.degrees_of_freedom is None


@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(2, 4))
def test_a_step_is_that_on_divided_gradients(data: st.DataObject, depth: int) -> None:
    """For a law of power p, |dW| of the first update is that without clipping, divided by max(1, |G|)^p."""
    network, given = mlp(depth), data.draw(strategies.parameterizations(depth))
    names = [data.draw(st.sampled_from(["sgd", "law:1/2", "muon", "law:-1"])) for _ in network.layers]
    by_layer = {layer.name: name for layer, name in zip(network.layers, names, strict=True)}
    if not {"sgd", "law:1/2", "law:-1"} & {*names}:
        by_layer["layer1"] = "sgd"
    given = given.shifted([-layer.multiplier for layer in given.layers], laws("sgd", by_layer).among(network.layers))
    plain, clipped = (predict(network, given, laws(f"sgd{clip}", by_layer), 1) for clip in ("", "+clip"))
    norms = [plain[Observable("gradient", layer.name, 1)] for layer in network.layers]
    divisor = max(Fraction(0), *norms)
    for layer, law in zip(network.layers, laws("sgd", by_layer).among(network.layers), strict=True):
        assert clipped[Observable("gradient", layer.name, 1)] == plain[Observable("gradient", layer.name, 1)]
        before, after = (orders[Observable("dW_frobenius", layer.name, 1)] for orders in (plain, clipped))
        assert after == (before if before == MINUS_INFINITY else before - law.gradient * divisor)


def test_rates_without_clipping_are_refused_with_it_and_the_converse() -> None:
    clipped, plain = (member(mlp(3), law, HALF) for law in ("sgd+clip", "sgd"))
    assert check(mlp(3), clipped, "sgd+clip").regime == "rich"
    assert check(mlp(3), plain, "sgd+clip").regime == "trivial"
    assert check(mlp(3), clipped, "sgd").regime == "unstable"


def test_no_gauge_is_left() -> None:
    derivation = derive(mlp(3), "muon+sgd+clip")
    assert derivation.gauges == ()
    with pytest.raises(ArgumentError, match="clipping fixes the gauge"):
        derive(mlp(3), "sgd+clip", gauge="unit-init")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("adam+clip", "clipping changes no order, since steps of adam do not depend on the size of gradients"),
        ("muon+adamw+clip", "clipping changes no order, since steps of muon\\+adamw do not depend"),
        ("sgd+clip+clip", "expected \\+clip once, behind what is before a ;"),
        ("sgd+clip+adam", "gradients of all weights are clipped, or none: expected \\+clip once"),
        ("adam;layer1=sgd+clip", "gradients of all weights are clipped, or none"),
    ],
)
def test_clipping_is_for_all_weights(text: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        laws(text)


def test_what_is_clipped_is_named() -> None:
    for text in ("sgd+clip", "muon+sgd+clip", "sgd+l2+clip;layer1=adam"):
        law = laws(text)
        assert law.name == text
        assert laws(law.name) == law
        assert all(part.clip == "norm" for part in law.parts)
    assert optimizer("sgd+l2+clip").decay == "l2"


def test_a_certificate_says_so() -> None:
    document = derivation_certificate(Problem.of(mlp(2), "sgd+clip"))
    certify(document)
    assert document["about"]["law"]["clip"] == "norm"
    assert "clip" not in derivation_certificate(Problem.of(mlp(2), "sgd"))["about"]["law"]
