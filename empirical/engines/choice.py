"""The choice of an engine: at each width the cheapest of those that do not refuse the problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from empirical.engines.engine import Engine, Trained, TrainingProblem
from empirical.engines.graph.engine import GraphEngine
from empirical.engines.mlp.engine import DenseEngine, RevealedEngine
from scalings.results.trials import check_engine

E = TypeVar("E", bound=Engine)
_WIDE = 2**16
"""Defaults are those of the engine that is cheapest here."""


@dataclass(frozen=True)
class Choice:
    """The engines among which the one with the fewest operations is taken; `asked` is a name, or "auto"."""

    asked: str
    engines: tuple[Engine, ...]

    @property
    def problem(self) -> Trained:
        return self.engines[0].problem

    def at(self, width: int) -> Engine:
        return cheapest(self.engines, width)

    @property
    def default_widths(self) -> tuple[int, ...]:
        return self.at(_WIDE).default_widths

    def default_seeds(self, widths: Sequence[int]) -> int:
        return self.at(_WIDE).default_seeds(widths)


def choose(problem: TrainingProblem, asked: str = "auto") -> Choice:
    """Raises ArgumentError for a name that is none, and if every engine of that name refuses."""
    check_engine(asked)
    engines: tuple[Engine, ...] = (DenseEngine(problem), RevealedEngine(problem), GraphEngine(problem))
    return Choice(asked, willing([engine for engine in engines if asked in ("auto", engine.name)]))


def willing(engines: Sequence[E]) -> tuple[E, ...]:
    """The engines that do not refuse. If all do, raises the most telling of their refusals."""
    refusals = [engine.refusal for engine in engines]
    found = tuple(engine for engine, refusal in zip(engines, refusals, strict=True) if refusal is None)
    if not found:
        # What is wrong with the engine is not what is wrong if another one was tried as well.
        raise min((one for one in refusals if one), key=lambda one: one.argument == "engine")
    return found


def cheapest(engines: Sequence[E], width: int) -> E:
    """The engine with the fewest operations at this width."""
    return min(engines, key=lambda engine: engine.operations(width))
