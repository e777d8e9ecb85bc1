"""K-FAC: powers of what a layer reads and of what comes back to it, in place of one of the gradient."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalings
from scalings.certificates.statements import statement_from_json
from scalings.certificates.verifier import certify
from scalings.criteria.problem import Problem
from scalings.errors import ArgumentError
from scalings.hyperparameters.splits import laws
from scalings.hyperparameters.update_laws import OPTIMIZERS, kfac, optimizer
from scalings.networks.architectures import NETWORKS, cnn, mlp, transformer
from scalings.results.measured_laws import same_law
from symbolic.certificates.assembly import difference
from symbolic.certificates.writing import derivation_certificate
from symbolic.evaluation.check import check
from tests import strategies
from tests.literature.optimizers import second_order_rates

exponents = st.fractions(0, 1, max_denominator=8)


@settings(max_examples=8, deadline=None)
@given(left=exponents, right=exponents)
def test_its_rates_are_those_of_the_literature(left: Fraction, right: Fraction) -> None:
    member = strategies.family(mlp(3), kfac(left, right)).member("1/2")
    assert tuple(layer.lr for layer in member.layers) == second_order_rates(left, right)


def test_kfac_alone_needs_no_power_of_the_width() -> None:
    assert second_order_rates(Fraction(1), Fraction(1)) == (0, 0, 0)
    assert second_order_rates(Fraction(0), Fraction(0)) == (1, 0, -1), "as of SGD, which it then is"


@settings(max_examples=8, deadline=None)
@given(left=exponents, right=exponents, by=strategies.perturbations, layer=st.integers(0, 2))
def test_no_changed_rate_passes(left: Fraction, right: Fraction, by: Fraction, layer: int) -> None:
    law = kfac(left, right)
    member = strategies.family(mlp(3), law).member("1/2")
    moved = replace(member.layers[layer], lr=member.layers[layer].lr + by)
    layers = (*member.layers[:layer], moved, *member.layers[layer + 1 :])
    assert check(mlp(3), member, law).feature_learning
    verdict = check(mlp(3), replace(member, layers=layers), law)
    assert not verdict.stable or not verdict.meets(*(finding.criterion for finding in verdict.findings))


@pytest.mark.parametrize("name", ["kfac", "foof", "kfac:1/2,1", "kfac+adam", "kfac+coupled"])
def test_a_certificate_says_so(name: str) -> None:
    document = derivation_certificate(Problem.of(mlp(3), name))
    certify(document)
    assert difference(document) is None
    assert laws(name).name == name


def test_a_certificate_of_another_power_is_told_apart() -> None:
    document = derivation_certificate(Problem.of(mlp(2), "foof"))
    assert document["about"]["law"]["input"] == "-2"
    del document["about"]["law"]["input"]
    with pytest.raises(ArgumentError, match="cannot be used"):
        statement_from_json(document["about"])
    assert "input" not in derivation_certificate(Problem.of(mlp(2), "kfac"))["about"]["law"]


def test_names() -> None:
    assert optimizer("kfac:1/4,3/4").gradient == Fraction(1, 2)
    assert optimizer("kfac:1/4,3/4").input == -1
    assert kfac(Fraction(1), Fraction(1)) == OPTIMIZERS["kfac"]
    assert not same_law(OPTIMIZERS["sgd"], OPTIMIZERS["foof"]), "they differ in what the layer reads alone"
    assert not Problem(mlp(2), OPTIMIZERS["foof"]).is_sgd


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: Problem.of(mlp(3), "kfac", "batch:noise"), "no orders are known of the factors of kfac in the batch"),
        (
            lambda: Problem.of(transformer(gains=True), "kfac"),
            "no factors for attention_gain, a gain",
        ),
        (lambda: optimizer("kfac+clip"), "whose factors are not clipped"),
        (lambda: optimizer("foof+l2"), "know no loss of weights; expected foof\\+coupled"),
        (lambda: optimizer("kfac:1,2,3"), "at most 2 exponents"),
    ],
)
def test_what_it_is_not_asked(ask, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ArgumentError, match=says):
        ask()


def test_convolutions_have_factors() -> None:
    assert strategies.family(cnn(3), OPTIMIZERS["kfac"]).high == Fraction(1, 2)


@pytest.mark.parametrize("name", ["law:-1", "kfac", "shampoo:1/2,1/2"])
def test_laws_of_powers_below_zero_make_no_step_without_a_gradient(name: str) -> None:
    """LoRA's A has none in the first step, in which B is zero: its step is zero, and not beyond all orders."""
    found = scalings.derive("lora", name)
    assert found.degrees_of_freedom == 2
    member = scalings.member("lora", name, "1/2")
    assert all(finding.satisfied for finding in scalings.check("lora", member, name).findings)
    assert certify(derivation_certificate(Problem.of(NETWORKS["lora"](), name)))
