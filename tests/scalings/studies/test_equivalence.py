"""What the verdict on many exponents owes: theories that are right are hardly ever refuted, one wrong exponent is."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from empirical.statistics.regression import fit_means
from scalings.results.fits import Fit, Verdict
from scalings.studies.equivalence import Comparison, Role, compare_one, judge, refuted

DELTA, DERIVED, DEGREES, MANY = Fraction(1, 20), Fraction(1, 2), 8, 100


def fit(exponent: float, error: float, degrees: int = DEGREES) -> Fit:
    """What a line gives: a t distribution about the exponent."""
    half_width = float(stats.t.ppf(0.975, degrees)) * error
    low, high = exponent - half_width, exponent + half_width
    return Fit(exponent, low, high, degrees, exponent, components=((exponent, error, 1.0),))


def compared(exponents: np.ndarray, error: float, role: Role = "asserted") -> list[Comparison[int]]:
    found = enumerate(exponents)
    return [compare_one(number, DERIVED, fit(float(one), error), DELTA, role) for number, one in found]


@pytest.mark.parametrize("error", [0.02, *(pytest.param(one, marks=pytest.mark.slow) for one in (0.005, 0.2))])
@pytest.mark.parametrize("role", ["asserted", "upper bound"])
def test_a_right_theory_is_refuted_in_at_most_one_case_of_twenty(role: Role, error: float) -> None:
    """Also where intervals are longer than the margin, so that the margin protects nothing."""
    errors = error * np.random.default_rng(0).standard_t(DEGREES, (60, MANY))
    wrong = sum(bool(refuted(compared(float(DERIVED) + one, error, role))) for one in errors)
    assert stats.binomtest(wrong, len(errors), 0.05, "greater").pvalue > 0.01, wrong


def test_without_the_correction_it_would_be_refuted_in_most() -> None:
    """The control of the test above."""
    errors = 0.2 * np.random.default_rng(0).standard_t(DEGREES, (10, MANY))
    assert sum(any(one.verdict == "FAIL" for one in compared(float(DERIVED) + each, 0.2)) for each in errors) > 5


def test_one_wrong_exponent_among_many_is_refuted() -> None:
    exponents = np.full(MANY, float(DERIVED))
    exponents[17] += 0.1
    assert [one.of for one in refuted(compared(exponents, 0.012))] == [17]
    assert judge(compared(exponents, 0.012), DELTA)[0] == "FAIL"
    assert refuted(compared(exponents, 0.03)) == [], "its interval reaches into the margin"


def test_what_differs_by_less_than_the_margin_is_not_refuted() -> None:
    """However sure it is that it differs: finite-width corrections leave such differences."""
    exponents = np.full(MANY, float(DERIVED) + 0.03)
    assert compared(exponents, 1e-4)[0].p_value < 1e-12
    assert judge(compared(exponents, 1e-4), DELTA)[0] == "PASS"


def test_an_upper_bound_is_refuted_from_above_alone() -> None:
    below, above = np.full(MANY, -3.0), np.full(MANY, 1.0)
    assert refuted(compared(below, 0.01, "upper bound")) == []
    assert len(refuted(compared(above, 0.01, "upper bound"))) == MANY


SWEEPS, HALF, FEW, MORE = 3000, Fraction(1, 2), 9, 36


def looked_at_twice(exponent: Fraction, verdict: Verdict, noise: float, looks: int = 2) -> int:
    """In how many sweeps of few seeds, or of more where these left it open, this is the verdict."""
    rng, found = np.random.default_rng(1), 0
    for numbers in rng.normal(float(exponent), noise, (SWEEPS, MORE)):
        said: Verdict = "INCONCLUSIVE"
        for seeds in (FEW, MORE):
            seen = numbers[:seeds]
            fitted = fit(float(seen.mean()), float(seen.std(ddof=1)) / seeds**0.5, seeds - 1)
            one = compare_one("it", DERIVED, fitted, DELTA, excluded=HALF, looks=looks)
            if said == "INCONCLUSIVE":
                said = "FAIL" if refuted([one]) else "PASS" if one.verdict == "PASS" else "INCONCLUSIVE"
        found += said == verdict
    return found


@pytest.mark.parametrize(("exponent", "verdict", "noise"), [(DERIVED, "FAIL", 20.0), (DERIVED + HALF, "PASS", 0.3)])
def test_two_looks_are_wrong_together_in_at_most_one_case_of_twenty(
    exponent: Fraction, verdict: Verdict, noise: float
) -> None:
    """They refute what is right, where intervals are so long that the margin protects nothing, or pass what is off by
    all that is to be excluded."""
    wrong = looked_at_twice(exponent, verdict, noise)
    assert stats.binomtest(wrong, SWEEPS, 0.05, "greater").pvalue > 0.01, wrong
    assert wrong > 0, "the control: it does happen"


def test_what_two_looks_may_be_wrong_in_is_shared_between_them() -> None:
    """The control: each for itself would refute too often. What is right passes, and what is wrong is refuted."""
    wrong = looked_at_twice(DERIVED, "FAIL", 20.0, looks=1)
    assert stats.binomtest(wrong, SWEEPS, 0.05, "greater").pvalue < 0.01, wrong
    assert looked_at_twice(DERIVED, "PASS", 0.3) > 0.95 * SWEEPS
    assert looked_at_twice(DERIVED + 1, "FAIL", 0.3) > 0.99 * SWEEPS


@pytest.mark.parametrize(("exponent", "verdict"), [(0.7, "PASS"), (0.85, "INCONCLUSIVE"), (1.0, "FAIL"), (0.0, "FAIL")])
def test_an_error_that_is_larger_than_the_margin_may_be_all_that_is_to_be_excluded(
    exponent: float, verdict: str
) -> None:
    """A long interval passes where it excludes 1/2, and is refuted where it misses the margin all the same."""
    found = compare_one(0, DERIVED, fit(exponent, 0.1), Fraction(1, 4), excluded=Fraction(1, 2))
    assert found.verdict == verdict
    assert compare_one(0, DERIVED, fit(0.7, 0.1), Fraction(1, 4)).verdict == "INCONCLUSIVE"


def test_three_widths_and_one_seed_bound_nothing_and_the_verdict_says_so() -> None:
    unbounded = fit_means([64, 128, 256], np.array([1.0, 1.4, 1.7]), np.zeros(3), 0)
    bounded = fit_means([64, 128, 256], np.array([1.0, 1.4, 1.7]), np.full(3, 0.1), 9)
    verdict, reason = judge([compare_one("it", DERIVED, unbounded, DELTA)], DELTA)
    assert verdict == "INCONCLUSIVE"
    assert "3 widths and one seed bound nothing" in reason
    assert "bound nothing" not in judge([compare_one("it", DERIVED, bounded, DELTA)], DELTA)[1]
