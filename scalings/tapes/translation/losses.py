"""Which value of the tape is the network's output, and which loss is computed from it."""

from __future__ import annotations

from typing import Literal

from scalings.errors import ArgumentError
from scalings.networks.dimensions import Dimension
from scalings.tapes.arguments import references
from scalings.tapes.tape import Operation, Tape

_NUMBERS = ("mul", "multiply", "div", "divide", "true_divide", "neg", "negative")
"""Functions that multiply what they are given first by a number, if nothing else that they read is differentiable."""
_OF_CLASSES = ("log_softmax", "cross_entropy", "nll_loss", "logsumexp", "logsigmoid", "log_sigmoid", "softplus")
"""Parts of the names of functions that a cross-entropy is made of: its gradient is bounded."""


def output_of(tape: Tape[Dimension]) -> int:
    """The last differentiable real output of the module from which the loss is computed, and that is not the loss.

    One that is a scalar, such as a penalty, only if there is no other.
    Of a module that gives its loss alone, the value from which nothing but the loss is computed, without parameters;
    or, if that grows with the width, what is first computed from it that does not. If it is a scalar, numbers that it
    is multiplied by are its own: of a sum over all units that is divided by their number, the mean.
    """
    found = _given(tape, _behind(tape, {tape.loss}))
    if not found:
        return _before_the_loss(tape)
    return max(found, key=lambda value: (bool(tape.values[value].shape), value))


def others_of(tape: Tape[Dimension], output: int) -> tuple[int, ...]:
    """The places of the module's other outputs from which the loss is computed, besides by way of this output."""
    found = _given(tape, _behind(tape, {tape.loss}, without=output))
    return tuple(place for place, value in enumerate(tape.outputs) if value in found and value != output)


def loss_of(tape: Tape[Dimension], output: int) -> Literal["mse", "cross-entropy"]:
    """Which of the two losses, by how it grows, the operations between the output and the loss are."""
    after = {output}
    between: list[Operation] = []
    for operation in tape.operations:
        if after.intersection(operation.inputs()):
            after.update(operation.results())
            between.append(operation)
    behind = _behind(tape, {tape.loss})
    used = [one.function for one in between if behind.intersection(one.results())]
    return "cross-entropy" if any(part in name for name in used for part in _OF_CLASSES) else "mse"


def _given(tape: Tape[Dimension], behind: set[int]) -> list[int]:
    """The differentiable real outputs of the module among some values, without the loss."""
    given = [value for value in tape.outputs if value in behind and value != tape.loss]
    return [value for value in given if tape.values[value].differentiable and tape.values[value].kind == "real"]


def _behind(tape: Tape[Dimension], values: set[int], without: int | None = None) -> set[int]:
    """What values are computed from, along differentiable values, themselves included; not by way of one of them."""
    found = set(values)
    for operation in reversed(tape.operations):
        if (found - {without}).intersection(operation.results()):
            found.update(value for value in operation.inputs() if tape.values[value].differentiable)
    return found


def _before_the_loss(tape: Tape[Dimension]) -> int:
    made = {value: operation for operation in tape.operations for value in operation.results()}
    value = tape.loss
    while value in made:
        read = [one for one in made[value].inputs() if tape.values[one].differentiable]
        if len(read) != 1 or tape.values[read[0]].origin == "parameter" or _grows(tape, read[0]):
            break
        value = read[0]
    if value == tape.loss and value not in made:
        raise ArgumentError("network", "the loss is not computed from the module's outputs")
    return _with_numbers(tape, value)


def _with_numbers(tape: Tape[Dimension], value: int) -> int:
    """A scalar, times the numbers that it is multiplied by; any other value as it is."""
    if tape.values[value].shape:
        return value
    behind = _behind(tape, {tape.loss})
    for operation in tape.operations:
        if value in operation.inputs() and behind.intersection(operation.results()):
            first, others = (list(references(one)) for one in (operation.arguments[:1], operation.arguments[1:]))
            if operation.function not in _NUMBERS or first != [value] or value in others:
                break
            (value,) = operation.results()
    return value


def _grows(tape: Tape[Dimension], value: int) -> bool:
    return any(size.grows for size in tape.values[value].shape)
