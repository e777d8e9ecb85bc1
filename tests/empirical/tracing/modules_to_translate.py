"""Small modules, each with one thing to translate, and how a translation is written in a few words a node."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from empirical.tracing.trace import trace
from scalings.networks.network import Network
from scalings.networks.nodes import Node, sources
from scalings.tapes.network import TracedNetwork
from tests.empirical.tracing.zoo import VOCABULARY, points
from tests.empirical.tracing.zoo_of_blocks import CausalSelfAttention, NanoGPT

INPUTS = points(4, 6)


def traced(build: Callable[[int], nn.Module], data: Any = INPUTS, loss: Any = None) -> TracedNetwork:
    return trace(build, data, (16, 32, 64), loss)


def of_function(forward: Callable[..., Tensor], **parameters: Callable[[int], Tensor]) -> TracedNetwork:
    """A function of the result h of a first layer and of parameters, which a readout reads."""

    class Module(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(6, width, bias=False), nn.Linear(width, 2, bias=False)
            for name, make in parameters.items():
                setattr(self, name, nn.Parameter(make(width)))

        def forward(self, x: Tensor) -> Tensor:
            given = {name: getattr(self, name) for name in parameters}
            return self.last(forward(self.first(x), **given))

    return traced(Module)


def words(network: Network, *, between: tuple[str, str] | None = None) -> list[str]:
    """A line for each node: its name, its kind, what it reads, and what else it says; `between` two of them only."""
    names = [node.name for node in network.flat]
    start, stop = (names.index(name) for name in between) if between else (-1, len(names))
    return [_line(node) for node in network.flat[start + 1 : stop]]


def _line(node: Node) -> str:
    skipped = {"name", "source", "sources", "left", "right", "weight", "nodes"}
    values = [
        f"{one.name} {getattr(node, one.name)}"
        for one in fields(node)
        if one.name not in skipped and getattr(node, one.name) != one.default
    ]
    return f"{node.name}: {type(node).__name__}({', '.join(sources(node))}) {', '.join(values)}".rstrip()


class Perceptron(nn.Module):
    """As `scalings.mlp(3)`."""

    def __init__(self, width: int, readout: float = 1.0) -> None:
        super().__init__()
        sizes = (6, width, width, 2)
        self.layers = nn.ModuleList(nn.Linear(*fans, bias=False) for fans in pairwise(sizes))
        self.readout = readout

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        return self.layers[-1](x) * self.readout


def convolutional(width: int) -> nn.Module:
    """As `scalings.cnn(3)`."""
    return nn.Sequential(
        *(nn.Conv2d(3, width, 3, bias=False), nn.ReLU(), nn.Conv2d(width, width, 3, bias=False), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10, bias=False)),
    )


class Residual(nn.Module):
    """A block as a residual network has it (He et al., arXiv 1512.03385)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers = (
            layer for _ in range(2) for layer in (nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
        )
        self.conv1, self.norm1, self.conv2, self.norm2 = layers

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.norm2(self.conv2(self.norm1(self.conv1(x)).relu()))).relu()


def residual(width: int) -> nn.Module:
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10, bias=False))
    return nn.Sequential(nn.Conv2d(3, width, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(), Residual(width), *head)


class GPT(NanoGPT):
    """nanoGPT with a readout of its own, and scores that are divided by their size: as maximal update asks for."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.lm_head.weight = nn.Parameter(points(*self.lm_head.weight.shape))
        for block in self.transformer["h"]:
            block.attn.forward = _divided_by_size.__get__(block.attn)


def _divided_by_size(self: CausalSelfAttention, x: Tensor) -> Tensor:
    parts = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.c_attn(x).chunk(3, -1))
    q, k, v = parts
    mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1 / q.shape[-1])
    return self.c_proj(mixed.transpose(1, 2).flatten(-2))


class OneHead(nn.Module):
    """Attention with one head; its scores are divided by the power `scale` of their size."""

    def __init__(self, width: int, scale: float, *, fused: bool = True) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, width)
        self.qkv = nn.Linear(width, 3 * width, bias=False) if fused else None
        self.q, self.k, self.v = (nn.Linear(width, width, bias=False) for _ in range(3)) if not fused else [None] * 3
        self.o, self.readout = nn.Linear(width, width, bias=False), nn.Linear(width, VOCABULARY, bias=False)
        self.scale = scale

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        q, k, v = self.qkv(x).chunk(3, -1) if self.qkv else (self.q(x), self.k(x), self.v(x))
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** self.scale
        return self.readout(self.o(scores.softmax(-1) @ v))


class LowRank(nn.Module):
    """A frozen matrix, and a trained one of low rank beside it (Hu et al., arXiv 2106.09685)."""

    def __init__(self, width: int, *, merged: bool = False) -> None:
        super().__init__()
        self.first, self.base = nn.Linear(6, width, bias=False), nn.Linear(width, width, bias=False)
        self.base.weight.requires_grad_(False)
        self.down, self.up = nn.Linear(width, 4, bias=False), nn.Linear(4, width, bias=False)
        nn.init.zeros_(self.up.weight)
        self.readout, self.merged = nn.Linear(width, 2, bias=False), merged

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x).relu()
        if self.merged:
            return self.readout(functional.linear(h, self.base.weight + self.up.weight @ self.down.weight))
        return self.readout(self.base(h) + 2 * self.up(self.down(h)))


def rotated(x: Tensor) -> Tensor:
    """Rotary positions, as Llama has them; x is (batch, heads, tokens, size)."""
    angles = torch.arange(float(x.shape[-2]))[:, None] * torch.ones(x.shape[-1]) / math.tau
    halves = torch.cat((-x[..., x.shape[-1] // 2 :], x[..., : x.shape[-1] // 2]), -1)
    return x * angles.cos() + halves * angles.sin()
