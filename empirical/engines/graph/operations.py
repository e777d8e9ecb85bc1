"""Operations: what the node kinds compute, on values of shape (seeds, batch, positions, units).

What the vocabulary leaves open: kernels wrap around at the edges, square ones over images and others along rows;
attention is causal.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from empirical.data.tasks import SIDE
from empirical.tensors.activations import PHI


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


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "abs": torch.abs,
    "atan": torch.atan,
    "cos": torch.cos,
    "detach": torch.detach,
    "elu": functional.elu,
    "erf": torch.erf,
    "exp": torch.exp,
    "leaky_relu": functional.leaky_relu,
    "mish": functional.mish,
    "selu": functional.selu,
    "sigmoid": torch.sigmoid,
    "silu": functional.silu,
    "sin": torch.sin,
    "softplus": functional.softplus,
    "softsign": functional.softsign,
    **{name: phi.value for name, phi in PHI.items()},
}
"""Functions that act unit by unit, by the names in `scalings.networks.functions`."""


def product(left: Tensor, right: Tensor, units: int, summed: int) -> Tensor:
    """Unit by unit, the one with fewer units repeated; or summed over `summed` neighbours."""
    if summed > 1:
        return _neighbours(left * right, summed).sum(dim=-1)
    return _repeated(left, units) * _repeated(right, units)


def mean(z: Tensor, units: int) -> Tensor:
    """Over neighbours, which leaves this many units."""
    return _neighbours(z, z.shape[-1] // units).mean(dim=-1)


def softmax(s: Tensor, over: int) -> Tensor:
    """Over as many neighbouring units, or over positions if that is 1."""
    if over == 1:
        return torch.softmax(s, dim=2)
    return torch.softmax(_neighbours(s, over), dim=-1).flatten(-2)


def _neighbours(value: Tensor, size: int) -> Tensor:
    """(..., units) to (..., units / size, size)"""
    return value.reshape(*value.shape[:-1], -1, size)


def _repeated(value: Tensor, units: int) -> Tensor:
    return value if value.shape[-1] in (1, units) else value.repeat_interleave(units // value.shape[-1], dim=-1)


def top(p: Tensor, over: int, count: int, *, shares: bool) -> Tensor:
    """The largest of neighbouring units, and 0 for the others; as shares of their sum, if so."""
    groups = _neighbours(p, over)
    chosen = torch.zeros_like(groups).scatter(-1, groups.topk(count, dim=-1).indices, 1.0)
    kept = groups * chosen
    return (kept / kept.sum(dim=-1, keepdim=True) if shares else kept).flatten(-2)


def normalize(z: Tensor, groups: int = 1) -> Tensor:
    """sqrt(units) z / |z|, of each of these groups of neighbouring units."""
    grouped = _neighbours(z, z.shape[-1] // groups)
    size: Tensor = torch.linalg.vector_norm(grouped, dim=-1, keepdim=True)
    return (math.sqrt(grouped.shape[-1]) * grouped / size).flatten(-2)


def normalize_batch(z: Tensor) -> Tensor:
    """Each unit divided by its root mean square over all examples and positions."""
    return z / z.square().mean(dim=(1, 2), keepdim=True).sqrt()


def scores(query: Tensor, key: Tensor, heads: int, groups: int, *, rotary: bool = False) -> Tensor:
    """q_i . k_j, (seeds, batch, i * j, heads), each of these groups of heads with one key."""
    queries, keys = _by_head(query, heads), _by_head(key, groups)
    if rotary:
        queries, keys = _turned(queries), _turned(keys)
    product = queries @ keys.repeat_interleave(heads // groups, dim=2).mT
    return product.permute(0, 1, 3, 4, 2).flatten(2, 3)


def mix(attention: Tensor, values: Tensor, groups: int, *, bidirectional: bool = False) -> Tensor:
    """sum over j of softmax_j(s_ij) v_j, with s (seeds, batch, i * j, heads) and j <= i unless it is bidirectional."""
    seeds, batch, positions, _ = values.shape
    heads = attention.shape[-1]
    s = attention.reshape(seeds, batch, positions, positions, heads).permute(0, 1, 4, 2, 3)
    if not bidirectional:
        future = torch.ones(positions, positions, dtype=torch.bool, device=s.device).triu(1)
        s = s.masked_fill(future, -math.inf)
    mixed = torch.softmax(s, dim=-1) @ _by_head(values, groups).repeat_interleave(heads // groups, dim=2)
    return mixed.transpose(2, 3).flatten(3)


def _turned(heads: Tensor) -> Tensor:
    """Pairs of units, turned by angles that grow with the position, each pair at a rate of its own (arXiv 2104.09864).

    Of an odd number of units the last one stays as it is.
    """
    positions, units = heads.shape[-2:]
    half = units // 2
    rates = 10_000.0 ** -(torch.arange(half, dtype=heads.dtype, device=heads.device) / half)
    angles = torch.arange(positions, dtype=heads.dtype, device=heads.device)[:, None] * rates
    one, other, rest = torch.split(heads, [half, half, units - 2 * half], dim=-1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([one * cos - other * sin, one * sin + other * cos, rest], dim=-1)


def _by_head(value: Tensor, heads: int) -> Tensor:
    """(seeds, batch, heads, positions, units of a head)"""
    seeds, batch, positions, units = value.shape
    return value.reshape(seeds, batch, positions, heads, units // heads).transpose(2, 3)
