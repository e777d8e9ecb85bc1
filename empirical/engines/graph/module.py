"""Graphs: any network of node kinds as a torch module, at the sizes of a setting, all seeds at once.

    z = g W h,      g = n^multiplier,      W(0) ~ N(0, sigma^2),  sigma ~ n^init

Values are (seeds, batch, positions, units); positions are 1 for vectors. Weights are (copies, seeds, *shape), those of
a repeated block being independent. A weight is kept as W = (1 - shrunk) W(0) + update: what decay and what updates
made of it, every copy and seed by itself. So no change is a small difference of large numbers, and the three terms of
dz can be told apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn

from empirical.engines.graph import operations
from empirical.engines.graph.setting import Setting, draw
from empirical.engines.graph.weightless import without_weight
from scalings.networks.nodes import (
    INPUT,
    WEIGHTED,
    Bias,
    Convolution,
    Dense,
    DepthwiseConvolution,
    Embedding,
    Gain,
    Node,
    Repeat,
    Weight,
    Weighted,
)

At: TypeAlias = tuple[str, int]
"""A node's name, and the copy of its block that is meant (0 outside of blocks)."""
Values: TypeAlias = dict[At, Tensor]


class Graph(nn.Module):
    """The network of a setting, for these seeds: parameters are the updates of all weights, zero to begin with.

    Called on inputs (batch, positions, units), it gives every value that is computed. A repeated block's stream has
    the block's name: before copy c it is copy c of that name, and after the last of m copies it is copy m.
    """

    def __init__(self, setting: Setting, seeds: Sequence[int], device: str = "cpu") -> None:
        super().__init__()
        self.setting, self.seeds = setting, tuple(seeds)
        self.owners = {node.weight: node for node in setting.network.layers}
        self.initial = {weight: tensor.to(device) for weight, tensor in draw(setting, seeds).items()}
        self.shrunk: dict[str, Tensor] = {}
        """By weight that decays, the fraction that this has taken of W(0): (copies, seeds, 1, ...)."""
        self.updates = nn.ParameterDict({weight: torch.zeros_like(tensor) for weight, tensor in self.initial.items()})

    def forward(self, inputs: Tensor) -> Values:
        weights = {weight: (self.kept(weight) + self.updates[weight]).unbind() for weight in self.owners}
        scope = {INPUT: inputs.expand(len(self.seeds), *inputs.shape)}
        found: Values = {(INPUT, 0): scope[INPUT]}
        for node in self.setting.network.nodes:
            if isinstance(node, Repeat):
                scope[node.name] = self._repeated(node, scope[node.source], weights, found)
            else:
                scope[node.name] = found[node.name, 0] = self._value(node, scope, weights, 0)
        return found

    def kept(self, weight: str) -> Tensor:
        """(1 - shrunk) W(0), (copies, seeds, *shape)."""
        initial = self.initial[weight]
        return (1 - self.shrunk[weight]) * initial if weight in self.shrunk else initial

    def _repeated(
        self, block: Repeat, stream: Tensor, weights: Mapping[str, Sequence[Tensor]], found: Values
    ) -> Tensor:
        for copy in range(self.setting.at(block.times)):
            scope = {block.name: stream}
            found[block.name, copy] = stream
            for node in block.nodes:
                scope[node.name] = found[node.name, copy] = self._value(node, scope, weights, copy)
            stream = scope[block.nodes[-1].name]
        found[block.name, self.setting.at(block.times)] = stream
        return stream

    def _value(
        self, node: Node, scope: Mapping[str, Tensor], weights: Mapping[str, Sequence[Tensor]], copy: int
    ) -> Tensor:
        if not isinstance(node, WEIGHTED):
            return without_weight(self.setting, node, scope)
        read = next(iter(scope.values())) if isinstance(node, Weight) else scope[node.source]
        value = self.apply_weight(node, weights[node.weight][copy], read)
        return value + read if isinstance(node, Bias) else value

    def apply_weight(self, node: Weighted, weight: Tensor, h: Tensor) -> Tensor:
        """g W h with `weight` (seeds, *shape) in place of W: linear in both. A bias is g b, whatever h is, and a weight
        that is a value is g w, the same for every example of h, and at one position unless it has one for each."""
        weight = self.setting.power(node.weight, "multiplier") * weight
        match node:
            case Weight():
                value = weight.mT if node.by_position else weight.flatten(1)[:, None, :]
                return value[:, None].expand(-1, h.shape[1], -1, -1)
            case Bias():
                return weight[:, None, None, :].expand_as(h)
            case Gain():
                return h * weight[:, None, None, :]
            case DepthwiseConvolution():
                return operations.apply_depthwise(weight, h)
            case Convolution():
                return operations.apply_dense(weight, operations.patches(h, node.kernel).flatten(3))
        return operations.apply_dense(weight.mT if self._is_transposed(node) else weight, h)

    def _is_transposed(self, node: Dense | Embedding) -> bool:
        """Whether it shares the weight of a layer the other way round."""
        owner = self.owners[node.weight]
        return isinstance(owner, Embedding) != isinstance(node, Embedding) or owner.fan_in != node.fan_in


def weighted(nodes: Sequence[Node]) -> tuple[Weighted, ...]:
    """Those with a weight, that may be shared."""
    return tuple(node for node in nodes if isinstance(node, WEIGHTED))
