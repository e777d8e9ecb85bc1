"""Sweeps of graphs: `empirical.sweeps.measure` for networks of any node kinds, in any of their scale variables.

One scale variable is varied, at whose values the parameterization's exponents are powers; the others are held where
`sizes` says, with the exponents that `beside` gives them there. The result is that of the other `measure`, its widths
being the values of the scale variable.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from empirical import costs, tasks, workers
from empirical.graph_training import train
from empirical.graph_updates import check_optimizer
from empirical.plans import allocate, check_widths
from empirical.regression import Array
from empirical.settings import Setting, weight_shape
from empirical.sweeps import Measurement, Progress, gather
from scalings.networks import Network
from scalings.nodes import DEPTH_SCALE, WIDTH_SCALE, Dense
from scalings.observables import Observable
from scalings.parameterizations import Parameterization
from scalings.trials import Training

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
    what cannot be measured.
    """
    check_widths(widths)
    check_optimizer(training.optimizer)
    begin, on, task = time.perf_counter(), costs.choose_device(device), tasks.load(network, training)
    allocation = allocate(widths, DEFAULT_SEEDS if seeds is None else seeds)
    chunks: list[tuple[int, range]] = []
    for width, number in reversed(allocation.items()):
        each = _bytes(scaling.setting(network, parameterization, training, width))
        size = max(1, min(number, round(_CHUNK_BYTES / each)))
        stop = first_seed + number
        chunks += [(width, range(start, min(start + size, stop))) for start in range(first_seed, stop, size)]

    def run(chunk: tuple[int, range]) -> dict[Observable, Array]:
        setting = scaling.setting(network, parameterization, training, chunk[0])
        return train(setting, training, task, chunk[1], on)

    found: dict[tuple[int, int], dict[Observable, Array]] = {}
    for (width, these), values in workers.spread(run, chunks, on):
        found[width, these.start] = values
        if progress:
            progress(len(found) / len(chunks), f"{scaling.variable} {width}")
    took = time.perf_counter() - begin
    return Measurement(
        network,
        parameterization,
        training,
        allocation,
        first_seed,
        on,
        dict.fromkeys(widths, "dense"),
        took,
        gather(found),
    )


def _bytes(setting: Setting) -> int:
    """What one seed takes, roughly."""
    layers = setting.network.layers
    numbers = sum(setting.copies(node.name) * math.prod(weight_shape(setting, node)) for node in layers)
    return 8 * _COPIES_OF_WEIGHTS * numbers
