"""Losses that are stationary where training starts: right models pass, and what is wrong in a gradient is said."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import scalings
from scalings.criteria.observables import Observable
from scalings.networks.network import Network
from scalings.results.fits import Fit
from scalings.studies.model_checks import ModelCheck, check_model
from scalings.studies.stationary_losses import Stationary, stationary_losses
from tests.empirical.tracing.zoo import points
from tests.scalings.studies.planted import adam_by_width, weak

INPUTS = torch.sigmoid(points(16, 12))
SAID = "the loss is stationary at the start in"


class Variational(nn.Module):
    """An autoencoder whose code is drawn: its divergence from a normal one has its minimum where training starts."""

    def __init__(self, width: int, weak: str = "") -> None:
        super().__init__()
        sizes = {"first": (12, width), "second": (width, width), "mean": (width, 4), "size": (width, 4)}
        sizes |= {"up": (4, width), "hidden": (width, width), "down": (width, 12)}
        for name, (fan_in, fan_out) in sizes.items():
            layer = nn.Linear(fan_in, fan_out)
            nn.init.normal_(layer.weight, std=8 / fan_in if fan_out < 16 else fan_in**-0.5), nn.init.zeros_(layer.bias)
            self.add_module(name, layer)
        self.weak = weak

    def made(self, name: str, x: Tensor) -> Tensor:
        found: Tensor = dict(self.named_children())[name](x)
        return weak(found) if name == self.weak else found

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        for name in ("first", "second"):
            x = functional.relu(self.made(name, x))
        mean, size = self.made("mean", x), self.made("size", x)
        x = mean + torch.randn_like(mean) * (0.5 * size).exp()
        for name in ("up", "hidden"):
            x = functional.relu(self.made(name, x))
        return self.made("down", x), mean, size


def bound(output: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    decoded, mean, size = output
    likelihood = functional.binary_cross_entropy_with_logits(decoded, INPUTS, reduction="none").sum(1).mean()
    return likelihood - 0.5 * (1 + size - mean.square() - size.exp()).sum(1).mean()


def tilted(output: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """The same, but for a slope that the divergence has not."""
    return bound(output) + output[1].mean() + output[2].mean()


@cache
def given(weak: str = "", wrong: str = "", *, with_slope: bool = False) -> ModelCheck:
    return check_model(
        lambda width: Variational(width, weak),
        lambda model: adam_by_width(model, 12, wrong=wrong),
        INPUTS,
        tilted if with_slope else bound,
        seeds=3,
    )


def test_a_divergence_at_its_minimum_is_no_mistake() -> None:
    found = given()
    assert (found.verdict, found.regime, found.findings) == ("PASS", "rich", ()), found
    assert any(note.startswith(SAID) for note in found.notes)


def test_where_the_loss_has_a_slope_gradients_are_compared_as_ever() -> None:
    found = given(with_slope=True)
    assert found.verdict == "PASS", found
    assert not any(note.startswith(SAID) for note in found.notes)


@pytest.mark.parametrize("weak", ["second", pytest.param("hidden", marks=pytest.mark.slow)])
def test_a_backward_pass_that_is_wrong_is_still_named(weak: str) -> None:
    """In front of the code, and behind it."""
    found = given(weak)
    assert found.verdict == "FAIL", found
    assert [one.what for one in found.findings] == ["training"], found


@pytest.mark.parametrize(
    "wrong",
    [
        "second.weight",
        pytest.param("mean.weight", marks=pytest.mark.slow),
        pytest.param("hidden.weight", marks=pytest.mark.slow),
    ],
)
def test_a_rate_that_is_wrong_is_named_alone(wrong: str) -> None:
    findings = given(wrong=wrong).findings
    assert [(one.parameter, one.what, str(one.power)) for one in findings] == [(wrong, "lr", "1")]


def fit(exponent: float, half_width: float = 0.1) -> Fit:
    return Fit(exponent, exponent - half_width, exponent + half_width, 16, exponent)


def found_of(at_output: Fit, in_front: Fit) -> Stationary:
    """Of a perceptron of which these first gradients were measured."""
    given = scalings.mlp(3)
    network = Network(given.nodes, of_module=True)
    derived = dict(scalings.predict(given, "mup", "sgd", 1))
    last, hidden = Observable("d", given.nodes[-1].name, 0), Observable("d", given.nodes[0].name, 0)
    derived = {one: derived[one] for one in (last, hidden, replace(hidden, quantity="gradient", step=1))}
    return stationary_losses(network, derived, {last: at_output, hidden: in_front})


def test_what_is_hidden_is_no_smaller_than_what_hides_it() -> None:
    assert found_of(fit(-0.5), fit(-1.0)).hidden == {Observable("d", name, 0) for name in ("layer1", "layer3")}
    assert found_of(fit(-0.5), fit(-1.5)).hidden == {Observable("d", "layer3", 0)}  # by more than that hides
    for no_reason in (fit(0.0), fit(-0.2), fit(-0.5, 0.6)):  # nor does one that few units are too noisy to tell
        assert found_of(no_reason, fit(-1.0)) == Stationary()
