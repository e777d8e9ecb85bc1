"""Sizes of every observable at one width, for weights whose init scales and learning rates are numbers.

The rules are those of orders, on sizes (`symbolic.orders.sizes`). Some constants that a network has of itself count,
too: fixed factors in its code, the kernels of convolutions, and the entries of the data, which are taken to be of size
1. So do the halves in sigmoid(z) = (1 + tanh(z/2))/2, which the steps of a recurrent network multiply, and what other
functions take away of a small z: relu(z) is z for half of the entries, and gelu(z) is about z/2. Layer after layer
these make values small beside biases that are added. Those of sizes that grow, such as 4 n, do not count, nor do those
of the rules.

>>> from scalings.hyperparameters.update_laws import optimizer
>>> from scalings.networks.architectures import mlp
>>> weights = [LayerExponents(1.0, scale, 0.1) for scale in (1 / 8, 1 / 16, 1 / 256)]
>>> found = sizes(Problem(mlp(3), optimizer("sgd")), weights, width=256, steps=1)
>>> round(found[Observable("z", "layer2", 0)], 6)  # 16, but for what relu takes away
11.313708
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import count

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.hyperparameters.gauges import LayerExponents
from scalings.networks.network import Network
from scalings.networks.nodes import INPUT, Convolution, Dense, Elementwise, Factor, Node, Repeat
from symbolic.orders.sizes import Sizes
from symbolic.propagation.training import train

_DENOMINATOR = 10**6
_SLOPES: dict[str, tuple[float, float]] = {
    "relu": (0, 1),
    "leaky_relu": (0.01, 1),
    **dict.fromkeys(("gelu", "silu"), (0.5, 0.5)),
    "mish": (0.6, 0.6),
    "selu": (1.7581, 1.0507),
    "erf": (2 / math.sqrt(math.pi),) * 2,
}
"""Of functions phi with phi(0) = 0, phi'(0) from below and from above, where these are not 1, by torch's names."""


def sizes(problem: Problem, layers: Sequence[LayerExponents[float]], width: int, steps: int) -> dict[Observable, float]:
    """The size of every observable; `layers` are multiplier, init scale and learning rate of each weight as numbers."""
    names = {node.name for node in problem.network.flat}
    new = (name for number in count(1) if (name := f"entries.{number}") not in names)
    network = Network(tuple(_at(problem.network.nodes, width, new)))
    return dict(train(replace(problem, network=network), layers, Sizes(width), steps, every_copy=True))


def _at(nodes: Sequence[Node], width: int, new: Iterator[str]) -> Iterator[Node]:
    """The nodes with these constants as powers of this width; `new` gives names that no node has."""
    for node in nodes:
        if isinstance(node, Repeat):
            yield replace(node, nodes=tuple(_at(node.nodes, width, new)))
            continue
        if isinstance(node, Factor) and not node.order:
            yield replace(node, order=_power(abs(node.size), width))
            continue
        if isinstance(node, Elementwise) and node.activation == "sigmoid":
            halved, made = next(new), next(new)
            yield Factor(halved, node.source, _power(0.5, width))
            yield replace(node, name=made, source=halved)
            yield Factor(node.name, made, _power(0.5, width))
            continue
        if isinstance(node, Elementwise) and node.activation in _SLOPES:
            made = next(new)
            yield replace(node, name=made)
            yield Factor(node.name, made, _power(math.hypot(*_SLOPES[node.activation]) / math.sqrt(2), width))
            continue
        entries = _entries_read(node)
        if entries == 1 or not isinstance(node, Dense | Convolution):
            yield node
            continue
        before = next(new)
        yield Factor(before, node.source, _power(math.sqrt(entries), width))
        yield replace(node, source=before)


def _entries_read(node: Node) -> int:
    """How many entries a unit reads of each one that the rules count: of the data, whose norm is 1 there, all."""
    if isinstance(node, Dense | Convolution) and node.source == INPUT:
        return node.fan_in.at(1)
    return node.kernel if isinstance(node, Convolution) else 1


def _power(number: float, width: int) -> Fraction:
    """The power of the width that a positive number is."""
    return Fraction(math.log(number) / math.log(width)).limit_denominator(_DENOMINATOR)
