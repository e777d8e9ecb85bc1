"""Orders as linear expressions of unknown exponents, in which every maximum or minimum is one unknown more.

So training on orders is written down as it is, for a solver that decides which of several is the largest.

>>> algebra = LinearOrders(["x", "y"])
>>> x, y = algebra.unknown("x"), algebra.unknown("y")
>>> largest = algebra.total(x, algebra.product(y, y), algebra.product(x, algebra.constant(Fraction(-1))))
>>> (extreme,) = algebra.extremes
>>> [[(algebra.names[number], factor) for number, factor in one.multiples] for one in (largest, *extreme.orders)]
[[('order 1', 1)], [('x', 1)], [('y', 2)]]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent

Multiples: TypeAlias = tuple[tuple[int, int | Fraction], ...]
"""The numbers of unknowns, in order, each with its factor; whole ones are nearly all, and much the faster."""


@dataclass(frozen=True)
class Linear:
    """A constant plus multiples of unknowns."""

    constant: Fraction
    multiples: Multiples = ()

    def __add__(self, other: Linear) -> Linear:
        if not other.multiples:
            return Linear(self.constant + other.constant, self.multiples) if other.constant else self
        if not self.multiples:
            return other + self
        found = dict(self.multiples)
        for unknown, factor in other.multiples:
            found[unknown] = found[unknown] + factor if unknown in found else factor
        multiples = tuple(sorted((unknown, factor) for unknown, factor in found.items() if factor))
        return Linear(self.constant + other.constant, multiples)

    def __sub__(self, other: Linear) -> Linear:
        return self + other * -1

    def __mul__(self, factor: int | Fraction) -> Linear:
        if not factor:
            return _ONE
        return Linear(self.constant * factor, tuple((unknown, one * factor) for unknown, one in self.multiples))


_ONE = Linear(Fraction(0))
"""The order of what is 1, n^0."""
Order: TypeAlias = Linear | None
"""None is zero, of order -oo."""


@dataclass(frozen=True)
class Extreme:
    """What an unknown is: the largest of some orders, or the smallest."""

    unknown: Linear
    is_largest: bool
    orders: tuple[Linear, ...]


class LinearOrders:
    """The algebra of orders as linear expressions, in which each maximum or minimum of several is one unknown more.

    Of orders that differ by a constant it is known which is the extreme one.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = list(names)
        """Of all unknowns, by their numbers."""
        self._unknowns = {name: _of(number) for number, name in enumerate(self.names)}
        self._extremes: dict[tuple[bool, frozenset[Linear]], Extreme] = {}

    @property
    def extremes(self) -> Iterable[Extreme]:
        """What the unknowns are that were not there at first."""
        return self._extremes.values()

    def unknown(self, name: str) -> Linear:
        return self._unknowns[name]

    def constant(self, exponent: Exponent) -> Order:
        return None if exponent == MINUS_INFINITY else Linear(Fraction(exponent))

    def product(self, *orders: Order) -> Order:
        found = _ONE
        for order in orders:
            if order is None:
                return None
            found += order
        return found

    def total(self, *orders: Order) -> Order:
        known = [order for order in orders if order is not None]
        return self._extreme(known, largest=True) if known else None

    def smaller(self, *orders: Order) -> Order:
        known = [order for order in orders if order is not None]
        return self._extreme(known, largest=False) if len(known) == len(orders) else None

    def power(self, order: Order, exponent: Fraction) -> Order:
        factor = exponent.numerator if exponent.denominator == 1 else exponent
        return None if order is None else order * factor

    def ratio(self, numerator: Order, denominator: Order) -> Order:
        return None if numerator is None or denominator is None else numerator - denominator

    def _extreme(self, orders: Sequence[Linear], *, largest: bool) -> Linear:
        alike: dict[Multiples, Linear] = {}
        for one in orders:
            other = alike.setdefault(one.multiples, one)
            if (one.constant > other.constant) if largest else (one.constant < other.constant):
                alike[one.multiples] = one
        if len(alike) == 1:
            return next(iter(alike.values()))
        key = largest, frozenset(alike.values())
        if key not in self._extremes:
            self._extremes[key] = Extreme(_of(len(self.names)), largest, tuple(alike.values()))
            self.names.append(f"order {len(self._extremes)}")
        return self._extremes[key].unknown


def _of(unknown: int) -> Linear:
    return Linear(Fraction(0), ((unknown, 1),))
