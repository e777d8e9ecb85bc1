"""Node kinds: the operations of a network, each naming those whose results it reads.

Nodes are plain data, and only `Repeat` contains other nodes. The rule of each kind for orders of magnitude, forward,
backward and in its update, is in `symbolic.propagation`; what it computes on tensors in `empirical.engines.graph`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol, TypeAlias, get_args

from scalings.networks.dimensions import ONE, Dimension, fixed

Activation = Literal["relu", "tanh", "gelu", "linear"]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
Role = Literal["input", "hidden", "output"]
Start = Literal["random", "zero", "one"]
"""How a weight is initialised: i.i.d. N(0, sigma^2), all zeros, or all ones. A weight that is frozen (`frozen` of its
node) stays as it is: it has no learning rate, and does not decay."""
INPUT = "input"
"""The name of the network's input, as the first operation's source."""


class _Fans(Protocol):
    @property
    def fan_in(self) -> Dimension: ...
    @property
    def fan_out(self) -> Dimension: ...


class HasRole:
    """Gives a node with a weight its role, which follows from its fans."""

    @property
    def role(self: _Fans) -> Role:
        """Output if fan_out is fixed; else hidden if fan_in grows, and input if it is fixed."""
        if not self.fan_out.grows:
            return "output"
        return "hidden" if self.fan_in.grows else "input"


@dataclass(frozen=True)
class Dense(HasRole):
    """z = g W h: multiplier g, weight W of shape (fan_out, fan_in), h the output of `source`.

    Two nodes with the same `weight` share one parameter (tied weights): it has one init scale and one learning
    rate, those of the first.
    """

    name: str
    source: str
    weight: str
    fan_in: Dimension
    fan_out: Dimension
    start: Start = "random"
    frozen: bool = False

    def shape(self, width: int) -> tuple[int, int]:
        return self.fan_out.at(width), self.fan_in.at(width)


@dataclass(frozen=True)
class Convolution(HasRole):
    """z = g W * h: a dense map on every patch of `kernel` positions; the number of positions is fixed."""

    name: str
    source: str
    weight: str
    channels_in: Dimension
    channels_out: Dimension
    kernel: int
    start: Start = "random"
    frozen: bool = False

    @property
    def fan_in(self) -> Dimension:
        return Dimension(self.kernel * self.channels_in.size, self.channels_in.order, self.channels_in.others)

    @property
    def fan_out(self) -> Dimension:
        return self.channels_out


@dataclass(frozen=True)
class Embedding(HasRole):
    """z = g W x with x one-hot: a column of W for each token; only columns of tokens in the batch are updated."""

    name: str
    source: str
    weight: str
    vocabulary: Dimension
    fan_out: Dimension
    start: Start = "random"
    frozen: bool = False

    @property
    def fan_in(self) -> Dimension:
        return ONE


@dataclass(frozen=True)
class Bias(HasRole):
    """z = h + g b: a layer with the constant input 1; zero at initialization unless `start` says otherwise."""

    name: str
    source: str
    weight: str
    units: Dimension
    start: Start = "zero"
    frozen: bool = False

    @property
    def fan_in(self) -> Dimension:
        return ONE

    @property
    def fan_out(self) -> Dimension:
        return self.units


@dataclass(frozen=True)
class Gain(HasRole):
    """z = g w h, unit by unit: the gain of a normalization."""

    name: str
    source: str
    weight: str
    units: Dimension
    start: Start = "one"
    frozen: bool = False

    @property
    def fan_in(self) -> Dimension:
        return ONE

    @property
    def fan_out(self) -> Dimension:
        return self.units


@dataclass(frozen=True)
class DepthwiseConvolution(HasRole):
    """z = g w * h, channel by channel: one kernel of `kernel` positions each."""

    name: str
    source: str
    weight: str
    channels: Dimension
    kernel: int
    start: Start = "random"
    frozen: bool = False

    @property
    def fan_in(self) -> Dimension:
        return fixed(self.kernel)

    @property
    def fan_out(self) -> Dimension:
        return self.channels


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
    """h = sqrt(units) z / |z|: layer or RMS normalization without its gain (a `Gain` node)."""

    name: str
    source: str


@dataclass(frozen=True)
class Pool:
    """The mean of the source over its positions, whose number is fixed."""

    name: str
    source: str


@dataclass(frozen=True)
class Scale:
    """y = g h: a multiplier without a weight, such as a residual branch's."""

    name: str
    source: str


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
    """A result that has the entries of its sources: selected, repeated, put side by side, or added up."""

    name: str
    sources: tuple[str, ...]
    units: Dimension


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
class Weight(HasRole):
    """z = g w: a weight as a value, such as a position, a state that is learned, or a matrix that is rescaled first.

    It reads nothing, and each of its fan_in * fan_out entries is a unit.
    """

    name: str
    weight: str
    fan_in: Dimension
    fan_out: Dimension
    start: Start = "random"
    frozen: bool = False

    @property
    def units(self) -> Dimension:
        return self.fan_in * self.fan_out


@dataclass(frozen=True)
class Scores:
    """Attention scores s_ij = g q_i . k_j of each of `heads` heads, over `head_size` units each."""

    name: str
    query: str
    key: str
    heads: Dimension
    head_size: Dimension

    @property
    def sources(self) -> tuple[str, str]:
        return self.query, self.key


@dataclass(frozen=True)
class Mix:
    """Attention o_i = sum_j softmax_j(s_ij) v_j: the mean of the values, weighted by the scores of their head."""

    name: str
    scores: str
    values: str

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
Weightless: TypeAlias = Elementwise | Power | Norm | Pool | Mean | Factor | Rearrange | Product | Softmax | Sum | Mix
Node: TypeAlias = Weighted | Multiplier | Weightless | Repeat
WEIGHTED = (Dense, Convolution, Embedding, Bias, Gain, DepthwiseConvolution, Weight)
MATRICES = (Dense, Convolution, Embedding)
MULTIPLIERS = (Scale, Scores)


def sources(node: Node) -> tuple[str, ...]:
    """The names of the operations that a node reads."""
    if isinstance(node, Weight):
        return ()
    return node.sources if isinstance(node, Sum | Rearrange | Product | Scores | Mix) else (node.source,)
