"""The engine of graphs: any network, in any of its scale variables, under any loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from empirical.engines.engine import TrainingProblem, refused
from empirical.engines.graph import costs
from empirical.engines.graph.ensembles import check_rates, train_losses
from empirical.engines.graph.setting import Setting
from empirical.engines.graph.training import train
from empirical.tensors.arrays import Array
from empirical.weights.low_rank_laws import multiplies_matrices
from empirical.weights.updates import check_from_gradients
from scalings.criteria.observables import Observable
from scalings.errors import ArgumentError
from scalings.networks.dimensions import DEPTH_SCALE, WIDTH_SCALE
from scalings.results.trials import EngineName

WIDE_WIDTHS = (64, 96, 128, 192, 256, 384, 512, 768, 1024)
DEFAULT_WIDTHS = (32, 48, 64, 96, 128, 192, 256, 384)
DEFAULT_DEPTHS = (4, 6, 8, 12, 16, 24, 32, 64)
_LEAST_SEEDS, _ENOUGH_SEEDS, _MOST_SEEDS = 8, 24, 96
_WORK = 90 * 2**30
"""Bytes of seeds times updates that a default sweep may take: about 90 seconds of one core for any network."""
_MULTIPLIED = 100
"""The width at which products of matrices, as muon's and shampoo's steps take, cost as much as all else."""
_ROOM = {"cpu": 96 * 2**20, "cuda": 2**32}
"""Bytes that a chunk of seeds may take."""
_TIMED_SPAN = 8
"""Times as many weights may be in the larger network that is timed."""


@dataclass(frozen=True)
class GraphEngine:
    """Weights are drawn in full, and gradients are those of autograd."""

    problem: TrainingProblem
    name: ClassVar[EngineName] = "dense"

    @property
    def refusal(self) -> ArgumentError | None:
        return refused(lambda: check_from_gradients(self.problem.training))

    def setting(self, width: int) -> Setting:
        """The network where the varied scale variable has this value."""
        problem, scaling = self.problem, self.problem.scaling
        sizes = {WIDTH_SCALE: 64, DEPTH_SCALE: 1, **scaling.sizes, scaling.variable: width}
        exponents = {**scaling.beside, scaling.variable: problem.parameterization}
        training = problem.training
        return Setting(problem.network, sizes, exponents, training.lr, training.decay, training.init)

    def refusal_at(self, width: int) -> ArgumentError | None:
        return refused(self.setting(width).check)

    @property
    def default_widths(self) -> tuple[int, ...]:
        """Values of the scale variable that tell its exponents in a minute on two cores: wide ones if there is time."""
        if self.problem.variable == DEPTH_SCALE:
            return DEFAULT_DEPTHS
        return WIDE_WIDTHS if self._affordable(WIDE_WIDTHS) >= _ENOUGH_SEEDS else DEFAULT_WIDTHS

    def default_seeds(self, widths: Sequence[int]) -> int:
        """As many as a minute allows, more at smaller widths."""
        return min(max(self._affordable(widths), _LEAST_SEEDS), _MOST_SEEDS)

    def _affordable(self, widths: Sequence[int]) -> int:
        each = sum(widths[-1] / width * self.seed_bytes(width) * self._times_slower(width) for width in widths)
        return int(_WORK / (each * self.problem.training.steps))

    def _times_slower(self, width: int) -> float:
        """Than a step that reads and writes each weight: one that multiplies matrices of the width with each other."""
        if not any(map(multiplies_matrices, self.problem.training.optimizers)):
            return 1.0
        units = width if self.problem.variable == WIDTH_SCALE else self.problem.scaling.sizes.get(WIDTH_SCALE, width)
        return 1 + units / _MULTIPLIED

    def operations(self, width: int) -> float:
        """More than those of an engine that is made for the network."""
        return costs.COPIES * costs.weights(self.setting(width))

    def seed_bytes(self, width: int) -> int:
        return costs.seed_bytes(self.setting(width), self.problem.task)

    def chunk_size(self, width: int) -> int:
        return max(1, _ROOM[self.problem.device] // self.seed_bytes(width))

    def runs_alone(self, width: int) -> bool:  # noqa: ARG002 - never
        return False

    def timed(self, widths: Sequence[int]) -> tuple[tuple[int, int], ...]:
        """At widths of the sweep, as not every width has a network."""
        few = _TIMED_SPAN * costs.weights(self.setting(widths[0]))
        small, large = widths[0], max(w for w in widths if w == widths[1] or costs.weights(self.setting(w)) <= few)
        return tuple((w, min(most, self.chunk_size(w))) for w, most in ((small, 8), (large, 2)))

    def terms(self, width: int) -> tuple[float, ...]:
        at = self.setting(width)
        return costs.weights(at), costs.values(at, self.problem.task)

    def train(self, width: int, seeds: Sequence[int]) -> dict[Observable, Array]:
        problem = self.problem
        return train(self.setting(width), problem.training, problem.task, seeds, problem.device)

    @property
    def rates_refusal(self) -> ArgumentError | None:
        return refused(lambda: check_rates(self.problem.training))

    def losses(self, width: int, seeds: Sequence[int], factors: Array) -> Array:
        """Each setting is a network of its own, and as many as make a chunk are trained together."""
        problem, setting, size = self.problem, self.setting(width), self.chunk_size(width)
        members, each = np.repeat(seeds, factors.shape[1]).tolist(), factors.flatten()
        chunks = [slice(start, start + size) for start in range(0, len(members), size)]
        losses = [
            train_losses(setting, problem.training, problem.task, members[these], each[these], problem.device)
            for these in chunks
        ]
        return np.concatenate(losses, axis=1).reshape(-1, *factors.shape)
