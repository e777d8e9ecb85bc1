"""Orders that are computed when they are asked for: training is written down once, each case computes what it needs.

What is computed late is computed in the light of more facts, and what no criterion speaks of is not computed at all.

>>> from sympy.polys.domains import QQ
>>> from sympy.polys.rings import ring
>>> from symbolic.orders.recorder import Tracer
>>> from symbolic.polyhedra.facts import Facts
>>> R, x, y = ring("x, y", QQ)
>>> tracer, facts = Tracer(keeps_minima=True), Facts(R)
>>> larger = tracer.total(tracer.unknown("x"), tracer.unknown("y"))
>>> facts.learn_nonnegative(x - y, {0: QQ(1)})
>>> print(Deferred(tracer.operations, Unknowns(facts))[larger])
x
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from scalings.hyperparameters.exponents import MINUS_INFINITY
from symbolic.orders.recorder import ZERO, Noted, Traced
from symbolic.orders.unknown_orders import UnknownOrder, Unknowns


class Deferred:
    """The results of operations that were written down, each computed when it is first asked for."""

    def __init__(self, operations: Sequence[Noted], algebra: Unknowns) -> None:
        self._operations, self._algebra = operations, algebra
        self._known = {ZERO: algebra.constant(MINUS_INFINITY)}

    def __getitem__(self, number: Traced) -> UnknownOrder:
        for each in sorted(self._missing(number)):
            self._known[each] = self._computed(self._operations[each])
        return self._known[number]

    def _missing(self, number: Traced) -> set[Traced]:
        """Those that have to be computed, itself among them; arguments have smaller numbers."""
        found, left = set[Traced](), [number]
        while left:
            if (one := left.pop()) not in self._known and one not in found:
                found.add(one)
                left += self._operations[one][1]
        return found

    def _computed(self, noted: Noted) -> UnknownOrder:
        algebra, of = self._algebra, [self._known[one] for one in noted[1]]
        match noted:
            case "unknown", _, str(name):
                found = algebra.unknown(name)
            case "constant", _, Fraction() as exponent:
                found = algebra.constant(exponent)
            case "power", _, Fraction() as exponent:
                found = algebra.power(of[0], exponent)
            case "ratio", *_:
                found = algebra.ratio(*of)
            case "smaller", *_:
                found = algebra.smaller(*of)
            case "product", *_:
                found = algebra.product(*of)
            case _:
                found = algebra.total(*of)
        return found
