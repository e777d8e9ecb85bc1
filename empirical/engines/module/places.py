"""Places: where a value of a traced network is made on a tape that was recorded at another width or after an update.

Operations are found as in alignment, by module path, function, parameters read and count (`scalings.tapes.alignment`).
Of a block that is repeated it is the last copy, whose orders are those that theory speaks of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scalings.errors import ArgumentError
from scalings.tapes.alignment import keyed
from scalings.tapes.network import TracedNetwork
from scalings.tapes.tape import Tape


@dataclass(frozen=True)
class Place:
    """The operation that makes a value, by its key, and which of its results it is; or where it is from, by name."""

    key: tuple[Any, ...]
    result: int | None = None


def places(traced: TracedNetwork, values: Mapping[str, int], tape: Tape[int]) -> dict[str, Place]:
    """By name, the place of each value of the traced network; `tape` is the module's at the largest traced width.

    Raises ArgumentError if the tape is not that of the traced module.
    """
    keys = [key for key, _ in keyed(tape)]
    unfolded = dict(_unfolded(traced))
    copies = sum((len(one.copies) - 1) * (one.stop - one.start) for one in traced.repeats)
    if len(keys) != len(traced.tape.operations) + copies:
        raise ArgumentError("build", "expected the module that was traced, but it does something else at its width")
    made = {
        value: Place(keys[unfolded[number]], result)
        for number, operation in enumerate(traced.tape.operations)
        for result, value in enumerate(operation.results())
    }
    found = {name: made.get(value) or _source(traced, value) for name, value in values.items()}
    return {name: place for name, place in found.items() if place is not None}


def on_tape(wanted: Mapping[str, Place], tape: Tape[int]) -> dict[str, int]:
    """By name, the numbers of the values on a tape; what did not run there is left out."""
    operations = dict(keyed(tape))
    sources = {(value.origin, value.name): number for number, value in enumerate(tape.values) if value.name}
    found: dict[str, int] = {}
    for name, place in wanted.items():
        if place.result is None and place.key in sources:
            found[name] = sources[place.key]
        elif place.result is not None and (operation := operations.get(place.key)):
            results = operation.results()
            found |= {name: results[place.result]} if place.result < len(results) else {}
    return found


def _unfolded(traced: TracedNetwork) -> Iterator[tuple[int, int]]:
    """The number of each operation, and of the same one in the last copy before blocks were folded."""
    for number in range(len(traced.tape.operations)):
        before = sum((len(one.copies) - 1) * (one.stop - one.start) for one in traced.repeats if one.start <= number)
        yield number, number + before


def _source(traced: TracedNetwork, number: int) -> Place | None:
    """The place of a value that no operation makes; None for one without a name."""
    value, name = traced.tape.values[number], traced.tape.values[number].name
    repeat = traced.repeat_of(name)
    return Place((value.origin, repeat.of_copy(name, repeat.copies[-1]) if repeat else name)) if name else None
