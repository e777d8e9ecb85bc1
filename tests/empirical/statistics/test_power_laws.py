"""Monomials are recovered with intervals that cover, bends are not taken for powers, and plateaus are found."""

from __future__ import annotations

import numpy as np

from empirical.statistics.power_laws import fit_monomial, plateaus


def test_intervals_cover_and_the_lack_of_fit_is_told_from_noise() -> None:
    rng = np.random.default_rng(0)
    hits, total = 0, 200
    for _ in range(total):
        design = np.column_stack([np.ones(40), rng.uniform(-3, 3, (40, 2))])
        truth = np.array([0.3, 1.0, -0.5])
        fitted = fit_monomial(design, (design @ truth)[:, None] + 0.1 * rng.standard_normal((40, 2)))
        hits += bool(abs(fitted.coefficients[1] - 1.0) <= fitted.half_widths[1])
        assert fitted.lack < 0.1
    assert 0.89 * total <= hits <= 0.99 * total  # 95 % nominal: either bound is missed with probability below 0.001


def test_a_bend_costs_precision_and_is_seen() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(-3, 3, 60)
    design = np.column_stack([np.ones(60), x])
    noise = 0.01 * rng.standard_normal((60, 2))
    straight, bent = (fit_monomial(design, y[:, None] + noise) for y in (x, np.log1p(np.exp(x))))
    assert straight.lack < 0.01
    assert bent.lack > 0.2
    assert bent.half_widths[1] > 5 * straight.half_widths[1]


def test_plateaus_are_where_slopes_agree() -> None:
    x = np.linspace(-10, 10, 41)
    y = np.where(x < 0, x, 0.0)
    assert plateaus(list(x), list(y), tolerance=0.02, least=6) == [(0, 20), (20, 40)]
    assert plateaus(list(x), list(x**2), tolerance=0.02, least=6) == []
