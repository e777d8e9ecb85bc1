"""Minima are found between grid points, with errors that cover, and jumps between valleys widen them."""

from __future__ import annotations

import numpy as np
import pytest

from empirical.statistics import curve_minima

GRID = np.arange(-4.0, 4.1, 0.25)


@pytest.mark.parametrize("at", [-1.1, 0.0, 0.37, 2.05])
def test_the_minimum_of_a_parabola_is_exact(at: float) -> None:
    assert curve_minima.minimum(GRID, (GRID - at) ** 2) == pytest.approx(at, abs=1e-9)


def test_a_minimum_is_never_off_its_grid_point_by_more_than_a_step() -> None:
    curve = np.abs(GRID - 0.3) + 5 * (GRID > 0.5)
    assert abs(curve_minima.minimum(GRID, curve) - 0.25) <= 0.25


def test_errors_cover() -> None:
    random = np.random.default_rng(0)
    hits = 0
    for _ in range(40):
        curves = (GRID - 0.4 - 0.5 * random.standard_normal((12, 1))) ** 2
        found, error = curve_minima.minimum_with_error(GRID, curves)
        hits += abs(found - 0.4) <= 2.2 * error
    assert hits >= 33


def test_two_valleys_are_an_error_as_wide_as_their_distance() -> None:
    valleys = np.minimum((GRID - 2) ** 2, (GRID + 2) ** 2)
    curves = valleys + 0.05 * np.random.default_rng(1).standard_normal((8, 1)) * GRID
    assert curve_minima.minimum_with_error(GRID, curves)[1] > 0.5
    assert curve_minima.minimum_with_error(GRID, (GRID - 2) ** 2 + 0 * curves)[1] < 0.1
