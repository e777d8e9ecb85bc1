"""Decay that Adam adds to gradients: where it is larger than they are, it is named, and no learning rate is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import pytest
import torch
from torch import nn

from scalings.results.checks import Repair
from scalings.results.prescription_code import code
from scalings.studies.coupled_decay import drowning_decays
from scalings.studies.model_checks import ModelCheck
from scalings.studies.model_reading import Model, Reading, Traced, reading, traced_as_one
from scalings.studies.model_theory import theory_of
from tests.scalings.studies.test_model_checks import INPUTS, checked, loss, network

RATES = {"up": 0.0, "hidden": -1.0, "down": -1.0}
"""At muP under Adam and AdamW."""
BESIDE_DECAY = {**RATES, "hidden": -0.5}
"""Those that meet the criteria under Adam with decay in its gradients, which then is as large as the hidden one's."""
DECAYS = {"up": -1.0, "hidden": 0.0, "down": 1.0}


def adam(
    model: nn.Module,
    kind: Callable[[list[dict[str, Any]]], torch.optim.Optimizer] = torch.optim.Adam,
    rates: Mapping[str, float] = RATES,
    decays: Mapping[str, float] = {},
) -> Any:
    width = model.get_parameter("up.weight").shape[0]

    def group(name: str) -> dict[str, Any]:
        lr, decay = (0.01 * (width / 64) ** powers.get(name, 0.0) for powers in (rates, decays))
        return {"params": [model.get_parameter(f"{name}.weight")], "lr": lr, "weight_decay": decay}

    return kind([group(name) for name in RATES])


@cache
def traced() -> Traced:
    return traced_as_one(network, INPUTS, loss, (32, 64, 128))


def read(make: Any) -> Reading:
    return reading(Model(network, make, INPUTS, loss), traced(), steps=2)


@cache
def found() -> ModelCheck:
    return checked(network, adam, seeds=1, steps=1, verify=True, quick=True)


def test_a_decay_that_is_larger_than_the_gradient_is_named_and_no_rate_is() -> None:
    """Gradients are like 1/n here, entries of the first matrix like 1, and of the second like 1/sqrt(n)."""
    assert [(one.parameter, one.what, str(one.power)) for one in found().findings] == [
        ("up.weight", "decay", "1"),
        ("hidden.weight", "decay", "1/2"),
        ("down.weight", "decay", "-1"),
    ]
    assert found().reason == (
        "the decay of up.weight is larger than the gradient that Adam adds it to, by n: "
        "take AdamW, and leave it as it is there (and 2 more)"
    )


def test_its_repair_takes_decay_apart_and_passes() -> None:
    repaired, verified = found().repaired, found().verified
    assert repaired
    assert verified
    assert '"AdamW": [' in code(repaired.prescription)
    assert '"Adam": [' not in code(repaired.prescription)
    assert (verified.regime, verified.findings) == ("rich", ())
    assert {row.law for row in verified.settings} == {"adamw"}


def test_nothing_is_said_of_adamw_where_decay_is_apart_already() -> None:
    given = read(partial(adam, kind=torch.optim.AdamW))
    theory = theory_of(given, 2)
    assert (drowning_decays(given), theory.drowning, theory.mended) == ({}, {}, given)
    assert isinstance(theory.causes, Repair)
    assert [(layer, which) for layer, which, _, _ in theory.causes.changes] == [
        ("hidden", "decay"),
        ("down", "decay"),
    ]


@pytest.mark.parametrize("layer", RATES)
@pytest.mark.parametrize("power", [-0.5, 0.5])
@pytest.mark.parametrize("which", ["decay", "lr"])
def test_one_number_that_is_off_where_rates_follow_their_decay_is_that_number(
    which: str, layer: str, power: float
) -> None:
    rates, decays = dict(BESIDE_DECAY), dict(DECAYS)
    one = decays if which == "decay" else rates
    one[layer] += power
    theory = theory_of(read(partial(adam, rates=rates, decays=decays)), 2)
    assert isinstance(theory.causes, Repair)
    assert [change[:2] for change in theory.causes.changes] == [(layer, which)]
    assert theory.drowning == {}
