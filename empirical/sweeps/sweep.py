"""Measurements: what a sweep saw, and how its chunks of seeds are trained side by side.

A sweep is one of `sweeps.mlp`, of multilayer perceptrons in the width, or one of `sweeps.graph`, of any network in any
scale variable.
"""

from __future__ import annotations

import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from empirical.sweeps import workers
from empirical.sweeps.measurement import Interrupted, Measurement
from empirical.sweeps.plans import LEAST_WIDTHS, check_widths
from empirical.tensors import memory
from empirical.tensors.arrays import Array
from scalings.criteria.observables import Observable
from scalings.errors import ArgumentError
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.network import Network
from scalings.results.trials import Engine, Training

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
class Sweep(ABC):
    """One parameterization at many widths, checked at the door: raises ArgumentError for what cannot be trained.

    Its widths are values of the scale variable `variable`, increasing; `seeds` is their number at the largest.
    """

    network: Network
    parameterization: Parameterization
    training: Training
    widths: tuple[int, ...]
    seeds: int
    first_seed: int
    device: str

    def __post_init__(self) -> None:
        check_widths(self.widths)
        for what, least in (("seeds", 1), ("first_seed", 0)):
            if getattr(self, what) < least:
                raise ArgumentError(what, f"expected at least {least}, but got {getattr(self, what)}")
        if self.training.steps < 1:
            raise ArgumentError("steps", f"expected at least 1, but got {self.training.steps}")

    @property
    @abstractmethod
    def variable(self) -> str: ...

    @property
    @abstractmethod
    def allocation(self) -> dict[int, int]:
        """The number of seeds at each width."""

    @property
    @abstractmethod
    def engines(self) -> dict[int, Engine]: ...

    @abstractmethod
    def cut(self, width: int) -> Iterator[Chunk]:
        """The seeds of one width in chunks."""

    @abstractmethod
    def train(self, chunk: Chunk) -> dict[Observable, Array]:
        """Every observable at every step, each an array over the chunk's seeds."""

    @abstractmethod
    def bytes(self, width: int) -> int:
        """The most bytes in use at a time at this width, which need not be one of the sweep."""

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """Smallest width first."""
        return tuple(itertools.chain.from_iterable(map(self.cut, self.widths)))

    def seeds_at(self, width: int) -> range:
        return range(self.first_seed, self.first_seed + self.allocation[width])


def carry_out(sweep: Sweep, progress: Progress | None = None) -> Measurement:
    """Train every chunk. Raises ArgumentError if memory runs out, and Interrupted with what there is, if that is enough
    for fits, instead of KeyboardInterrupt."""
    begin, done, total = time.perf_counter(), 0.0, sum(chunk.work for chunk in sweep.chunks)
    found: dict[Chunk, dict[Observable, Array]] = {}

    def too_wide(chunk: Chunk) -> ArgumentError:
        enough = max((done.width for done in found if done.width < chunk.width), default=None)
        where = f"{sweep.variable} {chunk.width}" + (f", as it did for {enough}" if enough else "")
        return memory.did_not_do(sweep.device, where)

    def run(chunk: Chunk) -> dict[Observable, Array]:
        with memory.exhausted_as(partial(too_wide, chunk)):
            return sweep.train(chunk)

    def measured(widths: Collection[int]) -> Measurement:
        seeds = {width: number for width, number in sweep.allocation.items() if width in widths}
        took = time.perf_counter() - begin
        values = _gather({chunk: seen for chunk, seen in found.items() if chunk.width in widths})
        return Measurement(
            sweep.network,
            sweep.parameterization,
            sweep.training,
            seeds,
            sweep.first_seed,
            sweep.device,
            sweep.engines,
            took,
            values,
        )

    alone = ((chunk, run(chunk)) for chunk in sweep.chunks if chunk.alone)
    beside = workers.spread(run, [chunk for chunk in sweep.chunks if not chunk.alone], sweep.device)
    try:
        for chunk, values in itertools.chain(beside, alone):
            found[chunk] = values
            done += chunk.work / total
            if progress:
                progress(min(done, 1.0), f"{sweep.variable} {chunk.width}")
    except KeyboardInterrupt:
        missing = {chunk.width for chunk in sweep.chunks if chunk not in found}
        kept = [width for width in sweep.allocation if width not in missing]
        if len(kept) >= LEAST_WIDTHS:
            raise Interrupted(measured(kept)) from None
        raise
    return measured(sweep.allocation)


def chunks(width: int, seeds: range, size: int, work: float, *, alone: bool = False) -> Iterator[Chunk]:
    """The seeds of one width, at most `size` together, at so much work a seed."""
    for start in range(seeds.start, seeds.stop, size):
        these = range(start, min(start + size, seeds.stop))
        yield Chunk(width, these, len(these) * work, alone)


def _gather(found: Mapping[Chunk, Mapping[Observable, Array]]) -> dict[Observable, dict[int, Array]]:
    """Chunks put together again, in order of width and seed whatever the order they were done in."""
    parts: dict[Observable, dict[int, list[Array]]] = {}
    for chunk in sorted(found, key=lambda chunk: (chunk.width, chunk.seeds.start)):
        for observable, array in found[chunk].items():
            parts.setdefault(observable, {}).setdefault(chunk.width, []).append(array)
    return {o: {width: np.concatenate(arrays) for width, arrays in by.items()} for o, by in parts.items()}
