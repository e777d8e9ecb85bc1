"""Models all of whose outputs grow with the width, and are compared with each other in the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from scalings.errors import ArgumentError
from scalings.studies.model_checks import ModelCheck, check_model
from tests.empirical.tracing.zoo import points

INPUTS = points(16, 6)


class Views(nn.Module):
    """Embeddings of two views of each example."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up, self.hidden = nn.Linear(6, width), nn.Linear(width, width)
        nn.init.normal_(self.up.weight, std=0.4), nn.init.normal_(self.hidden.weight, std=width**-0.5)
        nn.init.zeros_(self.up.bias), nn.init.zeros_(self.hidden.bias)

    def embedded(self, x: Tensor) -> Tensor:
        embedding: Tensor = self.hidden(functional.relu(self.up(x)))
        return embedding

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.embedded(x), self.embedded(x.roll(1, 1))


class Teacher(Views):
    """An embedding, and what a frozen layer makes of the same."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.teacher = nn.Linear(6, width, bias=False).requires_grad_(False)
        nn.init.normal_(self.teacher.weight, std=0.4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.embedded(x), torch.tanh(self.teacher(x))


def contrasted(output: tuple[Tensor, Tensor]) -> Tensor:
    one, other = (functional.normalize(part, dim=-1) for part in output)
    return functional.cross_entropy(one @ other.T / 0.1, torch.arange(len(one)))


def alike(output: tuple[Tensor, Tensor]) -> Tensor:
    one, other = output
    return -functional.cosine_similarity(one, other.detach()).mean()


def distilled(output: tuple[Tensor, Tensor]) -> Tensor:
    return functional.mse_loss(*output)


CASES: dict[str, tuple[Callable[[int], nn.Module], Any]] = {
    "InfoNCE": (Views, contrasted),
    "cosines": (Views, alike),
    "a teacher's features": (Teacher, distilled),
}


def given(case: str, power: int = 1) -> ModelCheck:
    build, loss = CASES[case]

    def adam(model: nn.Module) -> torch.optim.Optimizer:
        own = {name: one for name, one in model.named_parameters() if one.requires_grad}
        rates = {
            name: 1e-3 * ((64 / one.shape[1]) ** power if name == "hidden.weight" else 1) for name, one in own.items()
        }
        return torch.optim.Adam([{"params": [own[name]], "lr": rate} for name, rate in rates.items()])

    return check_model(build, adam, INPUTS, loss, quick=True)


@pytest.mark.parametrize("case", CASES)
def test_they_are_checked_by_their_loss(case: str) -> None:
    found = given(case)
    assert (found.verdict, found.regime) == ("PASS", "rich"), found
    assert not any(one.is_wrong for one in found.findings)


@pytest.mark.parametrize("case", CASES)
def test_a_rate_that_is_wrong_is_named_alone(case: str) -> None:
    wrong = [one for one in given(case, power=0).findings if one.is_wrong]
    assert [(one.parameter, one.what, str(one.power)) for one in wrong] == [("hidden.weight", "lr", "1")]


def test_without_a_loss_of_its_own_a_readout_is_missing() -> None:
    """The loss that is taken where none is given compares the output with ones, which is no task."""
    with pytest.raises(ArgumentError, match="a readout is missing"):
        check_model(Views, lambda model: torch.optim.Adam(model.parameters()), INPUTS, quick=True)
