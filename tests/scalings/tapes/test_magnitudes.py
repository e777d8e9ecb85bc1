"""Measured magnitudes as powers of the width: what noise hides is no power, and never another one."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction

import pytest

from scalings.tapes.magnitudes import errors_of, power_of

WIDTHS = (64, 128, 256)
EXACT = (0.0, 0.0, 0.0)


@pytest.mark.parametrize("half", range(-4, 5))
def test_exact_powers_are_read(half: int) -> None:
    order = Fraction(half, 2)
    assert power_of(WIDTHS, [3 * width ** float(order) for width in WIDTHS], EXACT) == order
    assert power_of((8, 16), [8 ** float(order), 16 ** float(order)], (0.0, 0.0)) == order


@pytest.mark.parametrize(
    "magnitudes",
    [(1.0, 2**0.25, 2**0.5), (1.0, 4.0, 4.0), (1.0, 0.0, 1.0), (), (1.0, 2.0)],
    ids=["a quarter", "a jump", "zero", "nothing", "too few"],
)
def test_others_are_none(magnitudes: tuple[float, ...]) -> None:
    assert power_of(WIDTHS, magnitudes, EXACT) is None


@pytest.mark.parametrize(("error", "least"), [(0.02, 0.99), (0.1, 0.9), (0.3, 0.0)])
def test_noise_leaves_a_power_open_sooner_than_it_changes_it(error: float, least: float) -> None:
    """Of 2000 magnitudes that are n^(1/2): up to what an error allows nearly all are read, and next to none as another
    power. Measured: 2000, 1808 and 0 are read, of which 0, 1 and 0 are wrong."""
    chance = random.Random(0)
    found = Counter(
        power_of(WIDTHS, [width**0.5 * 2.718 ** chance.gauss(0, error) for width in WIDTHS], (error,) * 3)
        for _ in range(2000)
    )
    assert found[Fraction(1, 2)] >= least * 2000
    assert sum(found.values()) - found[Fraction(1, 2)] - found[None] <= 2


def test_few_entries_are_exact_and_many_are_random() -> None:
    assert errors_of((1, 2, 4)) == EXACT
    assert errors_of((50, 200, 800)) == (0.1, 0.05, 0.025)
