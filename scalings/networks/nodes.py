"""Node kinds: the operations of a network, each naming those whose results it reads.

Nodes are plain data, and only `Repeat` contains other nodes. Those with a weight are in `weighted_nodes`, and taken
from here with all others. The rule of each kind for orders of magnitude, forward, backward and in its update, is in
`symbolic.propagation`; what it computes on tensors in `empirical.engines.graph`.
"""
# ruff: noqa: PLC0414 - an import as itself is how mypy is told that a name may be taken from here

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias, get_args

from scalings.networks.dimensions import ONE, Dimension
from scalings.networks.weighted_nodes import INPUT as INPUT
from scalings.networks.weighted_nodes import Bias as Bias
from scalings.networks.weighted_nodes import Convolution as Convolution
from scalings.networks.weighted_nodes import Dense as Dense
from scalings.networks.weighted_nodes import DepthwiseConvolution as DepthwiseConvolution
from scalings.networks.weighted_nodes import Embedding as Embedding
from scalings.networks.weighted_nodes import Gain as Gain
from scalings.networks.weighted_nodes import Role as Role
from scalings.networks.weighted_nodes import Start as Start
from scalings.networks.weighted_nodes import Weight as Weight

Activation = Literal["relu", "tanh", "gelu", "linear"]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)


@dataclass(frozen=True)
class Elementwise:
    """h = phi(z), applied to each unit; z the output of `source`."""

    name: str
    source: str
    activation: str
    """One of `scalings.networks.functions.FUNCTIONS`."""


@dataclass(frozen=True)
class Power:
    """h = |z|^exponent, unit by unit, such as a square, or one over a root."""

    name: str
    source: str
    exponent: Fraction


@dataclass(frozen=True)
class Norm:
    """h = sqrt(units) z / |z|: layer or RMS normalization without its gain (a `Gain` node).

    With `groups`, of each of so many groups of units by themselves, as of heads or in group normalization; or
    with `batch`, of each unit over all examples and positions.
    """

    name: str
    source: str
    groups: Dimension | None = None
    batch: bool = False


@dataclass(frozen=True)
class Pool:
    """The mean of the source over its positions, whose number is fixed; or the `first` one alone, as a class token."""

    name: str
    source: str
    first: bool = False


@dataclass(frozen=True)
class Scale:
    """y = g h: a multiplier without a weight, such as a residual branch's; `in_code`: in place of a `Factor`."""

    name: str
    source: str
    in_code: bool = False


@dataclass(frozen=True)
class Sum:
    """y = h + sum of branches: the first source h is the skip connection, the others are residual branches."""

    name: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Factor:
    """y = c n^order h: multiplied by a number that the network fixes, such as 1/sqrt(n) in its code."""

    name: str
    source: str
    order: Fraction
    size: float = 1.0


@dataclass(frozen=True)
class Rearrange:
    """A result that has the entries of its sources: selected, repeated, put side by side, or added up.

    `joined`: it has the positions of the first source, then those of the next, as of a class token and an image.
    `repeated`: a source of fewer units has each of them copied to several, as keys that several queries share, or a
    number that is added to all units.
    """

    name: str
    sources: tuple[str, ...]
    units: Dimension
    joined: bool = False
    repeated: bool = False

    def copies(self, units: Mapping[str, Dimension], source: str, scale: str) -> Fraction:
        """How many copies it has of each unit of a source, as a power of the scale variable."""
        if not self.repeated or source == INPUT:
            return Fraction(0)
        return max(Fraction(0), self.units.order_in(scale) - units[source].order_in(scale))


@dataclass(frozen=True)
class Product:
    """z = a b, unit by unit, or summed over `summed` units that both have: a contraction.

    The result has `units`; a factor with fewer is repeated over the others. `coherent`: the terms of the sum have a
    mean at initialization, as in x . x, and it follows the law of large numbers.
    """

    name: str
    left: str
    right: str
    units: Dimension
    summed: Dimension = ONE
    coherent: bool = False

    @property
    def sources(self) -> tuple[str, str]:
        return self.left, self.right


@dataclass(frozen=True)
class Mean:
    """The mean over `over` units of the source, which leaves `units`; `coherent`: they have one at initialization."""

    name: str
    source: str
    units: Dimension
    over: Dimension
    coherent: bool = False


@dataclass(frozen=True)
class Softmax:
    """exp(s_i) / sum_j exp(s_j), over as many units as `over`."""

    name: str
    source: str
    over: Dimension = ONE


@dataclass(frozen=True)
class Top:
    """Of each `over` units the `count` largest, and 0 for the others: the experts that a router chooses.

    `shares`: divided by their sum, so that they add up to 1.
    """

    name: str
    source: str
    over: Dimension
    count: int
    shares: bool = False


@dataclass(frozen=True)
class Scores:
    """Attention scores s_ij = g q_i . k_j of each of `heads` heads, over `head_size` units each.

    Keys of fewer heads are shared, each by a group of neighbouring queries. `rotary`: queries and keys are first turned
    by their position, so that scores know the distance between the two.
    """

    name: str
    query: str
    key: str
    heads: Dimension
    head_size: Dimension
    rotary: bool = False

    @property
    def sources(self) -> tuple[str, str]:
        return self.query, self.key


@dataclass(frozen=True)
class Mix:
    """Attention o_i = sum_j softmax_j(s_ij) v_j: the mean of the values, weighted by the scores of their head.

    The mean is over positions up to i, or over all if it is `bidirectional`.
    """

    name: str
    scores: str
    values: str
    bidirectional: bool = False

    @property
    def sources(self) -> tuple[str, str]:
        return self.scores, self.values


@dataclass(frozen=True)
class Repeat:
    """A block, repeated `times` times with weights of its own each time.

    Inside the block this node's own name stands for what enters a copy, of as many units as the last of `nodes` gives.
    Where `times` grows the block is residual: the last of `nodes` is a `Sum` from which the skip connections (first
    sources) lead back to that name.
    """

    name: str
    source: str
    nodes: tuple[Node, ...]
    times: Dimension


Weighted: TypeAlias = Dense | Convolution | Embedding | Bias | Gain | DepthwiseConvolution | Weight
Multiplier: TypeAlias = Scale | Scores
Weightless: TypeAlias = (
    Elementwise | Power | Norm | Pool | Mean | Factor | Rearrange | Product | Softmax | Top | Sum | Mix
)
Node: TypeAlias = Weighted | Multiplier | Weightless | Repeat
WEIGHTED = (Dense, Convolution, Embedding, Bias, Gain, DepthwiseConvolution, Weight)
MATRICES = (Dense, Convolution, Embedding)
MULTIPLIERS = (Scale, Scores)


def sources(node: Node) -> tuple[str, ...]:
    """The names of the operations that a node reads."""
    if isinstance(node, Weight):
        return ()
    return node.sources if isinstance(node, Sum | Rearrange | Product | Scores | Mix) else (node.source,)
