"""The claims of the tutorial, small: each holds, and does not where a wrong parameterization is planted."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from scalings.errors import ArgumentError
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.networks.architectures import mlp
from scalings.results.reproduction import Estimate, RateCurves
from scalings.studies.reproduction import five_curves
from scalings.studies.reproduction.claims import Settings
from scalings.studies.reproduction.five_curves import FiveCurves
from scalings.studies.reproduction.learning_rates import LearningRates, RatesFinding, TransientFinding, stays
from scalings.studies.reproduction.plan import ReproductionPlan, choose_data, plan
from scalings.studies.reproduction.rich_ends_lower import CONTROL, ConvolutionalNetwork, EndsLowerFinding, RichEndsLower
from scalings.studies.reproduction.update_sizes import UpdateSizes
from symbolic.evaluation.check import check

ON_DIGITS = Settings(data="digits")
WIDTHS = tuple(2**k for k in range(6, 14))


def test_all_five_are_members_of_the_family_and_the_broken_gauge_is_none() -> None:
    for names, richness in zip(five_curves.GROUPS, (Fraction(0), Fraction(1, 2)), strict=True):
        assert {check(mlp(3), preset(name, 3)).richness for name in names} == {richness}
    assert check(mlp(3), five_curves.broken()).regime == "unstable"


def test_five_curves_are_two_and_a_broken_gauge_is_another() -> None:
    found = FiveCurves(ON_DIGITS, width=32, epochs=1).carry_out()
    assert found.answer == "HELD"
    assert max(found.differences.values()) < 1e-13
    assert found.broken > five_curves.DIFFERENT
    planted = FiveCurves(ON_DIGITS, width=32, epochs=1, planted=five_curves.broken()).carry_out()
    assert (planted.answer, planted.reason.split()[:4]) == ("NOT HELD", ["outputs", "of", "ntp-lr", "differ"])


def test_five_curves_stay_open_between_and_where_the_control_fails() -> None:
    found = FiveCurves(ON_DIGITS, width=8, epochs=1).carry_out()
    assert replace(found, differences={"mfp": 1e-4}).answer == "OPEN"
    assert replace(found, broken=1e-15).answer == "OPEN"


def test_updates_of_features() -> None:
    small = UpdateSizes(ON_DIGITS, widths=WIDTHS, seeds=2)
    found = small.carry_out()
    assert found.answer == "HELD", found.reason
    assert replace(small, planted=preset("ntp", 3)).carry_out().answer == "NOT HELD"
    groups = [set(range(sweep.first_seed, sweep.first_seed + 1000)) for sweep in small.sweeps.values()]
    assert not groups[0] & groups[1], "seeds of their own"


def planted_errors(log_ratio: float, spread: float) -> EndsLowerFinding:
    random = np.random.default_rng(0)
    lazy = np.full((3, 3), 0.05)
    other, control = (np.exp(spread * random.normal(size=(3, 3))) for _ in range(2))
    return EndsLowerFinding(64, {"ntp": lazy, "mup": lazy * np.exp(-log_ratio) * other, CONTROL: lazy * control})


def test_rich_ends_lower_is_judged_by_its_interval_and_its_control() -> None:
    assert planted_errors(1.2, 0.02).answer == "HELD"
    assert planted_errors(-1.2, 0.02).answer == "NOT HELD"
    assert planted_errors(0.0, 0.02).answer == "OPEN"
    assert planted_errors(1.2, 1.0).answer == "OPEN"
    diverged = planted_errors(1.2, 0.02)
    diverged.errors["mup"][-1, 0] = np.inf
    assert diverged.answer == "OPEN"


@pytest.mark.slow
def test_rich_ends_lower_small() -> None:
    small = RichEndsLower(ON_DIGITS, width=128, epochs=6)
    assert small.carry_out().answer == "HELD"
    assert replace(small, planted=preset("ntp", 3)).carry_out().answer == "OPEN"
    frozen = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="-1,-1,-2", name="frozen")
    assert replace(small, planted=frozen).carry_out().answer == "NOT HELD"


@pytest.mark.slow
def test_rich_ends_lower_in_a_small_convolutional_network() -> None:
    small = ConvolutionalNetwork(ON_DIGITS, width=24)
    assert small.carry_out().answer == "HELD"


def curves(name: str, drift: tuple[float, float], edges: tuple[int, ...] = ()) -> RateCurves:
    value, half = drift
    estimate = Estimate(value, value - half, value + half)
    return RateCurves(name, {32: ((1.0, 0.05),), 512: ((1.0, 0.04),)}, {}, estimate, Estimate(0.1, 0.0, 0.2), edges)


def judged(ntp: tuple[float, float], mup: tuple[float, float], edges: tuple[int, ...] = ()) -> str:
    return RatesFinding({"ntp": curves("ntp", ntp), "mup": curves("mup", mup, edges)}, 8).answer


def test_learning_rates_are_judged_by_their_intervals() -> None:
    assert judged((0.41, 0.10), (-0.05, 0.08)) == "HELD"
    assert judged((0.41, 0.10), (0.60, 0.10)) == "NOT HELD", "a planted drift of mup"
    assert judged((0.00, 0.10), (0.00, 0.08)) == "NOT HELD", "ntp's stays, too"
    assert judged((0.41, 0.50), (0.00, 0.08)) == "OPEN"
    assert judged((0.15, 0.05), (0.00, 0.08)) == "OPEN", "ntp's passes the test that mup passes: the control fails"
    assert judged((0.41, 0.10), (0.00, 0.60)) == "OPEN"
    assert judged((0.41, 0.10), (-0.05, 0.08), edges=(64,)) == "OPEN"
    assert stays(Estimate(0.41, 0.31, 0.51)) == "FAIL"


def test_the_transient_needs_both_ends() -> None:
    def answer(narrow: tuple[float, float], wide: tuple[float, float]) -> str:
        return TransientFinding(curves("ntp", narrow), curves("ntp", wide), 8).answer

    assert answer((0.41, 0.10), (-0.03, 0.09)) == "HELD"
    assert answer((0.41, 0.10), (0.41, 0.10)) == "NOT HELD"
    assert answer((0.00, 0.10), (-0.03, 0.09)) == "OPEN"


@pytest.mark.slow
def test_a_mup_whose_hidden_rate_is_wrong_does_not_transfer() -> None:
    """Its learning rates go by n^(1/2) beside those of mup, so that the best factor goes by n^(-1/2)."""
    wrong = Parameterization.of(multiplier="1/2,0,-1/2", init="-1/2,-1/2,-1/2", lr="1/2,1/2,1/2", name="wrong")
    small = LearningRates(ON_DIGITS, widths=(32, 64, 128, 256))
    assert stays(small.carry_out().found_of["mup"].drift) == "PASS"
    planted = replace(small, planted=wrong, rates={"ntp": (3.0, 8.0), "mup": (-3.0, 2.0)}).carry_out()
    assert (planted.answer, planted.found_of["mup"].edges) == ("NOT HELD", ())
    assert -0.75 < planted.found_of["mup"].drift.value < -0.25


def test_names_of_experiments() -> None:
    names = [one.name for one in plan(ON_DIGITS).experiments]
    assert names == ["five-curves", "rich-ends-lower", "update-sizes", "learning-rates", "cnn"]
    assert [one.name for one in plan(ON_DIGITS, full=True).experiments] == [*names, "transient"]
    assert [one.name for one in plan(ON_DIGITS, only=["transient", "cnn"]).experiments] == ["cnn", "transient"]
    with pytest.raises(ArgumentError, match="expected one of five-curves, rich-ends-lower"):
        plan(ON_DIGITS, only=["fiv-curves"])


def test_the_tutorials_data_is_the_default_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_data("digits") == "digits"
    monkeypatch.setattr("empirical.data.examples.find_spec", lambda _: None)
    assert choose_data(None) == "digits"
    monkeypatch.setattr("empirical.data.examples.find_spec", lambda _: "here")
    assert choose_data(None) == "mnist"


def test_progress_tells_the_time_that_is_left_and_an_interrupt_keeps_what_is_done() -> None:
    small = (FiveCurves(ON_DIGITS, width=8, epochs=1), UpdateSizes(ON_DIGITS, widths=WIDTHS, seeds=1))
    told: list[str] = []

    def progress(_: float, what: str) -> None:
        told.append(what)
        if what.startswith("update-sizes"):
            raise KeyboardInterrupt

    found = ReproductionPlan(ON_DIGITS, small).carry_out(progress)
    assert found.interrupted
    assert [one.name for one in found.findings] == ["five-curves"]
    assert told[0].startswith("five-curves: ")
    assert told[0].endswith(" left")
    with pytest.raises(KeyboardInterrupt):
        ReproductionPlan(ON_DIGITS, small[1:]).carry_out(progress)
