"""Criteria of one's own are read from text, and the derivation takes them as it takes the tutorial's."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from scalings.command_line.app import main
from scalings.criteria.criterion import Criterion
from scalings.criteria.parsing import format_relation, parse_criterion
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
        ("stable: dz <= units^(1/2) at hidden after updates", STABLE_FEATURES),
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
        ("quiet: dz <= n^one at output after updates", "expected a fraction such as -1/2, but got 'one' as exponent"),
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


@pytest.mark.parametrize(
    ("symbols", "words"),
    [
        ("|dz| <= n^(-1/2) at output after updates", "dz <= n^(-1/2) at output after updates"),
        ("|g dW h| ~ |dz| at layers after updates", "layer ~ dz at layers after updates"),
        ("|g W dh| ~ |g dW dh| at layers after updates", "passthrough ~ interaction at layers after updates"),
        ("|d|@before * |dz| ~ 1 at layers after updates", "d@before * dz ~ 1 at layers after updates"),
        ("|dz| <= |z|@0 at hidden after updates", "dz <= z@0 at hidden after updates"),
        ("|G|_F ~ |dW|_F at layers after updates", "gradient ~ dW_frobenius at layers after updates"),
        ("|W|_F ~ |z| * n at layers initially", "W_frobenius ~ z * n at layers initially"),
    ],
)
def test_a_criterion_may_be_written_as_tables_are(symbols: str, words: str) -> None:
    said, meant = parse_criterion(f"mine: {symbols}"), parse_criterion(f"mine: {words}")
    assert said.relation == meant.relation
    assert format_relation(said) == words
    with pytest.raises(ArgumentError, match="or one of z, dz"):
        parse_criterion(f"mine: {symbols.replace('|', '', 1)}")


QUIET, QUIETER = "quiet: |dz| <= n^(1/4) at hidden after updates", "quiet: dz <= n^(1/8) at hidden after updates"
MAXIMALITY_TOO = "maximality: |dz| <= n^(1/4) at hidden after updates"


@pytest.mark.parametrize("command", [["derive"], ["check", "--preset", "ntp"]])
def test_a_name_that_is_taken_is_refused(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    for given, taken, by in (
        ([QUIET, QUIETER], QUIETER, "quiet: dz <= n^(1/4) at hidden after updates"),
        ([MAXIMALITY_TOO], MAXIMALITY_TOO, "maximality: layer ~ dz at layers after updates"),
    ):
        options = [option for text in given for option in ("--criterion", text)]
        said = f"scalings: --criterion: expected another name, since '{by}' has this one, but got '{taken}'\n"
        assert (main([*command, *options]), capsys.readouterr()) == (2, ("", said))
    assert main([*command, "--criterion", QUIET]) == 0
    assert main([*command, "--criterion", QUIET, "--criterion", QUIETER.replace("quiet", "quieter")]) == 0


def test_a_criterion_that_is_dropped_leaves_its_name() -> None:
    assert main(["derive", "--without", "maximality", "--criterion", MAXIMALITY_TOO, "--format", "json"]) == 0


def test_the_help_has_both_ways_to_write_a_quantity(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("derive", "check"):
        main([command, "--help"])
        said = " ".join(capsys.readouterr().out.replace("│", " ").split())
        assert 'at hidden after updates", with quantities as tables print them or in words: dz; may be given' in said
