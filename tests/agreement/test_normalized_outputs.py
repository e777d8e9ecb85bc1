"""Two towers whose outputs are normalized and multiplied, as those of CLIP (Radford et al., arXiv 2103.00020): the size
of what is normalized does not matter to the function, but the learning rate has to change with it."""

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

IMAGES, TEXTS = (torch.randn(8, size, generator=torch.Generator().manual_seed(size)) for size in (6, 7))
BASE, EMBEDDING = 64, 16


class Tower(nn.Module):
    """A perceptron that projects to an embedding."""

    def __init__(self, inputs: int, width: int, embedding: int, init: float) -> None:
        super().__init__()
        self.up, self.mid = nn.Linear(inputs, width, bias=False), nn.Linear(width, width, bias=False)
        self.proj = nn.Linear(width, embedding, bias=False)
        nn.init.normal_(self.up.weight)
        nn.init.normal_(self.mid.weight, std=width**-0.5)
        nn.init.normal_(self.proj.weight, std=BASE**-0.5 * (width / BASE) ** init)

    def forward(self, x: Tensor) -> Tensor:
        embedding: Tensor = self.proj(torch.relu(self.mid(torch.relu(self.up(x)))))
        return embedding


class Towers(nn.Module):
    """Their cosines, times a number. The projections start like n^init; their embeddings grow, or do not."""

    def __init__(self, width: int, init: float, *, grows: bool = True) -> None:
        super().__init__()
        self.width = width
        embedding = width if grows else EMBEDDING
        self.image, self.text = Tower(6, width, embedding, init), Tower(7, width, embedding, init)

    def forward(self, images: Tensor, texts: Tensor) -> Tensor:
        image, text = (functional.normalize(one, dim=-1) for one in (self.image(images), self.text(texts)))
        return 4 * image @ text.T


def contrastive(logits: Tensor) -> Tensor:
    targets = torch.arange(len(logits))
    return functional.cross_entropy(logits, targets) + functional.cross_entropy(logits.T, targets)


def optimizer(name: str, proj: float, others: float = 0) -> Callable[[Any], torch.optim.Optimizer]:
    """At the rates of muP, those of the projections like n^proj; of the others another n^others."""
    kind, base, powers = {
        "adam": (torch.optim.Adam, 0.003, {"up": 0, "mid": -1}),
        "sgd": (torch.optim.SGD, 0.1, {"up": 1, "mid": 0}),
    }[name]

    def make(model: Any) -> torch.optim.Optimizer:
        n = model.width / BASE
        powers_of = {one: power + others for one, power in powers.items()} | {"proj": proj}
        rates = {path: base * n ** powers_of[path.split(".")[1]] for path, _ in model.named_parameters()}
        return kind([{"params": [one], "lr": rates[path]} for path, one in model.named_parameters()])

    return make


def check(name: str, init: float, proj: float, *, grows: bool = True) -> ModelCheck:
    data = IMAGES, TEXTS
    return scalings.check_model(
        lambda width: Towers(width, init, grows=grows), optimizer(name, proj), data, loss=contrastive
    )


def losses(width: int, name: str, init: float, proj: float, others: float = 0, *, grows: bool = True) -> Tensor:
    """After 0, 1, ... 5 updates, the mean of eight runs."""
    runs = []
    for seed in range(8):
        torch.manual_seed(seed)
        model = Towers(width, init, grows=grows).double()
        steps = optimizer(name, proj, others)(model)
        found = []
        for _ in range(6):
            loss = contrastive(model(IMAGES.double(), TEXTS.double()))
            found.append(loss.detach())
            steps.zero_grad()
            loss.backward()
            steps.step()
        runs.append(torch.stack(found))
    return torch.stack(runs).mean(0)


SAME = [("sgd", -0.5, 0), ("sgd", -1, -1), ("sgd", 0, 1), ("adam", -0.5, -1), ("adam", -1, -1.5)]
"""Starts with the rates that belong to them."""


@pytest.mark.parametrize(
    ("name", "init", "proj"),
    [one if one in SAME[::3] else pytest.param(*one, marks=pytest.mark.slow) for one in SAME],
)
def test_starts_with_their_rates_are_one_model(name: str, init: float, proj: float) -> None:
    """And with the rate of another start they are not."""
    right = {"sgd": (-0.5, 0.0), "adam": (-0.5, -1.0)}[name]
    assert torch.allclose(losses(256, name, init, proj), losses(256, name, *right), rtol=1e-3)
    assert not torch.allclose(losses(256, name, init, proj + 0.5), losses(256, name, *right), rtol=1e-2)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "init", "proj"), SAME)
def test_they_pass(name: str, init: float, proj: float) -> None:
    found = check(name, init, proj)
    assert (found.verdict, found.regime, found.findings) == ("PASS", "rich", ())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "init", "proj", "what", "power"),
    [
        ("sgd", -1, -2, "lr", -1),
        ("sgd", -1, 0, "init", "-1/2"),
        ("adam", -1, -1, "init", "-1/2"),
        ("adam", -0.5, -1.5, "lr", "-1/2"),
    ],
)
def test_a_start_with_the_rate_of_another_is_found(name: str, init: float, proj: float, what: str, power: str) -> None:
    found = check(name, init, proj)
    expected = {(f"{tower}.proj.weight", what, Fraction(power)) for tower in ("image", "text")}
    assert found.verdict == "FAIL"
    assert {(one.parameter, one.what, one.power) for one in found.findings} == expected


@pytest.mark.slow
def test_mup_is_not_the_rule_of_a_normalized_readout_of_fixed_size() -> None:
    """A readout like 1/n is smaller than its first update by sqrt(n), and the norm lets that through: at the rates of
    muP what an update does to the loss grows with the width. With the repair curves of the loss are alike."""
    found = check("adam", -1, -1, grows=False)
    assert found.verdict == "FAIL"
    assert {(one.what, one.power) for one in found.findings} == {("lr", Fraction(1, 2))}
    assert len(found.findings) == len(found.settings)
    small, wide = (losses(width, "adam", -1, -1, grows=False)[3] for width in (64, 1024))
    assert small - wide > 1
    small, wide = (losses(width, "adam", -1, -1.5, -0.5, grows=False)[3] for width in (64, 1024))
    assert abs(small - wide) < 0.4
