"""The two engines of multilayer perceptrons in the width: matrices drawn in full, or revealed where they are touched.

**Default widths.** Where time grows like n^2, 64 to 2048 in half octaves with 12 seeds at the largest: half-widths of
0.01 to 0.02. Where a law of low rank lets matrices be revealed instead, every octave costs the same, and a longer
lever tells more than more seeds: 128 to 65536 in octaves with one seed at the largest took as long and gave hidden
exponents to +-0.004, at r = 0 as at r = 1/2. With more directions (batch times steps) the largest widths are left out,
so that the work stays the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch

from empirical.data import examples
from empirical.data.examples import Examples
from empirical.engines.engine import TrainingProblem, refused
from empirical.engines.mlp import costs
from empirical.engines.mlp.ensembles import Factors, check_training, states
from empirical.engines.mlp.perceptron import Perceptron, perceptron
from empirical.engines.mlp.training import train
from empirical.tensors.arrays import Array
from empirical.weights.updates import check_optimizers, is_low_rank
from scalings.criteria.observables import Observable
from scalings.errors import ArgumentError
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.results.trials import EngineName

DEFAULT_WIDTHS = (64, 91, 128, 181, 256, 362, 512, 724, 1024, 1448, 2048)
DEFAULT_SEEDS = 12
LONG_WIDTHS = tuple(2**k for k in range(7, 17))
_LONG_SEEDS = 1
_LEAST_LONG = 8
"""With fewer octaves than a verdict needs widths, the half octaves are better."""
_WORK = 2**16 * 480
"""Operations a unit that the largest width may take: those of the default training."""
_ROOM = {"cpu": 32 * 2**20, "cuda": 4 * 2**30}
"""Bytes that a chunk of seeds may take: on a CPU few enough for its blocks to stay in the cache."""
_WIDE = 128 * 2**20
_SMALL, _LARGE, _MATRIX_FREE = (64, 24), (512, 4), (4096, 1)
"""Widths and seeds of the runs that are timed."""


def default_seeds(widths: Sequence[int]) -> int:
    """The seeds at the largest of these widths."""
    return _LONG_SEEDS if tuple(widths) == LONG_WIDTHS[: len(widths)] else DEFAULT_SEEDS


@dataclass(frozen=True)
class MlpEngine:
    """What the two have in common."""

    problem: TrainingProblem
    name: ClassVar[EngineName]

    @property
    def refusal(self) -> ArgumentError | None:
        problem = self.problem
        if not problem.network.is_mlp or (problem.variable, problem.training.loss) != (WIDTH_SCALE, "mse"):
            return ArgumentError("engine", f"only multilayer perceptrons in the width are trained {self.name}")
        if unknown := refused(lambda: check_optimizers(problem.training)):
            return unknown
        try:
            self.perceptron(1)
        except ArgumentError as error:
            return ArgumentError("engine", error.message)
        return None

    def refusal_at(self, width: int) -> None:
        """Every width has a perceptron."""

    def perceptron(self, width: int) -> Perceptron:
        return perceptron(self.problem.network, self.problem.parameterization, self.problem.training, width)

    @cached_property
    def examples(self) -> Examples:
        training, outputs = self.problem.training, self.perceptron(1).shapes[-1][0]
        return examples.load(training.data, training.batch, outputs=outputs)

    def default_seeds(self, widths: Sequence[int]) -> int:
        return default_seeds(widths)

    def operations(self, width: int) -> float:
        return costs.operations(self.perceptron(width), self.problem.training, self.name)

    def seed_bytes(self, width: int) -> int:
        return costs.seed_bytes(self.perceptron(width), self.problem.training, self.name)

    def chunk_size(self, width: int) -> int:
        return max(1, _ROOM[self.problem.device] // self.seed_bytes(width))

    def train(self, width: int, seeds: Sequence[int]) -> dict[Observable, Array]:
        problem = self.problem
        return train(self.perceptron(width), problem.training, self.examples, seeds, problem.device, self.name)


@dataclass(frozen=True)
class DenseEngine(MlpEngine):
    """Of any optimizer that multilayer perceptrons are trained with."""

    name = "dense"

    @property
    def default_widths(self) -> tuple[int, ...]:
        return DEFAULT_WIDTHS

    def runs_alone(self, width: int) -> bool:  # noqa: ARG002 - never
        return False

    def timed(self, widths: Sequence[int]) -> tuple[tuple[int, int], ...]:  # noqa: ARG002 - any width will do
        return tuple((width, min(most, self.chunk_size(width))) for width, most in (_SMALL, _LARGE))

    def terms(self, width: int) -> tuple[float, ...]:
        at = self.perceptron(width)
        return costs.units(at), costs.entries(at)

    @property
    def rates_refusal(self) -> ArgumentError | None:
        return refused(lambda: check_training(self.problem.training))

    def losses(self, width: int, seeds: Sequence[int], factors: Array) -> Array:
        """Trained as one batch: all settings share the draws and the large products of their seed."""
        problem, at = self.problem, self.perceptron(width)
        settings = Factors.of_lr(torch.tensor(factors), len(at.layers))
        seen = states(at, problem.training, self.examples, seeds, settings, problem.device)
        return torch.stack([state.loss for state in seen]).reshape(-1, *factors.shape).cpu().numpy()


@dataclass(frozen=True)
class RevealedEngine(MlpEngine):
    """Of optimizers whose updates are of low rank."""

    name = "matrix-free"

    @property
    def refusal(self) -> ArgumentError | None:
        refusal, training = super().refusal, self.problem.training
        if refusal is None and training.checkpoints:
            return ArgumentError("engine", "expected auto or dense for long training, but got 'matrix-free'")
        if refusal is None and training.clips:
            return ArgumentError("engine", "expected auto or dense with clipping, but got 'matrix-free'")
        if refusal is None and (full := [name for name in training.optimizers if not is_low_rank(name)]):
            return ArgumentError(
                "engine",
                f"expected auto or dense with {full[0]}, whose updates are not of low rank as those of sgd are, but"
                " got 'matrix-free'",
            )
        return refusal

    def operations(self, width: int) -> float:
        """Without end where spectra of weights are asked for, which only matrices have: trained only by its name."""
        return math.inf if self.problem.training.spectra else super().operations(width)

    @property
    def default_widths(self) -> tuple[int, ...]:
        a_unit = costs.operations_a_unit(self.problem.training)
        affordable = tuple(width for width in LONG_WIDTHS if width * a_unit <= _WORK)
        return affordable if len(affordable) >= _LEAST_LONG else DEFAULT_WIDTHS

    def runs_alone(self, width: int) -> bool:
        """Where its blocks are long, and too large to have others beside them."""
        return self.seed_bytes(width) > _WIDE

    def timed(self, widths: Sequence[int]) -> tuple[tuple[int, int], ...]:  # noqa: ARG002 - any width will do
        return (_MATRIX_FREE,)

    def terms(self, width: int) -> tuple[float, ...]:
        return (costs.units(self.perceptron(width)),)
