"""Costs: how long a sweep will take, said before it starts.

Each engine says what a seed's time is made of (`Engine.terms`). Short training runs, two at most of each engine, give
the constants on the machine at hand, all its workers busy as they will be. The estimate is meant to be right within a
factor of two.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.optimize import nnls

from empirical.engines.engine import Engine, Trained
from empirical.sweeps import workers
from empirical.tensors.arrays import Array
from scalings.results.trials import EngineName

_LONG = 1.0
"""Seconds beside which a cold cache is nothing, so that a run is timed once."""


@dataclass(frozen=True)
class Cost:
    """Of a whole sweep: wall-clock seconds, and the most bytes in use at one time."""

    seconds: float
    bytes: int

    @property
    def sentence(self) -> str:
        return f"training takes about {max(1, round(self.seconds))} s and {max(1, self.bytes >> 20)} MiB"


class Timed(Protocol):
    """What takes time: an engine, or what an experiment makes of one. As in `Engine`."""

    @property
    def name(self) -> EngineName: ...

    @property
    def problem(self) -> Trained: ...

    def timed(self, widths: Sequence[int]) -> tuple[tuple[int, int], ...]: ...

    def terms(self, width: int) -> tuple[float, ...]: ...

    def train(self, width: int, seeds: Sequence[int]) -> object: ...


def peak_bytes(engine: Engine, width: int, seeds: int) -> int:
    """The most in use at this width with so many seeds."""
    size = min(seeds, engine.chunk_size(width))
    at_a_time = 1 if engine.runs_alone(width) else min(workers.count(engine.problem.device), -(-seeds // size))
    return at_a_time * size * engine.seed_bytes(width)


def seconds(engines: Mapping[int, Timed], seeds: Mapping[int, int]) -> float:
    """The wall-clock seconds of training so many seeds at each width, on the engine of each."""
    kinds = {engine.name: engine for engine in engines.values()}
    constants = {kind: _constants(engine, tuple(engines)) for kind, engine in kinds.items()}
    each = {width: constants[engine.name] @ engine.terms(width) for width, engine in engines.items()}
    return float(sum(number * each[width] for width, number in seeds.items()))


def _constants(engine: Timed, widths: Sequence[int]) -> Array:
    """Of the engine's terms, none of them negative."""
    runs = engine.timed(widths)
    return constants(
        [engine.terms(width) for width, _ in runs], [_time(engine, width, together) for width, together in runs]
    )


def constants(terms: Sequence[Sequence[float]], seconds: Sequence[float]) -> Array:
    """The seconds of each term, none of them negative, from runs with so many of each that took so long."""
    counts, times = np.array(terms, dtype=np.float64), np.array(seconds)
    # In shares of each time, and of each term's largest count: the runs count alike, and rounding does not.
    scale = counts.max(axis=0)
    return np.asarray(nnls(counts / scale / times[:, None], np.ones(len(times)))[0] / scale)


def _time(engine: Timed, width: int, seeds: int) -> float:
    """Wall-clock seconds a seed with all workers busy, each on so many seeds."""
    device = engine.problem.device
    tasks = [range(worker * seeds, (worker + 1) * seeds) for worker in range(workers.count(device))]
    took = []
    for _ in range(2):
        begin = time.perf_counter()
        for _ in workers.spread(lambda these: engine.train(width, these), tasks, device):
            pass
        took.append(time.perf_counter() - begin)
        if took[-1] > _LONG:
            break
    # The fastest: what delays the others, a cold cache or a first allocation, does not last a whole sweep.
    return min(took) / (len(tasks) * seeds)
