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


def correlated(output: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The squares of how far the n x n cross-correlations are from an identity, on the diagonal and off it."""
    one, other = ((part - part.mean(0)) / (part.std(0) + 1e-5) for part in output)
    correlations = one.T @ other / len(one)
    n = len(correlations)
    off = correlations.flatten()[:-1].view(n - 1, n + 1)[:, 1:]
    return (correlations.diagonal() - 1).square(), off.square()


def twins(output: tuple[Tensor, Tensor]) -> Tensor:
    """Barlow twins (Zbontar et al., arXiv 2103.03230), with means for sums."""
    on, off = correlated(output)
    return on.mean() + 0.3 * off.mean()


def summed_twins(output: tuple[Tensor, Tensor]) -> Tensor:
    """As it was published, with sums over n and n^2 entries."""
    on, off = correlated(output)
    return on.sum() + 0.005 * off.sum()


def divided_twins(output: tuple[Tensor, Tensor]) -> Tensor:
    """Those sums, and all divided at the end."""
    on, off = correlated(output)
    return (on.sum() + 0.3 / len(on) * off.sum()) / len(on)


CASES: dict[str, tuple[Callable[[int], nn.Module], Any]] = {
    "InfoNCE": (Views, contrasted),
    "cosines": (Views, alike),
    "a teacher's features": (Teacher, distilled),
    "cross-correlations": (Views, twins),
    "sums that are divided at the end": (Views, divided_twins),
}


def given(case: str, power: int = 1, loss: Any = None, **options: Any) -> ModelCheck:
    build, own = CASES[case]

    def adam(model: nn.Module) -> torch.optim.Optimizer:
        own = {name: one for name, one in model.named_parameters() if one.requires_grad}
        rates = {
            name: 1e-3 * ((64 / one.shape[1]) ** power if name == "hidden.weight" else 1) for name, one in own.items()
        }
        return torch.optim.Adam([{"params": [own[name]], "lr": rate} for name, rate in rates.items()])

    return check_model(build, adam, INPUTS, loss or own, **{"quick": True} | options)


@pytest.mark.parametrize("case", CASES)
def test_they_are_checked_by_their_loss(case: str) -> None:
    found = given(case)
    assert (found.verdict, found.regime) == ("PASS", "rich"), found
    assert not any(one.is_wrong for one in found.findings)


@pytest.mark.parametrize("case", CASES)
def test_a_rate_that_is_wrong_is_named_alone(case: str) -> None:
    wrong = [one for one in given(case, power=0).findings if one.is_wrong]
    assert [(one.parameter, one.what, str(one.power)) for one in wrong] == [("hidden.weight", "lr", "1")]


@pytest.mark.slow
def test_training_with_cross_correlations_does_what_theory_says() -> None:
    """The diagonal of a product is a product unit by unit, whose gradient is no larger than that of the others."""
    found = given("cross-correlations", quick=False, seeds=3)
    assert (found.verdict, found.regime) == ("PASS", "rich"), found


def test_sums_over_what_grows_are_named() -> None:
    """On the diagonal and off it there are n and n^2 entries, so that one outgrows the other."""
    found = given("cross-correlations", loss=summed_twins)
    assert found.verdict == "FAIL"
    assert [(one.what, str(one.power)) for one in found.findings] == [("multiplier", "1"), ("multiplier", "2")]
    assert "the code sums over n entries at sum" in str(found).splitlines()[0]
    assert "should take their mean" in str(found).splitlines()[0]


def test_without_a_loss_of_its_own_a_readout_is_missing() -> None:
    """The loss that is taken where none is given compares the output with ones, which is no task."""
    with pytest.raises(ArgumentError, match="a readout is missing"):
        check_model(Views, lambda model: torch.optim.Adam(model.parameters()), INPUTS, quick=True)
