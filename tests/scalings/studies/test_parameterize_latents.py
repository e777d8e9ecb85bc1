"""`parameterize` of models whose middle does not grow: latent values, which start small lest all in front be lazy, and
normalized features and classes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import scalings
from scalings.criteria.problem import Problem
from scalings.errors import ArgumentError
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp
from scalings.networks.dimensions import WIDTH, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import Dense, Elementwise
from scalings.results.checks import Forbidden, Repair
from symbolic.evaluation.causes import causes_of
from symbolic.evaluation.repair import of_richness
from tests.scalings.studies.models_to_set import BASE

INPUTS = torch.randn(16, 12, generator=torch.Generator().manual_seed(0))
CLASSES = torch.randint(5, (16,), generator=torch.Generator().manual_seed(0))


class Autoencoder(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.one, self.latent = nn.Linear(12, width, bias=False), nn.Linear(width, 4, bias=False)
        self.two, self.out = nn.Linear(4, width, bias=False), nn.Linear(width, 12, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        latent = self.latent(torch.relu(self.one(x)))
        found: Tensor = self.out(torch.relu(self.two(latent)))
        return found


class Cosines(nn.Module):
    """Normalized features beside normalized classes, in a fixed number of dimensions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up, self.features = nn.Linear(12, width), nn.Linear(width, 8)
        self.classes = nn.Parameter(torch.randn(5, 8))

    def forward(self, x: Tensor) -> Tensor:
        features = functional.normalize(self.features(torch.relu(self.up(x))), dim=-1)
        return 10 * features @ functional.normalize(self.classes, dim=-1).T


def again(output: Tensor) -> Tensor:
    return (output - INPUTS).square().mean()


def classes(scores: Tensor) -> Tensor:
    return functional.cross_entropy(scores, CLASSES)


def powers(found: Any) -> dict[str, tuple[str, str]]:
    return {
        rule.weight.removesuffix(".weight"): (str(rule.init.power("width")), str(rule.lr.power("width")))
        for rule in found.prescription.of_weights
    }


@pytest.mark.slow
def test_a_latent_value_is_read_like_an_output_and_what_reads_it_is_like_a_first_layer() -> None:
    found = scalings.parameterize(Autoencoder, "adam", INPUTS, again, base_width=BASE, lr=1e-3)
    assert found.prescription.richness == Fraction(1, 2)
    assert powers(found) == {"one": ("0", "0"), "latent": ("-1", "-1"), "two": ("0", "0"), "out": ("-1", "-1")}
    check = found.check(quick=True)
    assert (check.regime, check.findings) == ("rich", ())


@pytest.mark.slow
def test_lazy_it_is_read_like_a_lazy_output() -> None:
    found = scalings.parameterize(Autoencoder, "adam", INPUTS, again, base_width=BASE, lr=1e-3, richness=0)
    assert powers(found)["latent"] == ("-1/2", "-1")
    with pytest.raises(ArgumentError, match="richness: no init scales and learning rates have r = 3/4"):
        scalings.parameterize(Autoencoder, "adam", INPUTS, again, base_width=BASE, lr=1e-3, richness="3/4")


@pytest.mark.slow
def test_normalized_features_and_classes_have_a_setting() -> None:
    """In orders in which more terms compete than `derive` compares."""
    found = scalings.parameterize(Cosines, "sgd", INPUTS, classes, base_width=BASE, lr=1e-3)
    assert found.prescription.richness == Fraction(1, 2)
    assert found.check(quick=True).findings == ()


def test_the_wish_for_a_richness_is_of_each_unit_where_some_values_have_fewer() -> None:
    """A latent value of four units cannot move by n^(1/2), and as a value of n units can it does."""
    latent = Network(
        (
            Dense("one", "input", "w1", fixed(8), WIDTH),
            Elementwise("phi", "one", "tanh"),
            Dense("latent", "phi", "w2", WIDTH, fixed(4)),
            Dense("two", "latent", "w3", fixed(4), WIDTH),
            Elementwise("psi", "two", "tanh"),
            Dense("out", "psi", "w4", WIDTH, fixed(3)),
        )
    )
    law, half = optimizer("adam"), Fraction(1, 2)
    given = Parameterization.of(multiplier="0,0,0,0", init="0,-1,0,-1", lr="0,-1,0,-1")
    found = causes_of(Problem(latent, law), given, richness=half)
    assert isinstance(found, Repair)
    assert found.changes == ()
    assert isinstance(causes_of(Problem(latent, law), given, richness=half + Fraction(1, 4)), Forbidden)
    plain = of_richness(half, Problem(mlp(3), law))
    assert (plain.right.power, plain.right.units) == (half, 0)
