"""Eighteen models that need torch alone, small, each with its data: what `trace` has to record in full."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.empirical.tracing.zoo_of_blocks import NanoGPT, denoiser, unet

VOCABULARY, TOKENS = 11, 5
IDS = torch.tensor([[1, 4, 2, 9, 3], [0, 7, 7, 1, 10]])


@dataclass(frozen=True)
class Model:
    """A model as `trace` is given it."""

    build: Callable[[int], nn.Module]
    data: Any
    loss: Callable[[Any], Tensor] | None = None
    widths: tuple[int, ...] = (16, 32, 64)
    unreached: tuple[str, ...] = ()
    """Parameters from which nothing reaches the loss."""


def points(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def mlp(width: int) -> nn.Module:
    hidden = [layer for _ in range(3) for layer in (nn.Linear(width, width), nn.GELU())]
    return nn.Sequential(nn.Linear(6, width), nn.GELU(), *hidden, nn.Dropout(0.1), nn.Linear(width, 2))


class Recurrent(nn.Module):
    """A network of torch's, and a readout."""

    def __init__(self, kind: type[nn.RNNBase], width: int) -> None:
        super().__init__()
        self.core = kind(3, width, 2, batch_first=True)
        self.readout = nn.Linear(width, 2)

    def forward(self, series: Tensor) -> Tensor:
        outputs, _ = self.core(series)
        return self.readout(outputs[:, -1])


class Cell(nn.Module):
    """A cell in a loop."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.cell, self.readout = nn.GRUCell(3, width), nn.Linear(width, 2)

    def forward(self, series: Tensor) -> Tensor:
        state = series.new_zeros(len(series), self.cell.hidden_size)
        for step in series.unbind(1):
            state = self.cell(step, state)
        return self.readout(state)


class StateSpace(nn.Module):
    """A selective scan as Mamba has it, written out."""

    def __init__(self, width: int, states: int = 4) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 2 * width)
        self.select = nn.Linear(width, width // 16 + 2 * states, bias=False)
        self.step = nn.Linear(width // 16, width)
        self.log_a = nn.Parameter(torch.arange(1.0, states + 1).log().repeat(width, 1))
        self.skip = nn.Parameter(torch.ones(width))
        self.readout, self.states = nn.Linear(width, 2), states

    def forward(self, series: Tensor) -> Tensor:
        x, gate = self.inner(series).chunk(2, -1)
        step, b, c = self.select(x).split([self.step.in_features, self.states, self.states], -1)
        delta = functional.softplus(self.step(step))
        decay = torch.exp(delta[..., None] * -self.log_a.exp())
        driven = delta[..., None] * b[:, :, None] * x[..., None]
        state, outputs = torch.zeros_like(driven[:, 0]), torch.empty_like(x)
        for t in range(series.shape[1]):
            state = decay[:, t] * state + driven[:, t]
            outputs[:, t] = (state * c[:, t, None]).sum(-1) + self.skip * x[:, t]
        return self.readout(outputs * functional.silu(gate))


class Experts(nn.Module):
    """The two of four experts that a router likes best, for each token."""

    def __init__(self, width: int, experts: int = 4, best: int = 2) -> None:
        super().__init__()
        self.embed, self.router = nn.Embedding(VOCABULARY, width), nn.Linear(width, experts, bias=False)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width)) for _ in range(experts)
        )
        self.readout, self.best = nn.Linear(width, VOCABULARY), best

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids).flatten(0, 1)
        weights, chosen = self.router(x).softmax(-1).topk(self.best, -1)
        weights = weights / weights.sum(-1, keepdim=True)
        mixed = torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            token, place = torch.where(chosen == number)
            if token.numel():
                mixed.index_add_(0, token, expert(x[token]) * weights[token, place, None])
        return self.readout(x + mixed)


class GraphNetwork(nn.Module):
    """Messages along edges, summed where they arrive."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inputs, self.readout = nn.Linear(3, width), nn.Linear(width, 2)
        self.message = nn.ModuleList(nn.Linear(width, width) for _ in range(2))

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        x, (sender, receiver) = self.inputs(x), edges
        for message in self.message:
            arrived = torch.zeros_like(x).scatter_add(0, receiver[:, None].expand(-1, x.shape[1]), message(x)[sender])
            x = x + arrived.relu()
        return self.readout(x.mean(0))


class Einsum(nn.Module):
    """Attention in Einstein's notation; heads grow in number."""

    def __init__(self, width: int, size: int = 8) -> None:
        super().__init__()
        heads = width // size
        self.embed = nn.Parameter(points(VOCABULARY, width))
        self.q, self.k, self.v = (nn.Parameter(points(width, heads, size) / math.sqrt(width)) for _ in range(3))
        self.o = nn.Parameter(points(heads, size, VOCABULARY) / math.sqrt(width))

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed[ids]
        q, k, v = (torch.einsum("btn,nhd->bthd", x, weight) for weight in (self.q, self.k, self.v))
        weights = (torch.einsum("bqhd,bkhd->bhqk", q, k) * q.shape[-1] ** -0.5).softmax(-1)
        return torch.einsum("bhqk,bkhd,hdv->bqv", weights, v, self.o)


class Tied(nn.Module):
    """The readout is the embedding."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed, self.mix = nn.Embedding(VOCABULARY, width), nn.Linear(width, width)
        self.readout = nn.Linear(width, VOCABULARY, bias=False)
        self.readout.weight = self.embed.weight

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        return self.readout(x + torch.tanh(self.mix(x)))


def weight_norm(width: int) -> nn.Module:
    normed = nn.utils.parametrizations.weight_norm(nn.Linear(width, width))
    return nn.Sequential(nn.Linear(6, width), nn.ReLU(), normed, nn.ReLU(), nn.Linear(width, 2))


def compiled(width: int) -> nn.Module:
    return torch.compile(mlp(width))


class _Quantized(torch.autograd.Function):
    """The sign, with the gradient of the identity."""

    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        return x.sign() * x.abs().mean()

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return gradient


class Quantized(nn.Module):
    """Weights of one bit, trained straight through."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inputs, self.readout = nn.Linear(6, width), nn.Linear(width, 2)
        self.weight = nn.Parameter(points(width, width))

    def forward(self, x: Tensor) -> Tensor:
        weight = _Quantized.apply(self.weight)
        return self.readout(functional.linear(self.inputs(x).relu(), weight).relu())


class Branching(nn.Module):
    """Which way it goes, and by what it multiplies, is read off its data."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inputs, self.readout = nn.Linear(6, width), nn.Linear(width, 2)
        self.one, self.other = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        way = self.one if x.mean() > 0 else self.other
        h = self.inputs(x)
        for _ in range(int(x[0, 0].abs()) + 1):
            h = way(h).relu() * x.std().item()
        return self.readout(h[h.detach().sum(1) > 0])


class FastAttention(nn.Module):
    """Torch's own encoder, in the mode in which it would take its fast path."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inputs, self.readout = nn.Linear(6, width), nn.Linear(width, 2)
        layer = nn.TransformerEncoderLayer(width, width // 8, 2 * width, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.readout(self.encoder(self.inputs(x)))


class Attention(nn.Module):
    """Torch's attention by itself; heads grow in size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inputs, self.readout = nn.Linear(6, width), nn.Linear(width, 2)
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.inputs(x)
        return self.readout(self.attention(x, x, x, need_weights=False)[0])


def classes(scores: Tensor) -> Tensor:
    """The loss of a language model, on the tokens one further on: on its own, tied readouts would know them."""
    return functional.cross_entropy(scores.flatten(0, -2), IDS.roll(-1, 1).flatten())


EDGES = torch.tensor([[0, 1, 2, 3, 3, 0], [1, 2, 3, 0, 1, 2]])
ZOO = {
    "multilayer perceptron": Model(mlp, points(4, 6)),
    "nanoGPT": Model(NanoGPT, IDS, classes),
    "LSTM": Model(lambda width: Recurrent(nn.LSTM, width), points(4, 5, 3)),
    "GRU": Model(lambda width: Recurrent(nn.GRU, width), points(4, 5, 3)),
    "cell in a loop": Model(Cell, points(4, 5, 3)),
    "state space": Model(StateSpace, points(2, 5, 3)),
    "experts": Model(Experts, IDS, classes),
    "DiT": Model(denoiser, (points(2, 3, 8, 8), torch.tensor([3, 7]), torch.tensor([0, 2]))),
    "U-Net": Model(unet, (points(2, 3, 8, 8), torch.tensor([3, 7]))),
    "graph network": Model(GraphNetwork, (points(4, 3), EDGES)),
    "einsum": Model(Einsum, IDS, classes),
    "tied weights": Model(Tied, {"ids": IDS}, classes),
    "weight norm": Model(weight_norm, points(4, 6)),
    "compiled": Model(compiled, points(4, 6)),
    "autograd.Function": Model(Quantized, points(4, 6)),
    "control flow": Model(Branching, points(8, 6), unreached=("other.weight", "other.bias")),
    "fast attention": Model(FastAttention, points(2, 5, 6)),
    "attention": Model(Attention, points(2, 5, 6)),
}
