"""Sizes of tensors of any shape: their Euclidean norms, many at a time.

>>> [f"{one:.3g}" for one in sizes_of([torch.tensor([3e-30, 4e-30]), torch.tensor([3.0, 4.0])])]
['5e-30', '5']
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

_SMALL = 1e-12
_ROUNDINGS = 8
_SLAB = 2**17
"""So many numbers, as many others and their differences are in the cache together."""


def sizes_of(given: Iterable[Tensor]) -> list[float]:
    """The norm of each, which may be sparse, summed in double precision where squares may leave the range of single."""
    tensors = [one.to_dense() if one.is_sparse else one for one in given]
    if not tensors:
        return []
    found: list[float] = torch.stack(list(torch._foreach_norm(tensors))).tolist()
    return [
        size if _is_usual(size) or (not size and not tensor.any()) else float(_in_double(tensor))
        for size, tensor in zip(found, tensors, strict=True)
    ]


def size_of(tensor: Tensor) -> float:
    """The norm of one, to six digits or more.

    In double precision torch sums ten times as slowly, so that only the norms of rows are summed so.

    >>> [f"{size_of(torch.full((300, 300), entry)):.6g}" for entry in (0.1, 1e-30)]
    ['30', '3e-28']
    """
    if tensor.dtype == torch.float32 and tensor.dim() > 1 and tensor.shape[-1] > 1:
        rows = torch.linalg.vector_norm(tensor, dim=-1)
        if _is_usual(size := float(torch.linalg.vector_norm(rows, dtype=torch.float64))):
            return size
    return float(torch.linalg.vector_norm(tensor, dtype=torch.float64))


def size_of_change(now: Tensor, before: Tensor, kept: float = 1.0) -> float:
    """The norm of what a tensor has changed since before, of which so much was `kept`, read once: of large ones memory
    is slower than arithmetic.

    >>> size_of_change(torch.tensor([3.0, 4.0]), torch.tensor([0.0, 4.0]))
    3.0
    >>> size_of_change(torch.tensor([3.0, 4.0]), torch.tensor([6.0, 8.0]), kept=0.5)
    0.0
    """
    if now.numel() > _SLAB and now.is_cpu and now.is_contiguous() and before.is_contiguous():
        scratch, parts = now.new_empty(_SLAB), list[Tensor]()
        for one, other in zip(torch.split(now.view(-1), _SLAB), torch.split(before.view(-1), _SLAB), strict=True):
            parts.append(torch.linalg.vector_norm(torch.sub(one, other, alpha=kept, out=scratch[: len(one)])))
        change = float(torch.linalg.vector_norm(torch.stack(parts)))
        if _is_usual(change):
            return change
    return sizes_of([torch.sub(now, before, alpha=kept)])[0]


def beyond_roundings(size: float, kept: float, whole: float, dtype: torch.dtype) -> float:
    """The size of what is left of a tensor without the part of it that decay has `kept`; zero where that is no more
    than roundings of the `whole`, of which every step makes one or two an entry.

    >>> [beyond_roundings(1e-7, kept, 1.0, torch.float32) for kept in (1.0, 0.9)]
    [1e-07, 0.0]
    """
    return size if kept == 1 or size > _ROUNDINGS * torch.finfo(dtype).eps * whole else 0.0


def _is_usual(size: float) -> bool:
    return _SMALL < size < 1 / _SMALL


def _in_double(tensor: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(tensor.double())
    return norm
