"""Which tensor is which value: by identity, by the memory it shares, and by the version of that memory."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class _Known:
    tensor: Tensor
    """Held, so that no other tensor gets its id."""
    value: int
    version: int


class Memory:
    """The tensors that were seen, each with the number of its present value."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}
        self._sharing: defaultdict[int, list[Tensor]] = defaultdict(list)
        self._waiting: defaultdict[int, list[int]] = defaultdict(list)

    def value(self, tensor: Tensor) -> int | None:
        """The number of the tensor's present value; None for one that was never seen."""
        known = self._known.get(id(tensor))
        return None if known is None else known.value

    def put(self, tensor: Tensor, value: int) -> None:
        """From now on, the tensor is this value."""
        if id(tensor) not in self._known and (storage := _storage(tensor)) is not None:
            self._sharing[storage].append(tensor)
        self._known[id(tensor)] = _Known(tensor, value, version(tensor))

    def is_stale(self, tensor: Tensor) -> bool:
        """Whether its memory was written to since its present value was put."""
        return self._known[id(tensor)].version != version(tensor)

    def sharing(self, tensor: Tensor) -> list[Tensor]:
        """All seen tensors that share memory with this one, itself included if it was seen."""
        storage = _storage(tensor)
        if storage is None:
            return [tensor] if id(tensor) in self._known else []
        return list(self._sharing[storage])

    def wait(self, tensor: Tensor, operation: int) -> None:
        """Its memory was written to by this operation; what it is afterwards is asked for when it is read."""
        self._waiting[id(tensor)].append(operation)
        self._known[id(tensor)].version = version(tensor)

    def waiting(self, tensor: Tensor) -> list[int]:
        """The operations that wrote to its memory since it was last read, which are no longer waiting."""
        return self._waiting.pop(id(tensor), [])

    def move(self, tensor: Tensor) -> None:
        """The tensor was given other memory, as by `tensor.data = other`."""
        for tensors in self._sharing.values():
            tensors[:] = [other for other in tensors if other is not tensor]
        if (storage := _storage(tensor)) is not None:
            self._sharing[storage].append(tensor)

    def by_gradient(self, function: object, number: int) -> int | None:
        """The value whose gradient enters the graph of autograd at this function's output of that number."""
        leaf = getattr(function, "variable", None)  # of an AccumulateGrad
        if leaf is not None:
            return self.value(leaf)
        for known in reversed(self._known.values()):
            if known.tensor.grad_fn is function and known.tensor.output_nr == number:
                return known.value
        return None


def version(tensor: Tensor) -> int:
    """How often its memory was written to."""
    return 0 if tensor.is_inference() else tensor._version


def _storage(tensor: Tensor) -> int | None:
    """What identifies the memory while it is there; None for a tensor without one, such as a sparse one."""
    if tensor.layout != torch.strided:
        return None
    return int(tensor.untyped_storage()._cdata)
