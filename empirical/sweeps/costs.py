"""Costs: how long a sweep will take and how much memory it needs, said before it starts.

With fans (m, k) at each layer and B examples, one seed's time at width n is close to

    alpha B sum (m + k)  +  beta sum m k,

the first term for what is done to blocks of vectors (activations, norms, dW in its factors), the second for
drawing W(0) and multiplying with it. Two short training runs, at a small width and at a larger one, give
alpha and beta on the machine at hand, all its workers busy as they will be. Matrix-free layers have no second
term, and a third run gives their alpha. The estimate is meant to be right within a factor of two.

**Which engine is cheaper** may not depend on how busy the machine is, since the engines draw different numbers.
So it is a count of operations, which for a batch of B examples and t steps, K = B (t + 1) without the tangent
kernel, B (3t + 2) / 2 with it and B (t + 1/2) for a coordinate check, is

    dense  m k,        matrix-free  (m + k) (300 + 2 K)

a hidden layer. The constants were fitted to one core's times for K of 40, 64 and 256, where the two engines took
equally long at widths of about 750, 850 and 1600.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from empirical.data.examples import Examples
from empirical.engines.mlp.chain import Chain
from empirical.engines.mlp.drawing import directions
from empirical.engines.mlp.training import kind, train
from empirical.sweeps import workers
from empirical.weights.entrywise_laws import matrices
from empirical.weights.updates import is_low_rank
from scalings.errors import ArgumentError
from scalings.results.trials import Engine, Training

_ROOM = {"cpu": 32 * 2**20, "cuda": 4 * 2**30}
"""Bytes that a chunk of seeds may take: on a CPU few enough for its blocks to stay in the cache."""
_SMALL, _LARGE = (64, 24), (512, 4)
_MATRIX_FREE = (4096, 1)
"""Width and seeds of the runs that are timed."""
_WIDE = 128 * 2**20

Chains = Callable[[int], Chain]
"""The network at a width."""


@dataclass(frozen=True)
class Cost:
    """Of a whole sweep: wall-clock seconds, and the most bytes in use at one time."""

    seconds: float
    bytes: int

    @property
    def sentence(self) -> str:
        return f"training takes about {max(1, round(self.seconds))} s and {max(1, self.bytes >> 20)} MiB"


def choose_device(device: str) -> str:
    """ "cpu" or "cuda", also from "auto". Raises ArgumentError for a GPU that is not there."""
    if device not in ("auto", "cpu", "cuda"):
        raise ArgumentError("device", f"expected one of auto, cpu, cuda, but got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ArgumentError("device", "expected cpu or auto, since torch finds no CUDA device, but got 'cuda'")
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def cheaper_engine(chain: Chain, training: Training) -> Engine:
    """The engine that takes fewer operations; matrix-free needs updates of low rank, and has no spectra of weights."""
    if training.spectra:
        return "dense"
    shapes = [layer.shape for layer in chain.layers if layer.role == "hidden"]
    products = sum(directions(training)) / 2
    dense = sum(fan_out * fan_in for fan_out, fan_in in shapes)
    matrix_free = sum((fan_out + fan_in) * (300 + 2 * products) for fan_out, fan_in in shapes)
    return "matrix-free" if is_low_rank(training.optimizer) and matrix_free < dense else "dense"


def seed_bytes(chain: Chain, training: Training, engine: Engine) -> int:
    """The bytes that training one seed takes."""
    # Matrices: W(0), and for the elementwise laws dW, G, its sign; Adam's moments and temporaries.
    # Blocks: a state and temporaries, and for the dense engine the factors of dW, old and new. Gram matrices of one
    # layer's factors.
    weights = matrices(training.optimizer) * _matrices(chain) if engine == "dense" else _revealed(chain, training)
    rank = training.batch * training.steps
    grams = max(4 * min(rank**2, fan_out * fan_in) for fan_out, fan_in in chain.shapes)
    blocks = _units(chain) * training.batch * _blocks(training, engine)
    return kind(training).itemsize * (weights + blocks + grams)


def chunk_size(chain: Chain, training: Training, device: str, engine: Engine) -> int:
    """How many seeds are trained together."""
    return max(1, _ROOM[device] // seed_bytes(chain, training, engine))


def runs_alone(chain: Chain, training: Training, engine: Engine) -> bool:
    """Whether a seed's blocks are long enough to be worth all threads, and too large to have others beside them."""
    return engine == "matrix-free" and seed_bytes(chain, training, engine) > _WIDE


def peak_bytes(chain: Chain, training: Training, seeds: int, device: str, engine: Engine) -> int:
    """The most bytes in use at this width with so many seeds."""
    size = min(seeds, chunk_size(chain, training, device, engine))
    alone = runs_alone(chain, training, engine)
    at_a_time = 1 if alone else min(workers.count(device), -(-seeds // size))
    return at_a_time * size * seed_bytes(chain, training, engine)


def seconds(
    chains: Chains, training: Training, seeds: Mapping[int, int], device: str, engines: Mapping[int, Engine]
) -> float:
    """The wall-clock seconds of training so many seeds at each width."""
    small, large = (chains(width) for width, _ in (_SMALL, _LARGE))
    timed = [_time(small, training, _SMALL[1], device, "dense"), _time(large, training, _LARGE[1], device, "dense")]
    counts = [[_units(chain), _matrices(chain)] for chain in (small, large)]
    alpha, beta = np.maximum(np.linalg.solve(np.array(counts, dtype=np.float64), timed), 0)
    free = 0.0
    if "matrix-free" in engines.values():
        width, together = _MATRIX_FREE
        free = _time(chains(width), training, together, device, "matrix-free") / _units(chains(width))
    each = {
        n: alpha * _units(chains(n)) + beta * _matrices(chains(n)) if engine == "dense" else free * _units(chains(n))
        for n, engine in engines.items()
    }
    return float(sum(number * each[n] for n, number in seeds.items()))


def _time(chain: Chain, training: Training, seeds: int, device: str, engine: Engine) -> float:
    """Wall-clock seconds a seed with all workers busy, each on so many seeds; the examples do not matter."""
    (_, inputs), (outputs, _) = chain.shapes[0], chain.shapes[-1]
    data = Examples(np.full((training.batch, inputs), inputs**-0.5), np.ones((training.batch, outputs)))
    tasks = [range(worker * seeds, (worker + 1) * seeds) for worker in range(workers.count(device))]
    took = []
    for _ in range(2):
        begin = time.perf_counter()
        for _ in workers.spread(lambda these: train(chain, training, data, these, device, engine), tasks, device):
            pass
        took.append(time.perf_counter() - begin)
    # The fastest: what delays the others, a cold cache or a first allocation, does not last a whole sweep.
    return min(took) / (len(tasks) * seeds)


def _matrices(chain: Chain) -> int:
    return sum(fan_out * fan_in for fan_out, fan_in in chain.shapes)


def _revealed(chain: Chain, training: Training) -> int:
    """Numbers that matrix-free layers hold: bases and images, and dW where it is not in these bases."""
    (forward, backward), total = directions(training), 0
    for layer in chain.layers:
        fan_out, fan_in = layer.shape
        if layer.role == "output":
            total += 2 * fan_out * fan_in
        elif layer.role == "input":
            total += min(training.batch, fan_in) * (2 * fan_out + fan_in)
        else:
            total += (min(forward, fan_in) + min(backward, fan_out)) * (fan_out + fan_in)
    return total


def _blocks(training: Training, engine: Engine) -> int:
    """Blocks of a layer's units in use at a time; factors outside of the bases of W(0) are kept, with their images."""
    factored = engine == "dense" or training.optimizer != "sgd"
    return 7 + 3 * training.kernel + (3 + 3 * training.steps if factored else 0)


def _units(chain: Chain) -> int:
    return sum(fan_out + fan_in for fan_out, fan_in in chain.shapes)
