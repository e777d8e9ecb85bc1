"""Orders of magnitude, and the arithmetic that training is run on.

A quantity of order n^e is represented by e. A product of quantities adds their orders, a sum takes the
largest (the max-plus semiring), so whatever is computed by products and sums can be computed on orders.
`Algebra` lists the six operations that training needs. `EXACT` carries them out on given exponents; the other
algebras are `unknown_orders.Unknowns` (unknown exponents), `recorder.Tracer` (operations written down) and
`linear_orders.LinearOrders` (for z3).

>>> half, one = Fraction(1, 2), Fraction(1)
>>> EXACT.product(half, one), EXACT.total(half, one), EXACT.ratio(half, one)
(Fraction(3, 2), Fraction(1, 1), Fraction(-1, 2))

Zero has order -oo; it absorbs products, is neutral in sums, and stays zero under every power, so an
optimizer that normalises its gradient (power 0) still does not move weights whose gradient is zero:

>>> EXACT.product(half, MINUS_INFINITY), EXACT.total(half, MINUS_INFINITY), EXACT.power(MINUS_INFINITY, Fraction(0))
(-inf, Fraction(1, 2), -inf)
"""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol, TypeVar

from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent

O = TypeVar("O")  # noqa: E741 - an order


class Algebra(Protocol[O]):
    """Arithmetic of orders. All arguments and results are orders, but for the power's exponent."""

    def constant(self, exponent: Exponent) -> O:
        """The order of n^exponent."""

    def product(self, *orders: O) -> O:
        """|a b| = |a| |b|: the orders add."""

    def total(self, *orders: O) -> O:
        """|a + b|, no cancellation: the larger order."""

    def smaller(self, *orders: O) -> O:
        """min(|a|, |b|)."""

    def power(self, order: O, exponent: Fraction) -> O:
        """|a|^exponent for an exponent >= 0; zero stays zero."""

    def ratio(self, numerator: O, denominator: O) -> O:
        """|a| / |b|; 0/0 is taken as 0."""


class ExactAlgebra:
    """Orders that are known: `Fraction`s, and -oo."""

    def constant(self, exponent: Exponent) -> Exponent:
        return exponent

    def product(self, *orders: Exponent) -> Exponent:
        total, *others = orders
        for order in others:
            if order:  # most are 0, and adding fractions is slow
                total = total + order if total else order
        return total

    def total(self, *orders: Exponent) -> Exponent:
        return max(orders)

    def smaller(self, *orders: Exponent) -> Exponent:
        return min(orders)

    def power(self, order: Exponent, exponent: Fraction) -> Exponent:
        return order if order == MINUS_INFINITY else order * exponent

    def ratio(self, numerator: Exponent, denominator: Exponent) -> Exponent:
        return numerator if numerator == MINUS_INFINITY else numerator - denominator


def signed_power(algebra: Algebra[O], order: O, exponent: Fraction) -> O:
    """|a|^exponent, of either sign; zero stays zero, so that a law that divides by its gradient makes no step without.

    >>> signed_power(EXACT, Fraction(2), Fraction(-1, 2)), signed_power(EXACT, MINUS_INFINITY, Fraction(-1))
    (Fraction(-1, 1), -inf)
    """
    if exponent >= 0:
        return algebra.power(order, exponent)
    return algebra.ratio(algebra.power(order, Fraction(0)), algebra.power(order, -exponent))


EXACT = ExactAlgebra()
