"""How large the values of a recording are at initialization: what the theory takes of those that it has no rule for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, stdev

import torch
from torch import Tensor

from empirical.tensors.sizes import size_of
from scalings.tapes.tape import Tape, Value

_FAR = 1 / torch.finfo(torch.float32).eps
"""An entry beside which float32 does not see 1 is infinity to a softmax, and says nothing of the others' size."""
_DIGITS = 6


class Magnitudes:
    """Watches a recording (`recorder.record`), and measures each value as soon as it is there: real ones, and whole
    numbers without an axis, which are no indices but counts."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[float, float]] = {}

    def __call__(self, number: int, tensor: Tensor) -> None:
        is_number = tensor.dim() == 0 and not tensor.is_complex() and tensor.dtype != torch.bool
        if (tensor.is_floating_point() or is_number) and tensor.layout == torch.strided and tensor.numel():
            self._seen[number] = root_mean_square_and_mean(tensor.detach(), averaged=not tensor.requires_grad)

    def of(self, tape: Tape[int]) -> Tape[int]:
        """The tape with what was measured of its values."""
        return replace(tape, values=tuple(self._measured(number, one) for number, one in enumerate(tape.values)))

    def _measured(self, number: int, value: Value[int]) -> Value[int]:
        if number not in self._seen:
            return value
        magnitude, mean = (float(f"{one:.{_DIGITS}g}") for one in self._seen[number])
        return replace(value, magnitudes=(magnitude,), means=() if value.differentiable else (mean,))


def over_seeds(tape: Tape[int], others: Sequence[Tape[int]]) -> Tape[int]:
    """The tape with the magnitudes of several recordings of the same operations, and how much these scatter."""
    if not others:
        return tape
    values = zip(tape.values, *(other.values for other in others), strict=True)
    return replace(tape, values=tuple(_together(each) for each in values))


def _together(values: Sequence[Value[int]]) -> Value[int]:
    seen = [one.magnitudes[0] for one in values if one.magnitudes]
    if len(seen) < len(values) or not all(seen):
        return values[0]
    squares = [one**2 for one in seen]
    error = stdev(squares) / fmean(squares) / 2 / math.sqrt(len(seen))
    magnitude, error = (float(f"{one:.{_DIGITS}g}") for one in (math.sqrt(fmean(squares)), error))
    return replace(values[0], magnitudes=(magnitude,), errors=(error,))


def root_mean_square_and_mean(tensor: Tensor, *, averaged: bool = True) -> tuple[float, float]:
    """Those of the entries that are not as infinity to a softmax; zeros if there are none. The mean is 0 of what is not
    `averaged`.

    >>> root_mean_square_and_mean(torch.tensor([3.0, 3.0, 3.0, 3.0, -torch.inf, -3e38]))
    (3.0, 3.0)
    """
    tensor = tensor if tensor.is_floating_point() else tensor.double()
    norm, number = size_of(tensor), tensor.numel()
    if not norm < _FAR:  # as all entries are below it if the norm is
        wide = tensor.double()
        tensor = wide[wide.abs() < _FAR]
        norm, number = size_of(tensor), tensor.numel()
    mean = float(tensor.mean(dtype=torch.float64)) if averaged and number else 0.0
    return norm / math.sqrt(max(number, 1)), mean
