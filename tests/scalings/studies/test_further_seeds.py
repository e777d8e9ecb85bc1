"""How many seeds a check draws: few, and more where these leave an order open; as many as asked for where they are."""

from __future__ import annotations

import re
from functools import cache

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import scalings
from scalings.errors import ArgumentError
from scalings.results.fits import Fit
from scalings.studies.asked import MORE_SEEDS, SEEDS
from scalings.studies.model_checks import ModelCheck
from tests.empirical.tracing.zoo import points
from tests.scalings.studies.planted import RIGHT, adam_by_width, start_in_turn, weak

CLOUDS = points(8, 24).reshape(8, 6, 4)
TARGETS = points(8, 3)


class Clouds(nn.Module):
    """The largest entry over few points: gradients are sums of few terms, so that they scatter from seed to seed."""

    is_weak = False

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(4, width), nn.Linear(width, width)
        self.three, self.down = nn.Linear(width, width), nn.Linear(width, 3)
        start_in_turn(self.one, self.two, self.three, readout=self.down)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.two(functional.relu(self.one(x)))).amax(1)
        x = self.three(x)
        found: Tensor = self.down(functional.relu(weak(x) if self.is_weak else x))
        return found


class WeakClouds(Clouds):
    """With a backward pass that is off by the root of the width."""

    is_weak = True


def squares(output: Tensor) -> Tensor:
    return functional.mse_loss(output, TARGETS)


def optimizer(model: nn.Module) -> torch.optim.Optimizer:
    return adam_by_width(model, 4)


@cache
def checked(kind: type[Clouds], seeds: int | None = None) -> ModelCheck:
    return scalings.check_model(kind, optimizer, CLOUDS, squares, seeds=seeds)


def drawn(found: ModelCheck) -> int:
    """How many runs there were at each width, from the degrees of freedom of what is never zero."""
    fits = [one.fit for one in found.agreement.comparisons if isinstance(one.fit, Fit)]
    return max(fit.degrees_of_freedom for fit in fits) // len(fits[0].points) + 1


def test_a_right_model_that_few_seeds_leave_open_passes_with_more() -> None:
    found = checked(Clouds)
    assert found.verdict == "PASS", found.reason
    assert drawn(found) == MORE_SEEDS
    assert found.notes[-1] == "trained from 12 seeds, since 3 left orders open"


def test_seeds_that_are_asked_for_are_all_there_are_and_it_is_said_how_many_would_do() -> None:
    found = checked(Clouds, SEEDS)
    assert found.verdict == "INCONCLUSIVE"
    assert drawn(found) == SEEDS
    said = re.search(r"if theory is right, about seeds=(\d+) settle all of them", found.reason)
    assert said, found.reason
    assert SEEDS < int(said[1]) <= MORE_SEEDS, "as many settled it"


@pytest.mark.parametrize("seeds", [SEEDS, None])
def test_a_mistake_fails_with_few_and_with_more(seeds: int | None) -> None:
    found = checked(WeakClouds, seeds)
    assert found.verdict == "FAIL"
    assert [(one.parameter, str(one.power)) for one in found.findings] == [("three.bias", "-1/2")]


def test_what_few_seeds_settle_is_trained_no_longer() -> None:
    case, announced = RIGHT["perceptron"], list[object]()
    found = scalings.check_model(case.build, case.optimizer, case.data, case.loss, announce=announced.append)
    assert found.verdict == "PASS"
    assert (drawn(found), len(announced)) == (SEEDS, 1)
    assert not any("seeds" in note for note in found.notes)


def test_who_refuses_the_cost_of_more_keeps_what_few_say() -> None:
    announced: list[object] = []

    def refused(cost: object) -> None:
        announced.append(cost)
        if len(announced) > 1:
            raise ArgumentError("yes", "that takes too long")

    found = scalings.check_model(Clouds, optimizer, CLOUDS, squares, announce=refused)
    assert (found.verdict, drawn(found), len(announced)) == ("INCONCLUSIVE", SEEDS, 2)
    with pytest.raises(ArgumentError, match="too long"):
        scalings.check_model(Clouds, optimizer, CLOUDS, squares, announce=refused)
