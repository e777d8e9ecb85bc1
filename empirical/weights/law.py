"""What a law of the optimizer is: the direction of a step, from a gradient and what is kept of earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

Size: TypeAlias = Callable[[], Tensor]
"""|W(t)|_F, (seeds,), worked out when asked for."""


class Law(Protocol):
    """A law on gradients as matrices, of shape (seeds, fan_out, fan_in)."""

    @property
    def local(self) -> bool:
        """Whether an entry's step is made of its own gradients alone."""
        ...

    @property
    def moments(self) -> int:
        """How many numbers it keeps of each entry's past."""
        ...

    def __call__(self, gradient: Tensor, moments: Sequence[Tensor], step: int, size: Size, /) -> Tensor:
        """The step, number 1, 2, ..., divided by -eta, from G and |W(t)|_F. Brings the moments, zero at first, up to
        date, and may overwrite G with the step, which may be a moment."""
        ...


def divided(numerator: Tensor | float, size: Tensor) -> Tensor:
    """numerator / size; no step where the size is zero."""
    return torch.where(size == 0, 0.0, numerator / size)


def trust_ratio(weight: Tensor, step: Tensor) -> Tensor:
    """The trust ratio |W| / |step|: 1 where there are no weights yet, and no step where its size is zero."""
    return torch.where(weight == 0, 1.0, divided(weight, step))
