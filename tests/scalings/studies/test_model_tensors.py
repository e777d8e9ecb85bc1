"""Each value of a model by itself, and what is said where no rule covers it, or where sizes are not yet orders."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import scalings
from scalings.studies import early_orders
from scalings.studies.model_checks import ModelCheck
from scalings.studies.model_tensors import NOT_YET
from tests.scalings.studies.planted import MISTAKES, RIGHT, WIDTHS, Case, Perceptron


def checked(case: Case) -> ModelCheck:
    return scalings.check_model(case.build, case.optimizer, case.data, case.loss, widths=WIDTHS, seeds=2, steps=2)


class Transformed(Perceptron):
    """With a function that has no rule, but keeps the size of entries."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.between(torch.tanh(self.one(torch.tanh(self.up(x)))) * self.gain)
        scores: Tensor = self.down(torch.tanh(self.two(x)))
        return scores

    def between(self, x: Tensor) -> Tensor:
        return torch.fft.hfft(x, n=x.shape[-1], norm="ortho")


class Summed(Transformed):
    """With one that does not."""

    def between(self, x: Tensor) -> Tensor:
        return x.cumsum(-1)


@pytest.mark.slow
def test_where_no_rule_covers_a_value_measured_orders_decide() -> None:
    right, wrong = checked(Case(Transformed)), checked(Case(Summed))
    assert (right.verdict, right.findings) == ("PASS", ()), right
    assert right.tensors["down"].reason.startswith("no rule covers it")
    assert not right.tensors["down"].derived
    assert right.tensors["one"].derived
    assert wrong.verdict == "FAIL"
    assert [(one.parameter, one.what) for one in wrong.findings] == [("two.bias", "training")]
    assert "no rule covers two.bias" in wrong.reason


class Slow(Case):
    """All but the first layer move by very little, so that what moves behind it is its work alone."""

    def optimizer(self, model: nn.Module) -> list[torch.optim.Optimizer]:
        made = super().optimizer(model)
        first = {id(one) for name, one in model.named_parameters() if name.startswith(("up", "down"))}
        for one in made:
            for group in one.param_groups:
                group["lr"] *= 1.0 if id(group["params"][0]) in first else 1e-4
        return made


@pytest.mark.slow
def test_what_is_not_yet_asymptotic_is_said_to_be() -> None:
    """The first rates are n^-1 too small: the order of what is behind them is that of its own, tiny steps."""
    found = checked(Slow(Perceptron, rates={"up.weight": -1.0, "up.bias": -1.0}))
    assert [(one.parameter, one.what) for one in found.findings] == [("up.weight", "lr"), ("up.bias", "lr")]
    assert any(note.startswith(NOT_YET) for note in found.notes)
    assert "training" not in {one.what for one in found.findings}


@pytest.mark.slow
def test_tensors_have_both_orders() -> None:
    right, wrong = checked(RIGHT["perceptron"]), checked(MISTAKES["readout not scaled"])
    assert {one.verdict for one in right.tensors.values()} == {"PASS"}
    assert wrong.tensors["one"].verdict == "FAIL"
    document: dict[str, Any] = json.loads(right.to_json())
    one = next(each for each in document["tensors"] if each["name"] == "one.bias")
    change = next(each for each in one["orders"] if (each["quantity"], each["step"]) == ("dz", 2))
    assert change["derived"] == "1/2"
    assert change["measured"]["low"] < 0.5 < change["measured"]["high"]
    assert document["measured_richness"]["low"] < 0.5 < document["measured_richness"]["high"]


class Shrunk(nn.Module):
    """Its functions leave less of what they read than theory knows: a bias like n^(-1/2) outdoes the matrix here."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up, self.one = nn.Linear(6, width, bias=False), nn.Linear(width, width)
        self.down, self.width = nn.Linear(width, 5, bias=False), width

    def forward(self, x: Tensor) -> Tensor:
        h = functional.tanhshrink(functional.silu(self.up(x)))
        scores: Tensor = self.down(torch.tanh(self.one(h)))
        return scores


class Biased(Case):
    """A case whose bias starts at random."""

    def build(self, width: int) -> nn.Module:
        model = super().build(width)
        nn.init.normal_(dict(model.named_parameters())["one.bias"], std=8 * width**-0.5)
        return model


@pytest.mark.slow
def test_what_a_bias_hides_at_the_start_is_not_yet_asymptotic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Theory knows neither how much functions take away; a bias that were 4 times as large would show such a slope."""
    found = checked(Biased(Shrunk))
    assert (found.verdict, found.findings) == ("PASS", ()), found
    assert any(note.startswith(NOT_YET) for note in found.notes)
    monkeypatch.setattr(early_orders, "_CONSTANT", 1.0)
    assert checked(Biased(Shrunk)).verdict != "PASS"
