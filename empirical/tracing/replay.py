"""A recording, run again: the proof that nothing which matters was missed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from empirical.tracing.arguments import replaced, tensors_in
from empirical.tracing.recorder import Recording
from scalings.tapes.tape import Ref


def replay(recording: Recording, parameters: Mapping[str, Tensor] | None = None) -> tuple[Tensor, ...]:
    """Every value of the tape that its outputs and its loss are, recomputed from the recorded calls alone.

    With other `parameters`, by first name, the calls are the same: a number that was read off a tensor stays what it was.
    """
    tape = recording.tape
    memory: dict[int, Tensor] = {}
    for value, tensor in recording.sources.items():
        other = (parameters or {}).get(tape.values[value].name) if tape.values[value].origin == "parameter" else None
        memory[value] = (tensor if other is None else other).detach().clone()

    def given(part: Any) -> Any:
        return memory[part.value] if isinstance(part, Ref) else part

    with torch.no_grad():
        for operation, call in zip(tape.operations, recording.calls, strict=True):
            if call is None:
                (made, *_) = operation.inputs()
                memory[operation.outputs[0]] = memory[made]
                continue
            arguments, keywords = replaced(call.arguments, given), replaced(call.keywords, given)
            result = call.function(*arguments, **keywords)
            for before, after in operation.overwritten:
                memory[after] = memory[before]
            memory.update(zip(operation.outputs, tensors_in(result), strict=True))
    return tuple(memory[value] for value in (*tape.outputs, tape.loss))


def agrees(one: Tensor, other: Tensor) -> bool:
    """Whether two results of the same calculation agree to half of the digits that their type holds."""
    if not one.is_floating_point():
        return torch.equal(one, other)
    relative = math.sqrt(torch.finfo(one.dtype).eps)
    return torch.allclose(one, other, rtol=relative, atol=relative, equal_nan=True)
