"""The engines on a device that is not there: no tensor is on another one, and each mix-up that is planted is seen.

What every engine trains there is in `tests.conformance.engines`; here are all optimizers, many learning rates at once,
and both sides of branches. Planted is, at one place after the other, that what is created there is created on the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from empirical.engines.graph import engine as graph
from empirical.engines.graph.engine import GraphEngine
from empirical.engines.mlp.drawing import draw
from empirical.engines.mlp.engine import DenseEngine, RevealedEngine
from empirical.engines.mlp.linearized import linearized
from empirical.engines.mlp.training import outputs_of, trajectory
from empirical.tensors.buffers import BufferPool
from empirical.tensors.random_numbers import filler
from empirical.tensors.spectral_norms import spectral_norm
from empirical.weights.updates import MEASURABLE
from scalings.results.trials import Observing
from tests.conformance.engines import PROBLEMS, with_training
from tests.empirical.engines.no_device import DEVICE, Answers, affirmative, no_device, undecided

Kind = type[DenseEngine] | type[RevealedEngine] | type[GraphEngine]
SEEDS = (3, 8)
OPTIMIZERS = (*MEASURABLE, "momentum+coupled", "lion+coupled", "muon+l2", "adam+l2", "shampoo:1/2,1/2+independent")
WIDTHS = {"momentum": 96, "text": 32}
"""Wider than there are directions."""


@dataclass(frozen=True)
class Run:
    """One of the conformance tests' problems, by an engine and an optimizer."""

    kind: Kind
    optimizer: str
    problem: str = "momentum"
    observing: Observing = "all"
    many_rates: bool = False

    def __str__(self) -> str:
        return f"{self.kind.__name__} {self.optimizer} {self.problem} {self.observing}{' rates' * self.many_rates}"

    @property
    def engine(self) -> DenseEngine | RevealedEngine | GraphEngine:
        options = {"optimizer": self.optimizer, "observing": self.observing, "spectra": True}
        return self.kind(replace(with_training(PROBLEMS[self.problem], **options), device=DEVICE))

    def __call__(self) -> None:
        engine, width = self.engine, WIDTHS[self.problem]
        if self.many_rates:
            assert not isinstance(engine, RevealedEngine)
            engine.losses(width, SEEDS, np.ones((len(SEEDS), 3)))
        else:
            engine.train(width, SEEDS)


FEW = [
    Run(DenseEngine, "momentum+coupled"),
    Run(DenseEngine, "adamw", many_rates=True),
    Run(RevealedEngine, "sgd-l2"),
    Run(GraphEngine, "adamw", "text"),
    Run(GraphEngine, "muon", many_rates=True),
]
ALL = [
    run
    for optimizer in OPTIMIZERS
    for run in (
        Run(DenseEngine, optimizer),
        Run(RevealedEngine, optimizer),
        Run(DenseEngine, optimizer, observing="coordinates"),
        Run(RevealedEngine, optimizer, observing="coordinates"),
        Run(GraphEngine, optimizer, "text"),
    )
    if run.engine.refusal is None
]


@pytest.fixture(autouse=True)
def _room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(graph._ROOM, DEVICE, 2**30)


def stays_there(run: Run, answers: Answers) -> None:
    """All that is fetched is from the device, and none of it of less precision than training has."""
    with no_device(answers) as calls:
        run()
    assert calls.fetched
    assert {one.device.type for one in calls.fetched} == {DEVICE}
    assert len({one.dtype for one in calls.fetched}) == 1


@pytest.mark.parametrize("run", FEW, ids=str)
def test_it_stays_on_its_device(run: Run) -> None:
    stays_there(run, affirmative())


def test_a_large_spectral_norm_stays_on_its_device() -> None:
    with no_device(undecided()) as calls:
        assert spectral_norm(torch.empty(2, 130, 140, device=DEVICE)).device.type == DEVICE
    assert calls.places


@pytest.mark.slow
@pytest.mark.parametrize("run", ALL, ids=str)
def test_with_every_optimizer_it_stays_on_its_device(run: Run) -> None:
    stays_there(run, undecided())


def is_seen(run: Run, place: str) -> bool:
    """Whether it is, that what is created at this place is on the CPU; or nothing is computed from it."""
    with no_device(planted=place) as calls:
        try:
            run()
        except RuntimeError as error:
            if "device" not in str(error):
                raise
            return True
    return {one.device.type for one in calls.fetched} != {DEVICE} or not calls.is_used


@pytest.mark.parametrize(
    "run", [FEW[1], *(pytest.param(run, marks=pytest.mark.slow) for run in (FEW[0], *FEW[2:]))], ids=str
)
def test_each_mix_up_is_seen(run: Run) -> None:
    with no_device() as calls:
        run()
    assert len(calls.places) >= 4
    assert [place for place in calls.places if not is_seen(run, place)] == []


def test_a_generator_of_another_device_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def on_the_cpu(*given: object) -> object:
        return filler(given[0], given[1], torch.device("cpu"))  # type: ignore[arg-type]

    monkeypatch.setattr("empirical.engines.mlp.drawing.filler", on_the_cpu)
    with no_device(), pytest.raises((RuntimeError, TypeError), match="device"):
        Run(DenseEngine, "sgd")()


@pytest.mark.slow
def test_linearized_networks_stay_on_their_device() -> None:
    """And the outputs of other examples."""
    engine = Run(RevealedEngine, "sgd").engine
    assert isinstance(engine, RevealedEngine)
    at, training, data = engine.perceptron(256), engine.problem.training, engine.examples
    with no_device() as calls:
        inputs, targets = (torch.tensor(one, device=DEVICE) for one in (data.inputs, data.targets))
        inputs, pool = inputs.expand(len(SEEDS), -1, -1), BufferPool(DEVICE)
        weights = draw(at, training, SEEDS, DEVICE, engine.name, pool)
        *_, last = trajectory(at, weights, training, inputs, targets, pool)
        outputs_of(last, training, inputs).cpu()
        linearized(at, weights, inputs, targets, inputs, training.steps).cpu()
    assert [one.device.type for one in calls.fetched] == [DEVICE, DEVICE]
