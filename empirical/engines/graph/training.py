"""Training of graphs: by autograd, all seeds of some sizes at once.

    loss = mean over examples of |residual|^2 / 2, or of the cross-entropy;    d = (number of examples) dloss/dz

Conventions are those of `empirical.engines.mlp`, and observables are taken as there (`empirical.engines.observations`).
Changes are differences of values, so that a coordinate check is in double precision here, too: what hardly moves would
be lost in the rounding of single precision, and that is what it looks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from empirical.data.tasks import Task
from empirical.engines.graph.module import Graph
from empirical.engines.graph.setting import Setting
from empirical.engines.graph.view import State, view, watch
from empirical.engines.observations import View, observe
from empirical.tensors.arrays import Array
from empirical.weights.decay import plain
from empirical.weights.explicit_steps import EVERYTHING, ExplicitSteps
from scalings.criteria.observables import Observable
from scalings.networks.nodes import MATRICES
from scalings.results.trials import Training


def train(
    setting: Setting, training: Training, task: Task, seeds: Sequence[int], device: str
) -> dict[Observable, Array]:
    """Every observable at every step, each an array over these seeds."""
    graph = Graph(setting, seeds, device)
    inputs, targets = (torch.tensor(array, device=device) for array in (task.inputs, task.targets))
    found: dict[Observable, Tensor] = {}
    for seen in trajectory(graph, training, inputs, targets):
        if training.observes(seen.step):
            found |= observe(seen)
    return {observable: value.cpu().numpy() for observable, value in found.items()}


class Stepping(Protocol):
    """How weights are stepped from the gradients of all of them."""

    def take(self, gradients: dict[str, Tensor]) -> None: ...

    def penalized(self, gradients: dict[str, Tensor]) -> dict[str, Tensor]:
        """With the gradients of the loss's term lambda |W|^2 / 2, if it has one."""
        ...


class Steps:
    """The steps of the optimizers on a graph. Each copy of a weight and each seed is a matrix; only matrices decay."""

    def __init__(self, graph: Graph, training: Training) -> None:
        self._clips = training.clips
        laws = training.laws_of(graph.setting.network)
        self._optimizers = {
            weight: _optimizer(graph, weight, law.name, training.factors(law), training.epsilon(number))
            for number, (weight, law) in enumerate(zip(graph.owners, laws, strict=True))
            if weight in graph.updates
        }

    def take(self, gradients: dict[str, Tensor]) -> None:
        share = clipped_share(list(gradients.values())) if self._clips else None
        for weight, gradient in gradients.items():
            own = gradient if share is None else share.view(1, -1, *[1] * (gradient.dim() - 2)) * gradient
            self._optimizers[weight].step([(EVERYTHING, _as_matrices(own).clone())])

    def penalized(self, gradients: dict[str, Tensor]) -> dict[str, Tensor]:
        penalties = {weight: self._optimizers[weight].penalty for weight in gradients}
        return {
            weight: gradient if (penalty := penalties[weight]) is None else gradient + penalty.view_as(gradient)
            for weight, gradient in gradients.items()
        }


def trajectory(
    graph: Graph, training: Training, inputs: Tensor, targets: Tensor, steps: Stepping | None = None
) -> Iterator[View]:
    """What there is to observe after 0, 1, ..., `training.steps` full-batch updates.

    `steps` are the optimizer's where they are not those of its own learning rates.
    """
    watched = watch(graph.setting)
    steps = steps or Steps(graph, training)
    weights = list(graph.updates)
    places = list(watched.representations.values()) if training.observing == "all" else []
    output_at = graph.setting.network.output.name, 0
    initial: State | None = None
    start: Tensor | None = None
    gradients: dict[str, Tensor] = {}
    penalized: dict[str, Tensor] = {}
    for step in range(training.steps + 1):
        if step:
            steps.take(gradients)
        values = graph(inputs)
        output = values[output_at]
        start = output.detach() if start is None else start
        residual = output - start if training.centered else output
        loss = _loss(residual, targets, training.loss)
        asked = [*(graph.updates[weight] for weight in weights), *(values[place] for place in places)]
        slopes = torch.autograd.grad(loss.sum(), asked, materialize_grads=True)
        examples = targets.shape[0] * targets.shape[1]
        signals = {place: examples * slope for place, slope in zip(places, slopes[len(weights) :], strict=True)}
        seen = {place: values[place].detach() for place in watched.places}
        state = State(step, loss.detach(), seen, signals, penalized)
        initial = initial or state
        yield view(graph, watched, state, initial, spectra=training.spectra)
        gradients = dict(zip(weights, slopes, strict=False))
        penalized = steps.penalized(gradients)


def clipped_share(gradients: Sequence[Tensor]) -> Tensor:
    """1 / max(1, |G|) of each seed, of gradients (copies, seeds, *shape) of all weights."""
    squares = torch.stack([gradient.square().transpose(0, 1).flatten(1).sum(dim=1) for gradient in gradients])
    return 1 / squares.sum(dim=0).sqrt().clamp(min=1.0)


def _optimizer(
    graph: Graph, weight: str, optimizer: str, factors: tuple[float, float], epsilon: float
) -> ExplicitSteps:
    """`factors` are those on the constants of learning rates and decays that its law has; `epsilon` is the constant of
    its epsilon, if it has one."""
    setting, (of_lr, of_decay) = graph.setting, factors
    owner = graph.owners[weight]
    decays = isinstance(owner, MATRICES) and not owner.frozen
    steps = ExplicitSteps(
        optimizer if decays else plain(optimizer),
        _as_matrices(graph.initial[weight]),
        _as_matrices(graph.updates[weight].data),
        lr=setting.rate * of_lr * setting.power(weight, "lr"),
        decay=setting.decay * of_decay * setting.power(weight, "decay"),
        epsilon=epsilon * setting.power(weight, "epsilon") if setting.has_epsilon(weight) else 0.0,
    )
    if steps.shrunk is not None:
        graph.shrunk[weight] = steps.shrunk.view(*graph.initial[weight].shape[:2], 1, 1)
    return steps


def _as_matrices(weight: Tensor) -> Tensor:
    """(copies, seeds, *shape) as (copies * seeds, fan_out, fan_in), in the same memory; a vector is one column."""
    matrices = weight.flatten(0, 1)
    return matrices[..., None] if matrices.dim() == 2 else matrices


def _loss(outputs: Tensor, targets: Tensor, kind: str) -> Tensor:
    """(seeds,)"""
    if kind == "mse":
        return ((outputs - targets) ** 2).sum(dim=-1).mean(dim=(1, 2)) / 2
    found: Tensor = (outputs.logsumexp(dim=-1) - (outputs * targets).sum(dim=-1)).mean(dim=(1, 2))
    return found
