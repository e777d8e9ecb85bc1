"""Operations: what the node kinds compute, on values of shape (seeds, batch, positions, units).

What the vocabulary leaves open: kernels wrap around at the edges, square ones over images and others along rows;
attention is causal.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from empirical.data.tasks import SIDE


def apply_dense(weight: Tensor, h: Tensor) -> Tensor:
    """W h, with W (seeds, units out, units in)."""
    seeds, batch, positions, units = h.shape
    product = h.reshape(seeds, batch * positions, units) @ weight.mT
    return product.reshape(seeds, batch, positions, -1)


def apply_depthwise(weight: Tensor, h: Tensor) -> Tensor:
    """w * h, with w (seeds, channels, kernel)."""
    found: Tensor = torch.einsum("sbpkc,sck->sbpc", patches(h, weight.shape[2]), weight)
    return found


def patches(h: Tensor, kernel: int) -> Tensor:
    """Each position's neighbours: (seeds, batch, positions, units) to (seeds, batch, positions, kernel, units)."""
    seeds, batch, positions, units = h.shape
    side = math.isqrt(kernel)
    if side**2 == kernel and positions == SIDE**2:
        grid = h.reshape(seeds, batch, SIDE, SIDE, units)
        near = range(-(side // 2), side - side // 2)
        return torch.stack([grid.roll((-i, -j), (2, 3)) for i in near for j in near], dim=4).flatten(2, 3)
    return torch.stack([h.roll(-offset, 2) for offset in range(-(kernel // 2), kernel - kernel // 2)], dim=3)


def normalize(z: Tensor) -> Tensor:
    """sqrt(units) z / |z|."""
    size: Tensor = torch.linalg.vector_norm(z, dim=-1, keepdim=True)
    return math.sqrt(z.shape[-1]) * z / size


def scores(query: Tensor, key: Tensor, heads: int) -> Tensor:
    """q_i . k_j, (seeds, batch, i * j, heads)."""
    product = _by_head(query, heads) @ _by_head(key, heads).mT
    return product.permute(0, 1, 3, 4, 2).flatten(2, 3)


def mix(attention: Tensor, values: Tensor) -> Tensor:
    """sum over j <= i of softmax_j(s_ij) v_j, with s (seeds, batch, i * j, heads)."""
    seeds, batch, positions, _ = values.shape
    heads = attention.shape[-1]
    s = attention.reshape(seeds, batch, positions, positions, heads).permute(0, 1, 4, 2, 3)
    future = torch.ones(positions, positions, dtype=torch.bool, device=s.device).triu(1)
    mixed = torch.softmax(s.masked_fill(future, -math.inf), dim=-1) @ _by_head(values, heads)
    return mixed.transpose(2, 3).flatten(3)


def _by_head(value: Tensor, heads: int) -> Tensor:
    """(seeds, batch, heads, positions, units of a head)"""
    seeds, batch, positions, units = value.shape
    return value.reshape(seeds, batch, positions, heads, units // heads).transpose(2, 3)
