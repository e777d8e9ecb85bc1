"""Weights that start at zero train as derived: bounded from the first update on, at slopes of 0 in their entries."""

from __future__ import annotations

import pytest

from empirical.sweeps.measure import measure
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.architectures import mlp
from symbolic.evaluation.check import check
from tests.agreement.experiments import NARROW, WIDTHS, agrees, confirm, decoder, experiment, how
from tests.zero_starts import HALF, adapted, lora, rich_decoder

pytestmark = [pytest.mark.slow, pytest.mark.long]


def test_a_transformer_with_zero_queries_and_zero_residual_branches() -> None:
    """Maximal update parametrization: every unit of every representation changes by order 1, as in a random one."""
    network, given = decoder(), rich_decoder("query", "projection", "down")
    assert check(network, given, "adam", loss="cross-entropy").regime == "rich"
    training = how("adam", batch=4, loss="cross-entropy", steps=3, lr=0.02)
    found = experiment(network, given, training, NARROW, 8)
    for name in ("query", "scores", "stream1", "down", "stream2"):
        agrees(found, "dz", name, 3, -HALF)
    confirm(found, least=90)


@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_a_hidden_matrix_of_zeros(activation: str) -> None:
    network = mlp(3, activation)  # type: ignore[arg-type]
    given = Parameterization.of(multiplier="0,0,0", init="0,-oo,-1", lr="1,0,-1")
    assert check(network, given).regime == "rich"
    found = experiment(network, given, how("sgd", batch=4, steps=3), WIDTHS, 24)
    for name in ("layer1", "layer2"):
        agrees(found, "dz", name, 3, -HALF)


def test_a_hidden_matrix_of_zeros_before_a_relu_never_moves() -> None:
    """What is refused: whatever its learning rates, all changes are 0."""
    network = mlp(3, "relu")
    given = Parameterization.of(multiplier="0,0,0", init="0,-oo,-1", lr="1,0,-1")
    assert check(network, given).regime == "unstable"
    measured = measure(network, given, how("sgd", batch=4, steps=3), widths=WIDTHS, seeds=2)
    assert {one.quantity for one in measured.fits}.isdisjoint({"dz", "dW_frobenius"})


def test_lora_plus() -> None:
    """eta_A ~ n^-1 and eta_B ~ 1 under Adam (arXiv 2402.12354): A h, B A h and the output all move by order 1."""
    network, given = lora(), adapted(-1, 0)
    found = experiment(network, given, how("adam", batch=4, steps=3), WIDTHS, 24)
    agrees(found, "dz", "A", 3, 0)
    agrees(found, "dz", "B", 1, -HALF)
    agrees(found, "dz", "B", 3, -HALF)
    confirm(found, least=30)
