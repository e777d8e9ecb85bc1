"""Reproduction: the ensembles that the tutorial's experiments train, spread over workers, and what they cost.

The tutorial is Karkada, arXiv 2404.19719, with its notebook. What is claimed of the errors and outputs that come out,
and whether it holds, is said in `scalings.studies.reproduction`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

import torch

from empirical.data import tasks
from empirical.data.examples import CLASSES, Split, input_size, split
from empirical.experiments.epochs import Schedule, Trained, train
from empirical.experiments.tutorial_networks import GraphMember, Perceptrons
from empirical.sweeps import costs, workers
from empirical.sweeps.costs import Cost
from empirical.tensors import memory
from empirical.tensors.arrays import Array
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.networks.network import Network

_COLORS = 3
_TIMED_EXAMPLES, _TIMED_WIDTH = 256, 512
_PATCHES = 5
"""Times as long as its products that a small convolution takes: it gathers the neighbours of every position."""
_COPIES = 8
"""Of its weights that a member in training takes: gradients, moments, and what is made of them on the way."""


@dataclass(frozen=True)
class Run:
    """One ensemble: the tutorial's perceptron, or a network from one seed, at one width.

    `factors` are each seed's on the learning rates; `examples` of the data are trained on, or all.
    """

    parameterization: Parameterization
    width: int
    seeds: tuple[int, ...]
    schedule: Schedule
    data: str
    factors: tuple[float, ...] | None = None
    double: bool = False
    examples: int | None = None
    network: Network | None = None

    @cached_property
    def split(self) -> Split:
        whole = split(self.data)
        fewer = replace(whole, inputs=whole.inputs[: self.examples], targets=whole.targets[: self.examples])
        return fewer if self.network is None else _as_images(fewer)

    def train(self, device: str, stopped: threading.Event | None = None) -> Trained:
        """Train it. Raises ArgumentError if memory runs out, and KeyboardInterrupt once `stopped` is set."""
        with memory.exhausted_as(lambda: memory.did_not_do(device, f"width {self.width}")):
            if self.network is None:
                sizes, kind = (input_size(self.data), self.width, CLASSES), torch.float64 if self.double else None
                members = Perceptrons(self.parameterization, sizes, self.seeds, self.factors, kind, device)
                return train(members, self.split, self.schedule, stopped)
            (seed,) = self.seeds
            alone = GraphMember(self.network, self.parameterization, self.width, seed, device)
            return train(alone, self.split, self.schedule, stopped)

    @property
    def weights(self) -> int:
        """Of a member."""
        if self.network is None:
            return self.width * (input_size(self.data) + self.width + CLASSES)
        shapes = (layer.fan_in.at(self.width) * layer.fan_out.at(self.width) for layer in self.network.layers)
        return sum(shapes)

    @property
    def steps(self) -> int:
        """The number of updates."""
        return self.schedule.steps(len(self.split.inputs))

    @property
    def terms(self) -> tuple[float, float]:
        """What takes time: the updates, and the multiplications, those in double precision twice."""
        looks = self.schedule.epochs + 1 if self.schedule.every_epoch else 1
        positions = 1 if self.network is None else _PATCHES * tasks.SIDE**2
        examples = 3 * self.steps * self.schedule.batch + looks * len(self.split.test_inputs)
        return self.steps, len(self.seeds) * positions * examples * self.weights * (2.0 if self.double else 1.0)

    @property
    def bytes(self) -> int:
        return _COPIES * len(self.seeds) * self.weights * (8 if self.double else 4)


def _as_images(data: Split) -> Split:
    """The same as images that convolutions read, less the mean of those that are trained on."""
    mean = data.inputs.mean(axis=0)
    inputs, test_inputs = (tasks.images(vectors - mean, _COLORS) for vectors in (data.inputs, data.test_inputs))
    return replace(data, inputs=inputs, test_inputs=test_inputs)


def carry_out(runs: Sequence[Run], device: str, progress: Callable[[float, str], None] | None = None) -> list[Trained]:
    """Train all, side by side. Raises KeyboardInterrupt soon after an interrupt, and ArgumentError as `Run.train`."""
    stopped, found, done = threading.Event(), dict[int, Trained](), 0.0
    total = sum(run.terms[1] for run in runs)
    trained = workers.spread(lambda at: runs[at].train(device, stopped), range(len(runs)), device, stopped)
    for number, result in trained:
        found[number] = result
        done += runs[number].terms[1] / total
        if progress:
            progress(min(done, 1.0), f"{runs[number].parameterization.name} at width {runs[number].width}")
    return [found[number] for number in range(len(runs))]


def cost(runs: Sequence[Run], device: str) -> Cost:
    """What `carry_out` will take, estimated from a fraction of a second of training."""
    if not runs:
        return Cost(0.0, 0)
    each, count = (
        _constants(runs[0].data, min(_TIMED_WIDTH, max(run.width for run in runs)), device),
        workers.count(device),
    )
    seconds = sum(float(each @ run.terms) for run in runs) / count
    return Cost(seconds, count * max(run.bytes for run in runs))


@cache
def _constants(data: str, width: int, device: str) -> Array:
    """The seconds of each of a run's terms, from short ones up to this width."""
    schedule = Schedule(1)
    small = Run(preset("ntp", 3), min(32, width), (0,), schedule, data, examples=_TIMED_EXAMPLES)
    large = replace(small, width=width, seeds=(0, 1))
    return costs.constants([small.terms, large.terms], [_time(small, device), _time(large, device)])


def _time(run: Run, device: str) -> float:
    """Seconds, the better of two, all workers busy."""
    took = []
    for _ in range(2):
        begin = time.perf_counter()
        for _ in workers.spread(lambda _: run.train(device), range(workers.count(device)), device):
            pass
        took.append(time.perf_counter() - begin)
    return min(took)
