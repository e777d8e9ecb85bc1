"""A recording, run again: the proof that nothing which matters was missed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from empirical.tracing.arguments import as_it_is, replaced, tensors_in
from empirical.tracing.recorder import Recording
from scalings.tapes.arguments import Ref
from scalings.tapes.tape import Operation


def replay(recording: Recording, parameters: Mapping[str, Tensor] | None = None) -> tuple[Tensor, ...]:
    """The outputs of the tape and its loss, recomputed from the recorded calls alone.

    With other `parameters`, by first name, the calls are the same: a number that was read off a tensor is what it was.
    """
    memory = _sources(recording, parameters or {})
    for _ in _steps(recording, memory):
        pass
    return tuple(memory[value] for value in (*recording.tape.outputs, recording.tape.loss))


def first_not_finite(recording: Recording) -> Operation | None:
    """The first operation that gives what is not a number; if there is none, the first that gives an infinity."""
    infinite = None
    memory = _sources(recording, {})
    for operation in _steps(recording, memory):
        made = [memory[value] for value in operation.results() if memory[value].is_floating_point()]
        if any(bool(tensor.isnan().any()) for tensor in made):
            return operation
        if infinite is None and any(bool(tensor.isinf().any()) for tensor in made):
            infinite = operation
    return infinite


def _sources(recording: Recording, parameters: Mapping[str, Tensor]) -> dict[int, Tensor]:
    """The values that no operation makes, as they were when they were first read."""
    values = recording.tape.values
    others = {value: parameters.get(values[value].name) for value in recording.sources}
    return {
        value: tensor.clone()
        if values[value].origin != "parameter" or (other := others[value]) is None
        else other.clone()
        for value, tensor in recording.sources.items()
    }


def _steps(recording: Recording, memory: dict[int, Tensor]) -> Iterator[Operation]:
    """Each operation after it was run, in place where it was so, and its results put into the memory."""

    def given(part: Any) -> Any:
        return memory[part.value] if isinstance(part, Ref) else as_it_is(part)

    for operation, call in zip(recording.tape.operations, recording.calls, strict=True):
        with torch.no_grad():
            if call is None:
                memory.update((value, memory[operation.inputs()[0]]) for value in operation.outputs)
            else:
                with torch.autocast(*call.autocast) if call.autocast else nullcontext():
                    result = call.function(*replaced(call.arguments, given), **replaced(call.keywords, given))
                memory.update({after: memory[before] for before, after in operation.overwritten})
                memory.update(zip(operation.outputs, tensors_in(result), strict=True))
        yield operation


def agrees(one: Tensor, other: Tensor) -> bool:
    """Whether two results of the same calculation agree to half of the digits that their type holds."""
    if not one.is_floating_point():
        return torch.equal(one, other)
    relative = math.sqrt(torch.finfo(one.dtype).eps)
    return torch.allclose(one, other, rtol=relative, atol=relative, equal_nan=True)
