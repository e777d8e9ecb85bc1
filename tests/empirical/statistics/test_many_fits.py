"""Many fits at a time are what each is by itself, and what least squares with a row for each density say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, special

from empirical.statistics import corrections, regression
from empirical.statistics.t_distribution import density, tail
from empirical.tensors.arrays import Array
from scalings.results.fits import Fit

WIDTHS = (64, 96, 128, 192, 256, 384)


def drawn(widths: tuple[int, ...], seeds: int, number: int = 12) -> list[dict[int, Array]]:
    rng = np.random.default_rng(0)
    return [
        {
            n: np.exp(
                -0.5 * math.log(n) + rng.normal() * n**-0.5 + 10.0 ** rng.uniform(-5, -0.5) * rng.normal(size=seeds)
            )
            for n in widths
        }
        for _ in range(number)
    ]


@pytest.mark.parametrize("widths", [WIDTHS, WIDTHS[:3]])
@pytest.mark.parametrize("seeds", [1, 3])
def test_many_fits_are_each_by_itself(widths: tuple[int, ...], seeds: int) -> None:
    values = drawn(widths, seeds)
    together = regression._fitted(dict.fromkeys(widths, seeds), values, np.full(len(values), 2.0))
    for seen, found in zip(values, together, strict=True):
        alone = regression.fit(seen, leading=2.0)
        assert isinstance(alone, Fit)
        for one, other in ((alone.exponent, found.exponent), (alone.low, found.low), (alone.plain, found.plain)):
            assert one == pytest.approx(other, abs=1e-7) or (math.isinf(one) and math.isinf(other))


def test_fits_of_different_degrees_are_each_by_itself() -> None:
    """Also of few beside many, and of errors that nothing tells."""
    n, rng, known = np.array(WIDTHS, dtype=np.float64), np.random.default_rng(2), [7, 63, 64, 65, 500, 4095, 9]
    means = -0.5 * np.log(n) + 0.02 * rng.normal(size=(len(known), len(n)))
    errors = np.array([0.02] * (len(known) - 1) + [0.0])[:, None] * np.ones_like(means)
    together = regression.fits_of_means(list(WIDTHS), means, errors, known)
    alone = [
        regression.fit_means(list(WIDTHS), *of, degrees) for *of, degrees in zip(means, errors, known, strict=True)
    ]
    assert [one.high for one in together] == pytest.approx([one.high for one in alone], rel=1e-7)
    assert [one.degrees_of_freedom for one in together] == [7, 63, 64, 65, 500, 4095, 3]
    assert together[0].half_width != pytest.approx(
        regression.fit_means(list(WIDTHS), means[0], errors[0], 500).half_width, rel=1e-3
    )


def by_least_squares(n: Array, means: Array, errors: Array, size: float) -> tuple[float, float, float]:
    """The exponent, its error, and the misfit, with a row of the design for the density of each amplitude."""
    powers = corrections.POWERS
    density_rows = np.hstack([np.zeros((len(powers), 2)), np.eye(len(powers)) / size])
    rows = np.vstack([corrections.design(n) / errors[:, None], density_rows])
    target = np.concatenate([means / errors, np.zeros(len(powers))])
    solution, *_ = np.linalg.lstsq(rows, target, rcond=None)
    covariance = np.linalg.inv(rows.T @ rows)
    misfit = float(np.sum((target - rows @ solution) ** 2)) + float(np.linalg.slogdet(rows.T @ rows)[1])
    return float(solution[1]), math.sqrt(covariance[1, 1]), misfit


@pytest.mark.parametrize("widths", [WIDTHS, WIDTHS[:3]])
def test_the_mixture_is_that_of_least_squares_for_each_size(widths: tuple[int, ...]) -> None:
    n, rng = np.array(widths, dtype=np.float64), np.random.default_rng(1)
    means, errors = -0.5 * np.log(n) + 0.3 * n**-0.5 + 0.02 * rng.normal(size=len(n)), np.full(len(n), 0.02)
    found = corrections.exponent_given(n, means, errors, degrees=10)
    sizes, number = corrections._SIZES, len(corrections._SIZES)
    expected = [by_least_squares(n, means, errors, size) for size in sizes]
    np.testing.assert_allclose(found.centers[:number], [center for center, *_ in expected], rtol=1e-6)
    np.testing.assert_allclose(found.errors[:number], [error for _, error, _ in expected], rtol=1e-6)
    explained = [-both / 2 - 4 * math.log(size) for (*_, both), size in zip(expected, sizes, strict=True)]
    weights = np.exp(np.array(explained) - max(explained)) * corrections._density(sizes)
    np.testing.assert_allclose(
        found.weights[:number] / found.weights[:number].sum(), weights / weights.sum(), rtol=1e-5
    )


@pytest.mark.parametrize("degrees", [1, 2, 3, 16, 21, 1000])
def test_the_tail_is_that_of_student(degrees: int) -> None:
    t = np.linspace(-30, 30, 201)
    np.testing.assert_allclose(tail(degrees, t), special.stdtr(degrees, -t), atol=1e-9)
    np.testing.assert_allclose(
        density(degrees, t), (tail(degrees, t - 1e-4) - tail(degrees, t + 1e-4)) / 2e-4, atol=1e-6
    )


@pytest.mark.parametrize("degrees", [1, 2, 3, 16, 64, 1000])
def test_nothing_is_left_far_out(degrees: int) -> None:
    """Where squares overflow and at infinity, where an interval is one of so few widths; and no rounding is below 0."""
    far = np.array([1e200, np.inf])
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_allclose(tail(degrees, far), 0.0, atol=1e-15)
        np.testing.assert_allclose(tail(degrees, -far), 1.0, atol=1e-15)
    assert np.all(tail(degrees, np.linspace(1, 1e4, 1001)) >= 0)


def test_half_widths_hold_what_they_should() -> None:
    mixtures = [
        corrections.Mixture(np.array([0.0, 1.0]), np.array([0.1, error]), np.array([0.5, 0.5]), degrees)
        for error in (0.01, 1.0)
        for degrees in (3, 40)
    ]
    for one, half in zip(mixtures, corrections.half_widths(mixtures, 0.95), strict=True):
        assert one.outside(half) == pytest.approx(0.05, rel=1e-6)
        assert half == pytest.approx(optimize.brentq(lambda at, one=one: one.outside(at) - 0.05, 0, 100), rel=1e-6)
