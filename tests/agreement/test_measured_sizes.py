"""Constants and functions without a rule, as large as they are measured, have the orders that training has with them.

Without what was measured, a constant is taken to be of size 1, and such a function for one of each entry: refuted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scalings.criteria.observables import Observable
from scalings.networks.nodes import Weighted
from scalings.tapes.network import TracedNetwork
from tests.agreement.experiments import p_value
from tests.agreement.modules import Build, traced_experiment
from tests.empirical.tracing.test_magnitudes import Grown, noise

pytestmark = pytest.mark.slow


def model(make: Callable[[int], Tensor], use: Callable[[Tensor, Tensor], Tensor]) -> Build:
    """Three layers, of which the second reads a function of what the first gives and of a buffer."""

    class Module(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(10, width, bias=False), nn.Linear(width, width, bias=False)
            self.last = nn.Linear(width, 1, bias=False)
            self.register_buffer("held", make(width))

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.second(use(self.first(x).relu(), self.held)))

    return Module


def init(layer: Weighted) -> str:
    return {"input": "0", "hidden": "-1/2", "output": "-1"}[layer.role]


def rate(layer: Weighted) -> str:
    return {"input": "0", "hidden": "-1", "output": "-1"}[layer.role]


def unmeasured(traced: TracedNetwork) -> TracedNetwork:
    values = tuple(replace(value, magnitudes=(), means=(), errors=()) for value in traced.tape.values)
    return replace(traced, tape=replace(traced.tape, values=values))


@pytest.mark.parametrize(
    ("make", "use"),
    [
        (lambda n: torch.tensor(n**-0.5), torch.mul),
        (lambda n: noise(n, n) / n**0.5, torch.matmul),
        (lambda _: torch.ones(()), lambda h, _: Grown.apply(h)),
    ],
    ids=["a scale", "a random projection", "a function"],
)
def test_sizes_that_were_measured_are_those_of_training(make: Callable[[int], Tensor], use: Any) -> None:
    found = traced_experiment(model(make, use), "adam", init, rate, steps=2)
    right, wrong = found.predicted(), found.predicted(unmeasured(found.traced))
    asserted = [
        Observable(quantity, layer, step)
        for layer in ("first", "second")
        for quantity, step in (("z", 0), ("dz", 1), ("d", 0))
    ]
    assert not [(str(one), found.fits[one]) for one in asserted if p_value(found.fits[one], right[one]) < 0.05]
    refuted = {one for one in asserted if p_value(found.fits[one], wrong[one]) < 0.05}
    assert {one.layer for one in refuted} == {"first", "second"}, "forward and backward"
