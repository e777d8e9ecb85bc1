"""Folding: blocks that repeat, with the same operations on their own parameters, become one block with copies.

Copies follow each other in a list of modules. Each reads what the one before it made, in the same places, besides what
was there before the first. Blocks whose values are read again later, such as those of a U-Net, are not folded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scalings.networks.dimensions import Dimension
from scalings.networks.nodes import Start
from scalings.tapes.arguments import Argument, Reading, Ref, mapped, renumbered
from scalings.tapes.network import Repeat, TracedNetwork
from scalings.tapes.tape import Operation, Parameter, Siblings, Tape

Source = tuple[Any, ...]
"""Where an operation of a block has a value from, in words that are the same in each copy."""


@dataclass(frozen=True)
class _Block:
    """The operations of one child of a container."""

    child: str
    start: int
    stop: int


def folded(network: TracedNetwork) -> TracedNetwork:
    """The network with each run of equal blocks as one, the outermost ones first."""
    for siblings in sorted(network.tape.lists, key=lambda one: (len(one.path.split(".")), one.path)):
        copies = [repeat.path(copy) for repeat in network.repeats for copy in repeat.copies]
        if not any(f"{siblings.path}.".startswith(f"{copy}.") for copy in copies):
            network = _folded_in(network, siblings)
    return network


def _folded_in(network: TracedNetwork, siblings: Siblings) -> TracedNetwork:
    """The network with the runs of equal blocks in one list folded, the last one first."""
    blocks, end = list(_blocks(network.tape, siblings)), len(network.tape.operations)
    while len(blocks) > 1:
        last, size = blocks.pop(), blocks[-1].stop - blocks[-1].start
        run = [replace(last, stop=min(last.start + size, end))]
        while blocks and _equal(network.tape, siblings, blocks[-1], run[0]):
            run.insert(0, blocks.pop())
        while len(run) > 1:
            carried = _carried(network.tape, siblings.path, run)
            if carried is not None:
                network = _without_copies(network, siblings.path, run, carried)
                break
            blocks.append(run.pop(0))
    return network


def _blocks(tape: Tape[Dimension], siblings: Siblings) -> Iterator[_Block]:
    """The blocks of a list, each from its first operation to that of the next; none if they are entwined."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, operation in enumerate(tape.operations):
        if child := siblings.child(operation.path):
            places[child].append(place)
    starts = sorted((found[0], child, found[-1]) for child, found in places.items())
    ends = [*(start for start, *_ in starts[1:]), *(last + 1 for *_, last in starts[-1:])]
    if all(last < end for (_, _, last), end in zip(starts, ends, strict=True)):
        yield from (_Block(child, start, end) for (start, child, _), end in zip(starts, ends, strict=True))


def _equal(tape: Tape[Dimension], siblings: Siblings, one: _Block, other: _Block) -> bool:
    """Whether two blocks that follow each other are of one class and do the same, wherever they read from."""
    kinds, container = dict(zip(siblings.names, siblings.classes, strict=True)), siblings.path
    if one.stop != other.start or other.stop - other.start != one.stop - one.start:
        return False
    return kinds[one.child] == kinds[other.child] and [
        _shown(tape, container, one, place) for place in range(one.start, one.stop)
    ] == [_shown(tape, container, other, place) for place in range(other.start, other.stop)]


def _shown(tape: Tape[Dimension], container: str, block: _Block, place: int) -> Any:
    """An operation of a block without what differs between copies."""
    operation, path = tape.operations[place], f"{container}.{block.child}".lstrip(".")
    own = operation.path.removeprefix(path) if f"{operation.path}.".startswith(f"{path}.") else (operation.path,)
    made = [
        (tape.values[value].shape, tape.values[value].kind) for value in (*operation.inputs(), *operation.results())
    ]
    return operation.function, own, _form(operation.arguments), _form(tuple(v for _, v in operation.keywords)), made


def _form(argument: Argument) -> Any:
    """An argument without its values."""
    return mapped(argument, lambda part: type(part) if isinstance(part, Ref | Reading) else part)


def _carried(tape: Tape[Dimension], container: str, run: Sequence[_Block]) -> tuple[tuple[int, int], ...] | None:
    """What each copy takes over from the one before it; None if the copies are wired in different ways."""
    wirings = [_wiring(tape, container, before, block) for before, block in zip((None, *run[:-1]), run, strict=True)]
    first, second = wirings[:2]
    if any(wiring != second for wiring in wirings[2:]) or len(first) != len(second):
        return None
    made = _made(tape, run[0])
    carried: dict[int, Source] = {}
    for source, following in zip(first, second, strict=True):
        if following[0] == "before":
            if source[0] != "value" or carried.setdefault(source[1], following) != following:
                return None
        elif source != following:
            return None
    if any(("value", value) in second for value in carried):  # the first copy reads it in two ways
        return None
    inverse = {place: value for value, place in made.items()}
    middle = {value for block in run[:-1] for value in _made(tape, block)}
    later = tape.operations[run[-1].stop :]
    if any(middle.intersection(operation.inputs()) for operation in later):
        return None
    return tuple((value, inverse[source[1:]]) for value, source in carried.items())


def _wiring(tape: Tape[Dimension], container: str, before: _Block | None, block: _Block) -> list[Source]:
    """Where each operation of a block has its values from."""
    own, earlier = _made(tape, block), _made(tape, before) if before else {}
    path = f"{container}.{block.child}.".lstrip(".")
    sources: list[Source] = []
    for operation in tape.operations[block.start : block.stop]:
        for number in operation.inputs():
            value = tape.values[number]
            if number in own:
                sources.append(("own", *own[number]))
            elif number in earlier:
                sources.append(("before", *earlier[number]))
            elif value.name.startswith(path):
                sources.append((value.origin, value.name.removeprefix(path), value.shape, value.differentiable))
            elif value.origin == "constant":
                sources.append(("constant", value.shape))
            else:
                sources.append(("value", number))
    return sources


def _made(tape: Tape[Dimension], block: _Block) -> dict[int, tuple[int, int]]:
    """The values that a block makes, each with its operation, counted from the block's first, and its place there."""
    operations = enumerate(tape.operations[block.start : block.stop])
    return {value: (step, place) for step, operation in operations for place, value in enumerate(operation.results())}


def _without_copies(
    network: TracedNetwork, container: str, run: Sequence[_Block], carried: tuple[tuple[int, int], ...]
) -> TracedNetwork:
    """The network with the first block of the run alone."""
    tape, first = network.tape, run[0]
    kept = {place: value for value, place in _made(tape, first).items()}
    instead = {value: kept[place] for block in run[1:] for value, place in _made(tape, block).items()}
    dropped = range(first.stop, run[-1].stop)
    operations = tuple(
        _renumbered(operation, instead) for place, operation in enumerate(tape.operations) if place not in dropped
    )
    copies = [f"{container}.{block.child}.".lstrip(".") for block in run[1:]]
    start = f"{container}.{first.child}.".lstrip(".")
    starts = {one.names[0]: one.start for one in tape.parameters}
    parameters = tuple(
        replace(one, start=_common_start(one, start, copies, starts))
        for one in tape.parameters
        if not any(one.names[0].startswith(copy) for copy in copies)
    )
    outputs = tuple(dict.fromkeys(instead.get(value, value) for value in tape.outputs))
    gone = len(dropped)
    repeats = [
        replace(repeat, start=repeat.start - gone, stop=repeat.stop - gone) if repeat.start >= first.stop else repeat
        for repeat in network.repeats
    ]
    repeats.append(Repeat(container, tuple(block.child for block in run), first.start, first.stop, carried))
    tape = replace(
        tape, operations=operations, parameters=parameters, outputs=outputs, loss=instead.get(tape.loss, tape.loss)
    )
    return _compact(replace(network, tape=tape, repeats=tuple(sorted(repeats, key=lambda repeat: repeat.start))))


def _common_start(
    parameter: Parameter[Dimension], first: str, copies: Sequence[str], starts: dict[str, Start]
) -> Start:
    """How a parameter of the first block starts, if all its copies do so."""
    name = parameter.names[0]
    there = {starts.get(copy + name.removeprefix(first)) for copy in copies} if name.startswith(first) else set()
    return parameter.start if there <= {parameter.start, None} else "random"


def _compact(network: TracedNetwork) -> TracedNetwork:
    """The network without values that nothing makes or reads, the others numbered anew."""
    tape = network.tape
    used = {value for operation in tape.operations for value in (*operation.inputs(), *operation.results())}
    used |= {*tape.outputs, tape.loss}
    numbers = {old: new for new, old in enumerate(sorted(used))}
    operations = tuple(_renumbered(operation, numbers) for operation in tape.operations)
    repeats = tuple(
        replace(repeat, carried=tuple((numbers[one], numbers[other]) for one, other in repeat.carried))
        for repeat in network.repeats
    )
    tape = replace(
        tape,
        values=tuple(tape.values[value] for value in numbers),
        operations=operations,
        outputs=tuple(numbers[value] for value in tape.outputs),
        loss=numbers[tape.loss],
    )
    return replace(network, tape=tape, repeats=repeats)


def _renumbered(operation: Operation, numbers: dict[int, int]) -> Operation:
    return replace(
        operation,
        arguments=renumbered(operation.arguments, numbers),
        keywords=tuple((name, renumbered(argument, numbers)) for name, argument in operation.keywords),
        outputs=tuple(numbers.get(value, value) for value in operation.outputs),
        overwritten=tuple((numbers.get(a, a), numbers.get(b, b)) for a, b in operation.overwritten),
    )
