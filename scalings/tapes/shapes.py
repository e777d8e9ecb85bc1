"""Shapes in words."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from scalings.hyperparameters.exponents import format_power
from scalings.networks.dimensions import Dimension


def shape_text(shape: Sequence[Dimension]) -> str:
    """A shape in powers of n.

    >>> shape_text((Dimension(3, Fraction(1)), Dimension(Fraction(1, 4), Fraction(1, 2)), Dimension(10)))
    '3n x n^(1/2)/4 x 10'
    """
    return " x ".join(map(_size_text, shape)) or "one number"


def _size_text(size: Dimension) -> str:
    if not size.order:
        return str(size.size)
    factor, power = Fraction(size.size), format_power(size.order).removesuffix("^1")
    over = f"/{factor.denominator}" if factor.denominator > 1 else ""
    return f"{factor.numerator if factor.numerator != 1 else ''}{power}{over}"
