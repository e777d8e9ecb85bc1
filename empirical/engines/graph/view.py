"""What is observed of a graph: differences of values by autograd, and updates as matrices.

Of a block that is repeated, the last copy is observed under the node's own name, and the first one as "name[1]". dW is
what updates made of a weight, without what decay took; `decay` is the latter, as a fraction. Values are (seeds, batch,
positions, units): an example here is one position of one of the batch (a pair of positions for attention scores).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from empirical.engines.graph.module import At, Graph, Values, weighted
from empirical.engines.graph.setting import Setting
from empirical.engines.observations import Product, Representation, Update, View, Weight
from empirical.tensors.spectral_norms import spectral_norm
from scalings.networks.nodes import INPUT, MATRICES, Bias, Convolution, Repeat, Weighted, sources


@dataclass(frozen=True)
class Watched:
    """Nodes that are observed, and where: for each label the values, and those that it reads if it has a weight."""

    representations: dict[str, At]
    layers: dict[str, tuple[Weighted, At]]
    """Label -> the node, and where its source is; a weight that is a value reads nothing, and stands for it itself."""

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
                source = next(iter(sources(node)), node.name)
                layers[label] = node, (source, blocks.get(source, 0) if outside else copy)
    return Watched(representations, layers)


@dataclass(frozen=True)
class State:
    """A graph after `step` updates, where it is watched: its loss, values, signals d, and by weight the gradients that
    made the last of these updates. Signals and gradients are empty in a coordinate check."""

    step: int
    loss: Tensor
    values: Values
    signals: Values
    gradients: dict[str, Tensor]


def view(graph: Graph, watched: Watched, state: State, initial: State, *, spectra: bool = False) -> View:
    """All that the state has; `spectra` adds the spectral norms of weights."""
    return View(state.step, state.loss, _representations(graph, watched, state, initial, spectra))


def _representations(
    graph: Graph, watched: Watched, state: State, initial: State, spectra: bool
) -> Iterator[Representation]:
    for label, place in watched.representations.items():
        z, d = state.values[place], state.signals.get(place)
        weight, update, product = None, None, None
        if d is not None and label in watched.layers:
            node, source = watched.layers[label]
            if graph.owners[node.weight] is node:
                weight, update = _weight(graph, node, place[1], state, spectra)
            if state.step:
                product = _product(graph, node, place[1], initial.values[source], state.values[source], source)
        signals = () if d is None else (_examples(d),)
        if not state.step:
            yield Representation(label, (_examples(z),), d=signals, weight=weight)
            continue
        dz = (_examples(z - initial.values[place]),)
        dd = () if d is None else (_examples(d - initial.signals[place]),)
        yield Representation(label, (_examples(z),), dz, signals, dd, weight, update, product)


def _weight(graph: Graph, node: Weighted, copy: int, state: State, spectra: bool) -> tuple[Weight, Update | None]:
    """Of its owner alone; a matrix of its units is what has a spectral norm."""
    initial, update = graph.initial[node.weight][copy], graph.updates[node.weight][copy].detach()
    now, matrix = graph.kept(node.weight)[copy] + update, isinstance(node, MATRICES)
    weight = Weight(_size(initial), _size(now), spectral_norm(now) if spectra and matrix else None)
    if not state.step:
        return weight, None
    shrunk = graph.shrunk.get(node.weight)
    decay = None if shrunk is None or not shrunk.any() else shrunk[copy].flatten().clone()
    spectral = spectral_norm(update) if matrix else None
    return weight, Update(_size(update), _size(state.gradients[node.weight][copy]), spectral, decay)


def _product(graph: Graph, node: Weighted, copy: int, h: Tensor, now: Tensor, source: At) -> Product:
    """A bias passes on what it is added to, and a weight that is a value passes nothing on."""
    weight, update = graph.initial[node.weight][copy], graph.updates[node.weight][copy].detach()
    own, dh = _examples(graph.apply_weight(node, update, h)), now - h
    if not sources(node):
        return Product(own, None)
    if isinstance(node, Bias):
        return Product(own, None if source[0] == INPUT else _examples(dh))
    passthrough, interaction = None, None
    if source[0] != INPUT:
        passthrough = _examples(graph.apply_weight(node, weight, dh))
        interaction = _examples(graph.apply_weight(node, update, dh))
    if not isinstance(node, MATRICES):
        return Product(own, passthrough, interaction)
    reads = math.sqrt(node.kernel) if isinstance(node, Convolution) else 1.0
    scale = graph.setting.power(node.weight, "multiplier") * reads
    return Product(own, passthrough, interaction, _examples(h), None if passthrough is None else _examples(dh), scale)


def _examples(values: Tensor) -> Tensor:
    """(seeds, batch, positions, units) to (seeds, examples, units)"""
    return values.flatten(1, 2)


def _size(weight: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(weight.flatten(1), dim=1)
    return norm
