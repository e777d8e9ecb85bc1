"""Blocks: tensors of gigabytes, worked on without asking the system for them each time.

A block, (..., units), is some vectors with a number for each unit. At a width of 2^20 eight of them are 64 MiB, and
fresh memory costs more than arithmetic on it: the system clears every page when it is touched first. A `BufferPool`
hands out memory that nothing looks at any more. Elementwise work goes through slabs of units, so that what is
computed on the way stays in the cache.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Terms = tuple[Tensor, ...]
"""Blocks of one shape whose sum is meant, which is not formed if it need not be."""
Array = npt.NDArray[np.float64] | npt.NDArray[np.float32]
_SMALL = 2**17
"""Numbers; the allocator keeps what is smaller anyway."""
SLAB = 2**17
"""Numbers of a block that are worked on at a time on a CPU: a megabyte."""


def total(terms: Sequence[Tensor]) -> Tensor:
    """The sum of blocks, formed; of one it is itself."""
    return sum(terms[1:], terms[0])


def _references(arrays: list[Array]) -> list[int]:
    return [sys.getrefcount(array) for array in arrays]


_UNUSED = _references([np.empty(0)])[0]
"""References to an array that only its list has, counted as they are counted below."""


class BufferPool:
    """Uninitialised tensors, float64 if no other kind is said.

    On a CPU their memory is used again once no tensor or view of it is left.
    """

    def __init__(self, device: torch.device | str = "cpu", kind: torch.dtype = torch.float64) -> None:
        self.device, self.kind = torch.device(device), kind
        self._arrays: list[Array] = []

    def empty(self, *shape: int) -> Tensor:
        size = math.prod(shape)
        # torch keeps the memory of a GPU itself.
        if self.device.type != "cpu" or size < _SMALL:
            return torch.empty(shape, dtype=self.kind, device=self.device)
        for index, references in enumerate(_references(self._arrays)):
            # A tensor's memory holds on to the array that it came from, whoever looks at it.
            if references == _UNUSED and size <= self._arrays[index].size <= 2 * size:
                return torch.from_numpy(self._arrays[index])[:size].view(shape)
        single = self.kind == torch.float32
        self._arrays.append(np.empty(size, dtype=np.float32) if single else np.empty(size, dtype=np.float64))
        return torch.from_numpy(self._arrays[-1]).view(shape)


def slabs(*blocks: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Blocks of one shape (..., units), cut along units."""
    if _is_one_slab(blocks[0]):
        return iter([blocks])
    size = max(1, SLAB * blocks[0].shape[-1] // blocks[0].numel())
    return zip(*(torch.split(block, size, dim=-1) for block in blocks), strict=True)


def by_units(pool: BufferPool, function: Callable[..., Tensor], *blocks: Tensor) -> Tensor:
    """What an elementwise function makes of blocks of one shape."""
    if _is_one_slab(blocks[0]):
        return function(*blocks)
    found = pool.empty(*blocks[0].shape)
    for out, *pieces in slabs(found, *blocks):
        out.copy_(function(*pieces))
    return found


def _is_one_slab(block: Tensor) -> bool:
    return block.device.type != "cpu" or block.numel() <= SLAB
