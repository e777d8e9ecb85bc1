"""Modules on another device than the one that their code was written on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from empirical.tracing.arguments import replaced, tensors_in
from empirical.tracing.batches import Batch


def on_device(batch: Batch, device: torch.device | None) -> Batch:
    """The batch with its tensors there; as it is for None."""
    if device is None:
        return batch
    moved = replaced((batch.arguments, dict(batch.keywords)), lambda part: _there(part, device))
    return Batch(*moved)


@contextmanager
def at_home_on(device: torch.device | None) -> Iterator[None]:
    """Meanwhile tensors are made on this device, and others are moved there where they meet some of it: what a loss was
    written with, such as its targets, may be elsewhere.

    >>> with at_home_on(torch.device("meta")):
    ...     (torch.ones(3) + torch.ones(3, device="cpu")).device
    device(type='meta')
    """
    if device is None or (device.type == "cpu" and not torch.cuda.is_available()):  # there is nowhere else
        yield
        return
    with device, _Moved(device):
        yield


class _Moved(TorchFunctionMode):
    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._device = device

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        with torch._C.DisableTorchFunction():
            given = [one.device.type for one in tensors_in((args, kwargs))]
            if self._device.type in given and set(given) != {self._device.type}:
                args, kwargs = replaced((args, kwargs), lambda part: _there(part, self._device))
        return func(*args, **kwargs)


def _there(part: Any, device: torch.device) -> Any:
    return part.to(device) if isinstance(part, Tensor) and part.device.type != device.type else part
