"""Freedom, counted by training: the Jacobian of the criteria at networks that were calibrated, and its null space.

At each width and for each seed: solve for hyperparameters that meet the criteria (`calibration`), then vary all of
them, multipliers too, and take central differences of the logarithms of all criteria. More criteria are asked than
there are hyperparameters, g = 1 left out: only if they depend on each other is there a direction that none of them
notices.

Singular values are those of each seed's Jacobian on its own, so that their spread over seeds is seen; a mean of
Jacobians would hide it. A singular value is never negative, so where it tends to 0 noise lifts it: the limit is an
upper bound.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from empirical.engines.mlp.engine import DenseEngine
from empirical.experiments.calibration import blank_plan, hyperparameters, solve_all
from empirical.experiments.conditions import Experiment
from empirical.statistics.limits import limit
from empirical.sweeps.costs import Cost
from empirical.sweeps.sweep import Progress
from empirical.sweeps.width_by_width import WidthPlan, estimate, run_by_width, spread_seeds
from empirical.tensors.arrays import Array
from scalings.criteria.conditions import System, all_conditions
from scalings.errors import ArgumentError
from scalings.hyperparameters.update_laws import UpdateLaw
from scalings.networks.network import Network
from scalings.results.experiments import FreedomMeasurement
from scalings.results.trials import Training

DEFAULT_SEEDS = 8
_LEAST_SEEDS = 2


def count_freedoms(
    network: Network,
    system: System,
    training: Training = Training(steps=1),  # noqa: B008 - frozen
    *,
    widths: Sequence[int] | None = None,
    seeds: int = DEFAULT_SEEDS,
    first_seed: int = 0,
    device: str = "auto",
    conditions: System | None = None,
    progress: Progress | None = None,
    announce: Callable[[Cost], None] | None = None,
) -> FreedomMeasurement:
    """Measure the Jacobian of all of the tutorial's criteria (or `conditions`) where `system` is solved.

    `announce` is given the estimated cost before anything else, and may raise. Raises ArgumentError for what cannot be
    trained or solved, and for fewer than two seeds, which have no spread.
    """
    if seeds < _LEAST_SEEDS:
        raise ArgumentError("seeds", f"expected at least {_LEAST_SEEDS}, whose spread is the error, but got {seeds}")
    asked = all_conditions(network, training.steps) if conditions is None else conditions
    on = blank_plan(network, training, widths, seeds, first_seed, device)
    begin, depth, names = time.perf_counter(), network.depth, hyperparameters(network)
    blank_start = start = np.zeros(3 * depth)
    unsolved: dict[int, int] = {}

    def varied(start: Array, width: int, these: range) -> tuple[Array, npt.NDArray[np.bool_], Array]:
        experiment = Experiment(on.engine.perceptron(width), training, on.engine.examples, system, these, on.device)
        logs, solved = solve_all(on, experiment, start)
        return logs, solved, jacobian_all(on, experiment.asked(asked), logs)

    def at(width: int, these: range) -> Array:
        nonlocal start
        logs, solved, jacobians = varied(start, width, these)
        if np.sum(solved) < _LEAST_SEEDS:
            found = f"{np.sum(solved)} of {len(these)} seeds at width {width}"
            raise ArgumentError("widths", f"no hyperparameters meet the criteria but for {found}")
        if not solved.all():
            unsolved[width] = int(np.sum(~solved))
        start = logs[solved].mean(axis=0)
        return jacobians[solved]

    if announce:
        announce(estimate(on, partial(varied, blank_start)))
    reached = run_by_width(on, at, progress)
    jacobians = reached.found
    singular = {width: _singular_values(found[:, :, depth:]) for width, found in jacobians.items()}
    return FreedomMeasurement(
        network=network,
        training=training,
        conditions=asked,
        seeds=reached.seeds,
        unsolved=unsolved,
        entries={
            (str(condition), name): limit({width: found[:, row, column] for width, found in jacobians.items()})
            for row, condition in enumerate(asked)
            for column, name in enumerate(names)
        },
        singular_values=tuple(
            limit({width: values[:, index] for width, values in singular.items()}) for index in range(2 * depth)
        ),
        direction=dict(zip(names[depth:], _direction(jacobians[max(jacobians)][:, :, depth:]), strict=True)),
        gauges=max(_gauge_change(found, training.laws_of(network)) for found in jacobians.values()),
        interrupted=reached.interrupted,
        seconds=time.perf_counter() - begin,
    )


def jacobian_all(on: WidthPlan[DenseEngine], experiment: Experiment, logs: Array) -> Array:
    """The Jacobian of each seed, (seeds, conditions, 3L), seeds side by side."""
    columns, seeds = range(3 * experiment.depth), experiment.seeds

    def run(these: slice) -> Array:
        return experiment.only(seeds[these]).jacobian(logs[these], columns)[1]

    return np.concatenate(spread_seeds(on, experiment.perceptron.width, len(seeds), 2 * len(columns) + 1, run))


def _singular_values(jacobians: Array) -> Array:
    """One for each column: of fewer rows than columns, the last ones are 0."""
    found = np.asarray(np.linalg.svd(jacobians, compute_uv=False), dtype=np.float64)
    return np.pad(found, ((0, 0), (0, jacobians.shape[2] - found.shape[1])))


def _direction(jacobians: Array) -> list[tuple[float, float]]:
    """The right singular vector of the least singular value, of unit length and its largest entry positive."""
    vectors = np.linalg.svd(jacobians)[2][:, -1]
    largest = np.argmax(np.abs(vectors.mean(axis=0) if len(vectors) == 1 else vectors[0]))
    vectors = vectors * np.sign(vectors[:, largest])[:, None]
    errors = vectors.std(axis=0, ddof=1) / len(vectors) ** 0.5
    return list(zip(vectors.mean(axis=0).tolist(), errors.tolist(), strict=True))


def _gauge_change(jacobians: Array, laws: Sequence[UpdateLaw]) -> float:
    """The largest change that (g, sigma, eta) -> (e^t g, e^-t sigma, e^(-t power) eta) of a layer makes, over t."""
    powers = np.diag([float(law.gauge_power) for law in laws])
    gauge = np.concatenate([np.eye(len(laws)), -np.eye(len(laws)), -powers])
    return float(np.abs(jacobians @ gauge).max())
