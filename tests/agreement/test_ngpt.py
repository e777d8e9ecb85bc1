"""nGPT (Loshchilov et al., arXiv 2410.01131): weights and hidden states on spheres of radius 1, learned scales, no more
norms. Its hidden states have entries of size n^(-1/2), which nothing but norms and scales read."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import scalings
from scalings.studies.model_checks import ModelCheck
from tests.agreement.traced import IDS, VOCABULARY, next_token

HEADS, RATE = 4, 0.05


def unit(x: Tensor, dim: int = -1) -> Tensor:
    return functional.normalize(x, dim=dim)


def vector(width: int, size: float) -> nn.Parameter:
    return nn.Parameter(torch.full((width,), size))


class Block(nn.Module):
    """Attention and a gated perceptron, each a step on the sphere (equations 10, 11, 15 to 21)."""

    def __init__(self, width: int, temperature: Callable[[int], float]) -> None:
        super().__init__()
        self.width, self.temperature, size = width, temperature, width**-0.5
        self.q, self.k, self.v, self.o = (nn.Parameter(torch.randn(width, width) * size) for _ in range(4))
        self.u, self.w = (nn.Parameter(torch.randn(2 * width, width) * size) for _ in range(2))
        self.down = nn.Parameter(torch.randn(width, 2 * width) * size)
        self.alpha_a, self.alpha_m, self.s_qk = (vector(width, size) for _ in range(3))
        self.s_u, self.s_v = vector(2 * width, 1.0), vector(2 * width, 1.0)

    def forward(self, h: Tensor) -> Tensor:
        h = self.step(h, self.alpha_a, self.attention(h))
        return self.step(h, self.alpha_m, self.perceptron(h))

    def step(self, h: Tensor, alpha: Tensor, target: Tensor) -> Tensor:
        return unit(h + (alpha * (RATE * self.width**0.5)).abs() * (unit(target) - h))

    def attention(self, h: Tensor) -> Tensor:
        q, k, v = (
            functional.linear(h, unit(one)).unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for one in (self.q, self.k, self.v)
        )
        scale = (self.s_qk * self.width**0.5).view(HEADS, 1, -1)
        scores = (unit(q) * scale) @ (unit(k) * scale).mT * self.temperature(self.width // HEADS)
        return functional.linear((scores.softmax(-1) @ v).transpose(1, 2).flatten(2), unit(self.o, 0))

    def perceptron(self, h: Tensor) -> Tensor:
        u = functional.linear(h, unit(self.u)) * self.s_u
        w = functional.linear(h, unit(self.w)) * (self.s_v * self.width**0.5)
        return functional.linear(u * functional.silu(w), unit(self.down, 0))


class NGPT(nn.Module):
    """Logits are cosines, times a scale for each token."""

    def __init__(self, width: int, temperature: Callable[[int], float], blocks: int) -> None:
        super().__init__()
        self.width = width
        self.embed, self.head = (nn.Parameter(torch.randn(VOCABULARY, width) * width**-0.5) for _ in range(2))
        self.blocks = nn.Sequential(*(Block(width, temperature) for _ in range(blocks)))
        self.s_z = vector(VOCABULARY, width**-0.5)

    def forward(self, ids: Tensor) -> Tensor:
        h = self.blocks(functional.embedding(ids, unit(self.embed)))
        return functional.linear(h, unit(self.head)) * (self.s_z * self.width**0.5)


POWERS = {
    "embed": -0.5,
    "head": -0.5,
    "s_z": -0.5,
    "s_qk": -0.5,
    "alpha_a": -0.5,
    "alpha_m": -0.5,
    "s_u": 0.0,
    "s_v": 0.0,
}
"""Of the learning rates of Adam: as of weights with entries of their sizes; those of all matrices between are -1."""


def check(temperature: Callable[[int], float] = lambda _: 8.0, *, blocks: int = 1, **wrong: float) -> ModelCheck:
    """With learning rates that are right but for those that are given."""
    powers = POWERS | wrong

    def optimizer(model: Any) -> torch.optim.Optimizer:
        n = model.width / 64
        rates = {name: 0.003 * n ** powers.get(name.split(".")[-1], -1) for name, _ in model.named_parameters()}
        return torch.optim.Adam([{"params": [one], "lr": rates[name]} for name, one in model.named_parameters()])

    return scalings.check_model(lambda width: NGPT(width, temperature, blocks), optimizer, IDS, loss=next_token)


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [1, 2])
def test_it_is_rich_as_features_on_a_larger_sphere_are(blocks: int) -> None:
    """By |h| = 1 and not sqrt(n) it was found wrong in theory; richness is measured by what it is beside |h|."""
    found = check(blocks=blocks)
    assert (found.verdict, found.regime, found.findings) == ("PASS", "rich", ())
    assert found.measured_richness is not None
    assert found.measured_richness.low > 0.4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "weight", "power"), [("head", "head", -1.0), ("s_qk", "blocks.0.s_qk", 0.0), ("w", "blocks.0.w", -0.5)]
)
def test_a_wrong_learning_rate_is_found(name: str, weight: str, power: float) -> None:
    [finding] = check(**{name: power}).findings
    assert (finding.parameter, finding.what) == (weight, "lr")
    assert finding.power == Fraction(power - POWERS.get(name, -1.0))


@pytest.mark.slow
def test_scores_times_the_root_of_heads_that_grow_are_found() -> None:
    """As published, where heads are of one size; of heads that grow cosines come to be of order 1, and scores grow."""
    [finding] = check(lambda size: size**0.5).findings
    assert (finding.what, finding.power) == ("multiplier", Fraction(1, 2))


def test_rows_of_a_normalized_table_are_data() -> None:
    """And not made of parameters alone, as the table is: scales are gains of what they multiply."""
    network = scalings.trace(
        lambda width: NGPT(width, lambda _: 8.0, 1), IDS, widths=(64, 128, 256), loss=next_token
    ).translation.network
    kinds = {node.name: type(node).__name__ for node in network.flat}
    assert "Embedding" in kinds.values()
    assert (kinds["blocks.0.s_v"], kinds["blocks.0.add"]) == ("Gain", "Sum")
    assert not network.made_of_weights & {"blocks.0.s_v", "blocks.0.add"}
    assert "blocks.0.q" in network.made_of_weights
