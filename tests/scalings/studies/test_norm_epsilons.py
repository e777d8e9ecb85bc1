"""The epsilon of a normalization: where what it normalizes shrinks below it, it is named, and else nothing is."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import scalings
from scalings.studies.model_checks import ModelCheck
from scalings.studies.norm_epsilons import near_an_epsilon, norm_epsilons

INPUTS = torch.randn(16, 6, generator=torch.Generator().manual_seed(0))


class Own(nn.Module):
    """A normalization that is spelled out."""

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)


class Normed(nn.Module):
    """At muP, but that the code multiplies by a power of the width what it normalizes."""

    def __init__(self, width: int, power: float, eps: float, kind: str = "layer") -> None:
        super().__init__()
        self.up, self.one = nn.Linear(6, width, bias=False), nn.Linear(width, width, bias=False)
        self.down, self.factor = nn.Linear(width, 3, bias=False), width**power
        nn.init.normal_(self.up.weight, std=0.4)
        nn.init.normal_(self.one.weight, std=width**-0.5)
        nn.init.normal_(self.down.weight, std=1 / width)
        self.norm = {
            "layer": lambda: nn.LayerNorm(width, eps=eps, bias=False),
            "rms": lambda: nn.RMSNorm(width, eps=eps),
            "batch": lambda: nn.BatchNorm1d(width, eps=eps),
            "group": lambda: nn.GroupNorm(1, width, eps=eps),
            "own": lambda: Own(eps),
        }[kind]()

    def forward(self, x: Tensor) -> Tensor:
        x = self.one(torch.tanh(self.up(x))) * self.factor
        scores: Tensor = self.down(torch.tanh(self.norm(x)))
        return scores


def adam(model: nn.Module) -> torch.optim.Optimizer:
    width = model.get_parameter("up.weight").shape[0]
    rates = {"one": 64 / width, "down": 64 / width}
    named = model.named_parameters()
    return torch.optim.Adam([{"params": [one], "lr": 0.01 * rates.get(name[:-7], 1.0)} for name, one in named])


def seen(kind: str, power: float, eps: float) -> Any:
    traced = scalings.trace(lambda width: Normed(width, power, eps, kind), INPUTS, (64, 128, 256))
    return list(norm_epsilons(traced))


@pytest.mark.parametrize("kind", ["layer", "rms", "batch", "group", "own"])
def test_it_is_seen_beside_what_shrinks_however_the_norm_is_written(kind: str) -> None:
    """Entries of 0.6 / n have a mean square of 5e-6 at a width of 256, and of 1e-10 at 60,000."""
    (drowned,), (near,) = seen(kind, -1.0, 1e-5), seen(kind, -1.0, 1e-10)
    assert (drowned.drowns, near.drowns) == (True, False)
    assert drowned.order == near.order == -2
    assert drowned.mean_square < 1e-5
    assert 3e4 < near.width < 1e5
    (said,) = near_an_epsilon([near])
    assert "smaller than that from a width of about" in said
    assert list(near_an_epsilon([drowned])) == []
    # the controls: what does not shrink is no matter how small, and an epsilon may be small enough for all widths
    assert seen(kind, 0.0, 1e-5) == seen(kind, 0.0, 10.0 if kind != "own" else 1e-3) == seen(kind, -1.0, 1e-12) == []


@cache
def checked(power: float, eps: float) -> ModelCheck:
    return scalings.check_model(lambda width: Normed(width, power, eps), adam, INPUTS, quick=True)


def test_one_that_drowns_is_the_one_finding() -> None:
    found = checked(-2.0, 1e-5)
    assert [(one.parameter, one.what, str(one.power)) for one in found.findings] == [("norm", "epsilon", "4")]
    assert found.verdict == "FAIL"
    assert found.reason == (
        "the eps of norm is 1e-05 at every width, but the mean square of what it normalizes falls like n^(-4), "
        "and at width 256 is smaller: let what it reads be of one size, or make eps fall as fast"
    )


@pytest.mark.parametrize(("power", "eps"), [(0.0, 1e-5), (-1.0, 1e-12)])
def test_where_it_is_small_enough_the_same_model_passes(power: float, eps: float) -> None:
    found = checked(power, eps)
    assert (found.verdict, found.findings) == ("PASS", ())
    assert not any("eps" in note for note in found.notes)
