"""Norms, inner products and Gram matrices of sums of blocks (seeds, batch, units), without forming the sums.

>>> ones = torch.ones(1, 4, 9, dtype=torch.float64)
>>> [float(one) for one in norms((ones,), (ones, ones))]
[3.0, 6.0]
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from empirical.tensors.buffers import Terms, slabs, total


def norms(*sums: Terms) -> tuple[Tensor, ...]:
    """The norm of each sum, of shape (seeds,): Euclidean over units and root-mean-square over examples."""
    flat = [block for terms in sums for block in terms]
    parts: list[list[Tensor]] = [[] for _ in sums]
    scratch: Tensor | None = None
    for polyhedra in slabs(*flat):
        scratch = torch.empty_like(polyhedra[0]) if scratch is None else scratch[..., : polyhedra[0].shape[-1]]
        left = list(polyhedra)
        for found, terms in zip(parts, sums, strict=True):
            total = left.pop(0)
            for _ in terms[1:]:
                total = torch.add(total, left.pop(0), out=scratch)
            found.append(torch.linalg.vector_norm(total, dim=(1, 2)))
    scale = 1 / math.sqrt(flat[0].shape[1])
    return tuple(torch.linalg.vector_norm(torch.stack(found), dim=0) * scale for found in parts)


def inner(first: Terms, second: Terms) -> Tensor:
    """The inner product of two sums over examples and units, of shape (seeds,)."""
    found = []
    for polyhedra in slabs(*first, *second):
        left, right = polyhedra[: len(first)], polyhedra[len(first) :]
        found.append((total(left) * total(right)).sum(dim=(1, 2)))
    return torch.stack(found).sum(dim=0)


def gram(terms: Terms) -> Tensor:
    """The inner products of all pairs of examples of a sum, of shape (seeds, batch, batch)."""
    found = terms[0] @ terms[0].mT
    for change in terms[1:]:
        found = found + gram_change(terms[0], change)
    return found


def gram_change(block: Tensor, change: Tensor) -> Tensor:
    """gram(block + change) - gram(block) without cancellation, of shape (seeds, batch, batch)."""
    cross = block @ change.mT
    return cross + cross.mT + change @ change.mT
