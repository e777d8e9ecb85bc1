"""Laws of optimizers that are not torch's own: measured tensor by tensor, or refused with what is odd about them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from empirical.experiments.model_laws import settings_with_laws
from empirical.models.settings import Setting
from scalings.errors import ArgumentError
from scalings.studies.model_reading import Model, runs_of, traced_as_one

DATA = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))


def build(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(6, width), nn.Tanh(), nn.Linear(width, width, bias=False), nn.Linear(width, 3))


def loss(output: Tensor) -> Tensor:
    return (output - 1).square().mean()


class Stepping(torch.optim.Optimizer):
    """With a step of its own: that of a function of the parameter and its group."""

    def __init__(self, parameters: Any, step: Callable[[Tensor, dict[str, Any]], Tensor], **group: Any) -> None:
        super().__init__(parameters, {"lr": 0.01, **group})
        self.one = step

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ARG002 - as torch calls it
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.mul_(1 - group["lr"] * group.get("weight_decay", 0.0))
                parameter.add_(self.one(parameter, group), alpha=-group["lr"])


def sign(parameter: Tensor, _: dict[str, Any]) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad.sign()


def matrices_apart(parameter: Tensor, group: dict[str, Any]) -> Tensor:
    """Of one norm for matrices, signs for vectors: as optimizers that look at the dimensions do."""
    assert parameter.grad is not None
    norm = parameter.grad.norm() + 1e-30
    return parameter.grad / norm if parameter.dim() == 2 else sign(parameter, group)


def bounded(parameter: Tensor, _: dict[str, Any]) -> Tensor:
    assert parameter.grad is not None
    return torch.tanh(300 * parameter.grad)


def laws(make: Callable[[nn.Module], Any], steps: int = 2) -> dict[str, Setting]:
    widths = (16, 32, 64)
    runs = runs_of(Model(build, make, DATA, loss), traced_as_one(build, DATA, loss, widths), steps)
    return settings_with_laws(build, make, widths, steps, runs.seen)


def test_the_law_is_measured_with_its_decay() -> None:
    found = laws(lambda model: Stepping(model.parameters(), sign, weight_decay=0.1))
    assert {one.options and (one.options.law, one.options.measured) for one in found.values()} == {
        ("law:0,1,1,0,0+coupled", True)
    }


@pytest.mark.slow
def test_each_tensor_has_its_own() -> None:
    found = laws(lambda model: Stepping(model.parameters(), matrices_apart))
    assert {name: one.options and one.options.law for name, one in found.items()} == {
        "0.weight": "law:0,0,0,0,0",
        "0.bias": "law:0,1,1,0,0",
        "2.weight": "law:0,0,0,0,0",
        "3.weight": "law:0,0,0,0,0",
        "3.bias": "law:0,1,1,0,0",
    }


@pytest.mark.slow
def test_steps_from_zero_tell_lamb_from_lars() -> None:
    def trusting(parameter: Tensor, step: Tensor) -> Tensor:
        size = parameter.norm()
        return step * (size / (step.norm() + 1e-30) if size > 0 else 1.0)

    def lamb(parameter: Tensor, group: dict[str, Any]) -> Tensor:
        return trusting(parameter, sign(parameter, group))

    def lars(parameter: Tensor, _: dict[str, Any]) -> Tensor:
        assert parameter.grad is not None
        return trusting(parameter, parameter.grad)

    for step in (lamb, lars):
        found = laws(partial(lambda step, model: Stepping(model.parameters(), step), step))
        assert {one.options and one.options.law for one in found.values()} == {step.__name__}


def test_an_optimizer_of_torch_is_known_and_not_measured() -> None:
    found = laws(lambda model: torch.optim.Adam(model.parameters()))
    assert {one.options and (one.options.law, one.options.measured) for one in found.values()} == {("adam", False)}
    assert all(set(one.gradients) == {16, 32, 64} for one in found.values())  # beside its epsilon


def test_one_whose_law_bends_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"the law of Stepping is not known: probed with 0\.weight, the law bends"):
        laws(lambda model: Stepping(model.parameters(), bounded))


@pytest.mark.slow
def test_one_that_changes_its_law_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"RAdam has one law after 2 steps .*, and another one later"):
        laws(lambda model: torch.optim.RAdam(model.parameters()))
