"""Arguments of torch functions, as plain data of the tape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scalings.tapes.arguments import Argument, Reading, Ref, Span

Numbers = Mapping[int, tuple[int | float, int]]
"""By id, numbers that were read off values of the tape."""


def tensors_in(structure: Any) -> Iterator[Tensor]:
    """The tensors in lists, tuples and mappings, in their order."""
    if isinstance(structure, Tensor):
        yield structure
    elif isinstance(structure, Mapping):
        for part in structure.values():
            yield from tensors_in(part)
    elif isinstance(structure, list | tuple):
        for part in structure:
            yield from tensors_in(part)


def encode(argument: Any, ref: Callable[[Tensor], Ref], numbers: Numbers) -> Any:
    """An argument as plain data; that of a tuple is a tuple."""
    found = argument
    if isinstance(argument, Tensor):
        found = ref(argument)
    elif isinstance(argument, slice):
        found = Span(*(encode(part, ref, numbers) for part in (argument.start, argument.stop, argument.step)))
    elif isinstance(argument, Mapping):
        found = pairs(argument, ref, numbers)
    elif isinstance(argument, list | tuple):
        found = tuple(encode(part, ref, numbers) for part in argument)
    elif id(argument) in numbers and numbers[id(argument)][0] is argument:
        found = Reading(numbers[id(argument)][1], argument)
    elif isinstance(argument, np.generic):
        found = encode(argument.item(), ref, numbers)
    elif argument is Ellipsis:
        found = "..."
    elif isinstance(argument, torch.dtype | torch.device | torch.layout | torch.memory_format):
        found = str(argument)
    elif argument is not None and not isinstance(argument, bool | int | float | str):
        found = f"a {type(argument).__name__}"
    return found


def pairs(
    mapping: Mapping[str, Any], ref: Callable[[Tensor], Ref], numbers: Numbers
) -> tuple[tuple[str, Argument], ...]:
    """A mapping, such as keyword arguments, as plain data."""
    return tuple((name, encode(value, ref, numbers)) for name, value in mapping.items())


def template(structure: Any, ref: Callable[[Tensor], Ref]) -> Any:
    """The structure with a Ref in place of every tensor and a copy of every generator, and else as it is."""

    def kept(part: Any) -> Any:
        return ref(part) if isinstance(part, Tensor) else as_it_is(part)

    return replaced(structure, kept)


def as_it_is(argument: Any) -> Any:
    """The argument, or of a generator one that will draw the same, since each draw changes it."""
    if not isinstance(argument, torch.Generator):
        return argument
    return torch.Generator(argument.device).set_state(argument.get_state())


def replaced(structure: Any, replace: Callable[[Any], Any]) -> Any:
    """The structure with its leaves replaced; a named tuple becomes a tuple."""
    if isinstance(structure, Mapping):
        return {name: replaced(part, replace) for name, part in structure.items()}
    if isinstance(structure, list):
        return [replaced(part, replace) for part in structure]
    if isinstance(structure, tuple):
        return tuple(replaced(part, replace) for part in structure)
    return replace(structure)
