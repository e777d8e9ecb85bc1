"""Modules: a torch module trained at many widths from many seeds, every observable at every step."""

from __future__ import annotations

from collections.abc import Sequence

from empirical.engines.choice import Choice, willing
from empirical.engines.module.engine import ModuleEngine
from empirical.engines.module.problem import ModuleProblem
from empirical.models.engine import OwnOptimizerEngine
from empirical.models.training import Runs
from empirical.sweeps.plans import CAP
from empirical.sweeps.sweep import Sweep


def plan(
    problem: ModuleProblem,
    *,
    widths: Sequence[int] | None = None,
    seeds: int | None = None,
    first_seed: int = 0,
    cap: int = CAP,
    runs: Runs | None = None,
) -> Sweep:
    """The sweep of a module, to be carried out; what is left out is up to the engine. Raises ArgumentError.

    `seeds` is their number at the largest width; smaller ones get up to `cap` times as many. `runs` are those of a
    model with its own optimizer, which takes the steps then.
    """
    (engine,) = willing([ModuleEngine(problem) if runs is None else OwnOptimizerEngine(problem, runs)])
    chosen = engine.default_widths if widths is None else tuple(widths)
    number = engine.default_seeds(chosen) if seeds is None else seeds
    return Sweep(Choice("auto", (engine,)), chosen, number, first_seed, cap)
