"""Weights that are made of others, as g v / |v|: what v learns lies along its input, what g learns does not."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from scalings.criteria.observables import Observable
from tests.agreement.experiments import QUARTER, p_value
from tests.agreement.modules import DATA, Build, TracedExperiment, traced_experiment

pytestmark = pytest.mark.slow
HALF = Fraction(1, 2)


class ByHand(nn.Module):
    """W = g v / |v|, row by row."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.v = nn.Parameter(torch.randn(width, width) / width**0.5)
        self.g = nn.Parameter(torch.ones(width, 1))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.g * self.v / self.v.norm(dim=1, keepdim=True))


def of_torch(width: int) -> nn.Module:
    return weight_norm(nn.Linear(width, width, bias=False))


class OneGain(ByHand):
    """W = g v / |v| with one gain for all rows."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.g = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.g * x.shape[-1] ** 0.5 * self.v / self.v.norm())


def model(normed: Build, moving: str) -> Build:
    """Three layers, of which the second is normed; of its two weights the one whose name ends so is trained alone."""

    def build(width: int) -> nn.Module:
        layers = nn.Linear(10, width, bias=False), nn.Tanh(), normed(width), nn.Tanh(), nn.Linear(width, 1, bias=False)
        found = nn.Sequential(*layers)
        for name, one in found.named_parameters():
            one.requires_grad_(name.endswith(moving))
        return found

    return build


def trained(build: Build, law: str, rate: str) -> TracedExperiment:
    """At muP's init scales."""
    init = {"0.weight": "0", "4.weight": "-1"}
    return traced_experiment(
        build, law, lambda one: init.get(one.weight, "-1/2" if one.role == "hidden" else "0"), lambda _: rate
    )


@pytest.mark.parametrize(
    ("normed", "gain", "law", "rate"),
    [
        pytest.param(of_torch, "original0", "sgd", "1", id="of torch, SGD"),
        pytest.param(of_torch, "original0", "adam", "0", id="of torch, Adam"),
        pytest.param(ByHand, "g", "sgd", "1", id="by hand, SGD"),
        pytest.param(ByHand, "g", "adam", "0", id="by hand, Adam"),
        pytest.param(OneGain, "g", "adam", "0", id="one gain, Adam"),  # of one number, SGD's steps are too noisy
    ],
)
def test_what_a_gain_learns_meets_its_input_by_chance(normed: Build, gain: str, law: str, rate: str) -> None:
    """dW = dg v / |v|: aligned with its input, |dz| would be larger by n^(1/2)."""
    check(trained(model(normed, gain), law, rate), wrong=HALF)


@pytest.mark.parametrize(("law", "rate"), [("sgd", "0"), ("adam", "-1")])
@pytest.mark.parametrize(("normed", "direction"), [(of_torch, "original1"), (ByHand, "v")], ids=["of torch", "by hand"])
def test_what_a_direction_learns_lies_along_its_input(normed: Build, direction: str, law: str, rate: str) -> None:
    check(trained(model(normed, direction), law, rate), wrong=-HALF)


def check(found: TracedExperiment, wrong: Fraction) -> None:
    """The change of what the normed layer makes; neighbouring orders are refuted, and so is that of the other rule."""
    [made] = {one.layer for one in found.fits if one.layer.endswith("linear")}
    moved = Observable("dz", made, 1)
    fit, order = found.fits[moved], found.predicted()[moved]
    assert p_value(fit, order) >= 0.05, (fit, order)
    for by in (QUARTER, -QUARTER, wrong):
        assert p_value(fit, order + by) < 0.05, (fit, order)


@pytest.mark.parametrize(("power", "is_same"), [(2, True), (1, False)])
def test_the_scale_of_a_direction_trains_alike_at_another_rate(power: int, is_same: bool) -> None:
    """Why its init is a freedom of its own: c v at c^2 times the learning rate of SGD; the negative control is c."""
    outputs = []
    for c in (1.0, 5.0):
        torch.manual_seed(0)
        trained = model(ByHand, "v")(16).double()
        direction = dict(trained.named_parameters())["2.v"]
        direction.data *= c
        optimizer = torch.optim.SGD([direction], lr=0.5 * c**power)
        for _ in range(4):
            optimizer.zero_grad()
            (trained(DATA.double()) - 1).square().mean().backward()
            optimizer.step()
        outputs.append(trained(DATA.double()))
    assert torch.allclose(*outputs, rtol=1e-10) == is_same
