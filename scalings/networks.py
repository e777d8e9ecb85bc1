"""Networks: a flat list of operations, each naming its input, so that a traced module can become one.

A `Dimension` is size * n^order: it is FIXED (order 0, the data's) or grows with the width n (order 1).
The same network therefore says which fans grow, to the theory, and how large they are at a given width,
to the measurement:

>>> network = mlp(3)
>>> [(layer.name, layer.role, layer.shape(512)) for layer in network.layers]
[('layer1', 'input', (512, 64)), ('layer2', 'hidden', (512, 512)), ('layer3', 'output', (10, 512))]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Literal, TypeAlias, get_args

from scalings.errors import ArgumentError

DEEPEST = 10_000

Activation = Literal["relu", "tanh", "gelu", "linear"]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
BOUNDED: frozenset[Activation] = frozenset({"tanh"})

Role = Literal["input", "hidden", "output"]
INPUT = "input"
"""The name of the network's input, as the first operation's source."""


@dataclass(frozen=True)
class Dimension:
    """size * n^order units."""

    size: int
    order: Fraction

    def at(self, width: int) -> int:
        """The number of units at this width (a whole number, at least 1)."""
        return max(1, round(self.size * math.pow(width, self.order)))


def fixed(size: int) -> Dimension:
    """A dimension of the data: the same at every width."""
    return Dimension(size, Fraction(0))


WIDTH = Dimension(1, Fraction(1))


@dataclass(frozen=True)
class Dense:
    """z = g W h: multiplier g, weight W of shape (fan_out, fan_in), h the output of `source`.

    Two nodes with the same `weight` share one parameter.
    """

    name: str
    source: str
    weight: str
    fan_in: Dimension
    fan_out: Dimension

    @property
    def role(self) -> Role:
        """Hidden if both fans grow, output if the result has a fixed size, else input."""
        if not self.fan_out.order:
            return "output"
        return "hidden" if self.fan_in.order else "input"

    def shape(self, width: int) -> tuple[int, int]:
        return self.fan_out.at(width), self.fan_in.at(width)


@dataclass(frozen=True)
class Elementwise:
    """h = phi(z), applied to each unit; z the output of `source`."""

    name: str
    source: str
    activation: Activation


Node: TypeAlias = Dense | Elementwise


@dataclass(frozen=True)
class Network:
    """Operations in the order in which they are carried out; the last one is the output."""

    nodes: tuple[Node, ...]

    @cached_property
    def layers(self) -> tuple[Dense, ...]:
        """The dense nodes from input to output; one entry of a parameterization each."""
        return tuple(node for node in self.nodes if isinstance(node, Dense))

    @property
    def depth(self) -> int:
        """The number of weight matrices L."""
        return len(self.layers)

    @property
    def output(self) -> Dense:
        return self.layers[-1]


def wrong_depth(network: Network, given: int) -> ArgumentError:
    """What a parameterization for another number of layers gets."""
    return ArgumentError(
        "parameterization", f"{network.depth} layers need {network.depth} exponents each, but got {given}"
    )


def mlp(
    depth: int,
    activation: Activation = "relu",
    *,
    inputs: int = 64,
    outputs: int = 10,
    hidden: Sequence[Dimension] | None = None,
) -> Network:
    """The multilayer perceptron z_l = g_l W_l h_(l-1), h_l = phi(z_l), without biases.

    `depth` counts weight matrices, so depth 2 has one hidden layer; `inputs` and `outputs` are the
    data's sizes, `hidden` those of the hidden layers, all of them n if not given. Raises ArgumentError for
    a depth below 2, an unknown activation, or not one dimension for each hidden layer.
    """
    if not 2 <= depth <= DEEPEST:
        raise ArgumentError("depth", f"expected 2 to {DEEPEST} weight matrices, but got {depth}")
    if min(inputs, outputs) < 1:
        raise ArgumentError(
            "inputs" if inputs < 1 else "outputs", f"expected at least 1, but got {min(inputs, outputs)}"
        )
    if activation not in ACTIVATIONS:
        raise ArgumentError("activation", f"expected one of {', '.join(ACTIVATIONS)}, but got {activation!r}")
    between = [WIDTH] * (depth - 1) if hidden is None else list(hidden)
    if len(between) != depth - 1:
        raise ArgumentError("hidden", f"depth {depth} has {depth - 1} hidden layers, but got {len(between)} dimensions")
    dimensions = [fixed(inputs), *between, fixed(outputs)]
    nodes: list[Node] = []
    for number, (fan_in, fan_out) in enumerate(pairwise(dimensions), start=1):
        source = nodes[-1].name if nodes else INPUT
        nodes.append(Dense(f"layer{number}", source, f"weight{number}", fan_in, fan_out))
        if number < depth:
            nodes.append(Elementwise(f"activation{number}", f"layer{number}", activation))
    return Network(tuple(nodes))
