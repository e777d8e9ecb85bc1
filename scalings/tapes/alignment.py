"""Alignment: the tapes of one module at several widths become one, whose sizes and numbers are powers of the width.

Operations are matched by the path of their module, their function, the parameters that they read and how often the same
came before, and not by their place: branches and experts make tapes of different lengths. A size that was seen at the
largest width only has the order of the known sizes that are the same there, if they agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from scalings.errors import ArgumentError
from scalings.networks.dimensions import Dimension
from scalings.tapes.arguments import Argument, Reading, Ref, Span, is_number, mapped
from scalings.tapes.folding import folded
from scalings.tapes.network import TracedNetwork
from scalings.tapes.powers import NoPower, Seen, Sizes
from scalings.tapes.tape import Operation, Parameter, Tape, Value

DATA_SIZED = {
    *("where", "nonzero", "nonzero_numpy", "argwhere", "masked_select", "getitem", "repeat_interleave", "bincount"),
    *("unique", "unique_consecutive", "unique_dim", "_unique2"),
}
"""The functions whose results may have a size that depends on what is in a tensor that they are given."""
Shapes = Mapping[str, tuple[int, ...]]
"""Of parameters, by first name."""
Row = tuple[Operation | None, ...]
"""An operation at each width, None where it did not run."""


def align(tapes: Sequence[Tape[int]], far: Sequence[tuple[int, Shapes]] = ()) -> TracedNetwork:
    """One network from the tapes at three or more increasing widths.

    `far` are two more widths, very large ones, with the shapes of parameters alone. Raises ArgumentError for a size or
    a number that is no power of the width, and if no parameter reads the width.
    """
    widths, last = tuple(tape.width for tape in tapes), tapes[-1]
    _check_parameters(tapes)
    sizes = Sizes(widths)
    parameters = tuple(_aligned_parameters(tapes, sizes, dict(far)))
    if not any(size.grows for parameter in parameters for size in parameter.shape):
        listing = ", ".join(map(str, widths))
        raise ArgumentError("build", f"no parameter reads the width: all have the same shape at widths {listing}")
    rows = _matched(tapes)
    partners = _corresponding(tapes, rows)
    _learn_data(tapes, rows, partners, sizes)
    for number in range(len(last.values)):
        sizes.learn_all(_seen_shapes(tapes, number, partners))
    values = tuple(
        Value(
            _shape(tapes, number, partners, sizes),
            one.kind,
            one.origin,
            one.name,
            one.differentiable,
            _measured(tapes, number, partners, lambda value: value.magnitudes),
            _measured(tapes, number, partners, lambda value: value.means),
            _measured(tapes, number, partners, lambda value: value.errors),
        )
        for number, one in enumerate(last.values)
    )
    operations = tuple(_aligned_operation(row, sizes) for row in rows)
    tape = Tape(last.width, values, operations, parameters, last.outputs, last.loss, last.lists)
    unfolded = TracedNetwork(widths, tape, last.unreached())
    found = folded(unfolded)
    return replace(found, unfolded=unfolded) if found.repeats else found


def _check_parameters(tapes: Sequence[Tape[int]]) -> None:
    last = tapes[-1]
    for tape in tapes[:-1]:
        one, other = ({parameter.names: len(parameter.shape) for parameter in each.parameters} for each in (tape, last))
        differing = [names for names in (*one, *other) if one.get(names) != other.get(names)]
        if differing:
            at = f"at width {tape.width} and at width {last.width}"
            raise ArgumentError("build", f"expected the same parameters {at}, but {differing[0][0]!r:.100} differs")


def _aligned_parameters(
    tapes: Sequence[Tape[int]], sizes: Sizes, far: Mapping[int, Shapes]
) -> Iterator[Parameter[Dimension]]:
    """The parameters with their shapes. Very large widths tell most, but have to agree with the recorded ones."""
    for place, parameter in enumerate(tapes[-1].parameters):
        name, shape = parameter.names[0], []
        for axis in range(len(parameter.shape)):
            seen = tuple(tape.parameters[place].shape[axis] for tape in tapes)
            try:
                shape.append(sizes.parameter(seen, [(width, shapes[name][axis]) for width, shapes in far.items()]))
            except NoPower as error:
                raise ArgumentError("build", f"dimension {axis} of {name!r:.100} {error}") from None
        starts = {tape.parameters[place].start for tape in tapes}
        yield Parameter(
            parameter.names, tuple(shape), parameter.trainable, starts.pop() if len(starts) == 1 else "random"
        )


def keyed(tape: Tape[int]) -> Iterator[tuple[tuple[Any, ...], Operation]]:
    """Each operation with what it is matched by."""
    counts: Counter[tuple[Any, ...]] = Counter()
    for operation in tape.operations:
        key = operation.path, operation.function, tape.parameters_read(operation)
        yield (*key, counts[key]), operation
        counts[key] += 1


def _matched(tapes: Sequence[Tape[int]]) -> list[Row]:
    """Each operation of the last tape beside those of the others."""
    others = [dict(keyed(tape)) for tape in tapes[:-1]]
    return [(*(_like(operation, other.get(key)) for other in others), operation) for key, operation in keyed(tapes[-1])]


def _like(operation: Operation, other: Operation | None) -> Operation | None:
    """The other operation, if it has arguments of the same form."""
    if other is None:
        return None
    forms = [(_form(one.arguments), [(name, _form(part)) for name, part in one.keywords]) for one in (operation, other)]
    return other if forms[0] == forms[1] else None


def _form(argument: Argument) -> Any:
    """What an argument has in common at all widths. A list of values may grow."""
    if isinstance(argument, tuple) and argument and all(isinstance(part, Ref) for part in argument):
        return list[Ref]

    def change(part: Any) -> Any:
        return type(part) if isinstance(part, Ref | Reading) else float if is_number(part) else part

    return mapped(argument, change)


def _corresponding(tapes: Sequence[Tape[int]], rows: Sequence[Row]) -> list[dict[int, int]]:
    """For each width, the value there of each value of the last tape; some have none."""
    found: list[dict[int, int]] = []
    for column, tape in enumerate(tapes):
        named = {(value.origin, value.name): number for number, value in enumerate(tape.values) if value.name}
        same = {
            number: named[value.origin, value.name]
            for number, value in enumerate(tapes[-1].values)
            if (value.origin, value.name) in named
        }
        for row in rows:
            last, there = row[-1], row[column]
            if last is None or there is None:
                continue
            # lists of values may grow, and memory may have more names at one width than at another: not strict
            pairs = [*zip(last.inputs(), there.inputs(), strict=False), *zip(last.outputs, there.outputs, strict=False)]
            pairs += [(one[1], other[1]) for one, other in zip(last.overwritten, there.overwritten, strict=False)]
            pairs += [(one, there.outputs[-1]) for one in last.outputs[len(there.outputs) :] if there.outputs]
            for one, other in pairs:
                same.setdefault(one, other)
        found.append(same)
    return found


def _measured(
    tapes: Sequence[Tape[int]],
    number: int,
    partners: Sequence[dict[int, int]],
    what: Callable[[Value[int]], tuple[float, ...]],
) -> tuple[float, ...]:
    """What was measured of a value of the last tape, at each width; nothing if it was not there at one."""
    there = [what(tape.values[same[number]]) for tape, same in zip(tapes, partners, strict=True) if number in same]
    return tuple(one for [one] in there) if len(there) == len(tapes) and all(there) else ()


def _seen_shapes(tapes: Sequence[Tape[int]], number: int, partners: Sequence[dict[int, int]]) -> Iterator[Seen]:
    """The sizes of each axis of a value of the last tape, at each width."""
    rank = len(tapes[-1].values[number].shape)
    shapes = [
        tape.values[same[number]].shape if number in same else () for tape, same in zip(tapes, partners, strict=True)
    ]
    for axis in range(rank):
        yield tuple(shape[axis] if len(shape) == rank else None for shape in shapes)


def _learn_data(
    tapes: Sequence[Tape[int]], rows: Sequence[Row], partners: Sequence[dict[int, int]], sizes: Sizes
) -> None:
    """Sizes that depend on the data: counts that were read off tensors, and the results of masks."""
    for row in rows:
        last = row[-1]
        assert last is not None
        readings = [one.readings if one else () for one in row]
        for place, number in enumerate(last.readings):
            seen = tuple(each[place] if place < len(each) else None for each in readings)
            if isinstance(number, int) and not isinstance(number, bool):
                sizes.learn_data(seen)  # type: ignore[arg-type]
        if last.function in DATA_SIZED and not (last.function == "getitem" and len(last.inputs()) == 1):
            inputs = {one for value in last.inputs() for one in _seen_shapes(tapes, value, partners)}
            for output in last.outputs:
                for seen in _seen_shapes(tapes, output, partners):
                    if seen not in inputs:
                        sizes.learn_data(seen)


def _shape(
    tapes: Sequence[Tape[int]], number: int, partners: Sequence[dict[int, int]], sizes: Sizes
) -> tuple[Dimension, ...]:
    shape = []
    for axis, seen in enumerate(_seen_shapes(tapes, number, partners)):
        try:
            shape.append(sizes.dimension(seen))
        except NoPower as error:
            raise ArgumentError("build", f"dimension {axis} of {_described(tapes[-1], number)} {error}") from None
    return tuple(shape)


def _aligned_operation(row: Row, sizes: Sizes) -> Operation:
    last = row[-1]
    assert last is not None
    try:
        arguments = _aligned(tuple(one.arguments if one else None for one in row), sizes)
        keywords = tuple(
            (name, _aligned(tuple(one.keywords[place][1] if one else None for one in row), sizes))
            for place, (name, _) in enumerate(last.keywords)
        )
    except NoPower as error:
        raise ArgumentError("build", f"a number in {last.function}{_within(last.path)} {error}") from None
    return replace(last, arguments=cast(Any, arguments), keywords=keywords)


def _aligned(row: tuple[Argument, ...], sizes: Sizes) -> Argument:
    """An argument at each width, as one."""
    last = row[-1]
    if isinstance(last, Span):
        spans = [one if isinstance(one, Span) else Span(None, None, None) for one in row]
        parts = ([span.start for span in spans], [span.stop for span in spans], [span.step for span in spans])
        return Span(*(_aligned(tuple(part), sizes) for part in parts))
    if isinstance(last, tuple):
        lists = [one if isinstance(one, tuple) else (None,) * len(last) for one in row]
        return tuple(
            _aligned(tuple(one[place] if place < len(one) else None for one in lists), sizes)
            for place in range(len(last))
        )
    if not is_number(last):
        return last
    return sizes.number([one if isinstance(one, int | float) else None for one in row])


def _described(tape: Tape[int], number: int) -> str:
    """A value in words, for a message."""
    value = tape.values[number]
    if value.origin != "operation":
        return f"the {value.origin} {value.name!r:.100}".removesuffix(" ''")
    made = next(operation for operation in tape.operations if number in operation.results())
    return f"what {made.function} makes{_within(made.path)}"


def _within(path: str) -> str:
    return f" in {path!r:.100}" if path else ""
