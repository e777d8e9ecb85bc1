"""Sizes and numbers at three widths become powers of the width, or are refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalings.tapes.arguments import Power
from scalings.tapes.powers import HALVES, NoPower, Sizes

WIDTHS = (64, 128, 256)


def seen(size: Callable[[int], float]) -> tuple[int, ...]:
    return tuple(round(size(width)) for width in WIDTHS)


@pytest.mark.parametrize(
    ("size", "order"),
    [
        (lambda _: 7, 0),
        (lambda n: n, 1),
        (lambda n: 3 * n, 1),
        (lambda n: n // 16, 1),
        (lambda n: n + 32, 1),
        (lambda n: n - 1, 1),
        (lambda n: -(-8 * n // 3 // 64) * 64, 1),
        (math.isqrt, Fraction(1, 2)),
        (lambda n: math.ceil(2 * n**0.5), Fraction(1, 2)),
        (lambda n: n * n, 2),
        (lambda n: 5 * n**1.5, Fraction(3, 2)),
    ],
)
def test_sizes(size: Callable[[int], float], order: Fraction) -> None:
    assert Sizes(WIDTHS).order(seen(size)) == order


@pytest.mark.parametrize(
    "size",
    [math.log2, lambda n: n * math.log2(n), lambda n: n % 100, lambda n: 256 // n, lambda n: n**0.75],
)
def test_what_is_no_power(size: Callable[[int], float]) -> None:
    with pytest.raises(NoPower, match=r"is no power of the width: .* at widths 64, 128, 256"):
        Sizes(WIDTHS).order(seen(size))


@given(st.sampled_from(HALVES), st.integers(1, 1000))
def test_a_multiple_of_a_power_is_that_power(order: Fraction, factor: int) -> None:
    sizes = tuple(round(factor * width**order) for width in (64, 256, 1024))
    assert Sizes((64, 256, 1024)).order(sizes) == order


def test_products_add_their_powers() -> None:
    """Of sizes that are no plain powers themselves."""
    sizes = Sizes(WIDTHS)
    assert sizes.order((96, 160, 288)) == 1
    assert sizes.order((8, 11, 16)) == Fraction(1, 2)
    assert sizes.order((3 * 96 * 8, 3 * 160 * 11, 3 * 288 * 16)) == Fraction(3, 2)


def test_sizes_that_depend_on_the_data() -> None:
    sizes = Sizes(WIDTHS)
    sizes.learn_data((5, 7, 6))
    assert sizes.order((5, 7, 6)) == 0
    assert sizes.order((5 * 64, 7 * 128, 6 * 256)) == 1
    sizes.learn_data((64, 128, 256))  # that of a mask on all units may be a power after all
    assert sizes.order((64, 128, 256)) == 1


def test_what_ran_at_the_largest_width_only() -> None:
    sizes = Sizes(WIDTHS)
    sizes.learn((10, 10, 10), Fraction(0))
    sizes.learn_data((5, 7, 6))
    assert [sizes.order((None, None, size)) for size in (256, 10, 6)] == [1, 0, 0]
    assert sizes.number((None, None, 256)) == Power(1.0, Fraction(1))
    assert sizes.number((None, None, 3)) == 3
    with pytest.raises(NoPower, match="is no power of the width: 99 at width 256"):
        sizes.order((None, None, 99))
    sizes.learn_data((1, 3, 256))
    with pytest.raises(NoPower):  # the width itself, or 256 tokens?
        sizes.order((None, None, 256))


def test_far_widths_have_to_agree_with_the_recorded_ones() -> None:
    far = [(2**20, 2**20 + 32), (2**22, 2**22 + 32)]
    assert Sizes(WIDTHS).parameter((96, 160, 288), far).order == 1
    assert Sizes(WIDTHS).parameter((6, 6, 6), [(2**20, 6), (2**22, 6)]).order == 0
    for recorded, sizes in (
        ((64, 128, 256), (300, 300)),
        ((256, 256, 256), (2**20, 2**22)),
        ((6, 7, 8), (20, 22)),
        ((6, 7, 8), (1448, 2435)),
    ):
        with pytest.raises(NoPower):
            Sizes(WIDTHS).parameter(recorded, list(zip((2**20, 2**22), sizes, strict=True)))


@pytest.mark.parametrize(
    ("number", "order"),
    [
        (lambda n: n**-0.5, Fraction(-1, 2)),
        (lambda n: -7 / n, -1),
        (lambda n: (n + 32) ** -0.5, Fraction(-1, 2)),
        (lambda n: 0.1 * n, 1),
        (lambda n: -n, 1),
        (lambda n: 2 * n + 1, 1),
    ],
)
def test_numbers(number: Callable[[int], float], order: Fraction) -> None:
    sizes = Sizes(WIDTHS)
    sizes.learn((96, 160, 288), Fraction(1))
    found = sizes.number([number(width) for width in WIDTHS])
    assert isinstance(found, Power)
    assert found.order == order
    assert found.factor * 256**order == pytest.approx(number(256))


@pytest.mark.parametrize("number", [0.5, -1, 0, math.inf, math.nan, 7])
def test_numbers_that_stay_as_they_are(number: float) -> None:
    assert repr(Sizes(WIDTHS).number([number] * 3)) == repr(number)


@pytest.mark.parametrize("numbers", [[1.0, 2.0, 3.0], [0.0, 1.0, 2.0], [1, -1, 1], [0, 1, 2], [1.0, math.inf, 2.0]])
def test_numbers_that_are_no_power(numbers: list[float]) -> None:
    with pytest.raises(NoPower):
        Sizes(WIDTHS).number(numbers)
