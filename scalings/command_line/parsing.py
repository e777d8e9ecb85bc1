"""Parsing of option values: lists of exponents, widths, margins and richness."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TypeVar

from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import parse_exponent

T = TypeVar("T")


def parse_list(argument: str, text: str, parse: Callable[[str], T]) -> tuple[T, ...]:
    """The entries of a comma-separated list. Raises ArgumentError with the first entry that `parse` refuses."""
    try:
        return tuple(parse(item) for item in text.split(","))
    except ValueError as error:
        raise ArgumentError(argument, f"{error} in {text!r}") from None


def parse_widths(text: str | None) -> tuple[int, ...] | None:
    """Widths from a list such as "64,128"; None if none is given. Raises ArgumentError for other than whole numbers."""
    return None if text is None else parse_list("widths", text, _whole)


def parse_delta(text: str) -> Fraction:
    """The margin of an equivalence test, above 0 and at most 1. Raises ArgumentError for anything else."""
    try:
        delta = Fraction(text)
    except (ValueError, ZeroDivisionError):
        delta = Fraction(0)
    if not 0 < delta <= 1:
        raise ArgumentError("delta", f"expected a number above 0, at most 1, such as 0.05, but got {text!r}")
    return delta


def parse_richness(text: str) -> Fraction:
    """The richness, a fraction such as 1/4. Raises ArgumentError for anything else."""
    try:
        richness = parse_exponent(text)
    except ValueError as error:
        raise ArgumentError("richness", str(error)) from None
    if not isinstance(richness, Fraction):
        raise ArgumentError("richness", f"expected a fraction such as 1/4, but got {text!r}")
    return richness


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"expected whole numbers, but got {text!r}") from None
