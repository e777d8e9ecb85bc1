"""What a value of the tape is to the network: a constant, a parameter as it is, or the result of a node.

Entries of constants have the order that was measured, or that numbers in the code say. Of a node's result is known
which random vectors its entries go with, and whether they have a mean: sums of many products of entries follow the law
of large numbers if these have a mean, else the central limit theorem.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import reduce
from typing import Any, TypeAlias

from scalings.networks.dimensions import ONE, Dimension
from scalings.tapes.arguments import Power, Reading, is_number
from scalings.tapes.tape import Parameter

_ALIASES = {"dim": ("axis",), "input": ("self", "x", "x1", "a"), "other": ("x2",)}
"""Names that torch takes for others, as numpy has them."""
Shape: TypeAlias = tuple[Dimension, ...]


class NoRule(Exception):
    """A function has a rule, which says nothing of such arguments: it is as one that has none."""


@dataclass(frozen=True)
class Constant:
    """What depends on no parameter: data, masks, numbers, all entries n^order."""

    shape: Shape
    order: Fraction = Fraction(0)
    is_zero: bool = False
    is_mask: bool = False
    """Whether its entries are true or false."""
    has_mean: bool = True
    """Whether its entries have a mean, as those of noise have not."""
    depends: bool = False
    """Whether its entries are chosen, unit by unit, by what the network computes, as those of h > 0 are."""
    only_masks: bool = False
    """Whether its entries are zero, or as infinity to a softmax: it is no term beside another one."""
    magnitudes: tuple[float, ...] = field(default=(), compare=False)
    """The root mean square of the value's entries at each width, as it was measured at initialization."""


@dataclass(frozen=True)
class Held:
    """A parameter as it is, or rearranged, times n^order."""

    shape: Shape
    parameter: Parameter[Dimension]
    order: Fraction = Fraction(0)
    size: float = 1.0
    magnitudes: tuple[float, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Result:
    """What a node computes, or a part of it."""

    shape: Shape
    node: str
    made_of: frozenset[str] = frozenset()
    """The nearest nodes with a weight that it depends on."""
    vectors: frozenset[Hashable] = frozenset()
    """The random vectors that its entries are correlated with."""
    has_mean: bool = False
    """Whether its entries have a mean at initialization, as those of a square have."""
    turned: bool = False
    """Whether its two axes have changed places since the node."""
    magnitudes: tuple[float, ...] = field(default=(), compare=False)

    def of_part(self, part: Hashable) -> Result:
        """The same of some of its entries, which are no others' ones."""
        return replace(self, vectors=frozenset((vector, part) for vector in self.vectors))


State: TypeAlias = Constant | Held | Result


def transposed(state: State) -> State:
    """A matrix with its axes exchanged; anything else as it is."""
    if len(state.shape) != 2:
        return state
    turned = replace(state, turned=not state.turned) if isinstance(state, Result) else state
    return replace(turned, shape=state.shape[::-1])


@dataclass(frozen=True)
class Call:
    """An operation with the states of what it reads in its arguments."""

    function: str
    path: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any] = field(default_factory=dict)
    shapes: tuple[Shape, ...] = ()
    """Of its results."""
    magnitudes: tuple[float, ...] = ()
    """Of the first of them."""
    errors: tuple[float, ...] = ()
    """Those of the logarithms of its magnitudes."""
    within: str = ""
    """The function of torch that it is a part of."""

    def get(self, place: int, name: str, default: Any = None) -> Any:
        """An argument by its place or its name."""
        if place < len(self.arguments):
            return self.arguments[place]
        names = (one for one in (name, *_ALIASES.get(name, ())) if one in self.keywords)
        return self.keywords.get(next(names, name), default)

    def state(self, place: int, name: str) -> State:
        """An argument that is a value, or a number in place of one."""
        return state_of(self.get(place, name))

    @property
    def first(self) -> State:
        """The first argument, however it is given."""
        return state_of(self.arguments[0] if self.arguments else next(iter(self.keywords.values()), None))

    @property
    def shape(self) -> Shape:
        """Of the first result."""
        return self.shapes[0] if self.shapes else ()


def product(sizes: Shape) -> Dimension:
    return reduce(Dimension.__mul__, sizes, ONE)


def growing(shape: Shape) -> Dimension:
    """The number of units: the product of the sizes that grow."""
    return product(tuple(size for size in shape if size.grows))


def order_of(number: Any) -> Fraction:
    """The power of the width that a Python number of the tape is."""
    found: Fraction = getattr(number, "order", Fraction(0))
    return found


def size_of(number: Any) -> float:
    """The factor of a Python number of the tape, without its sign."""
    found = getattr(number, "factor", getattr(number, "number", number))
    return abs(float(found))


def state_of(argument: Any) -> State:
    """A number as a constant; a state as it is."""
    if isinstance(argument, Constant | Held | Result):
        return argument
    return Constant((), order_of(argument), size_of(argument) == 0)


def is_plain(argument: Any) -> bool:
    """Whether an argument is a Python number."""
    return is_number(argument) or isinstance(argument, Power | Reading)
