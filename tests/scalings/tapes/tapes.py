"""Tapes written by hand, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from scalings.tapes.arguments import Ref
from scalings.tapes.tape import Operation, Parameter, Siblings, Tape, Value


def chain(width: int, layers: int = 3, *, sizes: Sequence[int] | None = None, scale: float = 1.0) -> Tape[int]:
    """A linear network f = W ... W x on two examples of five numbers, with hidden layers of these sizes; mean(f)."""
    sizes = [5, *(sizes or [width] * (layers - 1)), 1]
    values: list[Value[int]] = [Value((2, 5), origin="data", name="0")]
    operations, parameters, last = [], [], 0
    for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        name, number = f"layers.{layer}.weight", len(values)
        parameters.append(Parameter((name,), (fan_out, fan_in)))
        values.append(Value((fan_out, fan_in), origin="parameter", name=name, differentiable=True))
        values += [Value((2, fan_out), differentiable=True)] * 2
        path = f"layers.{layer}"
        operations.append(Operation("linear", path, (Ref(last), Ref(number)), outputs=(number + 1,)))
        operations.append(Operation("mul", path, (Ref(number + 1), scale), outputs=(number + 2,)))
        last = number + 2
    values.append(Value((), differentiable=True))
    operations.append(Operation("mean", "", (Ref(last),), outputs=(len(values) - 1,)))
    names = tuple(str(layer) for layer in range(len(parameters)))
    siblings = Siblings("layers", names, ("Linear",) * len(names))
    return Tape(width, tuple(values), tuple(operations), tuple(parameters), (last,), len(values) - 1, (siblings,))
