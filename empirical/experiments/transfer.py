"""Learning rates: the best and the largest stable one at each width, relative to the parameterization.

All learning rates of a network are multiplied by one factor. At each width

- **best**: the factor with the lowest loss in the mean over all updates; of its logarithm the mean over seeds. (The
  loss after the last update alone has several valleys: a learning rate that is too large for one direction may happen
  to end well.) A sweep in octaves over the whole grid, with some of the seeds, finds the valley; a second, in eighths
  of octaves around it and with all seeds, is refined by a parabola (`optima`).
- **largest stable**: for each seed, in quarters of quarters of the whole grid: no loss is above the initial one.

Seeds and factors are trained as one batch (`RateEngine.losses`), those of a multilayer perceptron on matrices that all
settings of a seed share. Powers of n then are fitted as those of any observable.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt

from empirical.engines.choice import willing
from empirical.engines.engine import RateEngine, Scaling, TrainingProblem
from empirical.engines.graph.engine import GraphEngine
from empirical.engines.mlp.engine import DenseEngine
from empirical.statistics import curve_minima, regression
from empirical.sweeps.costs import Cost
from empirical.sweeps.sweep import Progress
from empirical.sweeps.width_by_width import WidthPlan, default_widths, estimate, run_by_width, spread_seeds, width_plan
from empirical.tensors.arrays import Array
from empirical.tensors.devices import choose_device
from scalings.errors import ArgumentError
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.dimensions import DEPTH_SCALE
from scalings.networks.network import Network
from scalings.networks.nodes import Dense
from scalings.results.experiments import Rate, Side, Transfer
from scalings.results.fits import Fit
from scalings.results.trials import Training

DEFAULT_SEEDS, DEFAULT_STEPS = 8, 5
NARROW_WIDTHS = (16, 24, 32, 48, 64, 96, 128, 192)
GRID = (-10.0, 6.0)
"""The ends of the grid, in octaves beside the base learning rate."""
GRAPH_SEEDS, GRAPH_GRID = 4, (-6.0, 10.0)
"""Where every setting is a network of its own; language models are stable up to several hundred times the base."""
_MOST_SEEDS = 4
"""Times as many seeds at small widths."""
_SCOUTS = 4
"""Seeds of the first sweep."""
_FINE = 8
"""Points an octave in the second sweep, which goes half an octave to each side."""
_PARTS, _SECTIONS = 4, 6
"""The interval in which a run becomes unstable is cut into so many parts so many times."""
_RECENTERINGS = 3
LEAST_OCTAVES, MOST_OCTAVES = 4.0, 100.0
"""Of the grid; beyond the latter losses overflow in every run."""


@dataclass(frozen=True)
class Bench:
    """One width at which factors are tried."""

    on: WidthPlan[RateEngine]
    width: int
    seeds: range

    def losses(self, log_factors: Array) -> Array:
        """Losses over the initial ones after each update, (steps, seeds, settings), for factors given as log2."""
        seeds, settings = log_factors.shape

        def run(these: slice) -> Array:
            return self.on.engine.losses(self.width, self.seeds[these], 2.0 ** log_factors[these])

        found = np.concatenate(spread_seeds(self.on, self.width, seeds, settings, run), axis=1)
        return np.asarray(found[1:] / found[0])

    def curves(self, grid: Array) -> Array:
        """log of the mean loss over updates, (seeds, points); 0 for a run that ever is above its initial loss."""
        losses = self.losses(np.tile(grid, (len(self.seeds), 1)))
        return np.asarray(np.log(np.where(_is_stable(losses), losses.mean(axis=0), 1.0)))

    def best(self, grid: Array) -> tuple[float, float, list[tuple[float, float]], Side | None]:
        """log2 of the best factor, its standard error, the curve, and on which edge of the grid it lies, if so."""
        scouts = self.scouting.curves(grid)
        at, curve = curve_minima.lowest(scouts), dict(zip(grid.tolist(), scouts.mean(axis=0).tolist(), strict=True))
        if at in (0, len(grid) - 1):
            return float(grid[at]), 0.0, sorted(curve.items()), "low" if at == 0 else "high"
        center = float(grid[at])
        for _ in range(_RECENTERINGS):
            fine = np.clip(center + np.arange(-_FINE // 2, _FINE // 2 + 1) / _FINE, grid[0], grid[-1])
            fine = np.unique(fine)
            curves = self.curves(fine)
            curve |= dict(zip(fine.tolist(), curves.mean(axis=0).tolist(), strict=True))
            lowest = curve_minima.lowest(curves)
            center = float(fine[lowest])
            if 0 < lowest < len(fine) - 1:
                break
        side: Side | None = "low" if center == grid[0] else "high" if center == grid[-1] else None
        return *curve_minima.minimum_with_error(fine, curves), sorted(curve.items()), side

    @property
    def scouting(self) -> Bench:
        return Bench(self.on, self.width, self.seeds[:_SCOUTS])

    def largest_stable(self, low: float, high: float) -> tuple[Array, Side | None]:
        """log2 of the largest stable factor of each seed, and the edge if some seed's is beyond one."""
        count = len(self.seeds)
        ends = _is_stable(self.losses(np.tile([low, high], (count, 1))))
        if not ends[:, 0].all():
            return np.full(count, low), "low"
        if ends[:, 1].any():
            return np.full(count, high), "high"
        stable, part = np.full(count, low), (high - low) / _PARTS
        for _ in range(_SECTIONS):
            inside = stable[:, None] + part * np.arange(1, _PARTS)
            stable = stable + part * _is_stable(self.losses(inside)).cumprod(axis=1).sum(axis=1)
            part /= _PARTS
        return stable + part * _PARTS / 2, None


def _is_stable(losses: Array) -> npt.NDArray[np.bool_]:
    """Whether no loss is above the initial one, nor anything but finite; over the first axis."""
    return np.asarray((np.isfinite(losses) & (losses <= 1)).all(axis=0))


@dataclass(frozen=True)
class Found:
    """At one width: log2 of the best factor with its error, of the largest stable one of each seed, and the curve."""

    best: float
    error: float
    stable: Array
    sides: Mapping[Rate, Side | None]
    curve: list[tuple[float, float]]

    @classmethod
    def on(cls, bench: Bench, grid: Array) -> Found:
        """Both searches over the whole grid."""
        best, error, curve, side = bench.best(grid)
        stable, beyond = bench.largest_stable(float(grid[0]), float(grid[-1]))
        return cls(best, error, stable, {"best": side, "largest stable": beyond}, curve)


def transfer(
    network: Network,
    parameterization: Parameterization,
    training: Training | None = None,
    *,
    scaling: Scaling = Scaling(),  # noqa: B008 - frozen
    widths: Sequence[int] | None = None,
    seeds: int | None = None,
    first_seed: int = 0,
    grid: tuple[float, float] | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    announce: Callable[[Cost], None] | None = None,
) -> Transfer:
    """Measure how the best and the largest stable learning rate move with the width.

    `seeds` is their number at the largest width, smaller ones get up to four times as many; the grid goes from one
    power of 2 to the other, times the base learning rate. `announce` is given the estimated cost first, and may raise.
    Raises ArgumentError for what cannot be measured.
    """
    trained = training or Training(steps=DEFAULT_STEPS)
    engine = _engine(TrainingProblem(network, parameterization, trained, choose_device(device), scaling))
    points = _grid(engine, grid)
    dense = isinstance(engine, DenseEngine)
    default = default_widths(trained.optimizer) if dense else _graph_widths(engine)
    on = width_plan(
        engine,
        widths=default if widths is None else tuple(widths),
        seeds=(DEFAULT_SEEDS if dense else GRAPH_SEEDS) if seeds is None else seeds,
        first_seed=first_seed,
        cap=_MOST_SEEDS,
        settings=len(points) if dense else 1,
    )
    begin = time.perf_counter()

    def at(width: int, these: range) -> Found:
        return Found.on(Bench(on, width, these), points)

    if announce:
        announce(estimate(on, at))
    reached = run_by_width(on, at, progress)
    edges: dict[Rate, tuple[tuple[int, Side], ...]] = {
        rate: tuple((width, side) for width, one in reached.found.items() if (side := one.sides[rate]))
        for rate in get_args(Rate)
    }
    return Transfer(
        network=network,
        parameterization=parameterization,
        training=trained,
        scale=scaling.variable,
        seeds=reached.seeds,
        grid=(2.0 ** float(points[0]), 2.0 ** float(points[-1])),
        drifts={rate: fit for rate, fit in _drifts(reached.found).items() if not edges[rate]},
        edges=edges,
        device=on.device,
        interrupted=reached.interrupted,
        seconds=time.perf_counter() - begin,
        curves={width: tuple((2.0**at, value) for at, value in one.curve) for width, one in reached.found.items()},
    )


def _engine(problem: TrainingProblem) -> RateEngine:
    """The first that trains the problem at many learning rates. Raises ArgumentError if none does."""
    both: tuple[RateEngine, ...] = (DenseEngine(problem), GraphEngine(problem))
    engines = willing(both)
    able = [engine for engine in engines if engine.rates_refusal is None]
    if not able and (refusal := engines[0].rates_refusal):
        raise refusal
    return able[0]


def _graph_widths(engine: RateEngine) -> tuple[int, ...]:
    """Narrower than one measurement's where an example has many positions, since each is trained at many rates."""
    few = engine.problem.variable == DEPTH_SCALE or isinstance(engine.problem.network.nodes[0], Dense)
    return engine.default_widths if few else NARROW_WIDTHS


def _grid(engine: RateEngine, ends: tuple[float, float] | None) -> Array:
    """Whole octaves. Raises ArgumentError for a grid that is too short or too far away."""
    low, high = ends or (GRID if isinstance(engine, DenseEngine) else GRAPH_GRID)
    if not (high - low >= LEAST_OCTAVES and max(-low, high) <= MOST_OCTAVES):
        expected = f"expected a grid of at least {LEAST_OCTAVES:g} octaves, within {MOST_OCTAVES:g} of 0"
        raise ArgumentError("grid", f"{expected}, but got {low:g} to {high:g}")
    return np.arange(low, high + 0.5)


def _drifts(found: Mapping[int, Found]) -> dict[Rate, Fit]:
    """The powers of n of both learning rates."""
    means, errors = np.log(2) * np.array([(one.best, one.error) for one in found.values()]).T
    known = sum(len(one.stable) - 1 for one in found.values())
    limits = regression.fit({width: 2.0**one.stable for width, one in found.items()})
    assert isinstance(limits, Fit), "factors are positive and finite"
    return {"best": regression.fit_means(list(found), means, errors, known), "largest stable": limits}
