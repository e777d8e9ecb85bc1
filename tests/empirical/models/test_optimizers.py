"""Reading optimizers: whatever a function makes them in, at the peak of their schedules, with clipped gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from empirical.models.optimizers import clipping, optimizers_at_peak, options_of
from scalings.errors import ArgumentError

Make = Callable[[torch.optim.Optimizer], Any]


def made(schedule: Make, lr: float = 0.1) -> tuple[nn.Module, Any]:
    model = nn.Linear(2, 3)
    return model, schedule(torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9))


def warm_up(optimizer: torch.optim.Optimizer) -> lr_scheduler.LambdaLR:
    """As transformers' get_linear_schedule_with_warmup: from 0 in 200 steps, and down again."""
    return lr_scheduler.LambdaLR(optimizer, lambda step: min(step / 200, max(0.0, (1000 - step) / 800)))


def noam(optimizer: torch.optim.Optimizer) -> lr_scheduler.LambdaLR:
    """Of "Attention is all you need": its factors are the rates, and the optimizer's own is 1."""
    return lr_scheduler.LambdaLR(optimizer, lambda step: 0.01 * min((step + 1) ** -0.5, (step + 1) * 50**-1.5))


SCHEDULES: dict[str, tuple[Make, float, float | None]] = {
    "none": (lambda one: one, 0.1, None),
    "a pair": (lambda one: (one, warm_up(one)), 0.1, 0.0),
    "Lightning's lists": (lambda one: ([one], [warm_up(one)]), 0.1, 0.0),
    "Lightning's dictionary": (
        lambda one: {"optimizer": one, "lr_scheduler": {"scheduler": warm_up(one), "interval": "step"}},
        0.1,
        0.0,
    ),
    "a cycle": (lambda one: (one, lr_scheduler.OneCycleLR(one, max_lr=0.5, total_steps=300)), 0.5, 0.02),
    "a cycle that is not given": (
        lambda one: [lr_scheduler.OneCycleLR(one, max_lr=0.5, total_steps=300), one][1],
        0.5,
        0.02,
    ),
    "a linear one": (lambda one: (one, lr_scheduler.LinearLR(one, 1 / 3, total_iters=500)), 0.1, 0.1 / 3),
    "one that falls": (lambda one: (one, lr_scheduler.CosineAnnealingLR(one, 1000)), 0.1, None),
    "one after another": (
        lambda one: (
            one,
            lr_scheduler.SequentialLR(
                one,
                [lr_scheduler.LinearLR(one, 1e-3, total_iters=50), lr_scheduler.ExponentialLR(one, 0.9)],
                milestones=[50],
            ),
        ),
        0.1,
        1e-4,
    ),
    "on a plateau": (lambda one: (one, lr_scheduler.ReduceLROnPlateau(one)), 0.1, None),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_peak_is_asked_for(name: str) -> None:
    schedule, peak, first = SCHEDULES[name]
    model, given = made(schedule)
    options = options_of(given, model)["weight"]
    assert options.lr == pytest.approx(peak)
    assert options.first_lr == (None if first is None else pytest.approx(first))
    assert optimizers_at_peak(given)[0].param_groups[0]["lr"] == pytest.approx(peak)


def test_momenta_stay_where_a_cycle_moves_them() -> None:
    _, given = made(SCHEDULES["a cycle"][0])
    before = given[0].param_groups[0]["momentum"]
    assert optimizers_at_peak(given)[0].param_groups[0]["momentum"] == before


def test_a_schedule_may_be_the_rate_itself() -> None:
    model, given = made(lambda one: (one, noam(one)), lr=1.0)
    assert options_of(given, model)["weight"].lr == pytest.approx(0.01 * 50**-0.5)


def test_schedules_are_each_optimizer_s_own() -> None:
    model = nn.Linear(2, 3)
    first, second = torch.optim.SGD([model.weight], lr=0.1), torch.optim.SGD([model.bias], lr=0.2)
    found = options_of(([first, second], [warm_up(first)]), model)
    assert (found["weight"].lr, found["weight"].first_lr) == (pytest.approx(0.1), 0.0)
    assert (found["bias"].lr, found["bias"].first_lr) == (0.2, None)


@pytest.mark.parametrize("given", [None, {}, {"optimizer": 3}, ([], []), [nn.Linear(1, 1)]], ids=repr)
def test_what_holds_no_optimizer_is_refused(given: Any) -> None:
    with pytest.raises(ArgumentError, match="optimizer: expected a torch optimizer, a list of them, or a pair"):
        optimizers_at_peak(given)


def test_gradients_are_clipped_once_before_all_steps() -> None:
    model = nn.Linear(2, 3)

    def two(model: nn.Module) -> list[torch.optim.Optimizer]:
        return [torch.optim.SGD([parameter], lr=1.0) for parameter in model.parameters()]

    before = [parameter.detach().clone() for parameter in model.parameters()]
    optimizers = optimizers_at_peak(clipping(two, 0.5)(model))
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    for optimizer in optimizers:
        optimizer.step()
    moved = [old - new.detach() for old, new in zip(before, model.parameters(), strict=True)]
    assert float(torch.cat([one.flatten() for one in moved]).norm()) == pytest.approx(0.5, rel=1e-4)


@pytest.mark.parametrize("norm", [0, -1.0, "1"])
def test_a_norm_of_clipping_is_above_zero(norm: Any) -> None:
    with pytest.raises(ArgumentError, match="clip: expected a number above 0"):
        clipping(lambda model: model, norm)
