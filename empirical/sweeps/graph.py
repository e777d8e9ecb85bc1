"""Sweeps of graphs: `empirical.sweeps.mlp.measure` for networks of any node kinds, in any of their scale variables.

One scale variable is varied, at whose values the parameterization's exponents are powers; the others are held where
`sizes` says, with the exponents that `beside` gives them there. The result is that of the other `measure`, its widths
being the values of the scale variable.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from empirical.data import tasks
from empirical.data.tasks import Task
from empirical.engines.graph.setting import Setting, weight_shape
from empirical.engines.graph.training import train
from empirical.sweeps import costs, workers
from empirical.sweeps.measurement import Measurement
from empirical.sweeps.plans import allocate
from empirical.sweeps.sweep import Chunk, Progress, Sweep, carry_out, chunks
from empirical.tensors import memory
from empirical.tensors.arrays import Array
from empirical.weights.updates import check_optimizer
from scalings.criteria.observables import Observable
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.dimensions import DEPTH_SCALE, WIDTH_SCALE
from scalings.networks.network import Network
from scalings.networks.nodes import Dense
from scalings.results.trials import Engine, Training

DEFAULT_WIDTHS = (32, 48, 64, 96, 128, 192, 256, 384)
_NARROW_WIDTHS = (16, 24, 32, 48, 64, 96, 128, 192)
DEFAULT_DEPTHS = (4, 6, 8, 12, 16, 24, 32, 64)
DEFAULT_SEEDS = 16
_CHUNK_BYTES = 2**28
_COPIES_OF_WEIGHTS = 8
"""W(0), W, dW, its gradient, two moments, and what autograd holds."""


@dataclass(frozen=True)
class Scaling:
    """Which scale variable is varied, where the others stand, and their exponents there."""

    variable: str = WIDTH_SCALE
    sizes: Mapping[str, int] = field(default_factory=dict)
    beside: Mapping[str, Parameterization] = field(default_factory=dict)

    def setting(self, network: Network, given: Parameterization, training: Training, size: int) -> Setting:
        """The network where the varied scale variable has this value."""
        sizes = {WIDTH_SCALE: 64, DEPTH_SCALE: 1, **self.sizes, self.variable: size}
        exponents = {**self.beside, self.variable: given}
        return Setting(network, sizes, exponents, training.lr, training.decay, training.init)


def default_sizes(network: Network, variable: str) -> tuple[int, ...]:
    """Values of a scale variable that tell its exponents in a minute or two; images and texts have many positions."""
    if variable == DEPTH_SCALE:
        return DEFAULT_DEPTHS
    return DEFAULT_WIDTHS if isinstance(network.nodes[0], Dense) else _NARROW_WIDTHS


@dataclass(frozen=True)
class GraphSweep(Sweep):
    """Of any network, in one of its scale variables."""

    scaling: Scaling

    def __post_init__(self) -> None:
        super().__post_init__()
        check_optimizer(self.training.optimizer)
        self.task  # noqa: B018 - that it can be loaded is checked here too

    @property
    def variable(self) -> str:
        return self.scaling.variable

    @cached_property
    def task(self) -> Task:
        return tasks.load(self.network, self.training)

    @property
    def allocation(self) -> dict[int, int]:
        return allocate(self.widths, self.seeds)

    @property
    def engines(self) -> dict[int, Engine]:
        return dict.fromkeys(self.widths, "dense")

    def cut(self, width: int) -> Iterator[Chunk]:
        each = _bytes(self.setting(width))
        return chunks(width, self.seeds_at(width), _together(each), each)

    def setting(self, width: int) -> Setting:
        return self.scaling.setting(self.network, self.parameterization, self.training, width)

    def train(self, chunk: Chunk) -> dict[Observable, Array]:
        return train(self.setting(chunk.width), self.training, self.task, chunk.seeds, self.device)

    def bytes(self, width: int) -> int:
        """The most bytes in use at a time at this width, which need not be one of the sweep."""
        each, seeds = _bytes(self.setting(width)), self.allocation.get(width, self.seeds)
        size = min(seeds, _together(each))
        return min(workers.count(self.device), -(-seeds // size)) * size * each


def measure(
    network: Network,
    parameterization: Parameterization,
    training: Training = Training(),  # noqa: B008 - frozen
    *,
    widths: Sequence[int] = DEFAULT_WIDTHS,
    seeds: int | None = None,
    first_seed: int = 0,
    device: str = "auto",
    scaling: Scaling = Scaling(),
    progress: Progress | None = None,
) -> Measurement:
    """Train the network at every width (or other size) from many seeds and record every observable at every step.

    `seeds` is their number at the largest width; smaller ones get up to 32 times as many. Raises ArgumentError for
    what cannot be measured, and Interrupted as the other `measure` does.
    """
    number = DEFAULT_SEEDS if seeds is None else seeds
    on = costs.choose_device(device)
    sweep = GraphSweep(network, parameterization, training, tuple(widths), number, first_seed, on, scaling)
    memory.check_room(sweep.widths, sweep.bytes, on, variable=scaling.variable)
    return carry_out(sweep, progress)


def _together(each: int) -> int:
    """How many seeds of so many bytes are trained together."""
    return max(1, round(_CHUNK_BYTES / each))


def _bytes(setting: Setting) -> int:
    """What one seed takes, roughly."""
    layers = setting.network.layers
    numbers = sum(setting.copies(node.name) * math.prod(weight_shape(setting, node)) for node in layers)
    return 8 * _COPIES_OF_WEIGHTS * numbers
