"""Sweeps: one parameterization trained at many widths from many seeds, and the exponents that come of it."""

from __future__ import annotations

import bisect
import itertools
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from empirical import costs, examples, memory, regression, workers
from empirical.chains import Chain, chain
from empirical.costs import Cost
from empirical.plans import LEAST_WIDTHS, allocate, check_widths, default_seeds, default_widths
from empirical.training import train
from empirical.updates import check_optimizer, is_low_rank
from scalings.errors import ArgumentError
from scalings.fits import Diverged, Fit
from scalings.networks import Network
from scalings.observables import Observable
from scalings.parameterizations import Parameterization
from scalings.trials import ENGINES, Engine, Record, Training, Trial

Array = npt.NDArray[np.float64]
Progress = Callable[[float, str], None]
"""Called with the fraction done, in [0, 1], and a few words on what was just done."""


@dataclass(frozen=True)
class Measurement:
    """What a sweep saw: for each observable and width, the values over seeds.

    `seeds` is the number of them at each width; they are `first_seed`, `first_seed` + 1, ...
    """

    network: Network
    parameterization: Parameterization
    training: Training
    seeds: Mapping[int, int]
    first_seed: int
    device: str
    engines: Mapping[int, Engine]
    seconds: float
    values: Mapping[Observable, Mapping[int, Array]] = field(repr=False)

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(self.seeds)

    @property
    def engine(self) -> str:
        """Which of the two exact engines trained: at all widths, or up to which one."""
        dense = [width for width, engine in self.engines.items() if engine == "dense"]
        if len(dense) in (0, len(self.engines)):
            return "dense" if dense else "matrix-free"
        return f"dense up to width {max(dense)}, matrix-free above"

    @cached_property
    def fits(self) -> Mapping[Observable, Fit | Diverged]:
        """The exponent of every observable that has one: what is exactly zero in some run is left out."""
        return regression.fit_all(self.values)

    def trials(self) -> Iterator[Trial]:
        """Every training run of the sweep, by width and seed."""
        for width, seeds in self.seeds.items():
            for seed in range(self.first_seed, self.first_seed + seeds):
                yield Trial(self.network, self.parameterization, self.training, width, seed, self.engines[width])

    def records(self) -> Iterator[Record]:
        """Every number that was seen, by observable, width and seed."""
        for observable, by_width in self.values.items():
            for width, values in by_width.items():
                for seed, value in enumerate(values.tolist(), start=self.first_seed):
                    yield Record(observable, width, seed, value)


class Interrupted(KeyboardInterrupt):
    """A sweep was interrupted; `measurement` is of the widths that were done, enough for fits."""

    def __init__(self, measurement: Measurement) -> None:
        super().__init__()
        self.measurement = measurement


@dataclass(frozen=True)
class Chunk:
    """Seeds of one width that are trained together, and their share of the work, in arbitrary units.

    `alone`: on all threads, with no other chunk beside it.
    """

    chain: Chain
    engine: Engine
    seeds: range
    work: float
    alone: bool


@dataclass(frozen=True)
class Sweep:
    """What is to be measured, checked at the door: raises ArgumentError for what cannot be."""

    network: Network
    parameterization: Parameterization
    training: Training
    widths: tuple[int, ...]
    seeds: int
    first_seed: int
    device: str
    engine: str
    cap: int = 32
    """How many times the seeds of the largest width a smaller one may have."""

    def __post_init__(self) -> None:
        check_widths(self.widths)
        for what, least in (("seeds", 1), ("first_seed", 0)):
            if getattr(self, what) < least:
                raise ArgumentError(what, f"expected at least {least}, but got {getattr(self, what)}")
        if self.training.steps < 1:
            raise ArgumentError("steps", f"expected at least 1, but got {self.training.steps}")
        if self.engine not in ("auto", *ENGINES):
            raise ArgumentError("engine", f"expected one of auto, {', '.join(ENGINES)}, but got {self.engine!r}")
        check_optimizer(self.training.optimizer)
        if self.engine == "matrix-free" and not is_low_rank(self.training.optimizer):
            raise ArgumentError(
                "engine",
                f"expected auto or dense with {self.training.optimizer}, whose updates are not of low rank as those of"
                " sgd are, but got 'matrix-free'",
            )
        has, needs = self.chain(self.widths[0]).shapes[0][1], examples.input_size(self.training.data)
        if has != needs:
            raise ArgumentError("network", f"expected {needs} inputs, as {self.training.data} has, but got {has}")
        self.examples  # noqa: B018 - that they can be loaded is checked here too

    def chain(self, width: int) -> Chain:
        return chain(self.network, self.parameterization, self.training, width)

    @cached_property
    def examples(self) -> examples.Examples:
        return examples.load(self.training.data, self.training.batch, outputs=self.chain(self.widths[0]).shapes[-1][0])

    @property
    def allocation(self) -> dict[int, int]:
        return allocate(self.widths, self.seeds, self.cap)

    @cached_property
    def engines(self) -> dict[int, Engine]:
        """The engine of each width: the one that was asked for, or the cheaper one."""
        return {width: self._engine(self.chain(width)) for width in self.widths}

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """Smallest width first, so that most widths are there if the sweep is interrupted."""
        chunks = []
        for width, seeds in self.allocation.items():
            at, engine = self.chain(width), self.engines[width]
            size = costs.chunk_size(at, self.training, self.device, engine)
            work, alone = costs.seed_bytes(at, self.training, engine), costs.runs_alone(at, self.training, engine)
            stop = self.first_seed + seeds
            for start in range(self.first_seed, stop, size):
                these = range(start, min(start + size, stop))
                chunks.append(Chunk(at, engine, these, len(these) * work, alone))
        return tuple(chunks)

    def bytes(self, width: int, engine: Engine | None = None) -> int:
        """The most bytes in use at a time at this width, which need not be one of the sweep."""
        seeds = self.allocation.get(width, self.seeds)
        at, chosen = self.chain(width), engine or self.engines.get(width) or self._engine(self.chain(width))
        return costs.peak_bytes(at, self.training, seeds, self.device, chosen)

    def _engine(self, at: Chain) -> Engine:
        named: dict[str, Engine] = dict(zip(ENGINES, ENGINES, strict=True))
        return named.get(self.engine) or costs.cheaper_engine(at, self.training)

    def _widest(self, free: int, engine: Engine | None = None) -> int:
        """The largest width that fits, by bisection; 0 if none does."""
        return bisect.bisect_right(range(1, self.widths[-1] + 1), free, key=lambda width: self.bytes(width, engine))

    def refuse_beyond_memory(self) -> None:
        free = memory.available_bytes(self.device)
        if all(self.bytes(width) <= free for width in self.widths):
            return
        widest, fits = self.widths[-1], self._widest(free)
        hint = f"expected widths up to {fits}" if fits >= self.widths[0] else "no such width fits"
        if self.engine == "dense" and is_low_rank(self.training.optimizer):
            hint += f", or the matrix-free engine, which fits up to {self._widest(free, 'matrix-free')}"
        raise ArgumentError(
            "widths",
            f"width {widest} needs {self.bytes(widest) / 2**30:.3g} GiB, but {self.device} has"
            f" {free / 2**30:.3g} GiB free: {hint}",
        )


def measure(
    network: Network,
    parameterization: Parameterization,
    training: Training = Training(),  # noqa: B008 - frozen
    *,
    widths: Sequence[int] | None = None,
    seeds: int | None = None,
    first_seed: int = 0,
    device: str = "auto",
    engine: str = "auto",
    cap: int = 32,
    progress: Progress | None = None,
) -> Measurement:
    """Train the network at every width from many seeds and record every observable at every step.

    `widths` and `seeds`, the number of them at the largest width, default to those of `empirical.plans`; smaller
    widths get up to `cap` times as many. `engine` is auto, dense or matrix-free, two engines of one law: auto
    takes at each width the one with fewer operations, and `Measurement.engine` says which. A run that diverges is a
    result, recorded as inf or nan. Raises ArgumentError, in one line, for what cannot be measured: widths, seeds,
    device, data, engine, memory, or the network itself; and Interrupted with what there is, if that is enough for
    fits, instead of KeyboardInterrupt.
    """
    sweep = _planned(network, parameterization, training, widths, seeds, first_seed, device, engine, cap)
    on = sweep.device
    sweep.refuse_beyond_memory()
    begin, done, total = time.perf_counter(), 0.0, sum(chunk.work for chunk in sweep.chunks)
    found: dict[tuple[int, int], dict[Observable, Array]] = {}

    def run(chunk: Chunk) -> dict[Observable, Array]:
        try:
            return train(chunk.chain, training, sweep.examples, chunk.seeds, on, chunk.engine)
        except (MemoryError, RuntimeError) as error:
            if memory.is_exhausted(error):
                raise ArgumentError("widths", f"the memory of {on} did not do for width {chunk.chain.width}") from None
            raise

    def measured(widths: Collection[int]) -> Measurement:
        seeds = {width: number for width, number in sweep.allocation.items() if width in widths}
        took = time.perf_counter() - begin
        values = gather({(width, first): seen for (width, first), seen in found.items() if width in widths})
        return Measurement(network, parameterization, training, seeds, first_seed, on, sweep.engines, took, values)

    alone = ((chunk, run(chunk)) for chunk in sweep.chunks if chunk.alone)
    beside = workers.spread(run, [chunk for chunk in sweep.chunks if not chunk.alone], on)
    try:
        for chunk, values in itertools.chain(beside, alone):
            found[chunk.chain.width, chunk.seeds.start] = values
            done += chunk.work / total
            if progress:
                progress(min(done, 1.0), f"width {chunk.chain.width}")
    except KeyboardInterrupt:
        missing = {c.chain.width for c in sweep.chunks if (c.chain.width, c.seeds.start) not in found}
        kept = [width for width in sweep.widths if width not in missing]
        if len(kept) >= LEAST_WIDTHS:
            raise Interrupted(measured(kept)) from None
        raise
    return measured(sweep.widths)


def estimate(
    network: Network,
    parameterization: Parameterization,
    training: Training = Training(),  # noqa: B008 - frozen
    *,
    widths: Sequence[int] | None = None,
    seeds: int | None = None,
    device: str = "auto",
    engine: str = "auto",
    cap: int = 32,
) -> Cost:
    """What `measure` with the same arguments will cost; takes a fraction of a second. Raises as it does."""
    sweep = _planned(network, parameterization, training, widths, seeds, 0, device, engine, cap)
    on = sweep.device
    sweep.refuse_beyond_memory()
    seconds = costs.seconds(sweep.chain, training, sweep.allocation, on, sweep.engines)
    return Cost(seconds, max(sweep.bytes(width) for width in sweep.widths))


def _planned(
    network: Network,
    parameterization: Parameterization,
    training: Training,
    widths: Sequence[int] | None,
    seeds: int | None,
    first_seed: int,
    device: str,
    engine: str,
    cap: int,
) -> Sweep:
    """The sweep with its defaults filled in."""
    chosen = default_widths(training, engine) if widths is None else tuple(widths)
    number = default_seeds(chosen) if seeds is None else seeds
    on = costs.choose_device(device)
    return Sweep(network, parameterization, training, chosen, number, first_seed, on, engine, cap)


def gather(found: Mapping[tuple[int, int], Mapping[Observable, Array]]) -> dict[Observable, dict[int, Array]]:
    """Chunks put together again, in order of width and seed whatever the order they were done in."""
    parts: dict[Observable, dict[int, list[Array]]] = {}
    for (width, _), values in sorted(found.items(), key=lambda item: item[0]):
        for observable, array in values.items():
            parts.setdefault(observable, {}).setdefault(width, []).append(array)
    return {o: {width: np.concatenate(arrays) for width, arrays in by.items()} for o, by in parts.items()}
