"""The engine of models that bring their optimizer: what a sweep trains at every width."""

from __future__ import annotations

from dataclasses import dataclass

from empirical.engines.module.engine import ModuleEngine
from empirical.models.training import Runs
from scalings.criteria.observables import Observable


@dataclass(frozen=True)
class OwnOptimizerEngine(ModuleEngine):
    """As `ModuleEngine`, but the user's optimizer takes the steps, at its own learning rates."""

    runs: Runs | None = None

    @property
    def refusal(self) -> None:
        """Any optimizer is taken."""

    def _one(self, width: int, seed: int) -> dict[Observable, float]:
        assert self.runs is not None
        return self.runs.at(width, seed)
