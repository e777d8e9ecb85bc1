"""Criteria of one's own are read from text, and the derivation takes them as it takes the tutorial's."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from scalings.criteria.criterion import Criterion
from scalings.criteria.parsing import parse_criterion
from scalings.criteria.tutorial import NONTRIVIALITY, SIGNAL_PROPAGATION, STABLE_FEATURES, TUTORIAL, USEFUL_UPDATE
from scalings.errors import ArgumentError
from scalings.networks.architectures import mlp
from symbolic.derivation.derive import derive


@pytest.mark.parametrize(
    ("text", "criterion"),
    [
        ("signal: z ~ units^1/2 at hidden initially", SIGNAL_PROPAGATION),
        ("moves: dz ~ 1 at output after updates", NONTRIVIALITY),
        ("useful: d@before * dz ~ 1 at single layers after updates", USEFUL_UPDATE),
        ("stable: dz <= z@0 at hidden after updates", STABLE_FEATURES),
    ],
)
def test_the_tutorials_criteria_can_be_said(text: str, criterion: Criterion) -> None:
    said = parse_criterion(text)
    assert replace(said, name=criterion.name, sentence=criterion.sentence, source=criterion.source) == criterion


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dz <= 1 at output after updates", "expected NAME: LEFT ~ RIGHT"),
        ("quiet: dz < 1 at output after updates", "expected NAME: LEFT ~ RIGHT"),
        ("quiet: dx <= 1 at output after updates", "one of z, dz, d, layer.*but got 'dx'"),
        ("quiet: dz <= n^one at output after updates", "expected a fraction as exponent, but got 'one'"),
        ("quiet: dz <= 1 at readout after updates", "expected one of hidden, layers.*but got 'readout'"),
        ("quiet: dz <= 1 at output later", "expected one of initially, after updates, when settled"),
        ("quiet: dz <= 1 at output initially", "nothing has changed initially"),
        ("quiet: z <= dz at output initially", "nothing has changed initially"),
        ("quiet: dz@0 ~ n^7 at hidden after updates", "nothing has changed initially"),
        ("quiet: dW_spectral <= 1 at hidden after updates", "but got 'dW_spectral'"),
        ("quiet: dz@1 <= 1 at output after updates", "but got 'dz@1'"),
    ],
)
def test_what_is_no_criterion_is_refused(text: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        parse_criterion(text)


@pytest.mark.parametrize(("power", "high"), [("1/4", Fraction(1, 4)), ("3/8", Fraction(3, 8))])
def test_a_criterion_of_ones_own_narrows_the_family(power: str, high: Fraction) -> None:
    quiet = parse_criterion(f"quiet features: dz <= n^({power}) at hidden after updates")
    family = derive(mlp(3), criteria=[*TUTORIAL, quiet]).family
    assert family is not None
    assert (family.low, family.high) == (0, high)


def test_a_criterion_that_cannot_be_met_is_named() -> None:
    wild = parse_criterion("wild features: dz ~ n^1 at hidden after updates")
    assert "wild features" in derive(mlp(2), criteria=[*TUTORIAL, wild]).contradiction
