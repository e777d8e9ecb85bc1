"""Long runs: training followed over many steps, and compared with the linearized network at the end.

What is followed is the loss, the feature movement |dz|/|z(0)| of the last hidden layer and the change of the tangent
kernel, at every step. At the end, the *distance* |F*(t) - F*_lin(t)| / |F*_lin(t)|, over examples that were not trained
on, says how far the network is from the predictor of its own initial kernel (empirical.engines.mlp.linearized).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch

from empirical.data import examples
from empirical.engines.choice import cheapest, willing
from empirical.engines.engine import TrainingProblem
from empirical.engines.mlp.drawing import draw
from empirical.engines.mlp.engine import DenseEngine, RevealedEngine
from empirical.engines.mlp.linearized import linearized
from empirical.engines.mlp.perceptron import perceptron
from empirical.engines.mlp.training import outputs_of, trajectory
from empirical.engines.mlp.view import kernel_layers
from empirical.engines.observations import kernel_change
from empirical.statistics import regression
from empirical.sweeps import workers
from empirical.sweeps.plans import allocate
from empirical.tensors import memory
from empirical.tensors.arrays import Array
from empirical.tensors.buffers import BufferPool
from empirical.tensors.norms import norms
from scalings.errors import ArgumentError
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.network import Network
from scalings.results.fits import Diverged, Fit
from scalings.results.trials import Training

_OTHERS = 32
"""Examples that are looked at beside those that are trained on."""


@dataclass(frozen=True)
class LongRun:
    """Means over the seeds of the largest width at steps 0, 1, ...; distances over seeds at every width."""

    width: int
    loss: tuple[float, ...]
    movement: tuple[float, ...]
    kernel_change: tuple[float, ...]
    distances: Mapping[int, Array] = field(repr=False)

    @cached_property
    def fit(self) -> Fit | Diverged | None:
        """The exponent of n of the distance."""
        return regression.fit(self.distances)


def follow(
    network: Network,
    parameterization: Parameterization,
    training: Training,
    *,
    widths: Sequence[int],
    seeds: int,
    device: str = "auto",
    progress: Callable[[float, str], None] | None = None,
) -> LongRun:
    """Train at every width and look at more examples. Raises ArgumentError for what cannot be trained."""
    on = workers.choose_device(device)
    data = examples.load(training.data, training.batch + _OTHERS)
    if len(widths) < 4 or list(widths) != sorted(set(widths)) or widths[0] < 2:
        listed = ", ".join(map(str, widths))
        raise ArgumentError("widths", f"expected at least 4 widths, strictly increasing from 2, but got {listed}")
    for name, number in (("seeds", seeds), ("steps", training.steps)):
        if number < 1:
            raise ArgumentError(name, f"expected at least 1, but got {number}")
    plan = allocate(widths, seeds, cap=8)
    training = replace(training, kernel=True)
    problem = TrainingProblem(network, parameterization, training, on)
    both: tuple[DenseEngine | RevealedEngine, ...] = (DenseEngine(problem), RevealedEngine(problem))
    engines = willing(both)
    found: dict[int, tuple[Array, Array]] = {}
    stopped = threading.Event()
    done, total = 0.0, sum(number * width for width, number in plan.items())

    def run(width: int) -> tuple[Array, Array]:
        with memory.exhausted_as(lambda: memory.did_not_do(on, f"width {width}")):
            return trained(width)

    def trained(width: int) -> tuple[Array, Array]:
        these = range(plan[width])
        at = perceptron(network, parameterization, training, width)
        pool = BufferPool(on)
        initial = draw(at, training, these, on, cheapest(engines, width).name, pool)
        every = torch.tensor(data.inputs, device=on).expand(len(these), -1, -1)
        inputs, apart = every[:, : training.batch], every[:, training.batch :]
        targets = torch.tensor(data.targets[: training.batch], device=on)
        seen: list[torch.Tensor] = []
        for state in trajectory(at, initial, training, inputs, targets, pool):
            if stopped.is_set():
                raise KeyboardInterrupt
            zero = torch.zeros(len(these), dtype=torch.float64, device=on)
            moved, changed = zero, zero
            if state.changes:
                dz, z = norms((state.changes[-2].dz,), (state.initial[-2].z,))
                moved, changed = dz / z, kernel_change(kernel_layers(state))
            seen.append(torch.stack([state.loss, moved, changed]).mean(dim=1))
        ended = outputs_of(state, training, apart)
        frozen = linearized(at, initial, inputs, targets, apart, training.steps)
        distance, size = norms((ended - frozen,), (frozen,))
        return torch.stack(seen).cpu().numpy(), (distance / size).cpu().numpy()

    for width, result in workers.spread(run, sorted(plan, reverse=True), on, stopped):
        found[width] = result
        done += plan[width] * width / total
        if progress:
            progress(min(done, 1.0), f"width {width}")
    widest = max(plan)
    loss_path, movement, kernel = (tuple(column.tolist()) for column in found[widest][0].T)
    return LongRun(widest, loss_path, movement, kernel, {width: found[width][1] for width in sorted(found)})
