"""The answer at every depth: the lemma of the inserted layer holds, agrees with the derivations, and can fail."""

from __future__ import annotations

from fractions import Fraction

import pytest

from scalings.criteria.tutorial import (
    BOUNDED_OUTPUT,
    MAXIMALITY,
    NONTRIVIALITY,
    SIGNAL_PROPAGATION,
    STABLE_FEATURES,
    TUTORIAL,
    USEFUL_UPDATE,
)
from scalings.hyperparameters.update_laws import OPTIMIZERS, UpdateLaw, optimizer
from scalings.networks.architectures import mlp
from symbolic.derivation.induction import induct
from tests import strategies


@pytest.mark.parametrize("law", OPTIMIZERS.values(), ids=lambda law: law.name)
def test_another_hidden_layer_adds_as_many_equations_as_unknowns(law: UpdateLaw) -> None:
    lemma = induct(law)
    assert lemma.holds, lemma.open
    assert len(lemma.equations) == (3 if law.decay != "none" else 2)


@pytest.mark.parametrize("name", ["sgd", "adam", "muon"])
def test_the_lemmas_layer_is_that_of_the_derivations(name: str) -> None:
    """With |d| = n^-r behind it, the inserted layer has the exponents that are derived at depths 3 and 4."""
    from sympy import Rational, sympify

    law = optimizer(name)
    equations = dict(equation.split(" = ") for equation in induct(law).equations)
    for depth in (3, 4):
        for r in (Fraction(0), Fraction(1, 4), Fraction(1, 2)):
            layer = strategies.family(mlp(depth), law).member(r).layers[1]
            for found, equation in ((layer.init, equations["sigma_2"]), (layer.lr, equations["eta_2"])):
                assert isinstance(found, Fraction)
                value = sympify(equation).subs("b_0", Rational(-r.numerator, r.denominator))
                assert value == Rational(found.numerator, found.denominator)


@pytest.mark.parametrize("criterion", [SIGNAL_PROPAGATION, MAXIMALITY, USEFUL_UPDATE], ids=lambda one: one.name)
def test_without_a_criterion_that_is_needed_the_lemma_fails_and_says_where(criterion) -> None:  # type: ignore[no-untyped-def]
    lemma = induct(criteria=[other for other in TUTORIAL if other is not criterion])
    assert not lemma.holds
    assert lemma.open


@pytest.mark.parametrize("criterion", [BOUNDED_OUTPUT, NONTRIVIALITY], ids=lambda one: one.name)
def test_what_is_asked_of_the_output_does_not_matter(criterion) -> None:  # type: ignore[no-untyped-def]
    assert induct(criteria=[other for other in TUTORIAL if other is not criterion]).holds


def test_only_from_three_layers_on_does_maximality_bound_the_features() -> None:
    """Without the bound on features, the input layer alone may move more than a hidden layer behind it lets it."""
    lemma = induct(criteria=[other for other in TUTORIAL if other is not STABLE_FEATURES])
    assert "more is asked of the rest with the layer than without it" in lemma.open
