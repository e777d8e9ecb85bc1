"""Training problems that the engines and the judge both train, written for each in its own terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import pytest
import torch
from torch import Tensor

from empirical.engines.engine import Engine, TrainingProblem
from empirical.engines.graph import setting
from empirical.engines.mlp import drawing
from empirical.tensors.arrays import Array
from empirical.weights.dense import Weights
from scalings.criteria.observables import Observable
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.architectures import mlp
from scalings.networks.nodes import Activation
from scalings.results.trials import Training
from tests.empirical.engines import plain_training
from tests.empirical.engines.plain_training import Plain, gain

INPUTS, WIDTH, BATCH = 64, 32, 4
SHAPES = ((WIDTH, INPUTS), (WIDTH, WIDTH), (10, WIDTH))
NONE, QUARTER, HALF = Fraction(0), Fraction(1, 4), Fraction(1, 2)
MULTIPLIERS, INITS = (NONE, QUARTER, QUARTER), (NONE, -HALF - QUARTER, -HALF - HALF)
"""Features move by as much as they are large, so that no term is small."""
_SGD, _ADAM, _MUON = (Fraction(1), NONE, -HALF), (Fraction(-1),) * 3, (NONE, NONE, -HALF)
_TINY = 1e-100
"""The engines have eps = 0."""


@dataclass(frozen=True)
class Optimizer:
    """One of torch's; the constant and the exponents of its learning rates; lambda, of decoupled decay."""

    torch: Callable[..., torch.optim.Optimizer]
    lr: float
    exponents: tuple[Fraction, ...]
    decay: float = 0.0


OPTIMIZERS = {
    "sgd": Optimizer(torch.optim.SGD, 0.1, _SGD),
    "momentum": Optimizer(partial(torch.optim.SGD, momentum=0.9), 0.1, _SGD),
    "adam": Optimizer(partial(torch.optim.Adam, eps=_TINY), 0.2, _ADAM),
    "adamw": Optimizer(partial(torch.optim.AdamW, eps=_TINY), 0.2, _ADAM, decay=5.0),
    "muon-jordan": Optimizer(partial(torch.optim.Muon, eps=_TINY), 0.1, _MUON),
    "muon-jordan+coupled": Optimizer(partial(torch.optim.Muon, eps=_TINY), 0.1, _MUON, decay=2.0),
}
"""By the names that they have here."""


@dataclass(frozen=True)
class Judged:
    """A multilayer perceptron of three layers, by an optimizer and with an activation."""

    optimizer: str = "sgd"
    activation: Activation = "relu"
    centered: bool = True

    def __str__(self) -> str:
        return f"{self.optimizer} {self.activation}{'' if self.centered else ' uncentered'}"

    def problem(self, activation: Activation | None = None, **options: object) -> TrainingProblem:
        """For an engine; what is given here replaces what the judge has."""
        law = OPTIMIZERS[self.optimizer]
        given = Parameterization.of(multiplier=MULTIPLIERS, init=INITS, lr=law.exponents)
        same = {"optimizer": self.optimizer, "lr": law.lr, "decay": law.decay, "centered": self.centered}
        training = Training(**{"batch": BATCH, "steps": 2, "spectra": True, **same, **options})  # type: ignore[arg-type]
        return TrainingProblem(mlp(3, activation or self.activation), given, training)

    def plain(self) -> Plain:
        """For the judge."""
        law, behind = OPTIMIZERS[self.optimizer], gain(self.activation)
        return Plain(
            shapes=SHAPES,
            multipliers=[WIDTH ** float(power) for power in MULTIPLIERS],
            scales=[gain * WIDTH ** float(power) for gain, power in zip((1.0, behind, behind), INITS, strict=True)],
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
        with pytest.MonkeyPatch.context() as patched:
            # torch.optim.Muon iterates in bfloat16: here in double precision, by the same code.
            patched.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
            states = list(plain_training.train(plain, initial, inputs, targets))
        values = plain_training.observe(plain, states)
        return {Observable(*key): value.numpy() for key, value in values.items()}  # type: ignore[arg-type]


def train_and_tell(engine: Engine, seeds: Sequence[int]) -> tuple[dict[Observable, Array], list[Tensor]]:
    """What an engine observes, and the W(0) of each layer that it was trained from, (seeds, fan_out, fan_in).

    Matrices that are revealed where they are applied are here revealed to the end, after training: what there was is
    then the training of these matrices.
    """
    layers: list[tuple[Weights, ...]] = []
    graphs: list[dict[str, Tensor]] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("empirical.engines.mlp.training.draw", _keeping(layers, drawing.draw))
        patched.setattr("empirical.engines.graph.module.draw", _keeping(graphs, setting.draw))
        values = engine.train(WIDTH, seeds)
    matrices = [tensor[0].clone() for drawn in graphs for tensor in drawn.values()]
    for weights, (_, fan_in) in ((one, shape) for drawn in layers for one, shape in zip(drawn, SHAPES, strict=True)):
        identity = torch.eye(fan_in, dtype=weights.pool.kind)  # type: ignore[attr-defined]
        matrices.append(weights.apply(identity.expand(len(seeds), -1, -1)).mT.clone())
    return values, matrices


def _keeping(kept: list, function: Callable[..., object]) -> Callable[..., object]:
    """The function, whose results are kept."""

    def call(*given: object, **options: object) -> object:
        kept.append(function(*given, **options))
        return kept[-1]

    return call
