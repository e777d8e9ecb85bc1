"""The engine of models that bring their optimizer: what a sweep trains at every width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from empirical.engines.module.engine import ModuleEngine
from empirical.models.training import MakeOptimizer, train
from empirical.tensors.arrays import Array
from scalings.criteria.observables import Observable


@dataclass(frozen=True)
class OwnOptimizerEngine(ModuleEngine):
    """As `ModuleEngine`, but the user's optimizer takes the steps, at its own learning rates."""

    make_optimizer: MakeOptimizer | None = None

    @property
    def refusal(self) -> None:
        """Any optimizer is taken."""

    def train(self, width: int, seeds: Sequence[int]) -> dict[Observable, Array]:
        assert self.make_optimizer is not None
        found = [train(self.problem, self.make_optimizer, width, seed) for seed in seeds]
        common = [observable for observable in found[0] if all(observable in one for one in found)]
        return {observable: np.array([one[observable] for one in found]) for observable in common}
