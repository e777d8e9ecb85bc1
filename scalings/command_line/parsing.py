"""Parsing of option values: whole numbers, files, lists of exponents, widths, margins and richness."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, TypeVar

from cyclopts import Parameter, Token

from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import FINEST, parse_exponent, parse_fraction, parse_power
from scalings.results.fits import LARGEST_MARGIN, wrong_margin

T = TypeVar("T")
_DIGITS = 18
"""The most digits of a whole number."""
_LARGEST_GAMMA = Fraction(10**9)


def _converted(_: type, tokens: Sequence[Token]) -> int:
    try:
        return _whole(tokens[0].value)
    except ValueError as error:
        raise ValueError(str(error).replace("whole numbers", "a whole number")) from None


def _named(_: type, tokens: Sequence[Token]) -> Path:
    if not tokens[0].value:
        raise ValueError("expected the name of a file, but got ''")
    return Path(tokens[0].value)


Whole = Annotated[int, Parameter(converter=_converted)]
"""A whole number; cyclopts itself would round 2.5 to 2."""
File = Annotated[Path, Parameter(converter=_named)]
"""A file; cyclopts itself would take an empty name for the current folder."""


def parse_list(argument: str, text: str, parse: Callable[[str], T]) -> tuple[T, ...]:
    """The entries of a comma-separated list. Raises ArgumentError with the first entry that `parse` refuses."""
    try:
        return tuple(parse(item) for item in text.split(","))
    except ValueError as error:
        raise ArgumentError(argument, f"{error} in {text!r:.100}") from None


def parse_widths(text: str | None) -> tuple[int, ...] | None:
    """Widths from a list such as "64,128"; None if none is given. Raises ArgumentError for other than whole numbers."""
    return None if text is None else parse_wholes("widths", text)


def parse_wholes(argument: str, text: str) -> tuple[int, ...]:
    """Whole numbers from a list. Raises ArgumentError for others."""
    return parse_list(argument, text, _whole)


def parse_delta(text: str) -> Fraction:
    """The margin of an equivalence test. Raises ArgumentError for anything else."""
    try:
        delta = parse_fraction(text)
    except ValueError:
        delta = Fraction(0)
    if not 0 < delta <= LARGEST_MARGIN:
        raise wrong_margin(repr(text))
    return delta


def parse_gamma(text: str) -> Fraction:
    """The prefactor of the richness: with one beyond a float's reach nothing can be trained. Raises ArgumentError."""
    try:
        gamma = parse_fraction(text)
    except ValueError:
        gamma = Fraction(0)
    if gamma <= 0:
        raise ArgumentError("gamma", f"expected a number above 0, such as 2 or 1/2, but got {text!r:.100}")
    if not 1 / _LARGEST_GAMMA <= gamma <= _LARGEST_GAMMA:
        raise ArgumentError("gamma", f"expected a number within a factor of 10^9 of 1, but got {text!r}")
    return gamma


def parse_richness(text: str) -> Fraction:
    """The richness, a fraction such as 1/4. Raises ArgumentError for anything else."""
    try:
        richness = parse_exponent(text)
    except ValueError as error:
        raise ArgumentError("richness", str(error)) from None
    if not isinstance(richness, Fraction):
        raise ArgumentError("richness", f"expected a fraction such as 1/4, but got {text!r}")
    return richness


def parse_share(argument: str, text: str) -> Fraction:
    """A fraction from 0 to 1. Raises ArgumentError for anything else."""
    try:
        share = parse_power(text)
    except ValueError:
        share = Fraction(-1)
    if not 0 <= share <= 1:
        expected = f"expected a fraction from 0 to 1, its denominator at most {FINEST:.0e}"
        raise ArgumentError(argument, f"{expected}, but got {text!r:.100}")
    return share


def parse_grid(text: str) -> tuple[float, float]:
    """Two powers of 2, as in "-10,6". Raises ArgumentError for anything else."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        low = high = math.nan
    if not math.isfinite(low) or not math.isfinite(high):
        raise ArgumentError("grid", f"expected two powers of 2, as in -10,6, but got {text!r:.100}")
    return low, high


def _whole(text: str) -> int:
    try:
        if len(text) > _DIGITS:
            raise ValueError
        return int(text)
    except ValueError:
        raise ValueError(f"expected whole numbers, but got {text!r:.100}") from None


def parse_count(text: str) -> int:
    """A whole number, which may be written as 2e9. Raises ValueError for others.

    >>> parse_count("4e10"), parse_count("256")
    (40000000000, 256)
    """
    try:
        number = float(text) if len(text) <= _DIGITS and "e" in text.lower() else float("nan")
    except ValueError:
        number = float("nan")
    return int(number) if number.is_integer() and abs(number) < 10**_DIGITS else _whole(text)
