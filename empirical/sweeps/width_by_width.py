"""Ladders: an experiment done at one width after the other, the smallest first.

What is found at one width may be a start for the next, and an interrupt ends the climb with what is known by then, if
that is enough for a fit. At each width seeds are spread over workers (`spread_seeds`): as many at a time as there is
room for, but no worker without any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from empirical.sweeps import costs, workers
from empirical.sweeps.mlp import ChainSweep
from empirical.sweeps.plans import LEAST_WIDTHS
from empirical.sweeps.sweep import Progress
from empirical.tensors import memory
from empirical.weights.updates import is_low_rank
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.network import Network
from scalings.results.trials import Training

T = TypeVar("T")

DEFAULT_WIDTHS = (64, 91, 128, 181, 256, 362, 512, 724, 1024)
DEFAULT_WIDTHS_OF_ENTRIES = (32, 45, 64, 91, 128, 181, 256, 362)
"""For optimizers that act on the entries of matrices, of which every setting of hyperparameters needs its own."""
_ROOM = 256 * 2**20
"""Bytes that what one worker trains at a time may take."""


@dataclass(frozen=True)
class Climb(Generic[T]):
    """What was found at each width that was reached, and by how many seeds."""

    found: dict[int, T]
    seeds: dict[int, int]
    interrupted: bool


def ladder(
    network: Network,
    parameterization: Parameterization,
    training: Training,
    *,
    widths: Sequence[int] | None,
    seeds: int,
    first_seed: int,
    device: str,
    cap: int,
    settings: int = 1,
) -> ChainSweep:
    """What is to be trained, on the dense engine, checked at the door: raises ArgumentError.

    `seeds` is their number at the largest width; smaller ones get up to `cap` times as many. At least `settings` of a
    seed's hyperparameters are trained at a time.
    """
    chosen = tuple(widths or (DEFAULT_WIDTHS if training.optimizer == "sgd" else DEFAULT_WIDTHS_OF_ENTRIES))
    on = costs.choose_device(device)
    sweep = ChainSweep(network, parameterization, training, chosen, seeds, first_seed, on, "dense", cap)
    copies = workers.count(on) * (1 if is_low_rank(training.optimizer) else settings)
    memory.check_room(chosen, lambda width: copies * costs.seed_bytes(sweep.chain(width), training, "dense"), on)
    return sweep


def climb(sweep: ChainSweep, run: Callable[[int, range], T], progress: Progress | None = None) -> Climb[T]:
    """`run(width, seeds)` at each width of the sweep. Raises KeyboardInterrupt if too few widths were reached."""
    found: dict[int, T] = {}
    total = sum(seeds * width**1.5 for width, seeds in sweep.allocation.items())
    done, interrupted = 0.0, False
    try:
        for width, count in sweep.allocation.items():
            found[width] = run(width, range(sweep.first_seed, sweep.first_seed + count))
            done += count * width**1.5 / total
            if progress:
                progress(min(done, 1.0), f"width {width}")
    except KeyboardInterrupt:
        if len(found) < LEAST_WIDTHS:
            raise
        interrupted = True
    return Climb(found, {width: sweep.allocation[width] for width in found}, interrupted)


def spread_seeds(sweep: ChainSweep, width: int, seeds: int, settings: int, run: Callable[[slice], T]) -> list[T]:
    """`run` on slices of so many seeds, each at so many settings, side by side; the results in order."""
    room = _ROOM // (settings * costs.seed_bytes(sweep.chain(width), sweep.training, "dense"))
    size = max(1, min(room, -(-seeds // workers.count(sweep.device))))
    slices = [slice(start, min(start + size, seeds)) for start in range(0, seeds, size)]
    found = workers.spread(lambda number: run(slices[number]), range(len(slices)), sweep.device)
    return [result for _, result in sorted(found, key=lambda pair: pair[0])]
