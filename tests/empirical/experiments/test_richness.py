"""Training followed over many steps, and its linearization."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import torch

from empirical.data.examples import load
from empirical.engines.engine import TrainingProblem
from empirical.engines.mlp.drawing import draw_dense
from empirical.engines.mlp.engine import DenseEngine
from empirical.engines.mlp.linearized import linearized
from empirical.engines.mlp.perceptron import perceptron
from empirical.engines.mlp.training import outputs_of, trajectory
from empirical.experiments.richness import LongRuns
from empirical.sweeps import costs, workers
from scalings.errors import ArgumentError
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


def test_the_linearization_is_that_of_the_kernel_of_all_examples() -> None:
    """Other examples are moved by their kernel with those that are trained on, here built from autograd's Jacobian."""
    data, network, given = load("digits", 5), mlp(3, "tanh"), preset("mup-lr", 3)
    training = Training(batch=3, steps=4, lr=0.5)
    at = perceptron(network, given, training, 12)
    weights = draw_dense(at, (0,), "cpu")
    inputs, targets = torch.tensor(data.inputs), torch.tensor(data.targets[:3])

    def outputs(*matrices: torch.Tensor) -> torch.Tensor:
        h = inputs
        for layer, matrix in zip(at.layers, matrices, strict=True):
            z = layer.multiplier * h @ matrix.T
            h = torch.tanh(z) if layer.role != "output" else z
        return h.flatten()

    initial = tuple(
        weight.apply(torch.eye(layer.shape[1], dtype=torch.float64)[None])[0].T
        for layer, weight in zip(at.layers, weights, strict=True)
    )
    jacobians = torch.autograd.functional.jacobian(outputs, initial)
    kernel = sum(layer.lr * j.flatten(1) @ j.flatten(1).T for layer, j in zip(at.layers, jacobians, strict=True))
    moved = torch.zeros(len(kernel), dtype=torch.float64)
    for _ in range(training.steps):
        moved -= kernel[:, : targets.numel()] @ (moved[: targets.numel()] - targets.flatten()) / 3
    every = inputs[None]
    found = linearized(at, weights, every[:, :3], targets, every[:, 3:], training.steps)
    torch.testing.assert_close(found.flatten(), moved[targets.numel() :])


def runs(**changed: Any) -> LongRuns:
    """The two ends of the family at small widths."""
    network = mlp(3, "tanh")
    members = tuple(strategies.family(network).member(r) for r in (Fraction(0), Fraction(1, 2)))
    asked = {"widths": (64, 128, 256, 512, 1024), "seeds": 1, "device": "cpu", **changed}
    return LongRuns(network, members, Training(batch=10, steps=8), **asked)


def test_the_two_ends_are_told_apart() -> None:
    fits = []
    for run in runs().carry_out().values():
        assert run.loss[-1] < run.loss[0] / 2
        assert run.kernel_change[0] == run.movement[0] == 0 < run.kernel_change[-1]
        assert isinstance(run.fit, Fit)
        fits.append(run.fit.plain)
    lazy, rich = fits
    assert lazy < -0.6
    assert rich > lazy + 0.3


def test_an_interrupt_keeps_the_members_that_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = runs(widths=(16, 24, 32))
    monkeypatch.setattr(workers, "count", lambda _: 1)

    def interrupt_at(done: float) -> Callable[[float, str], None]:
        def report(fraction: float, _: str) -> None:
            if fraction > done:
                raise KeyboardInterrupt

        return report

    whole = planned.carry_out()
    kept = planned.carry_out(interrupt_at(0.6))
    assert kept.keys() == {0}
    assert kept[0].loss == whole[0].loss
    with pytest.raises(KeyboardInterrupt):
        planned.carry_out(interrupt_at(0.2))


def test_the_cost_is_that_of_all_members(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "_time", lambda engine, width, _: sum(engine.terms(width)))
    planned = runs(widths=(64, 65, 66), seeds=2)
    engine = DenseEngine(TrainingProblem(planned.network, planned.members[0], planned.training))
    one = sum(number * sum(engine.terms(width)) for width, number in planned.allocation.items())
    assert planned.cost().seconds == pytest.approx(len(planned.members) * one)
    assert planned.cost().bytes >= 2 * engine.seed_bytes(66)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"widths": (8, 16)}, "widths: expected at least 3 widths"),
        ({"widths": (8, 16, 12)}, "widths: expected at least 3 widths, strictly increasing"),
        ({"seeds": 0}, "seeds: expected at least 1, but got 0"),
        ({"widths": (8, 16, 2**40)}, "widths: width 1099511627776 needs .* GiB"),
    ],
)
def test_what_cannot_be_followed_is_refused(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        runs(**changed)


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
