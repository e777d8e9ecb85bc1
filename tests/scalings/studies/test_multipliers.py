"""Multipliers of the code: read off the tape, and shown beside the weights that they belong to."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import scalings
from scalings.reports.model_check_files import model_check_markdown, properties
from scalings.reports.model_pages import model_check_page
from scalings.reports.model_settings import settings_columns
from scalings.studies.model_checks import ModelCheck
from scalings.studies.multipliers import beside_no_weight, multipliers_of
from tests.scalings.studies.planted import MISTAKES, RIGHT, Case

WIDTHS = (24, 32, 48)


def network(build: Any, data: Any) -> Any:
    return scalings.trace(build, data, WIDTHS).translation.network


def shown(build: Any, data: Any) -> tuple[dict[str, list[tuple[str, str]]], list[tuple[str, str]]]:
    """Of each weight that has any, its uses with their multipliers; and those of no weight."""
    given = network(build, data)
    found = {
        weight: [(one.use, str(one.order)) for one in uses]
        for weight, uses in multipliers_of(given).items()
        if any(one.order for one in uses)
    }
    return found, [(one.name, str(one.order)) for one in beside_no_weight(given)]


def of(case: Case) -> tuple[dict[str, list[tuple[str, str]]], list[tuple[str, str]]]:
    return shown(case.build, case.data)


def test_a_tied_weight_has_one_for_each_use_and_that_of_scores_is_no_weights() -> None:
    found, others = of(RIGHT["tied with 1/n"])
    assert found == {"embed.weight": [("embed", "0"), ("down", "-1")]}
    assert others == [("mul", "-1")]


def test_what_multiplies_a_layer_and_its_bias_is_that_of_both() -> None:
    found, others = of(MISTAKES["module that multiplies by sqrt(n)"])
    assert found == {"two.weight": [("two", "1/2")], "two.bias": [("two.bias", "1/2")]}
    assert others == []


def test_a_model_without_any_has_none() -> None:
    assert of(RIGHT["perceptron"]) == ({}, [])


class Multiplied(nn.Module):
    """Twice behind the first layer, in front of both others, once between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.up, self.down = nn.Linear(6, width, bias=False), nn.Linear(width, 3, bias=False)
        self.one, self.two = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        n = self.width
        x = torch.tanh(self.up(x) * n * n**-0.5) * n**-2
        x = self.one(x) * self.two(x)
        scores: Tensor = self.down(x / n)
        return scores


def test_in_front_of_layers_behind_them_and_in_parts() -> None:
    found, others = shown(Multiplied, torch.randn(4, 6))
    assert found == {
        "up.weight": [("up", "1/2")],
        "one.weight": [("one", "-2")],
        "two.weight": [("two", "-2")],
        "down.weight": [("down", "-1")],
    }
    assert others == []


@cache
def checked(case: str) -> ModelCheck:
    given = {**RIGHT, **MISTAKES}[case]
    return scalings.check_model(
        given.build, given.optimizer, given.data, given.loss, widths=WIDTHS, seeds=1, steps=1, quick=True
    )


WRONG = "module that multiplies by sqrt(n)"


@pytest.mark.parametrize(
    ("shown", "there", "cell"),
    [
        (str, "multiplier", "n^(1/2) -> n^0"),
        (lambda answer: model_check_markdown(answer, "mine"), "| multiplier |", "n^(1/2) → **n^0**"),
        (lambda answer: model_check_page(answer, "mine"), ">multiplier</th>", "<del>n<sup>1/2</sup></del>"),
    ],
    ids=["text", "Markdown", "page"],
)
def test_each_report_has_the_column_where_there_is_a_multiplier_and_else_not(shown: Any, there: str, cell: str) -> None:
    wrong, right = shown(checked(WRONG)), shown(checked("perceptron"))
    assert there in wrong
    assert cell in wrong
    assert there not in right
    assert len(settings_columns(checked(WRONG))) == 1 + len(settings_columns(checked("perceptron")))


def test_json_and_properties_have_them() -> None:
    (two,) = (one for one in json.loads(checked(WRONG).to_json())["settings"] if one["weight"] == "two.weight")
    assert two["multipliers"] == {"two": "1/2"}
    assert ("two.weight multiplier at two", "1/2") in properties(checked(WRONG))
    assert not [name for name, _ in properties(checked("perceptron")) if "multiplier" in name]


def test_scores_are_told_beside_the_table() -> None:
    found = checked("attention 1/sqrt(d)")
    assert "The code also multiplies by n^(-1/2) -> n^(-1) at mul" in str(found)
    assert json.loads(found.to_json())["other_multipliers"] == {"mul": "-1/2"}
    assert "multiplies by" not in str(checked("perceptron"))
    assert beside_no_weight(checked("perceptron").problem.network) == ()
    assert [one.order for one in beside_no_weight(found.problem.network)] == [Fraction(-1, 2)]
