"""Double precision for modules that are written for single: small changes are differences of values here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from empirical.tracing.arguments import replaced
from empirical.tracing.batches import Batch


@contextmanager
def double_precision() -> Iterator[None]:
    """Meanwhile tensors are made in double precision where their type is not told."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def in_double_precision(batch: Batch) -> Batch:
    """The batch with its real numbers in double precision."""
    return Batch(*replaced((batch.arguments, dict(batch.keywords)), _double))


def _double(part: Any) -> Any:
    return part.double() if isinstance(part, Tensor) and part.is_floating_point() else part
