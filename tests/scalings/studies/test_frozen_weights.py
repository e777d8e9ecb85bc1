"""Weights that nothing trains: frozen ones, which may be meant, and those that an optimizer forgot."""

from __future__ import annotations

import html
import json
import re
from functools import cache, partial
from typing import Any

import pytest
import torch
from torch import nn

import scalings
from empirical.models.prescribing import optimizer as set_optimizer
from scalings.reports.model_check_files import model_check_markdown
from scalings.reports.model_pages import model_check_page
from scalings.results.prescription_code import code
from scalings.results.printable import printable
from scalings.studies.model_checks import ModelCheck
from tests.scalings.reports.hostile import Named
from tests.scalings.studies.test_model_checks import INPUTS, adam, checked, loss, network

NO_MISTAKE = "frozen, which is no mistake if it is meant: up.weight"


def frozen(width: int, *names: str, readout: float = -1.0) -> nn.Module:
    model = network(width, down=width**readout)
    for name in names:
        model.get_parameter(name).requires_grad_(False)
    return model


@cache
def check(*names: str, readout: float = -1.0, **options: Any) -> ModelCheck:
    return checked(lambda width: frozen(width, *names, readout=readout), seeds=1, steps=1, **options)


def test_a_frozen_weight_is_told_and_is_no_mistake() -> None:
    meant, both = check("up.weight"), check("up.weight", readout=-0.5)
    for one in (meant, both):
        assert NO_MISTAKE in str(one)
        assert NO_MISTAKE in model_check_markdown(one, "mine").replace("\\", "")
        assert [found["is_wrong"] for found in json.loads(one.to_json())["findings"]] == [
            found.what != "frozen" for found in one.findings
        ]
    (wrong,) = (one for one in both.findings if one.is_wrong)
    assert [line for line in str(both).splitlines() if line.startswith("  ")][:1] == [f"  {wrong.sentence}"]
    assert not [line for line in str(meant).splitlines() if line.startswith("  ")]
    assert "frozen" not in str(check())


def test_it_is_one_where_nothing_else_leads_to_what_was_asked_for() -> None:
    """With all hidden weights frozen no number makes a model rich; it is lazy, and with one frozen it is rich."""
    names = ("up.weight", "hidden.weight")
    found = check(*names, regime="rich")
    assert [(one.parameter, one.is_wrong) for one in found.findings] == [(name, True) for name in names]
    assert found.reason == (
        "it is lazy, but rich was asked for: "
        "the freezing of up.weight and 1 more weight keeps it from being rich: let it train"
    )
    for control in (check(*names, regime="lazy"), check("up.weight", regime="rich")):
        assert not any(one.is_wrong for one in control.findings)


def forgetful(model: nn.Module, left_out: str = "hidden.weight", zero: bool = False) -> Any:
    """Adam at muP without one weight, or with it at a rate of 0."""
    groups = adam(model).param_groups
    own = model.get_parameter(left_out)
    others = [{"params": one["params"], "lr": one["lr"]} for one in groups if one["params"][0] is not own]
    return torch.optim.Adam([*others, *([{"params": [own], "lr": 0.0}] if zero else [])], betas=(0.8, 0.9))


@pytest.mark.parametrize("zero", [False, True])
def test_the_repair_has_the_group_that_is_missing(zero: bool) -> None:
    found = checked(network, partial(forgetful, zero=zero), seeds=1, steps=1)
    assert [(one.parameter, one.what) for one in found.findings] == [("hidden.weight", "untrained")]
    assert found.repaired
    given = found.repaired.prescription
    rule = given.by_name["hidden.weight"]
    assert (rule.optimizer, rule.changed, str(rule.lr.power("width"))) == ("Adam", ("lr",), "-1")
    assert rule.lr.constant == given.by_name["up.weight"].lr.constant
    assert f"hidden.weight had no learning rate: at {given.base_width} it is that of up.weight here" in str(found)
    assert '"hidden.weight"' in code(given)

    model = network(96)
    made = set_optimizer(given, partial(forgetful, zero=zero), model)
    (group,) = (one for one in made.param_groups if one["params"][0] is model.get_parameter("hidden.weight"))
    assert (group["lr"], group["betas"]) == (given.numbers(rule, 96).lr, (0.8, 0.9))
    loss(model(INPUTS)).backward()
    made.step()
    mended = found.repaired.check(widths=(24, 32, 48, 64, 96, 128, 192, 256), seeds=1, steps=1)
    assert (mended.regime, mended.findings) == ("rich", ())


def test_what_is_trained_has_no_rate_of_another() -> None:
    """The control: of a model whose optimizer has all, none is akin to another, and a frozen one is not either."""
    for found in (check(), check("up.weight", readout=-0.5)):
        assert not any(row.akin for row in found.settings)
    repaired = check("up.weight", readout=-0.5).repaired
    assert repaired
    assert not any("had no learning rate" in note for note in repaired.prescription.notes)
    assert repaired.prescription.by_name["up.weight"].lr.constant == 0.0


def test_weights_that_no_gradient_reaches_are_said_and_are_no_mistake() -> None:
    """Of a head on features that it does not train; then the output alone moves, which is as lazy as can be."""

    class Head(Named):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            first, second, last = self.children()
            found: torch.Tensor = last(torch.tanh(second(torch.tanh(first(x)))).detach())
            return found

    def rates(model: torch.nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(model.parameters(), 0.1 / [*model.parameters()][2].shape[1])

    x = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
    answer = scalings.check_model(Head, rates, x, quick=True)
    page = html.unescape(re.sub(r"<[^>]*>", "", model_check_page(answer, "mine")))
    assert (answer.verdict, answer.regime) == ("PASS", "lazy")
    names = ", ".join(row.weight for row in answer.settings[:2])
    said = " ".join(f"given no gradient, which is no mistake if it is meant: {names}".split())
    assert all(printable(said) in " ".join(printable(words).split()) for words in (page, str(answer)))
    assert "Nothing." in page
