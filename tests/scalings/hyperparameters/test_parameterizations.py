"""Exponents, parameterizations, networks and trials."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalings.criteria.observables import Observable
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import (
    FINEST,
    MINUS_INFINITY,
    Affine,
    format_exponent,
    format_power,
    parse_exponent,
)
from scalings.hyperparameters.gauges import GAUGES, Gauge, LayerExponents, in_gauge
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp
from scalings.results.trials import Record, Training, Trial
from tests import strategies
from tests.gauges import same_up_to_gauge

SGD = optimizer("sgd")


@given(st.fractions(-100, 100, max_denominator=FINEST) | st.just(MINUS_INFINITY))
def test_exponents_survive_being_written_and_read(exponent: Fraction | float) -> None:
    assert parse_exponent(format_exponent(exponent)) == exponent


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "1/0",
        "oo",
        "101",
        "1e400",
        "1e-30",
        "1e-30000000",
        f"1/{FINEST + 1}",
        "9" * 101,
        "inf",
        "nan",
        "__import__('os')",
        "1e",
        "2*r",
    ],
)
def test_what_is_no_exponent(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a fraction .* but got"):
        parse_exponent(text)


@given(*[st.fractions(max_denominator=9)] * 3)
def test_sympy_reads_affine_exponents(constant: Fraction, first: Fraction, second: Fraction) -> None:
    from sympy import Rational, symbols, sympify

    r, s = symbols("r s")
    rational = [Rational(f.numerator, f.denominator) for f in (constant, first, second)]
    written = str(Affine(constant, {"r": first, "s": second}))
    assert sympify(written) == rational[0] + rational[1] * r + rational[2] * s


def test_powers_as_a_person_reads_them() -> None:
    r = Affine(Fraction(-1), {"r": Fraction(2)})
    half = Fraction(1, 2)
    assert [format_power(e) for e in (r, half, Fraction(0), Affine(Fraction(0), {"r": Fraction(2)}))] == [
        "n^(2r-1)",
        "n^(1/2)",
        "n^0",
        "n^(2r)",
    ]
    zeros = (MINUS_INFINITY, Affine(MINUS_INFINITY), Affine(MINUS_INFINITY, {"r": half}))
    assert {format_power(zero) for zero in zeros} == {"0"}


@given(strategies.depths, strategies.optimizers, st.sampled_from(GAUGES), st.data())
def test_gauges_lead_back(depth, law, gauge, data) -> None:  # type: ignore[no-untyped-def]
    parameterization = data.draw(strategies.parameterizations(depth))
    zero = any(layer.init == MINUS_INFINITY for layer in parameterization.layers)
    own_step = law.at_zero != "alike" and any(
        layer.init == MINUS_INFINITY and layer.multiplier for layer in parameterization.layers
    )
    if own_step or (gauge == "unit-init" and zero) or (gauge == "global-lr" and not law.gauge_power):
        with pytest.raises(ArgumentError, match="no gauge"):
            parameterization.in_gauge(gauge, law)
    else:
        assert same_up_to_gauge(parameterization.in_gauge(gauge, law), parameterization, law)


@pytest.mark.parametrize(
    ("one", "zero"), [(Fraction(0), MINUS_INFINITY), (Affine(Fraction(0)), Affine(MINUS_INFINITY))]
)
def test_no_gauge_makes_one_of_what_is_zero(one, zero) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ArgumentError, match="zero-initialised weights"):
        in_gauge(LayerExponents(one, zero, one), "unit-init", SGD)
    with pytest.raises(ArgumentError, match="not trained"):
        in_gauge(LayerExponents(one, one, zero), "global-lr", SGD)
    assert in_gauge(LayerExponents(one, zero, one), "global-lr", SGD).init == zero


@given(strategies.depths, strategies.optimizers, st.data())
def test_what_is_not_a_gauge_is_told_apart(depth, law, data) -> None:  # type: ignore[no-untyped-def]
    parameterization = preset("mup", depth)
    assert not same_up_to_gauge(data.draw(strategies.perturbed(parameterization)), parameterization, law)


@pytest.mark.parametrize(("one", "other"), [("ntp", "ntp-lr"), ("mup", "mup-lr"), ("mup-lr", "mfp")])
def test_presets_that_are_one_parameterization(one: str, other: str) -> None:
    assert same_up_to_gauge(preset(one, 4), preset(other, 4), SGD)
    assert not same_up_to_gauge(preset(one, 4), preset("standard", 4), SGD)


@pytest.mark.parametrize("gauge", GAUGES)
def test_the_prefactor_goes_with_the_richness(gauge: Gauge) -> None:
    """|dz| ~ gamma n^r: wherever n^(2r) stands, gamma^2 does."""
    member = strategies.family(mlp(3)).in_gauge(gauge).member("1/4", gamma="1/2")
    assert member.gamma == Fraction(1, 2)
    for powers, layer in zip(member.gamma_powers, strategies.family(mlp(3)).in_gauge(gauge).layers, strict=True):
        assert (powers.multiplier, powers.init, powers.lr) == tuple(
            exponent.coefficient("r") for exponent in (layer.multiplier, layer.init, layer.lr)
        )


def test_a_member_outside_the_range() -> None:
    with pytest.raises(ArgumentError, match=r"r: expected 0 <= r <= 1/2, but got 3/4"):
        strategies.family(mlp(3)).member("3/4")


def test_columns_of_different_lengths() -> None:
    with pytest.raises(ArgumentError, match="multiplier has 3, init has 2, lr has 3"):
        Parameterization.of(multiplier="0,0,0", init="0,-1/2", lr="0,0,0")


@given(strategies.networks, st.data())
def test_trials_survive_json(network, data) -> None:  # type: ignore[no-untyped-def]
    member = strategies.family(network).member(data.draw(strategies.richness()), gamma="1/3")
    trial = Trial(network, member, Training(steps=2), width=64, seed=7)
    assert Trial.from_json(json.loads(json.dumps(trial.to_json()))) == trial


@pytest.mark.parametrize("value", [0.1, float("inf"), 0.0])
def test_records_survive_json(value: float) -> None:
    record = Record(Observable("dz", "layer2", 3), 64, 7, value)
    assert Record.from_json(json.loads(json.dumps(record.to_json(), allow_nan=False))) == record
