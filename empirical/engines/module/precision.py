"""Double precision for modules that are written for single: small changes are differences of values here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from empirical.tracing.arguments import replaced
from empirical.tracing.batches import Batch

_SINGLE = (torch.float32, torch.float16, torch.bfloat16)
_CASTS = (Tensor.float, Tensor.half, Tensor.bfloat16)
_ONLY_SINGLE = ("_grouped_mm", "grouped_mm")
"""Functions that torch does not have in double precision."""


@contextmanager
def double_precision() -> Iterator[None]:
    """Meanwhile tensors are made in double precision, also where single precision is asked for by name."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with _Casts():
            yield
    finally:
        torch.set_default_dtype(before)


class _Casts(TorchFunctionMode):
    """While it is entered, whatever is cast to a smaller type is cast to double precision."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in _CASTS:
            return args[0].double()
        if getattr(func, "__name__", "") in _ONLY_SINGLE:
            found: Tensor = func(*replaced(args, _single), **replaced(kwargs or {}, _single))
            return found.double()
        if kwargs:
            kwargs = {name: _widened(part) for name, part in kwargs.items()}
        return func(*map(_widened, args), **(kwargs or {}))


def _widened(part: Any) -> Any:
    return torch.float64 if isinstance(part, torch.dtype) and part in _SINGLE else part


def in_double_precision(batch: Batch) -> Batch:
    """The batch with its real numbers in double precision."""
    return Batch(*replaced((batch.arguments, dict(batch.keywords)), _double))


def _double(part: Any) -> Any:
    return part.double() if isinstance(part, Tensor) and part.is_floating_point() else part


def _single(part: Any) -> Any:
    return part.float() if isinstance(part, Tensor) and part.is_floating_point() else part
