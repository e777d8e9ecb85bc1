"""Exact exponents e of n^e, and exponents that are affine in the richness r.

Everywhere in this project an exponent is the power of the width n itself: the standard hidden init
scale n^(-1/2) has exponent -1/2. (The abc-literature, e.g. Tensor Programs IV, writes n^(-a) and so
has the opposite sign.)

An exponent is a `Fraction`, or `-oo` for a quantity that is zero by structure, such as the weights of
a zero-initialised readout:

>>> parse_exponent("-1/2"), parse_exponent("-oo")
(Fraction(-1, 2), -inf)

An `Affine` exponent is a constant plus a multiple of each parameter. With |dz| ~ n^r a hidden layer has the learning
rate n^(2r - 1) under SGD, which is n^(-1/2) at r = 1/4:

>>> lr = Affine(Fraction(-1), {"r": Fraction(2)})
>>> str(lr), lr.at(r=Fraction(1, 4))
('2*r - 1', Fraction(-1, 2))
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, TypeAlias

Exponent: TypeAlias = Fraction | float
"""A `Fraction`, or `MINUS_INFINITY` (the only float that is ever an exponent)."""

MINUS_INFINITY: Final[float] = -math.inf
"""The exponent of a quantity that is exactly zero: a product with it is zero, a sum with it does not change."""


LONGEST: Final = 100
"""The most characters that are read as a number."""
LARGEST: Final = 100
"""The largest exponent that is read, in absolute value: n^100 overflows a float from n = 1210 on."""
FINEST: Final = 10**18
"""The largest denominator of an exponent that is read: decimals of a float have up to 17 digits."""


def power_of(base: float, exponent: Exponent) -> float:
    """base^exponent as a number: 0 for -oo.

    >>> power_of(4.0, Fraction(-1, 2)), power_of(4.0, MINUS_INFINITY)
    (0.5, 0.0)
    """
    return 0.0 if exponent == MINUS_INFINITY else float(base ** float(exponent))


def parse_fraction(text: str) -> Fraction:
    """Read "1", "-1/2" or "0.25" without evaluating the text. Raises ValueError for anything else.

    Powers of ten with four digits or more, as in 1e9999, are refused too: such numbers would fill the memory.
    """
    if len(text) > LONGEST or re.search(r"[eE][+-]?\d{4}", text):
        raise ValueError(f"expected a fraction such as -1/2, but got {text[:LONGEST]!r}")
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"expected a fraction such as -1/2, but got {text!r}") from None


def parse_power(text: str) -> Fraction:
    """Read a fraction that an exponent may be: within LARGEST of 0, its denominator at most FINEST. Raises ValueError.

    >>> parse_power("1e400")
    Traceback (most recent call last):
    ValueError: expected a fraction from -100 to 100, but got '1e400'
    """
    power = parse_fraction(text)
    if abs(power) > LARGEST:
        raise ValueError(f"expected a fraction from -{LARGEST} to {LARGEST}, but got {text!r}")
    if power.denominator > FINEST:
        raise ValueError(f"expected a fraction with a denominator of at most {FINEST:.0e}, but got {text!r}")
    return power


def parse_exponent(text: str) -> Exponent:
    """Read "1", "-1/2", "0.25" or "-oo"; never evaluates the text. Raises ValueError otherwise."""
    text = text.strip()
    if text == "-oo":
        return MINUS_INFINITY
    try:
        return parse_power(text)
    except ValueError as error:
        raise ValueError(str(error).replace("such as -1/2,", "such as -1/2, or -oo,")) from None


def format_exponent(exponent: Exponent) -> str:
    """The exponent as a string that sympy can read: "-1/2", "0", "-oo"."""
    return "-oo" if exponent == MINUS_INFINITY else str(exponent)


def format_power(exponent: Affine | Exponent, base: str = "n") -> str:
    """The power of the width as tables print it: "n^(2r-1)", "n^0", and "0" for -oo.

    >>> format_power(Affine(Fraction(-1), {"r": Fraction(2)})), format_power(Fraction(-1, 2), "m")
    ('n^(2r-1)', 'm^(-1/2)')
    """
    if is_zero(exponent):
        return "0"
    text = str(exponent).replace("*", "").replace(" ", "")
    return f"{base}^{text}" if text.isdigit() or text.isalpha() else f"{base}^({text})"


@dataclass(frozen=True)
class Affine:
    """An exponent of n, constant + sum of coefficient * parameter, all `Fraction`s and dimensionless.

    The constant is -oo for a quantity that is zero by structure, whatever the parameters are.
    """

    constant: Exponent
    coefficients: Mapping[str, Fraction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        nonzero = {name: value for name, value in self.coefficients.items() if value}
        object.__setattr__(self, "coefficients", nonzero)

    def __add__(self, other: Affine) -> Affine:
        names = {**self.coefficients, **other.coefficients}
        total = {n: self.coefficient(n) + other.coefficient(n) for n in names}
        return Affine(self.constant + other.constant, total)

    def __mul__(self, factor: Fraction) -> Affine:
        return Affine(self.constant * factor, {n: c * factor for n, c in self.coefficients.items()})

    def __sub__(self, other: Affine) -> Affine:
        return self + other * Fraction(-1)

    def __hash__(self) -> int:
        return hash((self.constant, frozenset(self.coefficients.items())))

    def coefficient(self, parameter: str) -> Fraction:
        return self.coefficients.get(parameter, Fraction(0))

    def at(self, **values: Fraction) -> Exponent:
        """The exponent at these values of the parameters. Raises KeyError if one of them is missing."""
        return self.constant + sum((c * values[n] for n, c in self.coefficients.items()), Fraction(0))

    def __str__(self) -> str:
        if self.constant == MINUS_INFINITY:
            return format_exponent(self.constant)
        terms = [(c, n) for n, c in sorted(self.coefficients.items())]
        parts: list[tuple[Exponent, str]] = [
            (c, n if abs(c) == 1 else f"{_factor(abs(c))}{n}{_divisor(abs(c))}") for c, n in terms
        ]
        if self.constant or not parts:
            parts.append((self.constant, str(abs(self.constant))))
        head, *tail = parts
        return ("-" if head[0] < 0 else "") + head[1] + "".join(f" {'-' if c < 0 else '+'} {t}" for c, t in tail)


def is_zero(exponent: Affine | Exponent) -> bool:
    """Whether this is -oo, the exponent of a quantity that is zero by structure."""
    return (exponent.constant if isinstance(exponent, Affine) else exponent) == MINUS_INFINITY


def _factor(value: Fraction) -> str:
    return "" if value.numerator == 1 else f"{value.numerator}*"


def _divisor(value: Fraction) -> str:
    return "" if value.denominator == 1 else f"/{value.denominator}"
