"""The freedom is one and points along the richness; more or fewer criteria, and a wrong theory, are refuted."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from empirical.experiments.freedom import count_freedoms
from empirical.statistics.limits import limit
from scalings.criteria.conditions import Condition, System, all_conditions, tutorial_system, wish
from scalings.networks.architectures import mlp
from scalings.results.experiments import FreedomMeasurement, Limit
from scalings.results.trials import Training
from scalings.studies.freedom import Entry, FreedomAgreement, derived_jacobian
from tests.strategies import SGD, family

NETWORK = mlp(2)
R = Fraction(1, 4)
DELTA = Fraction(1, 20)
TRAINING = Training(batch=8, steps=1)


def measure(conditions: System | None = None) -> FreedomMeasurement:
    system = tutorial_system(NETWORK, R, "useful-update", 1)
    widths = (32, 64, 128, 256)
    return count_freedoms(NETWORK, system, TRAINING, widths=widths, seeds=4, device="cpu", conditions=conditions)


def agreement(measured: FreedomMeasurement) -> FreedomAgreement:
    derived = derived_jacobian(family(NETWORK).member(R), NETWORK, SGD, measured.conditions)
    return FreedomAgreement(measured, family(NETWORK), derived, DELTA)


@pytest.fixture(scope="module")
def measured() -> FreedomMeasurement:
    return measure()


def test_one_freedom_along_the_richness(measured: FreedomMeasurement) -> None:
    assert agreement(measured).verdict == "PASS", agreement(measured).reason
    assert measured.freedoms(0.05) == (1, 1)
    assert measured.gauges < 0.01
    assert measured.singular_values[-2].low > 5 * measured.singular_values[-1].high
    assert len(measured.conditions) == 2 * NETWORK.depth, "as many criteria as hyperparameters, and yet a freedom"


def test_a_wrong_entry_of_the_theory_is_refuted(measured: FreedomMeasurement) -> None:
    right = agreement(measured)
    exact = [place for place, entry in right.derived.items() if entry.is_exact]
    assert len(exact) > len(right.derived) // 2
    for place in exact:
        moved = right.derived[place].low + Fraction(1, 4)
        wrong = replace(right, derived={**right.derived, place: Entry(moved, moved)})
        assert wrong.verdict == "FAIL"
        assert f"{place[0]} and {place[1]}" in wrong.reason


def test_a_freedom_that_points_elsewhere_is_refuted(measured: FreedomMeasurement) -> None:
    first = next(iter(measured.direction))
    turned = agreement(replace(measured, direction={**measured.direction, first: (0.3, 0.001)}))
    assert turned.verdict == "FAIL"
    assert "does not point along the richness" in turned.reason


def test_a_criterion_more_leaves_no_freedom() -> None:
    pinned = (*all_conditions(NETWORK, 1), Condition(wish(R), NETWORK.representations[0], 1))
    found = agreement(measure(pinned))
    assert found.verdict == "FAIL"
    assert "0 singular values tend to 0, not 1" in found.reason


def test_a_criterion_less_leaves_two() -> None:
    fewer = tuple(one for one in all_conditions(NETWORK, 1) if one.criterion.name != "signal propagation")
    found = agreement(measure(fewer))
    assert found.verdict == "FAIL"
    assert "tend to 0, not 1" in found.reason


def test_products_have_one_slope_and_ties_two() -> None:
    network = mlp(3)
    derived = derived_jacobian(family(network).member(R), network, SGD, all_conditions(network, 1))
    by_name = {(condition, str(one)): entry for (condition, one), entry in derived.items()}
    assert by_name["signal propagation layer2", "sigma of layer1"] == Entry(Fraction(1), Fraction(1))
    assert by_name["useful update layer1", "sigma of layer3"] == Entry(Fraction(2), Fraction(2))
    assert by_name["nontriviality layer3", "eta of layer3"] == Entry(Fraction(0), Fraction(1))


def test_limits_cover_and_exclude() -> None:
    random, hits = np.random.default_rng(0), 0
    for _ in range(100):
        values = {n: 0.5 + 3 / n + 0.2 * random.standard_normal(8) for n in (32, 64, 128, 256, 512)}
        found = limit(values)
        hits += found.low <= 0.5 <= found.high
        assert not found.low <= 1.5 <= found.high
    assert hits >= 88  # fewer have probability below 0.005 at a coverage of 0.95
    assert Limit(0.5, 0.4, 0.6).within(0.3, 0.7)
    assert Limit(0.5, 0.4, 0.6).outside(0.7, 0.9)


def test_one_seed_has_no_spread() -> None:
    with pytest.raises(ValueError, match="seeds: expected at least 2, whose spread is the error, but got 1"):
        count_freedoms(NETWORK, tutorial_system(NETWORK, R, "maximality", 1), TRAINING, seeds=1)


@pytest.mark.slow
def test_three_layers_at_moderate_widths() -> None:
    verdict = three_layers(R, (32, 64, 128, 256))
    assert verdict.verdict == "PASS", verdict.reason


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("r", [Fraction(0), R, Fraction(1, 2)])
def test_three_layers_have_one_freedom_at_the_defaults(r: Fraction) -> None:
    verdict = three_layers(r)
    assert verdict.verdict == "PASS", verdict.reason


def three_layers(r: Fraction, widths: tuple[int, ...] | None = None) -> FreedomAgreement:
    network = mlp(3)
    system = tutorial_system(network, r, "useful-update", 1)
    found = count_freedoms(network, system, widths=widths, first_seed=1000)
    derived = derived_jacobian(family(network).member(r), network, SGD, found.conditions)
    return FreedomAgreement(found, family(network), derived, DELTA)
