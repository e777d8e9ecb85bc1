"""Sweeps: one problem at many widths, and how its chunks of seeds are trained side by side."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from empirical.engines.choice import Choice
from empirical.engines.engine import Engine, Trained, TrainingProblem
from empirical.engines.mlp.engine import RevealedEngine
from empirical.sweeps import costs, workers
from empirical.sweeps.costs import Cost
from empirical.sweeps.measurement import Interrupted, Measurement
from empirical.sweeps.plans import CAP, LEAST_WIDTHS, allocate, check_plan
from empirical.tensors import memory
from empirical.tensors.arrays import Array
from scalings.criteria.observables import Observable
from scalings.errors import ArgumentError

Progress = Callable[[float, str], None]
"""Called with the fraction done, in [0, 1], and a few words on what was just done."""


@dataclass(frozen=True)
class Chunk:
    """Seeds of one width that are trained together, and their share of the work, in arbitrary units.

    `alone`: on all threads, with no other chunk beside it.
    """

    width: int
    seeds: range
    work: float
    alone: bool = False


@dataclass(frozen=True)
class Sweep:
    """One problem at many widths, values of its scale variable, checked at the door: raises ArgumentError.

    `widths` are increasing, and `seeds` is their number at the largest; smaller ones get up to `cap` times as many.
    """

    choice: Choice
    widths: tuple[int, ...]
    seeds: int
    first_seed: int = 0
    cap: int = CAP

    def __post_init__(self) -> None:
        check_plan(self.widths, self.seeds, self.first_seed, lambda width: self.choice.at(width).refusal_at(width))

    @property
    def problem(self) -> Trained:
        return self.choice.problem

    @property
    def allocation(self) -> dict[int, int]:
        """The number of seeds at each width."""
        return allocate(self.widths, self.seeds, self.cap)

    @cached_property
    def engines(self) -> dict[int, Engine]:
        """The engine of each width."""
        return {width: self.choice.at(width) for width in self.widths}

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """All chunks, smallest width first."""
        return tuple(itertools.chain.from_iterable(map(self._cut, self.widths)))

    def _cut(self, width: int) -> Iterator[Chunk]:
        """The seeds of one width, as many together as the engine takes."""
        engine, stop = self.engines[width], self.first_seed + self.allocation[width]
        size, work, alone = engine.chunk_size(width), engine.seed_bytes(width), engine.runs_alone(width)
        for start in range(self.first_seed, stop, size):
            these = range(start, min(start + size, stop))
            yield Chunk(width, these, len(these) * work, alone)

    def train(self, chunk: Chunk) -> dict[Observable, Array]:
        """Every observable at every step, each an array over the chunk's seeds."""
        return self.engines[chunk.width].train(chunk.width, chunk.seeds)

    def bytes(self, width: int) -> int:
        """The most bytes in use at a time at this width, which need not be one of the sweep."""
        return costs.peak_bytes(self.choice.at(width), width, self.allocation.get(width, self.seeds))

    def refuse_beyond_memory(self) -> None:
        """Raises ArgumentError for widths that do not fit, saying which do."""
        device, variable = self.problem.device, self.problem.variable
        memory.check_room(self.widths, self.bytes, device, variable=variable, otherwise=self._matrix_free)

    def _matrix_free(self, free: int) -> str:
        """The widths that fit the matrix-free engine, as an alternative, if it trains the problem."""
        problem = self.problem
        if self.choice.asked != "dense" or not isinstance(problem, TrainingProblem):
            return ""
        if (engine := RevealedEngine(problem)).refusal:
            return ""
        fits = memory.largest(self.widths[-1], partial(costs.peak_bytes, engine, seeds=self.seeds), free)
        return f", or the matrix-free engine, which fits up to {fits}"

    def cost(self) -> Cost:
        """The seconds and bytes that the sweep will take, estimated from a fraction of a second of training."""
        return Cost(costs.seconds(self.engines, self.allocation), max(map(self.bytes, self.widths)))


def carry_out(sweep: Sweep, progress: Progress | None = None) -> Measurement:
    """Train every chunk. Raises ArgumentError if memory runs out, and Interrupted with what there is, if that is enough
    for fits, instead of KeyboardInterrupt."""
    problem = sweep.problem
    begin, done, total = time.perf_counter(), 0.0, sum(chunk.work for chunk in sweep.chunks)
    found: dict[Chunk, dict[Observable, Array]] = {}

    def too_wide(chunk: Chunk) -> ArgumentError:
        enough = max((done.width for done in found if done.width < chunk.width), default=None)
        where = f"{problem.variable} {chunk.width}" + (f", as it did for {enough}" if enough else "")
        return memory.did_not_do(problem.device, where)

    def run(chunk: Chunk) -> dict[Observable, Array]:
        with memory.exhausted_as(partial(too_wide, chunk)):
            return sweep.train(chunk)

    def measured(widths: Collection[int]) -> Measurement:
        seeds = {width: number for width, number in sweep.allocation.items() if width in widths}
        took = time.perf_counter() - begin
        values = _gather({chunk: seen for chunk, seen in found.items() if chunk.width in widths})
        return Measurement(
            problem.network,
            problem.parameterization,
            problem.training,
            seeds,
            sweep.first_seed,
            problem.device,
            {width: engine.name for width, engine in sweep.engines.items()},
            took,
            values,
        )

    alone = ((chunk, run(chunk)) for chunk in sweep.chunks if chunk.alone)
    beside = workers.spread(run, [chunk for chunk in sweep.chunks if not chunk.alone], problem.device)
    try:
        for chunk, values in itertools.chain(beside, alone):
            found[chunk] = values
            done += chunk.work / total
            if progress:
                progress(min(done, 1.0), f"{problem.variable} {chunk.width}")
    except KeyboardInterrupt:
        missing = {chunk.width for chunk in sweep.chunks if chunk not in found}
        kept = [width for width in sweep.allocation if width not in missing]
        if len(kept) >= LEAST_WIDTHS:
            raise Interrupted(measured(kept)) from None
        raise
    return measured(sweep.allocation)


def _gather(found: Mapping[Chunk, Mapping[Observable, Array]]) -> dict[Observable, dict[int, Array]]:
    """Chunks put together again, in order of width and seed whatever the order they were done in."""
    parts: dict[Observable, dict[int, list[Array]]] = {}
    for chunk in sorted(found, key=lambda chunk: (chunk.width, chunk.seeds.start)):
        for observable, array in found[chunk].items():
            parts.setdefault(observable, {}).setdefault(chunk.width, []).append(array)
    return {o: {width: np.concatenate(arrays) for width, arrays in by.items()} for o, by in parts.items()}
