"""Orders that are affine in two coordinates x and y, on a cell of the plane: the algebra that cuts the cell.

A sum is the larger of two orders. Where their difference has one sign on the cell, that one is known; where it changes
sign, the cell is cut along the line, the run goes on in one part, and the other part is left for another run. So every
order of the run that ends is affine on the cell that is left, exactly.

>>> zero, one = Fraction(0), Fraction(1)
>>> run = PlanarOrders(((zero, zero), (one, zero), (one, one), (zero, one)))
>>> run.total((zero, one, zero), (zero, zero, one)) == (zero, one, zero)  # max(x, y) = x ...
True
>>> [tuple(map(str, corner)) for corner in run.cell]  # ... on this half of the square; the other one is left
[('0', '0'), ('1', '0'), ('1', '1')]
>>> len(run.left)
1
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from typing import TypeAlias

from scalings.hyperparameters.exponents import MINUS_INFINITY, Affine, Exponent
from symbolic.polyhedra.polygons import Cell, LinearForm, cut, value

PlanarOrder: TypeAlias = LinearForm | float
"""An order c + a x + b y, or -oo (or oo, a ratio to nothing)."""


def planar(affine: Affine, x: str, y: str) -> PlanarOrder:
    """An affine exponent as an order in two coordinates, by the names of its parameters."""
    if isinstance(affine.constant, float):
        return affine.constant
    return affine.constant, affine.coefficient(x), affine.coefficient(y)


@dataclass
class PlanarOrders:
    """Arithmetic of orders on a cell, which every undecided comparison makes smaller."""

    cell: Cell
    left: list[Cell] = field(default_factory=list)
    """What has been cut off."""

    def constant(self, exponent: Exponent) -> PlanarOrder:
        return exponent if isinstance(exponent, float) else (exponent, Fraction(0), Fraction(0))

    def product(self, *orders: PlanarOrder) -> PlanarOrder:
        return reduce(_added, orders)

    def total(self, *orders: PlanarOrder) -> PlanarOrder:
        return reduce(lambda a, b: a if self.sign(a, b) >= 0 else b, orders)

    def smaller(self, *orders: PlanarOrder) -> PlanarOrder:
        return reduce(lambda a, b: a if self.sign(a, b) <= 0 else b, orders)

    def power(self, order: PlanarOrder, exponent: Fraction) -> PlanarOrder:
        if isinstance(order, float):
            return order
        constant, a, b = order
        return constant * exponent, a * exponent, b * exponent

    def ratio(self, numerator: PlanarOrder, denominator: PlanarOrder) -> PlanarOrder:
        if isinstance(numerator, float):
            return numerator
        return _subtracted(numerator, denominator)

    def sign(self, order: PlanarOrder, than: PlanarOrder) -> int:
        """1, 0 or -1 where an order is larger, equal or smaller inside the cell; cuts the cell where this changes."""
        if order == than:
            return 0
        if isinstance(order, float) or isinstance(than, float):
            return 1 if order == -MINUS_INFINITY or than == MINUS_INFINITY else -1
        difference = order[0] - than[0], order[1] - than[1], order[2] - than[2]
        values = [value(difference, corner) for corner in self.cell]
        rises, falls = any(one > 0 for one in values), any(one < 0 for one in values)
        if rises and falls:
            self.cell, rest = cut(self.cell, difference)
            self.left.append(rest)
        return 1 if rises else -1 if falls else 0


def _added(one: PlanarOrder, other: PlanarOrder) -> PlanarOrder:
    if isinstance(one, float):
        return one
    if isinstance(other, float):
        return other
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _subtracted(one: LinearForm, other: PlanarOrder) -> PlanarOrder:
    if isinstance(other, float):
        return -other
    return one[0] - other[0], one[1] - other[1], one[2] - other[2]
