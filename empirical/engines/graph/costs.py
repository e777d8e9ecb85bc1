"""Costs of one seed of a graph: the numbers that it holds, and what its time is made of.

A seed's time is close to a sum of multiples of the numbers in its weights (draws, steps, products) and in its values
(everything else). From two timed networks of the sweep, at most 8 times apart in weights, the default sweeps of a
residual network, a cnn and a transformer were said to take 10, 17 and 32 s, and took 8, 19 and 43 s on two cores.

Cut into chunks of 96 MiB by this count, a sweep was within a fifth of the fastest of chunks of 1 to
128 seeds, for residual, convolutional networks and transformers of widths 16 to 384: smaller chunks spend their time
between operations, larger ones leave the cache.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from empirical.data.tasks import Task
from empirical.engines.graph.setting import Setting, weight_shape
from scalings.networks.nodes import (
    INPUT,
    Convolution,
    DepthwiseConvolution,
    Mix,
    Node,
    Pool,
    Rearrange,
    Scores,
    Weight,
    sources,
)

_NUMBER = 8
"""Bytes; all is in double precision."""
COPIES = 12
"""W(0), W, dW, its gradient, two moments, and what autograd and singular values hold."""
_BLOCKS = 6
"""A value now and at step 0, its signal at both times, and temporaries. Single chunks took 0.8 to 1.3 times as much."""


def seed_bytes(setting: Setting, task: Task) -> int:
    """What training one seed takes, roughly."""
    return _NUMBER * (COPIES * weights(setting) + _BLOCKS * values(setting, task))


def weights(setting: Setting) -> int:
    """The numbers in all weights."""
    return sum(setting.copies(node.name) * math.prod(weight_shape(setting, node)) for node in setting.network.layers)


def values(setting: Setting, task: Task) -> int:
    """The numbers in all results of operations, and in the patches that convolutions read."""
    batch, positions, _ = task.inputs.shape
    places, units, total = {INPUT: positions}, setting.network.units, 0
    for node in setting.network.flat:
        places[node.name] = _positions(setting, node, places)
        each = setting.at(units[node.name])
        if isinstance(node, Convolution | DepthwiseConvolution):
            each += setting.at(node.fan_in) * (each if isinstance(node, DepthwiseConvolution) else 1)
        total += setting.copies(node.name) * batch * places[node.name] * each
    return total


def _positions(setting: Setting, node: Node, places: Mapping[str, int]) -> int:
    match node:
        case Pool():
            return 1
        case Weight():
            return setting.at(node.fan_in) if node.by_position else 1
        case Rearrange() if node.joined:
            return sum(places[source] for source in node.sources)
        case Scores():
            return places[node.query] ** 2
    return places[_like(node)]


def _like(node: Node) -> str:
    """What has as many positions as the result, but for those that change their number."""
    return node.values if isinstance(node, Mix) else sources(node)[0]
