"""Experiments that go from width to width: one width after the other, the smallest first.

What is found at one width may be a start for the next, and an interrupt ends it with what is known by then, if
that is enough for a fit. At each width seeds are spread over workers (`spread_seeds`): as many at a time as there is
room for, but no worker without any.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from empirical.engines.engine import Engine
from empirical.sweeps import costs, workers
from empirical.sweeps.costs import Cost
from empirical.sweeps.plans import LEAST_WIDTHS, allocate, check_plan
from empirical.sweeps.sweep import Progress
from empirical.tensors import memory
from empirical.weights.updates import is_low_rank

T = TypeVar("T")
E = TypeVar("E", bound=Engine)

DEFAULT_WIDTHS = (64, 91, 128, 181, 256, 362, 512, 724, 1024)
DEFAULT_WIDTHS_OF_ENTRIES = (32, 45, 64, 91, 128, 181, 256, 362)
"""For optimizers that act on the entries of matrices, of which every setting of hyperparameters needs its own."""
_SHORT = 2.0
"""Seconds of a seed that an estimate may take."""
_ROOM = 256 * 2**20
"""Bytes that what one worker trains at a time may take."""


@dataclass(frozen=True)
class ByWidth(Generic[T]):
    """What was found at each width that was reached, and by how many seeds."""

    found: dict[int, T]
    seeds: dict[int, int]
    interrupted: bool


@dataclass(frozen=True)
class WidthPlan(Generic[E]):
    """One engine, and the number of seeds at each width, from `first_seed` on."""

    engine: E
    seeds: dict[int, int]
    first_seed: int

    @property
    def device(self) -> str:
        return self.engine.problem.device

    def at(self, width: int) -> range:
        return range(self.first_seed, self.first_seed + self.seeds[width])


def width_plan(
    engine: E,
    *,
    widths: Sequence[int],
    seeds: int,
    first_seed: int,
    cap: int,
    settings: int = 1,
) -> WidthPlan[E]:
    """The plan of an experiment. Raises ArgumentError for what cannot be trained.

    `seeds` is their number at the largest width; smaller ones get up to `cap` times as many. At least `settings` of a
    seed's hyperparameters are trained at a time.
    """
    if engine.refusal:
        raise engine.refusal
    check_plan(widths, seeds, first_seed, engine.refusal_at)
    problem = engine.problem
    copies = workers.count(problem.device) * (1 if all(map(is_low_rank, problem.training.optimizers)) else settings)
    memory.check_room(
        widths, lambda width: copies * engine.seed_bytes(width), problem.device, variable=problem.variable
    )
    return WidthPlan(engine, allocate(widths, seeds, cap), first_seed)


def default_widths(optimizer: str) -> tuple[int, ...]:
    """The widths of an experiment with a multilayer perceptron that names none."""
    return DEFAULT_WIDTHS if optimizer == "sgd" else DEFAULT_WIDTHS_OF_ENTRIES


def estimate(on: WidthPlan[E], run: Callable[[int, range], object]) -> Cost:
    """What `run_by_width` will take, from a seed on each worker at a small width, and at a larger one if that is short.

    The seconds of the smaller alone are extrapolated as the units are, which is rather too little.
    """
    engine, largest = on.engine, max(on.seeds)
    count = workers.count(on.device)

    def seconds_at(width: int) -> float:
        begin = time.perf_counter()
        run(width, range(on.first_seed, on.first_seed + count))
        return (time.perf_counter() - begin) / count

    small, *larger = sorted({min(width, largest) for width, _ in engine.timed(tuple(on.seeds))})
    terms = {width: engine.terms(width) for width in {small, *larger, *on.seeds}}
    took = {small: seconds_at(small)}
    per_unit = took[small] / terms[small][0]
    if larger and per_unit * terms[larger[0]][0] < _SHORT:
        took[larger[0]] = seconds_at(larger[0])
        each = costs.constants([terms[width] for width in took], list(took.values()))
        seconds = sum(seeds * float(each @ terms[width]) for width, seeds in on.seeds.items())
    else:
        seconds = sum(seeds * per_unit * terms[width][0] for width, seeds in on.seeds.items())
    return Cost(seconds, max(min(seeds, count) * engine.seed_bytes(width) for width, seeds in on.seeds.items()))


def run_by_width(on: WidthPlan[E], run: Callable[[int, range], T], progress: Progress | None = None) -> ByWidth[T]:
    """`run(width, seeds)` at each width. Raises KeyboardInterrupt if too few widths were reached."""
    found: dict[int, T] = {}
    total = sum(seeds * width**1.5 for width, seeds in on.seeds.items())
    done, interrupted = 0.0, False
    try:
        for width, count in on.seeds.items():
            found[width] = run(width, on.at(width))
            done += count * width**1.5 / total
            if progress:
                progress(min(done, 1.0), f"{on.engine.problem.variable} {width}")
    except KeyboardInterrupt:
        if len(found) < LEAST_WIDTHS:
            raise
        interrupted = True
    return ByWidth(found, {width: on.seeds[width] for width in found}, interrupted)


def spread_seeds(on: WidthPlan[E], width: int, seeds: int, settings: int, run: Callable[[slice], T]) -> list[T]:
    """`run` on slices of so many seeds, each at so many settings, side by side; the results in order."""
    room = _ROOM // (settings * on.engine.seed_bytes(width))
    size = max(1, min(room, -(-seeds // workers.count(on.device))))
    slices = [slice(start, min(start + size, seeds)) for start in range(0, seeds, size)]
    found = workers.spread(lambda number: run(slices[number]), range(len(slices)), on.device)
    return [result for _, result in sorted(found, key=lambda pair: pair[0])]
