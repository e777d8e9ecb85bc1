"""Sizes instead of orders: the same rules at one width, with numbers that have constants in front of their powers.

Orders are what slopes tend to. At the widths that are trained a smaller term may still be the larger one, such as the
generic part of an attention's gradient beside the aligned part, or a branch whose init scale has the constant 0.02.
Run on the sizes of initial weights and of learning rates, training on orders says what sizes to expect at that width,
up to constants of its rules, and over several widths which slopes a fit will find.

>>> wide = Sizes(100)
>>> wide.constant(Fraction(1, 2)), wide.total(3.0, 4.0), wide.smaller(3.0, 4.0), wide.ratio(0.0, 0.0)
(10.0, 5.0, 3.0, 0.0)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent


@dataclass(frozen=True)
class Sizes:
    """The arithmetic of sizes at this value of the scale variable."""

    scale: int

    def constant(self, exponent: Exponent) -> float:
        """scale^exponent; zero for -oo."""
        return self.power(float(self.scale), Fraction(exponent)) if exponent != MINUS_INFINITY else 0.0

    def product(self, *sizes: float) -> float:
        return math.prod(sizes)

    def total(self, *sizes: float) -> float:
        """The root of the sum of squares: terms that are independent of each other."""
        return math.hypot(*sizes)

    def smaller(self, *sizes: float) -> float:
        return min(sizes)

    def power(self, size: float, exponent: Fraction) -> float:
        """Zero stays zero under the power 0 too; what no number holds is infinite."""
        try:
            return math.pow(size, exponent) if size else 0.0
        except OverflowError:
            return math.inf

    def ratio(self, numerator: float, denominator: float) -> float:
        """0/0 is taken as 0."""
        if not numerator or denominator == math.inf:
            return 0.0
        return numerator / denominator if denominator else math.inf
