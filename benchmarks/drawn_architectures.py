"""Small architectures for the study of false alarms, each a function of the width and of what else is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from empirical.tracing.batches import Loss

TOKENS, VOCABULARY, BATCH = 5, 13, 8


def points(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


SERIES, PIXELS, VECTORS = points(BATCH, TOKENS, 3), points(BATCH, 3, 6, 6), points(BATCH, 6)
IDS = torch.randint(VOCABULARY, (BATCH, TOKENS), generator=torch.Generator().manual_seed(0))
TARGETS = points(BATCH, 3, seed=1)


def squared(output: Tensor) -> Tensor:
    """The mean squared error against fixed targets."""
    return (output - TARGETS).square().mean()


def next_token(scores: Tensor) -> Tensor:
    """The cross-entropy of a language model."""
    return functional.cross_entropy(scores.flatten(0, -2), IDS.roll(-1, 1).flatten())


class Residual(nn.Module):
    """A branch beside a skip connection, behind a norm."""

    def __init__(self, width: int, branch: nn.Module) -> None:
        super().__init__()
        self.norm, self.branch = nn.LayerNorm(width, bias=False), branch

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = x + self.branch(self.norm(x))
        return added


class Gated(nn.Module):
    """A SwiGLU layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gate, self.up, self.down = (nn.Linear(width, width, bias=False) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.down(functional.silu(self.gate(x)) * self.up(x))
        return found


class Attention(nn.Module):
    """Causal, with heads that grow in size; scores are divided by it, or by its root. Or they are cosines of queries
    and keys, times a fixed number, if these are normalized."""

    def __init__(self, width: int, power: float = 1.0, heads: int = 2, *, normalizes: bool = False) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.heads, self.power, self.normalizes = heads, power, normalizes

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (one(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for one in (self.query, self.key, self.value))
        if self.normalizes:
            q, k = (functional.rms_norm(one, one.shape[-1:]) / one.shape[-1] ** 0.5 for one in (q, k))
        scale = q.shape[-1] ** -self.power
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale)
        found: Tensor = self.out(mixed.transpose(1, 2).flatten(-2))
        return found


class Language(nn.Module):
    """Tokens in, scores of the next one out; the readout is untied."""

    def __init__(self, width: int, *blocks: nn.Module) -> None:
        super().__init__()
        self.embed, self.blocks = nn.Embedding(VOCABULARY, width), nn.ModuleList(blocks)
        self.norm, self.readout = nn.LayerNorm(width, bias=False), nn.Linear(width, VOCABULARY, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x)
        found: Tensor = self.readout(self.norm(x))
        return found


class Recurrent(nn.Module):
    """An LSTM and a readout of its last state."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.core, self.readout = nn.LSTM(3, width, bias=False, batch_first=True), nn.Linear(width, 3, bias=False)

    def forward(self, series: Tensor) -> Tensor:
        found: Tensor = self.readout(self.core(series)[0][:, -1])
        return found


@dataclass(frozen=True)
class Choices:
    """What else is drawn."""

    depth: int
    activation: type[nn.Module]
    bias: bool
    attention: float = 1.0
    """The power of its size by which attention divides scores."""
    normalizes: bool = True
    """Whether queries and keys are normalized where scores are to be cosines."""


def linear(fan_in: int, fan_out: int, bias: bool) -> nn.Module:
    """With a bias that starts at zero, if it has one: what starts at random may do so at more than one power."""
    layer = nn.Linear(fan_in, fan_out, bias)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


def perceptron(width: int, chosen: Choices) -> nn.Module:
    hidden = [one for _ in range(chosen.depth) for one in (linear(width, width, chosen.bias), chosen.activation())]
    return nn.Sequential(linear(6, width, chosen.bias), chosen.activation(), *hidden, nn.Linear(width, 3, bias=False))


def residual(width: int, chosen: Choices) -> nn.Module:
    def branch() -> nn.Module:
        return nn.Sequential(
            nn.Linear(width, 2 * width, bias=False), chosen.activation(), nn.Linear(2 * width, width, bias=False)
        )

    blocks = [Residual(width, branch()) for _ in range(chosen.depth)]
    return nn.Sequential(
        nn.Linear(6, width, bias=False), *blocks, nn.LayerNorm(width, bias=False), nn.Linear(width, 3, bias=False)
    )


def gated(width: int, chosen: Choices) -> nn.Module:
    blocks = [Residual(width, Gated(width)) for _ in range(chosen.depth)]
    return nn.Sequential(nn.Linear(6, width, bias=False), *blocks, nn.Linear(width, 3, bias=False))


def convolutional(width: int, chosen: Choices) -> nn.Module:
    hidden = [
        one
        for _ in range(chosen.depth)
        for one in (nn.Conv2d(width, width, 3, padding=1, bias=False), chosen.activation())
    ]
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 3, bias=False)
    return nn.Sequential(nn.Conv2d(3, width, 3, bias=False), chosen.activation(), *hidden, *head)


def normalized(width: int, chosen: Choices) -> nn.Module:
    """Convolutions with batch normalization."""
    return _batch_normalized(width, chosen, bias=False)


def biased_batch_norm(width: int, chosen: Choices) -> nn.Module:
    """The same with biases in front of batch normalization, which take no part in anything."""
    return _batch_normalized(width, chosen, bias=True)


def _batch_normalized(width: int, chosen: Choices, *, bias: bool) -> nn.Module:
    hidden = [
        one
        for _ in range(chosen.depth)
        for one in (nn.Conv2d(width, width, 3, padding=1, bias=bias), nn.BatchNorm2d(width), nn.ReLU())
    ]
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 3, bias=False)
    first = nn.Conv2d(3, width, 3, bias=bias), nn.BatchNorm2d(width), nn.ReLU()
    model = nn.Sequential(*first, *hidden, *head)
    for layer in model:
        if bias and isinstance(layer, nn.Conv2d):
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
    return model


def zero_branches(width: int, chosen: Choices) -> nn.Module:
    """Residual branches whose last matrix starts at zero."""
    model = residual(width, chosen)
    for name, one in model.named_parameters():
        if name.endswith("branch.2.weight"):
            nn.init.zeros_(one)
    return model


def cosines(width: int, chosen: Choices) -> nn.Module:
    """A transformer whose scores are cosines."""
    inner = nn.Sequential(nn.Linear(width, 2 * width, bias=False), nn.GELU(), nn.Linear(2 * width, width, bias=False))
    attention = Attention(width, 0.0, normalizes=chosen.normalizes)
    return Language(width, Residual(width, attention), Residual(width, inner))


def transformer(width: int, chosen: Choices) -> nn.Module:
    inner = nn.Sequential(nn.Linear(width, 2 * width, bias=False), nn.GELU(), nn.Linear(2 * width, width, bias=False))
    return Language(width, Residual(width, Attention(width, chosen.attention)), Residual(width, inner))


def recurrent(width: int, chosen: Choices) -> nn.Module:  # noqa: ARG001 - all architectures are called alike
    return Recurrent(width)


@dataclass(frozen=True)
class Architecture:
    make: Callable[[int, Choices], nn.Module]
    data: Tensor
    loss: Loss


ARCHITECTURES = {
    "perceptron": Architecture(perceptron, VECTORS, squared),
    "residual": Architecture(residual, VECTORS, squared),
    "gated": Architecture(gated, VECTORS, squared),
    "convolutions": Architecture(convolutional, PIXELS, squared),
    "batch norm": Architecture(normalized, PIXELS, squared),
    "transformer": Architecture(transformer, IDS, next_token),
    "LSTM": Architecture(recurrent, SERIES, squared),
}
ADDED = {
    "biased batch norm": Architecture(biased_batch_norm, PIXELS, squared),
    "zero branches": Architecture(zero_branches, VECTORS, squared),
    "cosines": Architecture(cosines, IDS, next_token),
}
"""Those that were added later, behind the models that are drawn from the others."""
CONVOLUTIONAL = ("convolutions", "batch norm", "biased batch norm")
