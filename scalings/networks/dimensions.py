"""Dimensions: numbers of units as powers of the width n and of other scale variables.

A `Dimension` is size * n^order: fixed (order 0, such as a size of the data) or growing with the width. Powers of other
scale variables, such as the depth m, may multiply it:

>>> WIDTH.at(512), fixed(10).at(512), WIDTH.order_in("width"), times(12).order_in("depth")
(512, 10, Fraction(1, 1), Fraction(1, 1))
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

WIDTH_SCALE, DEPTH_SCALE = "width", "depth"
VOCABULARY_SCALE, EXPERTS_SCALE, RANK_SCALE = "vocabulary", "experts", "rank"
COUNTED_SCALES = (VOCABULARY_SCALE, EXPERTS_SCALE)
"""Numbers of things of which an example has a fixed number each: a token, the experts that are chosen for it."""
BATCH_NOISE, BATCH_SIGNAL = "batch:noise", "batch:signal"
BATCH_SCALES = (BATCH_NOISE, BATCH_SIGNAL)
"""The batch size where the mean gradient is mostly noise (small batches), and where it is mostly signal (large)."""
_SYMBOLS = {
    WIDTH_SCALE: "n",
    DEPTH_SCALE: "m",
    VOCABULARY_SCALE: "V",
    EXPERTS_SCALE: "E",
    RANK_SCALE: "R",
    BATCH_NOISE: "B",
    BATCH_SIGNAL: "B",
}


def symbol_of(scale: str) -> str:
    """The letter that stands for a scale variable in formulas; its name if it has none.

    >>> symbol_of("width"), symbol_of("experts"), symbol_of("stages")
    ('n', 'E', 'stages')
    """
    return _SYMBOLS.get(scale, scale)


@dataclass(frozen=True)
class Dimension:
    """A number of units: size * n^order, times the powers in `others`, pairs of a scale variable and its order.

    The size may be a fraction: 1/8 for heads of n/8 units.
    """

    size: int | Fraction
    order: Fraction = Fraction(0)
    others: tuple[tuple[str, Fraction], ...] = ()

    def at(self, width: int) -> int:
        """The number of units at this width, rounded to a whole number of at least 1; other scale variables are 1."""
        return max(1, round(self.size * math.pow(width, self.order)))

    def order_in(self, scale: str) -> Fraction:
        """The power of this scale variable."""
        return self.order if scale == WIDTH_SCALE else dict(self.others).get(scale, Fraction(0))

    def __mul__(self, other: Dimension) -> Dimension:
        scales = dict.fromkeys(scale for scale, _ in (*self.others, *other.others))
        others = tuple((scale, self.order_in(scale) + other.order_in(scale)) for scale in scales)
        return Dimension(self.size * other.size, self.order + other.order, others)

    def __truediv__(self, other: Dimension) -> Dimension:
        inverse = ((scale, -order) for scale, order in other.others)
        return self * Dimension(1 / Fraction(other.size), -other.order, tuple(inverse))

    def __str__(self) -> str:
        powers = [(WIDTH_SCALE, self.order), *sorted(self.others)]
        written = [f"{symbol_of(scale)}^{order}" for scale, order in powers if order]
        return " ".join([str(self.size), *(power.removesuffix("^1") for power in written)])

    @property
    def grows(self) -> bool:
        """Whether it grows with the network; fixed sizes and the vocabulary are sizes of the data, and each expert is
        a choice."""
        return bool(self.order) or any(order for scale, order in self.others if scale not in COUNTED_SCALES)


def fixed(size: int) -> Dimension:
    """A dimension that is the same at every width, such as a size of the data."""
    return Dimension(size)


def times(size: int) -> Dimension:
    """A number of repetitions: the scale variable "depth", written m."""
    return Dimension(size, others=((DEPTH_SCALE, Fraction(1)),))


def tokens(size: int) -> Dimension:
    """A number of tokens: the scale variable "vocabulary", written V."""
    return Dimension(size, others=((VOCABULARY_SCALE, Fraction(1)),))


def routed(number: int) -> Dimension:
    """A number of experts to choose from: the scale variable "experts", written E."""
    return Dimension(number, others=((EXPERTS_SCALE, Fraction(1)),))


WIDTH = Dimension(1, Fraction(1))
ONE = fixed(1)
