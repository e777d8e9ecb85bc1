"""Hypernetworks: what a matrix makes is asked, and not its entries; mistakes of what makes it are named."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import scalings

INPUTS, CONTEXTS, TARGETS = (torch.randn(8, size, generator=torch.Generator().manual_seed(size)) for size in (5, 4, 2))
DATA = (INPUTS, CONTEXTS)
BASE = 64


class Hypernetwork(nn.Module):
    """A layer n x n whose weights a second network gives for each context; perhaps beside weights of its own, applied
    several times, or with its numbers in the code."""

    def __init__(
        self, width: int, *, init: float = -0.5, out: float = -1, own: bool = False, times: int = 1, code: float = 0
    ):
        super().__init__()
        self.width, self.times, n = width, times, width / BASE
        self.code = n**code
        self.context, self.made = nn.Linear(4, 8), nn.Linear(8, width * width)
        self.up, self.out = nn.Linear(5, width), nn.Linear(width, 2)
        self.own = nn.Parameter(torch.randn(width, width) / width**0.5) if own else None
        for name, one in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(one)
        nn.init.normal_(self.made.weight, std=8**-0.5 / 8 * n ** (init - code))
        nn.init.normal_(self.out.weight, std=n**out / 8)

    def forward(self, inputs: Tensor, contexts: Tensor) -> Tensor:
        matrix = self.made(torch.tanh(self.context(contexts))).view(-1, self.width, self.width) * self.code
        if self.own is not None:
            matrix = matrix + self.own
        h = torch.relu(self.up(inputs))
        for _ in range(self.times):
            h = torch.relu(torch.einsum("boi,bi->bo", matrix, h))
        found: Tensor = self.out(h)
        return found


def adam(model: Any, made: float = -1, bias: float = -1) -> torch.optim.Optimizer:
    """muP's rates, but for the powers that are given."""
    powers = {"made.weight": made, "made.bias": bias, "out.weight": -1, "own": -1}
    n, code = model.width / BASE, model.code
    groups = [
        {"params": [one], "lr": 1e-3 * n ** powers.get(name, 0) / (code if name.startswith("made") else 1)}
        for name, one in model.named_parameters()
    ]
    return torch.optim.Adam(groups)


def loss(output: Tensor) -> Tensor:
    return (output - TARGETS).square().mean()


def checked(optimizer: Any = adam, quick: bool = True, **options: Any) -> Any:
    return scalings.check_model(lambda width: Hypernetwork(width, **options), optimizer, DATA, loss, quick=quick)


@pytest.mark.parametrize(
    "options", [{}, {"own": True}, {"times": 2}, {"code": -0.5}], ids=["plain", "beside weights", "twice", "1/sqrt(n)"]
)
def test_one_that_is_set_right_passes(options: dict[str, Any]) -> None:
    found = checked(**options)
    assert (found.verdict, found.regime, found.findings) == ("PASS", "rich", ()), found


@pytest.mark.slow
def test_and_its_training_does_what_theory_says() -> None:
    found = checked(quick=False)
    assert (found.verdict, found.regime) == ("PASS", "rich"), found
    assert found.tensors["made"].verdict == "PASS"


@pytest.mark.parametrize(
    ("options", "powers", "named"),
    [
        ({"init": 0.0}, {}, {("made.weight", "init", "1/2")}),
        ({"init": -1.0}, {}, {("made.weight", "init", "-1/2")}),
        ({}, {"made": 0.0, "bias": 0.0}, {("made.weight", "lr", "1"), ("made.bias", "lr", "1")}),
        ({}, {"made": -2.0, "bias": -2.0}, {("made.weight", "lr", "-1"), ("made.bias", "lr", "-1")}),
        ({}, {"bias": 0.0}, {("made.bias", "lr", "1")}),
        ({"out": -0.5}, {}, {("out.weight", "init", "1/2")}),
        ({"own": True, "init": 0.0}, {}, {("made.weight", "init", "1/2")}),
    ],
    ids=["init", "small init", "rates", "small rates", "one rate", "readout", "beside weights"],
)
def test_mistakes_are_named(
    options: dict[str, Any], powers: dict[str, float], named: set[tuple[str, str, str]]
) -> None:
    found = checked(lambda model: adam(model, **powers), **options)
    assert found.verdict == "FAIL"
    assert {(one.parameter, one.what, str(one.power)) for one in found.findings} == named, found


@pytest.mark.slow
def test_what_parameterize_gives_passes() -> None:
    def plain(model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(model.parameters(), lr=1e-3)

    found = scalings.parameterize(lambda width: Hypernetwork(width, init=0.0), plain, DATA, loss, base_width=BASE)
    assert found.check(seeds=3).verdict == "PASS"
