"""Attentions in several ways: keys that are shared, queries and keys that are normalized, and numbers of the code."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from tests.agreement.two_ways import SERIES, Forward, Function, Way

Scores = Callable[[Tensor, Tensor], Tensor]


def _root(q: Tensor) -> float:
    return q.size(-1) ** -0.5


def _grouped(groups: Callable[[int], int], core: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Forward:
    """Attention with heads of 4 units, of which there are n/4 queries and fewer keys and values."""

    def forward(m: Way, h: Tensor) -> Tensor:
        q = functional.linear(h, m.q).unflatten(-1, (-1, 4)).transpose(1, 2)
        k, v = (functional.linear(h, each).unflatten(-1, (groups(m.n), 4)).transpose(1, 2) for each in (m.k, m.v))
        return h + functional.linear(core(q, k, v).transpose(1, 2).flatten(2), m.o)

    return forward


def _einsum(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    q = q.unflatten(1, (k.shape[1], -1))
    attention = (torch.einsum("bgrtd,bgsd->bgrts", q, k) * _root(q)).softmax(-1)
    return torch.einsum("bgrts,bgsd->bgrtd", attention, v).flatten(1, 2)


def _broadcast(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    q = q.unflatten(1, (k.shape[1], -1))
    return ((q @ k[:, :, None].mT * _root(q)).softmax(-1) @ v[:, :, None]).flatten(1, 2)


def _interleaved(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    k, v = (each.repeat_interleave(q.shape[1] // k.shape[1], 1) for each in (k, v))
    return (q @ k.mT * _root(q)).softmax(-1) @ v


def _expanded(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    times = q.shape[1] // k.shape[1]
    k, v = (each[:, :, None].expand(-1, -1, times, -1, -1).flatten(1, 2) for each in (k, v))
    return functional.scaled_dot_product_attention(q, k, v)


def _fused(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)


def _sharing(groups: Callable[[int], int], widths: tuple[int, ...]) -> Function:
    """Keys and values of so many heads, each shared by a number of queries that grows."""
    cores = {
        "einsum": _einsum, "broadcast": _broadcast, "repeat_interleave": _interleaved,
        "expand": _expanded, "enable_gqa": _fused,
    }  # fmt: skip
    ways = {name: _grouped(groups, core) for name, core in cores.items()}
    return Function(
        lambda n: {"q": (n, n), "k": (4 * groups(n), n), "v": (4 * groups(n), n), "o": (n, n)}, ways, SERIES, widths
    )


def _of_scores(scores: Scores, heads: Callable[[int], int]) -> Forward:
    """Attention with scores that are made of queries and keys in this way."""

    def forward(m: Way, h: Tensor) -> Tensor:
        q, k, v = (functional.linear(h, one).unflatten(-1, (heads(m.n), -1)).transpose(1, 2) for one in (m.q, m.k, m.v))
        return h + functional.linear((scores(q, k).softmax(-1) @ v).transpose(1, 2).flatten(2), m.o)

    return forward


def scored(ways: Mapping[str, Scores], heads: Callable[[int], int]) -> Function:
    """So many heads of queries and keys, whose scores are made in several ways."""
    shapes = {"q": 1, "k": 1, "v": 1, "o": 1}
    return Function(
        lambda n: dict.fromkeys(shapes, (n, n)),
        {name: _of_scores(scores, heads) for name, scores in ways.items()},
        SERIES,
    )


def _length(x: Tensor) -> Tensor:
    return x.norm(dim=-1, keepdim=True)


def _of_each(of: Callable[[Tensor], Tensor]) -> Scores:
    return lambda q, k: of(q) @ of(k).mT


NORMED: dict[str, Scores] = {
    "normalize": _of_each(lambda x: functional.normalize(x, dim=-1)),
    "norm": _of_each(lambda x: x / _length(x)),
    "rsqrt": _of_each(lambda x: x * (x * x).sum(-1, keepdim=True).rsqrt()),
    "rms_norm": lambda q, k: _of_each(lambda x: functional.rms_norm(x, x.shape[-1:], eps=0))(q, k) / q.shape[-1],
    "einsum": _of_each(lambda x: x / torch.einsum("bhtd,bhtd->bht", x, x)[..., None] ** 0.5),
}
SCALED: dict[str, Scores] = {
    "of scores": lambda q, k: q @ k.mT / q.shape[-1],
    "of queries": lambda q, k: (q / q.shape[-1]) @ k.mT,
    "of keys": lambda q, k: q @ (k / k.shape[-1]).mT,
    "of both": lambda q, k: (q * _root(q)) @ (k * _root(k)).mT,
    "einsum": lambda q, k: torch.einsum("bhtd,bhsd->bhts", q * _root(q), k) * _root(q),
}
ATTENTIONS: dict[str, Function] = {
    "queries that share two keys": _sharing(lambda _: 2, (32, 64, 128)),
    "queries that share sqrt(n) keys": _sharing(lambda n: math.isqrt(n) // 2, (64, 256, 1024)),
    "normalized queries and keys": scored(NORMED, lambda n: n // 4),
    "normalized queries and keys of heads that grow": scored(NORMED, lambda _: 4),
    "scores over the head size": scored(SCALED, lambda _: 4),
}
