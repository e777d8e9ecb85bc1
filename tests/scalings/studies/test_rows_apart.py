"""A weight with rows of several kinds, which keep a model from being rich: said where it is so, and nowhere else."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import scalings
from scalings.criteria.problem import Problem
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.results.checks import Forbidden, Repair
from scalings.studies.rows_apart import rows_to_set_apart, with_rows_apart
from symbolic.evaluation.causes import causes_of
from tests.agreement.test_normalized_outputs import IMAGES, TEXTS, Towers, contrastive
from tests.empirical.tracing.zoo import StateSpace

SERIES = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0))
WIDTHS = (64, 96, 128)
RICH = Fraction(1, 2)


class Apart(StateSpace):
    """The same, with a weight for each kind of rows."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.select = Beside(width, width // 16, self.states)  # type: ignore[assignment]  # in place of a Linear


class Beside(nn.Module):
    """Three projections, side by side."""

    def __init__(self, width: int, *rows: int) -> None:
        super().__init__()
        self.of_steps, self.of_b, self.of_c = (nn.Linear(width, each, bias=False) for each in (*rows, rows[-1]))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.of_steps(x), self.of_b(x), self.of_c(x)], -1)


def problem(build: Any, data: Any, loss: Any) -> tuple[Problem, Parameterization]:
    """Under Adam, with all exponents 0."""
    traced = scalings.trace(build, data, WIDTHS, loss=loss)
    zeros = ",".join("0" for _ in traced.translation.network.layers)
    starts = ",".join("-oo" if one.start == "zero" else "0" for one in traced.translation.network.layers)
    return Problem.of(traced, "adam"), Parameterization.of(multiplier=zeros, init=starts, lr=zeros)


def squares(scores: Tensor) -> Tensor:
    return (scores**2).mean()


@pytest.mark.slow
def test_rows_of_a_selective_scan_exclude_rich_features_together_and_not_apart() -> None:
    given = problem(StateSpace, SERIES, squares)
    assert isinstance(causes_of(*given, richness=RICH), Forbidden)
    assert rows_to_set_apart(*given, RICH) == "select"
    assert isinstance(causes_of(*given, richness=Fraction(0)), Repair)


def test_of_what_is_excluded_by_something_else_it_is_not_said() -> None:
    """By normalized readouts of a fixed size; and where the rows are apart already, there is nothing to say."""
    towers = problem(lambda width: Towers(width, -1, grows=False), (IMAGES, TEXTS), contrastive)
    assert isinstance(causes_of(*towers, richness=RICH), Forbidden)
    assert rows_to_set_apart(*towers, RICH) == ""


class Fused(nn.Module):
    """Two projections in one weight, of one kind."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner, self.both = nn.Linear(3, width, bias=False), nn.Linear(width, 2 * width, bias=False)
        self.readout = nn.Linear(width, 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        one, other = self.both(self.inner(x)).chunk(2, -1)
        scores: Tensor = self.readout(one * torch.sigmoid(other))
        return scores


def test_rows_of_one_kind_stay_together() -> None:
    network = scalings.trace(Fused, SERIES, WIDTHS, loss=squares).translation.network
    assert list(with_rows_apart(network)) == []
    network = scalings.trace(StateSpace, SERIES, WIDTHS, loss=squares).translation.network
    assert [name for name, _ in with_rows_apart(network)] == ["select"]


@pytest.mark.slow
def test_the_report_says_so() -> None:
    def optimizer(model: Any) -> torch.optim.Optimizer:
        n = model.readout.in_features / 64
        hidden = ("select", "step.weight", "readout.weight")
        rates = {name: 0.003 / n if name.startswith(hidden) else 0.003 for name, _ in model.named_parameters()}
        return torch.optim.Adam([{"params": [one], "lr": rates[name]} for name, one in model.named_parameters()])

    said = {
        build: str(
            scalings.check_model(
                build, optimizer, SERIES, squares, widths=WIDTHS, seeds=1, steps=1, quick=True, regime="rich"
            )
        )
        for build in (StateSpace, Apart)
    }
    rows = "the rows of select.weight are of several kinds, whose numbers grow differently"
    assert f"{rows}: with a weight of its own for each kind it can be rich" in said[StateSpace]
    assert "no init scales and learning rates make it rich" not in said[Apart]
    assert "several kinds" not in said[Apart]
