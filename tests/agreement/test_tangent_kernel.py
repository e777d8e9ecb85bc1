"""The tangent kernel: how it is derived to change with the width, and how it does."""

from __future__ import annotations

from fractions import Fraction

import pytest

from empirical.sweeps.measure import measure
from scalings.criteria.observables import Observable
from scalings.hyperparameters.update_laws import OPTIMIZERS
from scalings.networks.architectures import mlp
from scalings.networks.nodes import ACTIVATIONS, Activation
from scalings.results.fits import Fit
from scalings.results.trials import Training
from symbolic.evaluation.predict import predict
from tests import strategies

CHANGE = Observable("ntk_change", "", 1)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("r", [Fraction(0), Fraction(1, 4), Fraction(1, 2)])
def test_the_derived_order_is_that_of_the_literature(activation: Activation, r: Fraction) -> None:
    network = mlp(4, activation)
    member = strategies.family(network).member(r)
    jumps = r - Fraction(1, 2) if activation == "relu" else 2 * r - 1
    gauged = member.shifted([Fraction(1, 4), 0, Fraction(-3, 4), 1], OPTIMIZERS["sgd"])
    for parameterization in (member, gauged):
        orders = predict(network, parameterization, steps=2)
        assert orders[CHANGE] == orders[Observable("ntk_change", "", 2)] == max(2 * r - 1, r - 1, jumps)


def test_a_network_that_does_not_train_keeps_its_kernel() -> None:
    network = mlp(3)
    layers = [(layer.multiplier, layer.init, -float("inf")) for layer in strategies.family(network).member("0").layers]
    frozen = type(strategies.family(network).member("0")).of(
        **{name: [layer[index] for layer in layers] for index, name in enumerate(("multiplier", "init", "lr"))}
    )
    assert predict(network, frozen)[CHANGE] == -float("inf")


@pytest.mark.slow
def test_the_lazy_kernel_freezes_as_derived_for_smooth_units_and_for_units_that_jump() -> None:
    """n^(-1) for tanh, n^(-1/2) for relu; large steps, so that many units jump. With few of them relu is steeper."""
    found = {}
    for activation in ("tanh", "relu"):
        network = mlp(2, activation)
        member = strategies.family(network).member("0")
        training = Training(batch=8, steps=1, lr=3.0)
        fits = measure(network, member, training, widths=(512, 1024, 2048, 4096, 8192, 16384), seeds=6).fits
        fit = fits[CHANGE]
        assert isinstance(fit, Fit)
        found[activation] = fit.plain
    assert found["tanh"] == pytest.approx(-1, abs=0.15)
    assert found["relu"] == pytest.approx(-0.5, abs=0.15)
