"""What a parameter is for, from how it grows and from what the operations that read it make of growing values."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from scalings.networks.dimensions import Dimension
from scalings.tapes.tape import Operation, Parameter, Tape, Value

TracedRole = Literal["input", "hidden", "output", "vector", "fixed", "unused"]
"""Input: nothing that grows comes in, something that grows comes out; output: the other way round; hidden: a matrix
that grows both ways; vector: a bias, a gain or a position, one number for each unit; fixed: it does not grow."""
REARRANGING = {
    *(
        "T",
        "mT",
        "t",
        "transpose",
        "permute",
        "movedim",
        "view",
        "reshape",
        "flatten",
        "unflatten",
        "squeeze",
        "unsqueeze",
    ),
    *("expand", "expand_as", "contiguous", "chunk", "split", "split_with_sizes", "unbind", "getitem", "select"),
    *(
        "to",
        "type_as",
        "float",
        "double",
        "half",
        "bfloat16",
        "clone",
        "detach",
        "data",
        "repeat",
        "narrow",
        "set_data",
    ),
}
"""Functions whose results hold the entries of what they are given, and nothing else."""


def readers_of(tape: Tape[Dimension], parameter: Parameter[Dimension]) -> tuple[Operation, ...]:
    """The operations that read a parameter, as it is or rearranged."""
    held = {
        number
        for number, value in enumerate(tape.values)
        if value.origin == "parameter" and value.name == parameter.names[0]
    }
    found = []
    for operation in tape.operations:
        if held.intersection(operation.inputs()):
            if operation.function in REARRANGING and held.issuperset(operation.inputs()):  # else it is a lookup
                held.update(operation.results())
            else:
                found.append(operation)
    return tuple(found)


def role_of(tape: Tape[Dimension], parameter: Parameter[Dimension]) -> TracedRole:
    """The role of a parameter; one that is used in two ways, such as a tied embedding, has that of its first use."""
    readers = readers_of(tape, parameter)
    growing = [size for size in parameter.shape if size.grows]
    if not readers:
        return "unused"
    if not growing:
        return "fixed"
    if len(growing) > 1:
        return "hidden"
    given = [_order(value) for number in readers[0].inputs() if (value := tape.values[number]).origin != "parameter"]
    made = max((_order(tape.values[number]) for number in readers[0].results()), default=Fraction(0))
    if given and made < max(given):
        return "output"
    return "input" if given and made > max(given) and len(parameter.shape) > 1 else "vector"


def _order(value: Value[Dimension]) -> Fraction:
    """The power of the width that its number of entries grows with."""
    return sum((size.order for size in value.shape), Fraction(0))
