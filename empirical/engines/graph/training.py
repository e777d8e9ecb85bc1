"""Training of graphs: every observable of every representation, all seeds of some sizes at once.

    loss = mean over examples of |residual|^2 / 2, or of the cross-entropy;    d = (number of examples) dloss/dz

Conventions are those of `empirical.engines.mlp`: norms are Euclidean over units and root-mean-square over
examples, here also over positions (over pairs of positions for attention scores). Of a block that is
repeated, the last copy is observed under the node's own name, and the first one as "name[1]". dW is what updates
made of a weight, without what decay took; `decay` is the latter, as a fraction.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from empirical.data.tasks import Task
from empirical.engines.graph.module import At, Graph, Values, weighted
from empirical.engines.graph.setting import Setting
from empirical.tensors.arrays import Array
from empirical.weights.decay import plain
from empirical.weights.explicit_steps import EVERYTHING, ExplicitSteps
from scalings.criteria.observables import Observable, Quantity
from scalings.networks.nodes import INPUT, MATRICES, Bias, Repeat, Weighted
from scalings.results.trials import Training


@dataclass(frozen=True)
class Watched:
    """Nodes that are observed, and where: for each label the values, and those that it reads if it has a weight."""

    representations: dict[str, At]
    layers: dict[str, tuple[Weighted, At]]
    """Label -> the node, and where its source is."""

    @property
    def places(self) -> set[At]:
        return {*self.representations.values(), *(source for _, source in self.layers.values())}


def watch(setting: Setting) -> Watched:
    """All representations, of repeated blocks the first and the last copy."""
    blocks = {node.name: setting.at(node.times) for node in setting.network.nodes if isinstance(node, Repeat)}
    representations: dict[str, At] = {}
    layers: dict[str, tuple[Weighted, At]] = {}
    nodes = {node.name: node for node in weighted(setting.network.flat)}
    for one in setting.network.representations:
        last = setting.copies(one.name) - 1
        for copy in dict.fromkeys([last, 0]):
            label = one.name if copy == last else f"{one.name}[1]"
            representations[label] = (one.name, copy)
            if node := nodes.get(one.name):
                outside = one.name not in setting.network.copies
                layers[label] = node, (node.source, blocks.get(node.source, 0) if outside else copy)
    return Watched(representations, layers)


def train(
    setting: Setting, training: Training, task: Task, seeds: Sequence[int], device: str
) -> dict[Observable, Array]:
    """Every observable at every step, each an array over these seeds."""
    graph = Graph(setting, seeds, device)
    inputs, targets = (torch.tensor(array, device=device) for array in (task.inputs, task.targets))
    found: dict[Observable, Tensor] = {}
    for seen in trajectory(graph, training, inputs, targets):
        found |= seen
    return {observable: value.cpu().numpy() for observable, value in found.items()}


@dataclass(frozen=True)
class State:
    """What the network is after `step` updates, where it is watched: values, signals d, and by weight the gradients
    that made the last of these updates (none at step 0)."""

    step: int
    values: Values
    signals: Values
    gradients: dict[str, Tensor]


def trajectory(graph: Graph, training: Training, inputs: Tensor, targets: Tensor) -> Iterator[dict[Observable, Tensor]]:
    """What is observed after 0, 1, ..., `training.steps` full-batch updates."""
    watched = watch(graph.setting)
    optimizers = {weight: _optimizer(graph, weight, training.optimizer) for weight in graph.updates}
    weights, places = list(graph.updates), list(watched.representations.values())
    output_at = graph.setting.network.output.name, 0
    initial: State | None = None
    gradients: dict[str, Tensor] = {}
    penalized: dict[str, Tensor] = {}
    for step in range(training.steps + 1):
        if step:
            for weight, gradient in gradients.items():
                optimizers[weight].step([(EVERYTHING, _as_matrices(gradient).clone())])
        values = graph(inputs)
        output = values[output_at]
        residual = output - (initial.values[output_at] if initial else output.detach()) if training.centered else output
        loss = _loss(residual, targets, training.loss)
        asked = [*(graph.updates[weight] for weight in weights), *(values[place] for place in places)]
        slopes = torch.autograd.grad(loss.sum(), asked, materialize_grads=True)
        examples = targets.shape[0] * targets.shape[1]
        signals = {place: examples * slope for place, slope in zip(places, slopes[len(weights) :], strict=True)}
        state = State(step, {place: values[place].detach() for place in watched.places}, signals, penalized)
        initial = initial or state
        seen = {observable: value.detach() for observable, value in _observe(graph, watched, state, initial)}
        yield seen | {Observable("loss", "", step): loss.detach()}
        gradients = dict(zip(weights, slopes, strict=False))
        penalized = {weight: _penalized(gradient, optimizers[weight]) for weight, gradient in gradients.items()}


def _optimizer(graph: Graph, weight: str, optimizer: str) -> ExplicitSteps:
    """What steps a weight: each copy of it and each seed is a matrix by itself. Only matrices decay."""
    setting = graph.setting
    is_matrix = isinstance(graph.owners[weight], MATRICES)
    return ExplicitSteps(
        optimizer if is_matrix else plain(optimizer),
        _as_matrices(graph.initial[weight]),
        _as_matrices(graph.updates[weight].data),
        lr=setting.rate * setting.power(weight, "lr"),
        decay=setting.decay * setting.power(weight, "decay"),
        shrunk=_as_matrices(graph.shrunk[weight]),
    )


def _penalized(gradient: Tensor, optimizer: ExplicitSteps) -> Tensor:
    """With that of the loss's term lambda |W|^2 / 2, if it has one."""
    penalty = optimizer.penalty
    return gradient if penalty is None else gradient + penalty.view_as(gradient)


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


def _observe(graph: Graph, watched: Watched, state: State, initial: State) -> Iterator[tuple[Observable, Tensor]]:
    """Every observable of a state, each of shape (seeds,); what is zero by structure is left out."""

    def seen(quantity: Quantity, label: str, value: Tensor) -> tuple[Observable, Tensor]:
        return Observable(quantity, label, state.step), value

    for label, place in watched.representations.items():
        yield seen("z", label, _norm(state.values[place]))
        yield seen("d", label, _norm(state.signals[place]))
        if state.step:
            yield seen("dz", label, _norm(state.values[place] - initial.values[place]))
            yield seen("dd", label, _norm(state.signals[place] - initial.signals[place]))
    for label, (node, source) in watched.layers.items():
        copy = watched.representations[label][1]
        weight, update = graph.initial[node.weight][copy], graph.updates[node.weight][copy].detach()
        if graph.owners[node.weight] is node:
            yield seen("W_frobenius", label, _size((1 - graph.shrunk[node.weight][copy]) * weight + update))
        if not state.step:
            continue
        h = initial.values[source]
        change = state.values[source] - h
        yield seen("layer", label, _norm(graph.apply_weight(node, update, h)))
        if source[0] != INPUT and isinstance(node, Bias):
            yield seen("passthrough", label, _norm(change))
        elif source[0] != INPUT:
            yield seen("passthrough", label, _norm(graph.apply_weight(node, weight, change)))
            yield seen("interaction", label, _norm(graph.apply_weight(node, update, change)))
        if graph.owners[node.weight] is not node:
            continue
        yield seen("gradient", label, _size(state.gradients[node.weight][copy]))
        yield seen("dW_frobenius", label, _size(update))
        if (shrunk := graph.shrunk[node.weight][copy]).any():
            yield seen("decay", label, shrunk.flatten().clone())


def _norm(value: Tensor) -> Tensor:
    """Euclidean over units, root-mean-square over examples and positions: (seeds, ..., units) to (seeds,)."""
    norm: Tensor = torch.linalg.vector_norm(value.flatten(1), dim=1)
    return norm / math.sqrt(math.prod(value.shape[1:-1]))


def _size(weight: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(weight.flatten(1), dim=1)
    return norm
