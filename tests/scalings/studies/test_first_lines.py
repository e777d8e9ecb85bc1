"""What the first line of a FAIL says is to be changed where no exponent is wrong that theory knows; doing so helps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import scalings
from scalings.studies.model_checks import ModelCheck
from tests.scalings.studies.planted import VECTORS, WIDTHS


class Plain(nn.Module):
    """Two matrices, whose starts are right for rich training."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(6, width, bias=False), nn.Linear(width, 3, bias=False)
        nn.init.normal_(self.up.weight, std=0.4)
        nn.init.normal_(self.down.weight, std=1 / width)

    def between(self, x: Tensor) -> Tensor:
        return x

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.down(self.between(torch.relu(self.up(x))))
        return scores


def checked(model: type[nn.Module], optimizer: Any, **options: Any) -> ModelCheck:
    return scalings.check_model(model, optimizer, VECTORS, **{"widths": WIDTHS, "seeds": 2, "steps": 4, **options})


def sgd(rate: float, hidden: float = 1.0) -> object:
    def made(model: Plain) -> torch.optim.Optimizer:
        n = model.up.out_features
        groups = [
            {"params": [model.up.weight], "lr": rate * n**hidden},
            {"params": [model.down.weight], "lr": rate / n},
        ]
        return torch.optim.SGD(groups)

    return made


@pytest.mark.slow
def test_a_rate_that_is_far_too_large_is_a_constant() -> None:
    """Lower, it passes; of a power that is wrong, too, that is said instead."""
    found = checked(Plain, sgd(1e6))
    expected = (
        "the learning rate is too large at width 24, where training diverges within 4 updates, although every power"
    )
    assert found.verdict == "FAIL"
    assert found.reason.startswith(expected), found.reason
    assert [(one.what, one.power) for one in found.findings] == [("training", None)]
    assert str(found).startswith(f"FAIL: {expected}")
    assert checked(Plain, sgd(0.1)).verdict == "PASS"


@pytest.mark.parametrize("quick", [True, False])
def test_a_loss_that_grows_at_every_width_is_no_evidence(*, quick: bool) -> None:
    """Quick training contradicted nothing while the loss grew a millionfold; of a power that is wrong, too, that is
    said instead."""
    found = checked(Plain, sgd(30.0), quick=quick, steps=2)
    assert found.verdict == "INCONCLUSIVE"
    assert found.reason.startswith("the loss grows from "), found.reason
    assert "the learning rate is too large, whatever power of the width it is" in found.reason
    assert not found.findings
    wrong = checked(Plain, sgd(30.0, hidden=0.0), quick=quick, steps=2)
    assert [(one.parameter, one.what, one.power) for one in wrong.findings] == [("up.weight", "lr", -1)]
    assert checked(Plain, sgd(0.1), quick=quick, steps=2).verdict == "PASS"
    assert checked(Plain, sgd(1e6, hidden=2.0)).reason.startswith("the learning rate of up.weight grows like n^2, and")


class Largest(Plain):
    """With the running maximum over units, of which there is no rule: its entries have a mean."""

    def between(self, x: Tensor) -> Tensor:
        return torch.cummax(x, -1)[0]


def adam(power: float) -> object:
    def made(model: Plain) -> torch.optim.Optimizer:
        up, down = model.up.weight, model.down.weight
        return torch.optim.Adam([{"params": [up], "lr": 0.01}, {"params": [down], "lr": 0.01 * down.shape[1] ** power}])

    return made


@pytest.mark.slow
def test_where_no_rule_holds_the_weights_are_named() -> None:
    """As told, with the learning rate of the readout falling with the width, it passes."""
    found = checked(Largest, adam(0), steps=2)
    assert found.verdict == "FAIL"
    assert found.reason.startswith("no rule covers down, and |dz| down step 1 is larger than n^(0): measured 1.1")
    do = ": let the learning rate of down.weight or of up.weight in front of it fall with the width n"
    assert found.reason.endswith(do)
    assert checked(Largest, adam(-1), steps=2).verdict == "PASS"


class Summed(nn.Module):
    """Its output is a sum over all units, or its mean where `power` is -1."""

    power = 0

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up = nn.Linear(6, width, bias=False)
        nn.init.normal_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.tanh(self.up(x)).sum(-1, keepdim=True)
        return y * float(self.up.out_features) ** self.power


class Averaged(Summed):
    power = -1


@pytest.mark.slow
def test_a_sum_is_called_one() -> None:
    def made(model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(model.parameters(), lr=0.01)

    found = checked(Summed, made, steps=2)
    assert found.reason == "the code sums over n entries at sum2, and should take their mean"
    assert "y = y * (24 / n)  # in forward, y is what sum2 gives" in str(found)
    assert not [one for one in checked(Averaged, made, steps=2).findings if one.what == "multiplier"]
