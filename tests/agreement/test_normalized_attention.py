"""Queries and keys that are normalized, head by head, are derived and checked; so are scores whose factor 1/d stands at
the queries (Dehghani et al., arXiv 2302.05442; Loshchilov et al., arXiv 2410.01131)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import scalings
from scalings.studies.model_checks import ModelCheck
from scalings.tapes.network import TracedNetwork
from tests.agreement.traced import IDS, VOCABULARY, linear, next_token

Scores = Callable[["Attention", Tensor, Tensor], Tensor]


class Attention(nn.Module):
    """A residual branch of four heads that grow, or of heads of a fixed size."""

    def __init__(self, width: int, scores: Scores, *, grows: bool) -> None:
        super().__init__()
        self.scores, self.heads, self.size = scores, *((4, width // 4) if grows else (width // 8, 8))
        self.q, self.k, self.v, self.o = (linear(width, width) for _ in range(4))
        self.one, self.each = nn.Parameter(torch.tensor(1.0)), nn.Parameter(torch.ones(self.heads, 1, 1))
        self.gain = nn.Parameter(torch.ones(self.size))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (one(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for one in (self.q, self.k, self.v))
        mixed = self.scores(self, q, k).softmax(-1) @ v
        return x + self.o(mixed.transpose(1, 2).flatten(2))


class Decoder(nn.Module):
    """Blocks of attention at the init scales of muP."""

    def __init__(self, width: int, scores: Scores, *, grows: bool, blocks: int) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(VOCABULARY, width), linear(width, VOCABULARY)
        self.blocks = nn.Sequential(*(Attention(width, scores, grows=grows) for _ in range(blocks)))
        for one in self.parameters():
            if one.ndim == 2:
                nn.init.normal_(one, std=width**-0.5)
        nn.init.normal_(self.embed.weight)
        nn.init.normal_(self.head.weight, std=1 / width)

    def forward(self, ids: Tensor) -> Tensor:
        scores: Tensor = self.head(self.blocks(self.embed(ids)))
        return scores


def unit(x: Tensor) -> Tensor:
    return functional.normalize(x, dim=-1)


SCORES: dict[str, Scores] = {
    "cosines": lambda _, q, k: 8 * unit(q) @ unit(k).mT,
    "with a scale": lambda m, q, k: m.one * (unit(q) @ unit(k).mT),
    "with a scale of each head": lambda m, q, k: m.each * (unit(q) @ unit(k).mT),
    "with gains": lambda m, q, k: m.each * ((unit(q) * m.gain) @ (unit(k) * m.gain).mT),
}


def traced(scores: Scores, *, grows: bool, blocks: int) -> TracedNetwork:
    return scalings.trace(
        lambda width: Decoder(width, scores, grows=grows, blocks=blocks), IDS, widths=(64, 128, 256), loss=next_token
    )


@pytest.mark.parametrize("blocks", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("grows", [False, True], ids=["more heads", "larger heads"])
def test_they_are_derived(name: str, grows: bool, blocks: int) -> None:
    """With rich features, at the learning rates of muP: spelled out, a norm over few units made thousands of terms."""
    network = traced(SCORES[name], grows=grows, blocks=blocks)
    rich = scalings.member(network, "adam", Fraction(1, 2))
    matrices = {
        one.lr for node, one in zip(network.translation.network.layers, rich.layers, strict=True) if node.fan_in.grows
    }
    assert matrices == {-1}


RIGHT: dict[str, Scores] = {
    **SCORES,
    "over d": lambda m, q, k: (q / m.size) @ k.mT,
    "over sqrt(d) twice": lambda m, q, k: (q * m.size**-0.5) @ (k * m.size**-0.5).mT,
}
WRONG: dict[str, Scores] = {
    "queries over sqrt(d)": lambda m, q, k: (q / m.size**0.5) @ k.mT,
    "cosines times sqrt(d)": lambda m, q, k: m.size**0.5 * (unit(q) @ unit(k).mT),
    "gains times sqrt(d)": lambda m, q, k: (unit(q) * m.gain * m.size**0.5) @ unit(k).mT,
}


def adam(model: Any) -> torch.optim.Optimizer:
    """At the learning rates of muP."""
    n = model.head.in_features / 64
    matrices = [one for name, one in model.named_parameters() if one.ndim == 2 and "embed" not in name]
    others = [one for name, one in model.named_parameters() if one.ndim != 2 or "embed" in name]
    return torch.optim.Adam([{"params": matrices, "lr": 0.003 / n}, {"params": others, "lr": 0.003}])


def sgd(model: Any, scales: int = 0) -> torch.optim.Optimizer:
    """At the learning rates of muP; that of the scales of scores is a power of the width, which should be n^0."""
    n = model.head.in_features / 64
    rates = {"head.weight": 0.1 / n, "embed.weight": 0.1 * n}
    groups = [
        {"params": [one], "lr": rates.get(name, 0.1 * n ** (name.endswith(".gain") + scales * name.endswith(".one")))}
        for name, one in model.named_parameters()
    ]
    return torch.optim.SGD(groups)


def check(
    scores: Scores,
    optimizer: Callable[[Any], torch.optim.Optimizer] = adam,
    *,
    grows: bool = True,
    blocks: int = 1,
) -> ModelCheck:
    return scalings.check_model(
        lambda width: Decoder(width, scores, grows=grows, blocks=blocks), optimizer, IDS, loss=next_token
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", RIGHT)
def test_models_that_are_right_pass(name: str) -> None:
    found = check(RIGHT[name], blocks=2)
    assert (found.verdict, found.regime, found.findings) == ("PASS", "rich", ())


LEARNED = ("with a scale", "with a scale of each head", "with gains")


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [1, 2])
@pytest.mark.parametrize("name", LEARNED)
def test_with_sgd_scales_move_with_the_third_update(name: str, blocks: int) -> None:
    """Values move with the first, so that queries and keys do with the second, and what multiplies cosines with the
    third: asked at the second, no numbers met the criteria."""
    found = check(SCORES[name], sgd, blocks=blocks)
    assert (found.verdict, found.regime, found.findings) == ("PASS", "rich", ())


@pytest.mark.slow
@pytest.mark.parametrize("power", [-1, 1])
def test_a_wrong_rate_of_a_scale_is_found(power: int) -> None:
    found = check(SCORES["with a scale"], partial(sgd, scales=power))
    [finding] = found.findings
    assert (finding.parameter, finding.what, finding.power) == ("blocks.0.one", "lr", power)


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [1, 2])
@pytest.mark.parametrize("name", WRONG)
def test_scores_that_grow_are_found(name: str, blocks: int) -> None:
    """Scores should be a sum over d of products with entries of size 1, over d; these are larger by d^(1/2)."""
    found = check(WRONG[name], blocks=blocks)
    [finding] = found.findings
    assert (found.verdict, finding.what, finding.power) == ("FAIL", "multiplier", Fraction(1, 2))
