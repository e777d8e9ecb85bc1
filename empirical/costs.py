"""Costs: how long a sweep will take and how much memory it needs, said before it starts.

With fans (m, k) at each layer and B examples, one seed's time at width n is close to

    alpha B sum (m + k)  +  beta sum m k,

the first term for what is done to blocks of vectors (activations, norms, dW in its factors), the second for
drawing W(0) and multiplying with it. Two short training runs, at a small width and at a larger one, give
alpha and beta on the machine at hand, all its workers busy as they will be. The estimate is meant to be right
within a factor of two.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from empirical import workers
from empirical.chains import Chain
from empirical.examples import Examples
from empirical.training import train
from scalings.errors import ArgumentError
from scalings.trials import Training

_ROOM = {"cpu": 32 * 2**20, "cuda": 4 * 2**30}
"""Bytes that a chunk of seeds may take: on a CPU few enough for its blocks to stay in the cache."""
_SMALL, _LARGE = (64, 24), (512, 4)
"""Width and seeds of the two runs that are timed."""

Chains = Callable[[int], Chain]
"""The network at a width."""


@dataclass(frozen=True)
class Cost:
    """Of a whole sweep: wall-clock seconds, and the most bytes in use at one time."""

    seconds: float
    bytes: int


def choose_device(device: str) -> str:
    """ "cpu" or "cuda", also from "auto". Raises ArgumentError for a GPU that is not there."""
    if device not in ("auto", "cpu", "cuda"):
        raise ArgumentError("device", f"expected one of auto, cpu, cuda, but got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ArgumentError("device", "expected cpu or auto, since torch finds no CUDA device, but got 'cuda'")
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def seed_bytes(chain: Chain, training: Training) -> int:
    """The bytes that training one seed takes."""
    # Matrices: W(0), and for the elementwise laws dW, G, its sign; Adam's moments and temporaries.
    # Blocks: a state and the one before it; the factors of dW, old and new. Gram matrices of one layer's factors.
    copies = {"sgd": 1, "sign": 4, "adam": 8}[training.optimizer]
    rank = training.batch * training.steps
    grams = max(4 * min(rank**2, fan_out * fan_in) for fan_out, fan_in in chain.shapes)
    blocks = _units(chain) * training.batch * (12 + 2 * training.steps)
    return 8 * (copies * _matrices(chain) + blocks + grams)


def chunk_size(chain: Chain, training: Training, device: str) -> int:
    """How many seeds are trained together."""
    return max(1, _ROOM[device] // seed_bytes(chain, training))


def peak_bytes(chain: Chain, training: Training, seeds: int, device: str) -> int:
    """The most bytes in use at this width with so many seeds."""
    size = min(seeds, chunk_size(chain, training, device))
    at_a_time = min(workers.count(device), -(-seeds // size))
    return at_a_time * size * seed_bytes(chain, training)


def available_bytes(device: str) -> int:
    """The memory that can be had now; where the system does not say, as much as anyone could want."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return sys.maxsize
    kibibytes = next(line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return int(kibibytes) * 2**10


def seconds(chains: Chains, training: Training, seeds: Mapping[int, int], device: str) -> float:
    """The wall-clock seconds of training so many seeds at each width."""
    small, large = (chains(width) for width, _ in (_SMALL, _LARGE))
    timed = [_time(small, training, _SMALL[1], device), _time(large, training, _LARGE[1], device)]
    counts = [[_units(chain), _matrices(chain)] for chain in (small, large)]
    alpha, beta = np.maximum(np.linalg.solve(np.array(counts, dtype=np.float64), timed), 0)
    return float(sum(number * (alpha * _units(chains(n)) + beta * _matrices(chains(n))) for n, number in seeds.items()))


def _time(chain: Chain, training: Training, seeds: int, device: str) -> float:
    """Wall-clock seconds a seed with all workers busy, each on so many seeds; the examples do not matter."""
    (_, inputs), (outputs, _) = chain.shapes[0], chain.shapes[-1]
    data = Examples(np.full((training.batch, inputs), inputs**-0.5), np.ones((training.batch, outputs)))
    tasks = [range(worker * seeds, (worker + 1) * seeds) for worker in range(workers.count(device))]
    took = []
    for _ in range(2):
        begin = time.perf_counter()
        for _ in workers.spread(lambda these: train(chain, training, data, these, device), tasks, device):
            pass
        took.append(time.perf_counter() - begin)
    # The fastest: what delays the others, a cold cache or a first allocation, does not last a whole sweep.
    return min(took) / (len(tasks) * seeds)


def _matrices(chain: Chain) -> int:
    return sum(fan_out * fan_in for fan_out, fan_in in chain.shapes)


def _units(chain: Chain) -> int:
    return sum(fan_out + fan_in for fan_out, fan_in in chain.shapes)
