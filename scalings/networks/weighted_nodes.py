"""Node kinds with a weight: layers of a parameterization.

Each has fans, from which its role follows, and names the parameter that it may share with others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from scalings.networks.dimensions import ONE, Dimension, fixed

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
class Weight(HasRole):
    """z = g w: a weight as a value, such as a position, a state that is learned, or a matrix that is rescaled first.

    It reads nothing, and each of its fan_in * fan_out entries is a unit; `by_position`: each of fan_in positions has
    fan_out units of its own.
    """

    name: str
    weight: str
    fan_in: Dimension
    fan_out: Dimension
    start: Start = "random"
    frozen: bool = False
    by_position: bool = False

    @property
    def units(self) -> Dimension:
        return self.fan_out if self.by_position else self.fan_in * self.fan_out
