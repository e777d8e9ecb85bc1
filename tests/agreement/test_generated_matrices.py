"""Matrices that a layer makes of a few numbers, W = sum_k G_k t_k: what G learns lies along what W multiplies, what t
learns changes W by random matrices, and W acts on changes of what it multiplies as a random matrix does."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from torch import Tensor, nn

from scalings.criteria.observables import Observable
from tests.agreement.experiments import QUARTER, p_value
from tests.agreement.modules import traced_experiment

pytestmark = pytest.mark.slow
HALF = Fraction(1, 2)
INIT = {"few.weight": "0", "made.weight": "-1/2", "up.weight": "0", "out.weight": "-1"}


class Hypernetwork(nn.Module):
    def __init__(self, width: int, *, trained: str, times: int = 1) -> None:
        super().__init__()
        self.width, self.times = width, times
        self.few, self.up = nn.Linear(10, 6, bias=False), nn.Linear(10, width, bias=False)
        self.made, self.out = nn.Linear(6, width * width, bias=False), nn.Linear(width, 1, bias=False)
        for name, one in self.named_parameters():
            one.requires_grad_(name == trained)

    def forward(self, x: Tensor) -> Tensor:
        matrix = self.made(torch.tanh(self.few(x))).view(-1, self.width, self.width)
        h = torch.tanh(self.up(x))
        for _ in range(self.times):
            h = torch.tanh(torch.einsum("boi,bi->bo", matrix, h))
        found: Tensor = self.out(h)
        return found


@pytest.mark.parametrize(
    ("trained", "law", "rate", "wrong"),
    [
        pytest.param("few.weight", "adam", "0", HALF, id="t, by chance"),
        pytest.param("made.weight", "adam", "-1", -HALF, id="G, along it"),
        pytest.param("made.weight", "sgd", "0", -HALF, id="G, along it, SGD"),
        pytest.param("up.weight", "adam", "0", HALF, id="h"),
    ],
)
@pytest.mark.parametrize("times", [1, 2])
def test_changes_of_what_it_makes(trained: str, law: str, rate: str, wrong: Fraction, times: int) -> None:
    """Neighbouring orders are refuted, and so is that of the other rule."""
    found = traced_experiment(
        lambda width: Hypernetwork(width, trained=trained, times=times),
        law,
        lambda layer: INIT[layer.weight],
        lambda _: rate,
        seeds=8,
    )
    made = [one.name for one in found.traced.translation.network.flat if one.name.startswith("einsum")]
    assert len(made) == times
    for name in made:
        for observable in (Observable("z", name, 0), Observable("dz", name, 1)):
            fit, order = found.fits[observable], found.predicted()[observable]
            assert p_value(fit, order) >= 0.05, (observable, fit, order)
            for by in (QUARTER, -QUARTER, wrong):
                assert p_value(fit, order + by) < 0.05, (observable, fit, order)
