"""What the node kinds without a weight compute, at the sizes of a setting."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from empirical.engines.graph import operations
from empirical.engines.graph.setting import Setting
from scalings.errors import ArgumentError
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.networks.nodes import (
    Elementwise,
    Factor,
    Mean,
    Mix,
    Node,
    Norm,
    Pool,
    Power,
    Product,
    Rearrange,
    Repeat,
    Scale,
    Scores,
    Softmax,
    Sum,
    Top,
)


def without_weight(setting: Setting, node: Node, scope: Mapping[str, Tensor]) -> Tensor:
    """The value of the node, of those in `scope`. Raises ArgumentError for what `layout` refuses."""
    match node:
        case Sum():
            return _sum(node, [scope[source] for source in node.sources])
        case Product():
            units, summed = setting.at(node.units), setting.at(node.summed)
            return operations.product(scope[node.left], scope[node.right], units, summed)
        case Scores():
            return _scores(setting, node, scope[node.query], scope[node.key])
        case Mix():
            groups = setting.groups(node)
            return operations.mix(scope[node.scores], scope[node.values], groups, bidirectional=node.bidirectional)
        case Rearrange():
            return _joined(node, scope)
        case Repeat():
            raise ArgumentError("network", f"{node.name} repeats a block within a block; one level is understood")
    return _of_one(setting, node, scope)


def _of_one(setting: Setting, node: Node, scope: Mapping[str, Tensor]) -> Tensor:
    value: Tensor
    match node:
        case Elementwise():
            value = operations.FUNCTIONS[node.activation](scope[node.source])
        case Power():
            value = scope[node.source].abs() ** float(node.exponent)
        case Norm():
            value = _normalized(setting, node, scope[node.source])
        case Pool():
            value = scope[node.source][:, :, :1] if node.first else scope[node.source].mean(dim=2, keepdim=True)
        case Mean():
            value = operations.mean(scope[node.source], setting.at(node.units))
        case Softmax():
            value = operations.softmax(scope[node.source], setting.at(node.over))
        case Top():
            value = operations.top(scope[node.source], setting.at(node.over), node.count, shares=node.shares)
        case Scale():
            value = setting.scale(node) * scope[node.source]
        case Factor():
            # As a tensor, which overflows to infinity.
            width = scope[node.source].new_tensor(float(setting.sizes[WIDTH_SCALE]))
            value = node.size * width ** float(node.order) * scope[node.source]
        case _:
            raise ArgumentError("network", f"{node.name} is a {type(node).__name__}, which is not trained")
    return value


def _sum(node: Sum, values: list[Tensor]) -> Tensor:
    """A weight that is a value has one position, and is added at each; or as many as the data has."""
    positions = [value.shape[2] for value in values]
    most = max(positions)
    if not {1, most}.issuperset(positions):
        what = f"adds {', '.join(map(str, positions))} positions of {', '.join(node.sources)}"
        raise ArgumentError("network", f"{node.name} {what}; expected as many of each, or one")
    return torch.stack([value.expand(-1, -1, most, -1) for value in values]).sum(dim=0)


def _joined(node: Rearrange, scope: Mapping[str, Tensor]) -> Tensor:
    """The positions of each, one source after the other."""
    if not node.joined:
        raise ArgumentError("network", f"{node.name} is a Rearrange, which is not trained")
    return torch.cat([scope[source] for source in node.sources], dim=2)


def _normalized(setting: Setting, node: Norm, value: Tensor) -> Tensor:
    if node.batch:
        return operations.normalize_batch(value)
    return operations.normalize(value, setting.at(node.groups) if node.groups else 1)


def _scores(setting: Setting, node: Scores, query: Tensor, key: Tensor) -> Tensor:
    """Of the number of heads and their size the one that is fixed is as it is, and the other is what is left."""
    units, heads = query.shape[-1], setting.heads(node)
    # Constants in which |s| is of size 1 where nothing is aligned (fixed size), or all is (fixed number).
    constant = 1 / math.sqrt(units // heads) if node.heads.grows else float(heads)
    return (
        setting.scale(node) * constant * operations.scores(query, key, heads, setting.groups(node), rotary=node.rotary)
    )
