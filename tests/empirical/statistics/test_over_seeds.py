"""Intervals over seeds hold what they are of as often as they say, and drifts are found where they are planted."""

from __future__ import annotations

import numpy as np
import pytest

from empirical.statistics.curve_minima import drift, regret
from empirical.statistics.over_seeds import mean_over_seeds, resampled

GRID = np.arange(0.0, 5.01, 0.5)
WIDTHS = (32, 64, 128, 256, 512)


def valleys(power: float, noise: float = 0.0, seeds: int = 8) -> dict[int, np.ndarray]:
    """log of an error that is least at log2(rate) = 1.5 + power log2(n / 32), from every seed a little elsewhere."""
    random = np.random.default_rng(0)
    places = {n: 1.5 + power * np.log2(n / 32) + noise * random.normal(size=(seeds, 1)) for n in WIDTHS}
    return {n: 0.1 * (GRID - at) ** 2 for n, at in places.items()}


@pytest.mark.parametrize("power", [0.0, 0.5, -0.25])
def test_a_planted_drift_is_found(power: float) -> None:
    found = drift(GRID, valleys(power, noise=0.2))
    assert found.low < power < found.high
    assert found.half_width < 0.15
    assert drift(GRID, valleys(power)).value == pytest.approx(power, abs=1e-9)


def test_the_regret_of_a_planted_drift() -> None:
    assert regret(GRID, valleys(0.5)).value == pytest.approx(0.1 * 2**2)
    assert regret(GRID, valleys(0.0)).value == pytest.approx(0.0)


@pytest.mark.slow
def test_coverage_with_eight_seeds() -> None:
    """Of 1,000 samples; the standard error of a share of 0.95 is 0.007."""
    random, held = np.random.default_rng(1), [0, 0]
    for _ in range(1000):
        values = random.normal(size=8)
        one = mean_over_seeds(values)
        other = resampled(lambda seeds, values=values: float(values[seeds].mean()), 8)  # type: ignore[misc]
        held[0] += one.low < 0 < one.high
        held[1] += other.low < 0 < other.high
    assert all(abs(count / 1000 - 0.95) < 0.03 for count in held)
