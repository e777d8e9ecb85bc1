"""Memory for large blocks: a pool that reuses it, and elementwise work in slabs that fit the cache.

A block is a tensor of shape (..., units). At a width of 2^20 eight vectors are 64 MiB, and fresh memory costs more than
arithmetic on it, since the system clears every page when it is first touched. A `BufferPool` hands out memory again
that no tensor uses any more. Elementwise functions work on slabs of units, so that intermediate results stay in the
cache.
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
"""A sum of blocks of one shape, given by its terms; it is formed only where that is needed."""
Array = npt.NDArray[np.float64] | npt.NDArray[np.float32]
_SMALL = 2**17
"""The size, in numbers, below which torch's allocator is used: it reuses small memory itself."""
SLAB = 2**17
"""The size of a slab in numbers, on a CPU: a megabyte in double precision."""


def total(terms: Sequence[Tensor]) -> Tensor:
    """The sum of blocks, formed; a single block is returned as it is."""
    return sum(terms[1:], terms[0])


def _references(arrays: list[Array]) -> list[int]:
    return [sys.getrefcount(array) for array in arrays]


_UNUSED = _references([np.empty(0)])[0]
"""The reference count of an array that nothing but its list refers to, as `_references` counts."""


class BufferPool:
    """A source of uninitialised tensors of one dtype (float64 by default), with reuse of memory on a CPU.

    Memory is used again once no tensor or view of it is left.

    >>> pool = BufferPool()
    >>> address = pool.empty(2**17).data_ptr()
    >>> pool.empty(2, 2**16).data_ptr() == address
    True
    """

    def __init__(self, device: torch.device | str = "cpu", kind: torch.dtype = torch.float64) -> None:
        self.device, self.kind = torch.device(device), kind
        self._arrays: list[Array] = []

    def empty(self, *shape: int) -> Tensor:
        """A tensor of this shape with undefined values."""
        size = math.prod(shape)
        # torch reuses the memory of a GPU itself.
        if self.device.type != "cpu" or size < _SMALL:
            return torch.empty(shape, dtype=self.kind, device=self.device)
        for index, references in enumerate(_references(self._arrays)):
            # Every tensor and view on an array's memory holds a reference to the array.
            if references == _UNUSED and size <= self._arrays[index].size <= 2 * size:
                return torch.from_numpy(self._arrays[index])[:size].view(shape)
        single = self.kind == torch.float32
        self._arrays.append(np.empty(size, dtype=np.float32) if single else np.empty(size, dtype=np.float64))
        return torch.from_numpy(self._arrays[-1]).view(shape)


def slabs(*blocks: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Slabs of blocks of one shape (..., units): views of all blocks on one range of units after another."""
    if _is_one_slab(blocks[0]):
        return iter([blocks])
    size = max(1, SLAB * blocks[0].shape[-1] // blocks[0].numel())
    return zip(*(torch.split(block, size, dim=-1) for block in blocks), strict=True)


def by_units(pool: BufferPool, function: Callable[..., Tensor], *blocks: Tensor) -> Tensor:
    """An elementwise function of blocks of one shape, computed slab by slab."""
    if _is_one_slab(blocks[0]):
        return function(*blocks)
    found = pool.empty(*blocks[0].shape)
    for out, *polyhedra in slabs(found, *blocks):
        out.copy_(function(*polyhedra))
    return found


def _is_one_slab(block: Tensor) -> bool:
    return block.device.type != "cpu" or block.numel() <= SLAB
