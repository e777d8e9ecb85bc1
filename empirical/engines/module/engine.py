"""The engine of modules: torch modules as they are, one seed after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from empirical.engines.engine import refused
from empirical.engines.module.problem import ModuleProblem
from empirical.engines.module.training import train
from empirical.engines.module.weights import Constants, reference_constants, reference_width
from empirical.tensors.arrays import Array
from empirical.weights.updates import check_from_gradients
from scalings.criteria.observables import Observable
from scalings.errors import ArgumentError
from scalings.results.trials import EngineName

_SPAN = (1, 1.5, 2, 3, 4, 6, 8, 12)
"""Default widths, as multiples of the smallest that was traced."""
_SEEDS = 4
_NUMBER, _COPIES = 8, 8
"""Bytes, and how often the numbers of a weight are held: W(0), W, dW, gradients, moments, and the module's own."""


@dataclass(frozen=True)
class ModuleEngine:
    """Gradients are those of autograd; the recorder finds the values that are observed."""

    problem: ModuleProblem
    name: ClassVar[EngineName] = "dense"

    @property
    def refusal(self) -> ArgumentError | None:
        return refused(lambda: check_from_gradients(self.problem.training))

    def refusal_at(self, width: int) -> ArgumentError | None:
        return refused(lambda: self.problem.check_width(width))

    @property
    def default_widths(self) -> tuple[int, ...]:
        """Those that `build` has if it is a dict; else half octaves from the smallest traced width on."""
        given = self.problem.given_widths
        return given or tuple(round(factor * reference_width(self.problem)) for factor in _SPAN)

    def default_seeds(self, widths: Sequence[int]) -> int:  # noqa: ARG002 - modules are slow at every width
        return _SEEDS

    def operations(self, width: int) -> float:
        return _COPIES * self._numbers(width)

    def seed_bytes(self, width: int) -> int:
        return round(_NUMBER * _COPIES * self._numbers(width))

    def chunk_size(self, width: int) -> int:  # noqa: ARG002 - modules hold one seed
        return 1

    def runs_alone(self, width: int) -> bool:  # noqa: ARG002 - random numbers are torch's own, one stream for all
        return True

    def timed(self, widths: Sequence[int]) -> tuple[tuple[int, int], ...]:
        return tuple((width, 1) for width in widths[:2])

    def terms(self, width: int) -> tuple[float, ...]:
        """The operations of torch, which take a time of their own, and the numbers in all weights."""
        return float(len(self.problem.traced.tape.operations)), self._numbers(width)

    def _numbers(self, width: int) -> float:
        traced = self.problem.traced
        return float(
            sum(
                len(tuple(traced.names_of(parameter))) * math.prod(size.at(width) for size in parameter.shape)
                for parameter in traced.tape.parameters
            )
        )

    def train(self, width: int, seeds: Sequence[int]) -> dict[Observable, Array]:
        """What every seed has: sizes that depend on the data may leave some without."""
        found = [self._one(width, seed) for seed in seeds]
        common = [observable for observable in found[0] if all(observable in one for one in found)]
        return {observable: np.array([one[observable] for one in found]) for observable in common}

    def _one(self, width: int, seed: int) -> dict[Observable, float]:
        """Every observable of one seed."""
        return train(self.problem, width, seed, self._constants)

    @cached_property
    def _constants(self) -> dict[str, Constants]:
        return reference_constants(self.problem)
