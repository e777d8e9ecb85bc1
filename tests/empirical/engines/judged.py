"""Training problems that the engines and the judge both train, written for each in its own terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from empirical.engines.engine import Engine, TrainingProblem
from empirical.engines.mlp import drawing
from empirical.engines.graph import setting
from empirical.tensors.arrays import Array
from scalings.criteria.observables import Observable
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.architectures import mlp
from scalings.networks.nodes import Activation
from scalings.results.trials import Training
from tests.empirical.engines import plain_training
from tests.empirical.engines.plain_training import Plain, gain

WIDTH, BATCH = 32, 4
NONE = Fraction(0)
HALF, QUARTER = Fraction(1, 2), Fraction(1, 4)
MULTIPLIERS, INITS = (NONE, QUARTER, QUARTER), (NONE, -HALF - QUARTER, -HALF - HALF)
"""Features move by as much as they are large, so that no term is small."""


@dataclass(frozen=True)
class Optimizer:
    """One of torch's, and the constant and exponents of its learning rates; `decay` is lambda, decoupled."""

    torch: Callable[..., torch.optim.Optimizer]
    lr: float
    exponents: tuple[Fraction, ...]
    decay: float = 0.0


_SGD, _ADAM, _MUON = (Fraction(1), NONE, -HALF), (Fraction(-1),) * 3, (NONE, NONE, -HALF)
_TINY = 1e-100
"""The engines have eps = 0."""
OPTIMIZERS = {
    "sgd": Optimizer(torch.optim.SGD, 0.1, _SGD),
    "momentum": Optimizer(partial(torch.optim.SGD, momentum=0.9), 0.1, _SGD),
    "adam": Optimizer(partial(torch.optim.Adam, eps=_TINY), 0.2, _ADAM),
    "adamw": Optimizer(partial(torch.optim.AdamW, eps=_TINY), 0.2, _ADAM, decay=5.0),
    "muon-jordan": Optimizer(partial(torch.optim.Muon, eps=_TINY), 0.1, _MUON),
    "muon-jordan+coupled": Optimizer(partial(torch.optim.Muon, eps=_TINY), 0.1, _MUON, decay=2.0),
}


@dataclass(frozen=True)
class Judged:
    """A multilayer perceptron of three layers, by an optimizer and with an activation."""

    optimizer: str = "sgd"
    activation: Activation = "relu"
    centered: bool = True

    def __str__(self) -> str:
        return f"{self.optimizer} {self.activation}{'' if self.centered else ' uncentered'}"

    def problem(self, **options: object) -> TrainingProblem:
        """For an engine; `options` of its training replace those that the judge has."""
        law = OPTIMIZERS[self.optimizer]
        given = Parameterization.of(multiplier=MULTIPLIERS, init=INITS, lr=law.exponents)
        plain = {"batch": BATCH, "steps": 2, "lr": law.lr, "decay": law.decay, "centered": self.centered}
        chosen = {"optimizer": self.optimizer, "spectra": True, **plain, **options}
        return TrainingProblem(mlp(3, self.activation), given, Training(**chosen))  # type: ignore[arg-type]

    def plain(self) -> Plain:
        """For the judge."""
        law = OPTIMIZERS[self.optimizer]
        gains = (1.0, gain(self.activation), gain(self.activation))
        return Plain(
            shapes=((WIDTH, 64), (WIDTH, WIDTH), (10, WIDTH)),
            multipliers=[WIDTH ** float(power) for power in MULTIPLIERS],
            scales=[gain * WIDTH ** float(power) for gain, power in zip(gains, INITS, strict=True)],
            rates=[law.lr * WIDTH ** float(power) for power in law.exponents],
            activation=self.activation,
            optimizer=partial(law.torch, weight_decay=law.decay),
            decay=law.decay,
            centered=self.centered,
        )

    def judged(self, initial: Sequence[Tensor]) -> dict[Observable, Array]:
        """What the judge observes from these W(0), (seeds, fan_out, fan_in) each."""
        task, plain = self.problem().task, self.plain()
        inputs, targets = (torch.tensor(array[:, 0]) for array in (task.inputs, task.targets))
        # torch's Newton and Schulz iterate in bfloat16: here in double precision, by the same code.
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
            states = list(plain_training.train(plain, initial, inputs, targets))
        values = plain_training.observe(plain, states)
        return {Observable(*key): value.numpy() for key, value in values.items()}  # type: ignore[arg-type]

    def drawn_and_judged(self, seeds: int, seed: int) -> dict[Observable, Array]:
        """With draws of the judge's own."""
        return self.judged(plain_training.draw(self.plain(), seeds, seed))


def train_and_tell(engine: Engine, seeds: Sequence[int]) -> tuple[dict[Observable, Array], list[Tensor]]:
    """What an engine observes, and the W(0) of each layer that it was trained from.

    A matrix that was revealed where it was touched is revealed in full after training: the run that there was is then
    that of this matrix.
    """
    found: list[Tensor] = []
    drawn: list[drawing.Weights] = []
    graphs: list[dict[str, Tensor]] = []

    def keep(kept: list, function: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            result = function(*args, **options)
            kept.append(result)
            return result

        return call

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("empirical.engines.mlp.training.draw", keep(drawn, drawing.draw))
        patched.setattr("empirical.engines.graph.module.draw", keep(graphs, setting.draw))
        values = engine.train(WIDTH, seeds)
    if graphs:
        return values, [tensor[0].clone() for tensor in graphs[0].values()]
    for weights in drawn[0]:
        units = 64 if not found else WIDTH
        identity = torch.eye(units, dtype=weights.pool.kind).expand(len(seeds), -1, -1)
        found.append(weights.apply(identity).mT.clone())
    return values, found
