"""`check_model`: models that are set right pass, and each weight that is set wrongly is named, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scalings.errors import ArgumentError
from scalings.studies.model_checks import ModelCheck, check_model
from tests.scalings.studies.planted import weak

WIDTHS = (24, 32, 48, 64, 96, 128, 192, 256)
INPUTS = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
TARGETS = torch.randn(8, 3, generator=torch.Generator().manual_seed(1))
MakeOptimizer = Callable[[nn.Module], Any]


def loss(output: Tensor) -> Tensor:
    return (output - TARGETS).square().mean()


class Scaled(nn.Module):
    """Multiplied by a power of the width."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


class Weak(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return weak(x)


def network(width: int, middle: nn.Module | None = None, **stds: float) -> nn.Module:
    """Three layers at muP, but for the standard deviations that are given."""
    layers = {
        "up": nn.Linear(6, width, bias=False),
        "hidden": nn.Linear(width, width, bias=False),
        "down": nn.Linear(width, 3, bias=False),
    }
    usual = {"up": 0.4, "hidden": width**-0.5, "down": 1 / width}
    for name, layer in layers.items():
        nn.init.normal_(layer.weight, std=stds.get(name, usual[name]))
    model = nn.Sequential()
    for name, layer in layers.items():
        model.add_module(name, layer)
        if name != "down":
            model.add_module(f"phi_{name}", nn.Tanh())
        if name == "hidden" and middle is not None:
            model.add_module("middle", middle)
    return model


def adam(model: nn.Module, **powers: float) -> torch.optim.Optimizer:
    """Learning rates at muP, but for the powers that are given."""
    usual: Mapping[str, float] = {"up": 0, "hidden": -1, "down": -1}
    width = dict(model.named_parameters())["up.weight"].shape[0]
    parts = dict(model.named_children())
    rates = {"up": 0.01, "hidden": 0.2, "down": 0.2}
    groups = [
        {"params": list(parts[name].parameters()), "lr": rates[name] * width ** powers.get(name, usual[name])}
        for name in usual
        if powers.get(name) != float("inf")
    ]
    return torch.optim.Adam(groups)


def checked(
    build: Callable[[int], nn.Module], optimizer: MakeOptimizer = adam, seeds: int = 2, **options: Any
) -> ModelCheck:
    return check_model(build, optimizer, INPUTS, loss, widths=WIDTHS, seeds=seeds, **options)


def test_a_model_that_is_set_right_passes() -> None:
    found = checked(network, seeds=4)
    assert (found.verdict, found.regime, str(found.richness), found.findings) == ("PASS", "rich", "1/2", ()), found
    assert [(row.weight, str(row.init), str(row.lr)) for row in found.settings] == [
        ("up.weight", "0", "0"),
        ("hidden.weight", "-1/2", "-1"),
        ("down.weight", "-1", "-1"),
    ]
    assert json.loads(found.to_json())["verdict"] == "PASS"
    assert str(found).startswith("PASS: it is rich, r = 1/2")


PLANTED: dict[str, tuple[Callable[[int], nn.Module], MakeOptimizer, list[tuple[str, str, str]]]] = {
    "a hidden learning rate": (network, lambda m: adam(m, hidden=0), [("hidden.weight", "lr", "1")]),
    "a hidden learning rate that is too small": (
        network,
        lambda m: adam(m, hidden=-1.5),
        [("hidden.weight", "lr", "-1/2")],
    ),
    "a rate that is off by a quarter of a power": (
        network,
        lambda m: adam(m, hidden=-1.25),
        [("hidden.weight", "lr", "-1/4")],
    ),
    "the readout's learning rate": (network, lambda m: adam(m, down=0), [("down.weight", "lr", "1")]),
    "the first learning rate": (network, lambda m: adam(m, up=-1), [("up.weight", "lr", "-1")]),
    "a hidden init": (lambda n: network(n, hidden=2 / n), adam, [("hidden.weight", "init", "-1/2")]),
    "the first init": (lambda n: network(n, up=2 / n**0.5), adam, [("up.weight", "init", "-1/2")]),
    "the readout's init": (lambda n: network(n, down=n**-0.5), adam, [("down.weight", "init", "1/2")]),
    "a multiplier": (
        lambda n: network(n, Scaled(n**0.5)),
        adam,
        [("middle.mul", "multiplier", "1/2")],
    ),
}


FAST = {"a hidden learning rate", "the readout's init"}


@pytest.mark.parametrize(
    "mistake", [pytest.param(name, marks=[pytest.mark.slow] * (name not in FAST)) for name in PLANTED]
)
def test_a_planted_mistake_is_named_and_nothing_else(mistake: str) -> None:
    build, optimizer, expected = PLANTED[mistake]
    found = checked(build, optimizer, seeds=1, steps=2)
    assert found.verdict == "FAIL"
    assert [(one.parameter, one.what, str(one.power)) for one in found.findings] == expected
    assert found.reason.startswith(found.findings[0].sentence)


def test_a_weight_that_nothing_trains_is_named() -> None:
    found = checked(network, lambda model: adam(model, hidden=float("inf")), seeds=1, steps=2)
    assert [(one.parameter, one.what) for one in found.findings] == [("hidden.weight", "untrained")]


def test_a_frozen_weight_is_named() -> None:
    def build(width: int) -> nn.Module:
        model = network(width)
        dict(model.named_parameters())["hidden.weight"].requires_grad_(requires_grad=False)
        return model

    found = checked(build, seeds=1, steps=2)
    assert [(one.parameter, one.what) for one in found.findings] == [("hidden.weight", "frozen")]


@pytest.mark.slow
def test_decay_is_no_mistake() -> None:
    def adamw(model: nn.Module) -> torch.optim.Optimizer:
        groups = adam(model).param_groups
        width = dict(model.named_parameters())["up.weight"].shape[0]
        decays = (0.0, 0.01 * width, 0.01 * width)
        given = [
            {"params": one["params"], "lr": one["lr"], "weight_decay": decay}
            for one, decay in zip(groups, decays, strict=True)
        ]
        return torch.optim.AdamW(given)

    found = checked(network, adamw, seeds=4)
    assert found.verdict == "PASS", found


class Own(torch.optim.Optimizer):
    """With a step of its own."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {"lr": None})

    def step(self, closure: Any = None) -> None: ...  # type: ignore[override]


class OwnSGD(torch.optim.SGD):
    def step(self, closure: Any = None) -> None: ...  # type: ignore[override]


class Inherited(torch.optim.SGD):
    """With torch's."""


def test_an_optimizer_that_inherits_its_step_is_known() -> None:
    def inherited(model: nn.Module) -> torch.optim.Optimizer:
        return Inherited(model.parameters(), lr=0.05)

    assert {row.law for row in checked(network, inherited, seeds=1, steps=1).settings} == {"sgd"}


@pytest.mark.slow
def test_a_gradient_that_theory_does_not_know_is_seen_in_training() -> None:
    """By SGD, whose steps show it; Adam divides by it."""

    def sgd(model: nn.Module) -> torch.optim.Optimizer:
        parts, width = dict(model.named_children()), dict(model.named_parameters())["up.weight"].shape[0]
        rates = {"up": 0.05 * width, "hidden": 0.05, "down": 0.05 / width}
        return torch.optim.SGD([{"params": parts[name].parameters(), "lr": rate} for name, rate in rates.items()])

    assert checked(network, sgd, seeds=4).verdict == "PASS"
    found = checked(lambda n: network(n, Weak()), sgd, seeds=4)
    assert found.verdict == "FAIL"
    assert found.check.nontrivial
    assert "training does not do what theory says" in found.reason


@pytest.mark.parametrize(
    ("optimizer", "said"),
    [
        (lambda model: model, "optimizer: expected a torch optimizer"),
        (3, "optimizer: expected a function"),
        (lambda model: torch.optim.LBFGS(model.parameters()), "optimizer: LBFGS searches along a line"),
        (
            lambda model: torch.optim.SGD(model.parameters(), lr=0.1 * len(str(model.up.out_features))),
            "optimizer: lr of up.weight is no power of the width",
        ),
        (
            lambda model: torch.optim.SGD(model.parameters(), lr=0.0),
            "optimizer: all its learning rates are 0, as where a warm-up starts: give its scheduler beside it",
        ),
        (lambda model: Own(model.parameters()), "optimizer: the law of Own is not known"),
        (lambda model: OwnSGD(model.parameters(), lr=0.1), "optimizer: the law of OwnSGD is not known"),
    ],
    ids=range(7),
)
def test_what_it_cannot_use_is_one_line(optimizer: Any, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        checked(network, optimizer)
