"""Arguments of torch functions as plain data: values of the tape, numbers, strings, lists and slices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias, TypeGuard, Union


@dataclass(frozen=True)
class Ref:
    """A value of the tape, by its number."""

    value: int


@dataclass(frozen=True)
class Reading:
    """A number that was read off a value of the tape, as by `.item()`: it depends on the data, and is of order 0."""

    value: int
    number: int | float


@dataclass(frozen=True)
class Power:
    """A number factor * n^order, such as 1/sqrt(n)."""

    factor: float
    order: Fraction


@dataclass(frozen=True)
class Span:
    """A slice, start:stop:step."""

    start: Argument
    stop: Argument
    step: Argument


Argument: TypeAlias = Union[Ref, Reading, Power, Span, int, float, str, "tuple[Argument, ...]", None]
"""Types and devices are strings such as "torch.float32", an ellipsis is the string "..."; bool is an int."""


def parts(argument: Argument) -> Iterable[Argument]:
    """What a list or a slice is made of; nothing for any other argument."""
    if isinstance(argument, Span):
        return argument.start, argument.stop, argument.step
    return argument if isinstance(argument, tuple) else ()


def references(argument: Argument) -> Iterator[int]:
    """The numbers of the values in an argument.

    >>> list(references((Ref(3), Span(None, Ref(5), None))))
    [3, 5]
    """
    if isinstance(argument, Ref):
        yield argument.value
    for part in parts(argument):
        yield from references(part)


def mapped(argument: Argument, change: Callable[[Any], Any]) -> Any:
    """The argument with everything in it changed that is no list and no slice.

    >>> mapped((2, Span(None, 3, None)), lambda part: part and 10 * part)
    (20, Span(start=None, stop=30, step=None))
    """
    if isinstance(argument, Span):
        return Span(*(mapped(part, change) for part in parts(argument)))
    if isinstance(argument, tuple):
        return tuple(mapped(part, change) for part in argument)
    return change(argument)


def is_number(argument: object) -> TypeGuard[int | float]:
    """Whether an argument is a number, and not true or false."""
    return isinstance(argument, int | float) and not isinstance(argument, bool)


def renumbered(argument: Argument, numbers: dict[int, int]) -> Any:
    """The argument with other numbers for the values that have one."""

    def change(part: Any) -> Any:
        if isinstance(part, Ref):
            return Ref(numbers.get(part.value, part.value))
        return Reading(numbers.get(part.value, part.value), part.number) if isinstance(part, Reading) else part

    return mapped(argument, change)
