"""Training followed over many steps, and its linearization."""

from __future__ import annotations

import threading
from fractions import Fraction

import pytest
import torch

from empirical.data.examples import load
from empirical.engines.mlp.drawing import draw_dense
from empirical.engines.mlp.linearized import linearized
from empirical.engines.mlp.perceptron import perceptron
from empirical.engines.mlp.training import outputs_of, trajectory
from empirical.experiments.richness import follow
from empirical.sweeps import workers
from scalings.hyperparameters.presets import preset
from scalings.networks.architectures import mlp
from scalings.results.fits import Fit
from scalings.results.trials import Training
from tests import strategies


def test_where_steps_are_small_training_is_its_linearization() -> None:
    """The difference is of second order: a tenth of the steps' size, a hundredth of it, and a tenth of the distance."""
    data, distances = load("digits", 16), []
    for lr in (1e-2, 1e-3):
        training = Training(batch=8, steps=5, lr=lr)
        at = perceptron(mlp(3, "tanh"), preset("mup-lr", 3), training, 48)
        weights = draw_dense(at, (0, 1), "cpu")
        every = torch.tensor(data.inputs).expand(2, -1, -1)
        inputs, others, targets = every[:, :8], every[:, 8:], torch.tensor(data.targets[:8])
        *_, state = trajectory(at, weights, training, inputs, targets)
        moved, frozen = outputs_of(state, training, others), linearized(at, weights, inputs, targets, others, 5)
        distances.append(float((moved - frozen).norm() / frozen.norm()))
        again = outputs_of(state, training, inputs)
        torch.testing.assert_close(again, state.changes[-1].dz)
    assert distances[0] < 0.1
    assert distances[1] == pytest.approx(distances[0] / 10, rel=0.2)


def test_the_two_ends_are_told_apart() -> None:
    network, fits = mlp(3, "tanh"), []
    for r in (Fraction(0), Fraction(1, 2)):
        member = strategies.family(network).member(r)
        path = follow(network, member, Training(batch=10, steps=8), widths=(64, 128, 256, 512, 1024), seeds=1)
        assert path.loss[-1] < path.loss[0] / 2
        assert path.kernel_change[0] == path.movement[0] == 0
        assert isinstance(path.fit, Fit)
        fits.append(path.fit.plain)
    lazy, rich = fits
    assert lazy < -0.6
    assert rich > lazy + 0.3


def test_what_ends_all_reaches_tasks_that_run() -> None:
    """Else an interrupt waited for the widest network to be trained to the end."""
    begun, stopped, heard = threading.Event(), threading.Event(), []

    def task(number: int) -> None:
        if number:
            begun.set()
            heard.append(stopped.wait(10))

    results = workers.spread(task, [0, 1], "cpu", stopped)
    next(results)
    assert begun.wait(10)
    results.close()  # as an interrupt does
    assert heard == [True]
