"""Starts whose mean adds up over what they read are named, and told apart from those that are centred or orthogonal."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import scalings
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.studies.model_checks import ModelCheck
from tests.scalings.studies.planted import VECTORS, WIDTHS

Draw = Callable[[Tensor, int], object]
HIDDEN, READOUT = "2.weight", "4.weight"


def checked(
    draw: Draw,
    name: str = HIDDEN,
    *,
    norm: bool = False,
    quick: bool = False,
    verify: bool = False,
) -> ModelCheck:
    """A perceptron at maximal update, of which one weight is drawn otherwise."""

    def build(width: int) -> nn.Sequential:
        model = nn.Sequential(
            nn.Linear(6, width, bias=False),
            nn.LayerNorm(width, elementwise_affine=False) if norm else nn.ReLU(),
            nn.Linear(width, width, bias=False),
            nn.ReLU(),
            nn.Linear(width, 3, bias=False),
        )
        weights = dict(model.named_parameters())
        for one, std in (("0.weight", 0.4), (HIDDEN, width**-0.5), (READOUT, 1 / width)):
            nn.init.normal_(weights[one], std=std)
        draw(weights[name], width)
        return model

    def optimizer(model: nn.Sequential) -> torch.optim.Optimizer:
        first, *others = model.parameters()
        rate = 0.2 / others[0].shape[1]
        return torch.optim.Adam([{"params": [first], "lr": 0.01}, {"params": others, "lr": rate}])

    return scalings.check_model(build, optimizer, VECTORS, widths=WIDTHS, seeds=2, steps=2, quick=quick, verify=verify)


def uniform(low: float, high: float, power: float) -> Draw:
    return lambda weight, n: nn.init.uniform_(weight, low * n**power, high * n**power)


UNCENTRED: dict[str, tuple[Draw, str, str]] = {
    "mean like its deviation": (
        uniform(0, 2, -0.5),
        HIDDEN,
        "has a mean that falls like 1/sqrt(n), which adds up over all units that it reads: centre it (W -= W.mean())",
    ),
    "which makes up for a deviation that is too small": (
        uniform(0, 2, -1),
        HIDDEN,
        "has a mean that falls like 1/n, which adds up over all units that it reads: centre it (W -= W.mean()), with a "
        "standard deviation that falls like 1/sqrt(n)",
    ),
    "one number": (
        lambda weight, n: nn.init.constant_(weight, 1 / n),
        HIDDEN,
        "is one number everywhere, which adds up over all units that it reads: draw it around zero, with a standard "
        "deviation that falls like 1/sqrt(n)",
    ),
    "ones": (
        lambda weight, _: nn.init.ones_(weight),
        HIDDEN,
        "is one number everywhere, which adds up over all units that it reads: draw it around zero, with a standard "
        "deviation that falls like 1/sqrt(n)",
    ),
    "mean beside which its deviation is small": (
        lambda weight, n: nn.init.normal_(weight, mean=1.0, std=n**-0.5),
        HIDDEN,
        "has a mean that is the same at every width n, which adds up over all units that it reads: centre it (W -= "
        "W.mean())",
    ),
    "readout": (
        uniform(0, 2, -0.5),
        READOUT,
        "has a mean that falls like 1/sqrt(n), which adds up over all units that it reads: centre it (W -= W.mean()), "
        "with a standard deviation that falls like 1/n",
    ),
}


@pytest.mark.parametrize("case", UNCENTRED)
def test_a_mean_that_adds_up_is_the_one_thing_that_is_named_and_without_it_the_model_passes(case: str) -> None:
    """No power of the width in the code, which is right, and nothing of entries that fall, which do not."""
    draw, name, what = UNCENTRED[case]
    found = checked(draw, name, verify=True)
    assert (found.verdict, found.reason) == ("FAIL", f"the start of {name} {what}")
    assert [(one.parameter, one.what) for one in found.findings] == [(name, "init")]
    assert "As it is, at larger and larger widths" not in str(found)
    assert found.verified is not None
    assert (found.verified.verdict, found.verified.regime) == ("PASS", "rich"), found.verified
    assert all(row.mean == MINUS_INFINITY for row in found.verified.settings)


def test_a_quick_check_names_it_too() -> None:
    assert "has a mean that falls like 1/sqrt(n)" in checked(uniform(0, 2, -0.5), quick=True).reason


RIGHT: dict[str, tuple[Draw, str, str]] = {
    "centred": (uniform(-1.7, 1.7, -0.5), HIDDEN, ""),
    "orthogonal": (lambda weight, _: nn.init.orthogonal_(weight), HIDDEN, "orthogonal"),
    "identity": (lambda weight, _: nn.init.eye_(weight), HIDDEN, "identity"),
    "a mean that is small beside its deviation, over all units": (
        lambda weight, n: nn.init.normal_(weight, mean=1 / n, std=n**-0.5),
        HIDDEN,
        "",
    ),
    "ones that read few units": (lambda weight, _: nn.init.ones_(weight), "0.weight", "ones"),
    "a readout whose mean adds up to order 1": (uniform(0, 2, -1), READOUT, ""),
}


@pytest.mark.parametrize("case", RIGHT)
def test_other_starts_pass_and_are_told_apart(case: str) -> None:
    draw, name, told = RIGHT[case]
    found = checked(draw, name)
    assert (found.verdict, found.regime, found.findings) == ("PASS", "rich", ()), found
    assert {row.weight: row.start for row in found.settings if row.start} == ({name: told} if told else {})
    assert [one["start"] for one in json.loads(found.to_json())["settings"] if one["weight"] == name] == [told]
    if told == "orthogonal":
        assert "n^(-1/2) orthogonal" in str(found)


def test_a_mean_over_what_is_centred_is_a_remark() -> None:
    """What a norm gives adds up to zero, and it takes out what adds up on the way back: training has the orders of a
    start that is centred."""
    found = checked(uniform(0, 2, -0.5), norm=True)
    assert (found.verdict, found.findings, found.repaired) == ("PASS", (), None), found
    assert found.notes == (
        f"the start of {HIDDEN} has a mean that may add up, which training does not show at these widths",
    )
    assert "n^(-1/2) with a mean n^(-1/2)" in str(found)
