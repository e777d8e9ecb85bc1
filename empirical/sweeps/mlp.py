"""Sweeps: one parameterization trained at many widths from many seeds, and the exponents that come of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from empirical.data import examples
from empirical.engines.mlp.chain import Chain, chain
from empirical.engines.mlp.training import train
from empirical.sweeps import costs
from empirical.sweeps.costs import Cost
from empirical.sweeps.measurement import Measurement
from empirical.sweeps.plans import allocate, default_seeds, default_widths
from empirical.sweeps.sweep import Chunk, Progress, Sweep, carry_out, chunks
from empirical.tensors import memory
from empirical.tensors.arrays import Array
from empirical.weights.updates import check_optimizer, is_low_rank
from scalings.criteria.observables import Observable
from scalings.errors import ArgumentError
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.networks.network import Network
from scalings.results.trials import ENGINES, Engine, Training


@dataclass(frozen=True)
class ChainSweep(Sweep):
    """Of a multilayer perceptron, in the width."""

    engine: str
    cap: int = 32
    """How many times the seeds of the largest width a smaller one may have."""

    def __post_init__(self) -> None:
        super().__post_init__()
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

    @property
    def variable(self) -> str:
        return WIDTH_SCALE

    def cut(self, width: int) -> Iterator[Chunk]:
        at, engine, seeds = self.chain(width), self.engines[width], self.seeds_at(width)
        size = costs.chunk_size(at, self.training, self.device, engine)
        work, alone = costs.seed_bytes(at, self.training, engine), costs.runs_alone(at, self.training, engine)
        return chunks(width, seeds, size, work, alone=alone)

    def train(self, chunk: Chunk) -> dict[Observable, Array]:
        at, engine = self.chain(chunk.width), self.engines[chunk.width]
        return train(at, self.training, self.examples, chunk.seeds, self.device, engine)

    def bytes(self, width: int, engine: Engine | None = None) -> int:
        """The most bytes in use at a time at this width, which need not be one of the sweep."""
        seeds = self.allocation.get(width, self.seeds)
        at, chosen = self.chain(width), engine or self.engines.get(width) or self._engine(self.chain(width))
        return costs.peak_bytes(at, self.training, seeds, self.device, chosen)

    def _engine(self, at: Chain) -> Engine:
        named: dict[str, Engine] = dict(zip(ENGINES, ENGINES, strict=True))
        return named.get(self.engine) or costs.cheaper_engine(at, self.training)

    def refuse_beyond_memory(self) -> None:
        memory.check_room(self.widths, self.bytes, self.device, otherwise=self._matrix_free)

    def _matrix_free(self, free: int) -> str:
        """What the other engine could do, where that is not the one that is used."""
        if self.engine != "dense" or not is_low_rank(self.training.optimizer):
            return ""
        fits = memory.largest(self.widths[-1], partial(self.bytes, engine="matrix-free"), free)
        return f", or the matrix-free engine, which fits up to {fits}"


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

    `widths` and `seeds`, the number of them at the largest width, default to those of `empirical.sweeps.plans`; smaller
    widths get up to `cap` times as many. `engine` is auto, dense or matrix-free, two engines of one law: auto
    takes at each width the one with fewer operations, and `Measurement.engine` says which. A run that diverges is a
    result, recorded as inf or nan. Raises ArgumentError, in one line, for what cannot be measured: widths, seeds,
    device, data, engine, memory, or the network itself; and Interrupted with what there is, if that is enough for
    fits, instead of KeyboardInterrupt.
    """
    sweep = _planned(network, parameterization, training, widths, seeds, first_seed, device, engine, cap)
    sweep.refuse_beyond_memory()
    return carry_out(sweep, progress)


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
) -> ChainSweep:
    """The sweep with its defaults filled in."""
    chosen = default_widths(training, engine) if widths is None else tuple(widths)
    number = default_seeds(chosen) if seeds is None else seeds
    on = costs.choose_device(device)
    return ChainSweep(network, parameterization, training, chosen, number, first_seed, on, engine, cap)
