"""Calibration: the init scales and learning rates that meet criteria exactly, found at each width by training.

Newton's method on logarithms, for each seed on its own networks: the derivatives are central differences of real
training runs, and a step moves no hyperparameter by more than a factor e^2. The first width starts where every
hyperparameter is a constant that knows nothing of the width, the next from the last one's solution; neither decides
the result, as a solution meets its conditions to 1e-8. Nothing here knows an exponent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from empirical.engines.engine import TrainingProblem
from empirical.engines.mlp.engine import DenseEngine
from empirical.engines.mlp.ensembles import check_shared
from empirical.experiments.conditions import COLUMNS, Experiment
from empirical.statistics import regression
from empirical.sweeps.costs import Cost
from empirical.sweeps.sweep import Progress
from empirical.sweeps.width_by_width import WidthPlan, default_widths, estimate, run_by_width, spread_seeds, width_plan
from empirical.tensors.arrays import Array
from empirical.tensors.devices import choose_device
from empirical.weights.updates import check_optimizers
from scalings.criteria.conditions import System, all_conditions
from scalings.errors import ArgumentError
from scalings.hyperparameters.parameterizations import Hyperparameter, Parameterization
from scalings.networks.network import Network
from scalings.results.experiments import Calibration
from scalings.results.fits import Fit
from scalings.results.trials import Training

DEFAULT_SEEDS = 24
_MOST_SEEDS = 8
"""Times as many seeds at small widths."""
_SOLVED = 1e-8
_MOST_ROUNDS = 40
_LARGEST_MOVE = 2.0


def solve(experiment: Experiment, start: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    """The logarithms of all hyperparameters, (seeds, 3L), at which the conditions hold, and whether they were found.

    All multipliers stay as they are at the start, of shape (3L,). A seed that is solved stays where it is, so that its
    solution does not depend on which others are solved beside it.
    """
    depth = experiment.depth
    logs = np.tile(start, (len(experiment.seeds), 1))
    best, error = logs, np.full(len(logs), np.inf)
    for _ in range(_MOST_ROUNDS):
        residuals, slopes = experiment.jacobian(logs, range(depth, 3 * depth))
        size = np.abs(residuals).max(axis=1)
        better = (size < error) & (error >= _SOLVED)
        best, error = np.where(better[:, None], logs, best), np.where(better, size, error)
        usable = np.isfinite(slopes).all(axis=(1, 2)) & np.isfinite(residuals).all(axis=1)
        if (error < _SOLVED).all() or not usable.any():
            break
        move = np.zeros((len(logs), 2 * depth))
        for seed in np.flatnonzero(usable):
            move[seed] = -np.linalg.lstsq(slopes[seed], residuals[seed], rcond=1e-12)[0]
        move *= np.minimum(1.0, _LARGEST_MOVE / np.maximum(np.abs(move).max(axis=1, keepdims=True), 1e-300))
        logs = logs + np.concatenate([np.zeros((len(logs), depth)), move], axis=1)
    return best, error < _SOLVED


def solve_all(on: WidthPlan[DenseEngine], experiment: Experiment, start: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    """`solve`, seeds side by side."""
    settings, seeds = 4 * experiment.depth + 1, experiment.seeds
    run = partial(_solve_some, experiment, start)
    found = spread_seeds(on, experiment.perceptron.width, len(seeds), settings, run)
    return np.concatenate([logs for logs, _ in found]), np.concatenate([solved for _, solved in found])


def _solve_some(experiment: Experiment, start: Array, these: slice) -> tuple[Array, npt.NDArray[np.bool_]]:
    return solve(experiment.only(experiment.seeds[these]), start)


def blank(network: Network) -> Parameterization:
    """g = 1, and every init scale and learning rate the same constant at any width."""
    zeros = [Fraction(0)] * network.depth
    return Parameterization.of(multiplier=zeros, init=zeros, lr=zeros)


def blank_plan(
    network: Network, training: Training, widths: Sequence[int] | None, seeds: int, first_seed: int, device: str
) -> WidthPlan[DenseEngine]:
    """Networks without any power of n, whose hyperparameters are to be solved for. Raises ArgumentError."""
    check_optimizers(training)
    check_shared(training)
    engine = DenseEngine(TrainingProblem(network, blank(network), training, choose_device(device)))
    return width_plan(
        engine,
        widths=tuple(widths or default_widths(training.optimizer)),
        seeds=seeds,
        first_seed=first_seed,
        cap=_MOST_SEEDS,
        settings=4 * network.depth + 1,
    )


@dataclass(frozen=True)
class Solution:
    """At one width: logarithms of all hyperparameters, (seeds, 3L), which were found, and log(left / right) of others.

    The last, (seeds, conditions), are of conditions that were not asked for.
    """

    logs: Array
    solved: npt.NDArray[np.bool_]
    others: Array


def calibrate(
    network: Network,
    system: System,
    training: Training = Training(steps=1),  # noqa: B008 - frozen
    *,
    widths: Sequence[int] | None = None,
    seeds: int = DEFAULT_SEEDS,
    first_seed: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
    announce: Callable[[Cost], None] | None = None,
) -> Calibration:
    """Solve the conditions at every width and fit the powers of n of the solutions.

    `seeds` is their number at the largest width. `announce` is given the estimated cost before anything else, and may
    raise. Raises ArgumentError for what cannot be trained, and for a system with another number of conditions than of
    unknowns.
    """
    if len(system) != 2 * network.depth:
        count = 2 * network.depth
        raise ArgumentError("system", f"{count} hyperparameters need {count} conditions, but got {len(system)}")
    on = blank_plan(network, training, widths, seeds, first_seed, device)
    begin, names = time.perf_counter(), hyperparameters(network)
    asked = {condition.criterion.name for condition in system}
    others = tuple(one for one in all_conditions(network, training.steps) if one.criterion.name not in asked)
    blank_start = start = np.zeros(len(names))

    def solved_from(start: Array, width: int, these: range) -> Solution:
        experiment = Experiment(on.engine.perceptron(width), training, on.engine.examples, system, these, on.device)
        logs, solved = solve_all(on, experiment, start)
        return Solution(logs, solved, experiment.asked(others).residuals(logs[:, None])[:, 0])

    def at(width: int, these: range) -> Solution:
        nonlocal start
        found = solved_from(start, width, these)
        if found.solved.any():
            start = found.logs[found.solved].mean(axis=0)
        return found

    if announce:
        announce(estimate(on, partial(solved_from, blank_start)))
    reached = run_by_width(on, at, progress)
    kept = {width: one for width, one in reached.found.items() if one.solved.any()}
    return Calibration(
        network=network,
        training=training,
        system=system,
        seeds=reached.seeds,
        unsolved={n: int(np.sum(~one.solved)) for n, one in reached.found.items() if not one.solved.all()},
        fits=_fits(
            (name, {n: one.logs[one.solved, column] for n, one in kept.items()})
            for column, name in enumerate(names)
            if name.which != "multiplier"
        ),
        others=_fits(
            (str(condition), {n: one.others[one.solved, column] for n, one in kept.items()})
            for column, condition in enumerate(others)
        ),
        interrupted=reached.interrupted,
        seconds=time.perf_counter() - begin,
    )


def hyperparameters(network: Network) -> list[Hyperparameter]:
    """All of them in the order of `COLUMNS`."""
    return [Hyperparameter(which, layer.name) for which in COLUMNS for layer in network.layers]


K = TypeVar("K", Hyperparameter, str)


def _fits(logs: Iterable[tuple[K, Mapping[int, Array]]]) -> dict[K, Fit]:
    """The powers of n of what has these logarithms, where there are enough widths."""
    found: dict[K, Fit] = {}
    for key, by_width in logs:
        fit = regression.fit({n: np.exp(values) for n, values in by_width.items()}) if len(by_width) >= 3 else None
        if isinstance(fit, Fit):
            found[key] = fit
    return found
