"""Orders of magnitude with unknown exponents.

An unknown order is a lattice polynomial in normal form: the smallest of several *clauses*, each the largest
of several affine forms, as in min(a, max(b, c)). A product of quantities, a sum, a minimum and a ratio all
stay within this form. `Unknowns` is the `Algebra` of such orders; it drops whatever its `Facts` prove to be
irrelevant, so that as criteria become known the run collapses to single monomials. That is how 3^L
combinations of terms are avoided.

>>> from sympy.polys.domains import QQ
>>> from sympy.polys.rings import ring
>>> R, x, y = ring("x, y", QQ)
>>> algebra = Unknowns(Facts(R))
>>> X, Y = algebra.form(x), algebra.form(y)
>>> print(algebra.total(X, algebra.smaller(Y, algebra.constant(Fraction(0)))))
min(max(0, x), max(x, y))

Comparing two orders gives a condition: alternatives, one of which must hold, each a conjunction of linear
inequalities `form >= 0`. Here max(x, y) <= 1 has one alternative, and x <= max(y, 1) has two:

>>> one = algebra.constant(Fraction(1))
>>> algebra.at_most(algebra.total(X, Y), one), len(algebra.at_most(X, algebra.total(Y, one)))
([(-x + 1, -y + 1)], 2)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, product
from typing import TypeAlias

from scalings.errors import ArgumentError
from scalings.exponents import MINUS_INFINITY, Exponent
from symbolic.facts import Facts, Form, normalise

MOST_TERMS = 600
"""Criteria that leave training unbounded let the terms multiply; the sets that mean something stay below."""

Clause: TypeAlias = tuple[Form, ...]
"""The largest of these forms; the empty clause is zero, of order -oo."""
Alternative: TypeAlias = tuple[Form, ...]
"""All of these forms are >= 0."""
Bounds: TypeAlias = dict[Form, Fraction]
"""direction >= bound, for each of these directions."""


@dataclass(frozen=True)
class UnknownOrder:
    """The smallest of the clauses."""

    clauses: tuple[Clause, ...]

    @property
    def forms(self) -> tuple[Form, ...]:
        return tuple(form for clause in self.clauses for form in clause)

    def __str__(self) -> str:
        clauses = sorted(_listed("max", map(str, clause)) if clause else "-oo" for clause in self.clauses)
        return _listed("min", clauses)


class Unknowns:
    """The algebra of unknown orders, in the light of `facts` (which may grow while it is used)."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    def form(self, form: Form) -> UnknownOrder:
        return UnknownOrder(((form,),))

    def constant(self, exponent: Exponent) -> UnknownOrder:
        if exponent == MINUS_INFINITY:
            return UnknownOrder(((),))
        number = Fraction(exponent)
        return self.form(self.facts.ring.ground_new(self.facts.ring.domain(number.numerator, number.denominator)))

    def product(self, *orders: UnknownOrder) -> UnknownOrder:
        first, *rest = orders
        for order in rest:
            pairs = product(first.clauses, order.clauses)
            first = UnknownOrder(tuple(tuple(x + y for x, y in product(a, b)) for a, b in pairs))
        return self._simplified(first)

    def total(self, *orders: UnknownOrder) -> UnknownOrder:
        combinations = product(*(order.clauses for order in orders))
        return self._simplified(UnknownOrder(tuple(tuple(chain(*choice)) for choice in combinations)))

    def smaller(self, *orders: UnknownOrder) -> UnknownOrder:
        return self._simplified(UnknownOrder(tuple(chain(*(order.clauses for order in orders)))))

    def power(self, order: UnknownOrder, exponent: Fraction) -> UnknownOrder:
        factor = self.facts.ring.domain(exponent.numerator, exponent.denominator)
        scaled = tuple(tuple(form.mul_ground(factor) for form in clause) for clause in order.clauses)
        return self._simplified(UnknownOrder(scaled))

    def ratio(self, numerator: UnknownOrder, denominator: UnknownOrder) -> UnknownOrder:
        """1 / min_i max_j b_ij = max_i min_j 1 / b_ij."""
        quotients = (
            self.smaller(*(self.product(numerator, self.form(-form)) for form in clause))
            for clause in denominator.clauses
        )
        return self.total(*quotients)

    def at_most(self, left: UnknownOrder, right: UnknownOrder) -> list[Alternative]:
        """Under which conditions left <= right; [()] if always, [] if never, as far as the facts show."""
        condition: list[Alternative] = [()]
        for clause in right.clauses:  # for every clause of right, some form of it exceeds some clause of left
            choices = product(clause, left.clauses)
            alternatives = [tuple(bound - form for form in lesser) for bound, lesser in choices]
            condition = self.both(condition, alternatives if clause else [() for c in left.clauses if not c])
        return condition

    def proof(self, left: UnknownOrder, right: UnknownOrder) -> frozenset[int]:
        """The facts from which a known left <= right follows."""
        facts: frozenset[int] = frozenset()
        for clause in right.clauses:
            for bound, lesser in product(clause, left.clauses):
                if all(self.facts.knows(bound - form) for form in lesser):
                    facts = facts.union(*(self.facts.why(bound - form) for form in lesser))
                    break
        return facts

    def simplification(self, order: UnknownOrder) -> frozenset[int]:
        """The equations that turned what is left of this order into what it is now."""
        left = self._simplified(order).forms
        return frozenset[int]().union(*(self.facts.used(f) for f in order.forms if self.facts.reduce(f) in left))

    def both(self, first: list[Alternative], second: list[Alternative]) -> list[Alternative]:
        """The condition that two conditions hold, without what the facts decide and what is redundant."""
        conjunctions = [self._conjunction((*a, *b)) for a, b in product(first, second)]
        weakest: list[Bounds] = []
        for bounds in (conjunction for conjunction in conjunctions if conjunction is not None):
            if not any(_implies(bounds, other) for other in weakest):
                weakest = [other for other in weakest if not _implies(other, bounds)] + [bounds]
        domain = self.facts.ring.domain
        return [tuple(d - domain(b.numerator, b.denominator) for d, b in bounds.items()) for bounds in weakest]

    def _conjunction(self, forms: Iterable[Form]) -> Bounds | None:
        """The strongest bound in each direction, without those known; None if one is false."""
        strongest: Bounds = {}
        for form in forms:
            if self.facts.knows(form):
                continue
            if self.facts.refutes(form):
                return None
            direction, bound = normalise(self.facts.reduce(form))
            strongest[direction] = max(bound, strongest.get(direction, bound))
        return strongest

    def _simplified(self, order: UnknownOrder) -> UnknownOrder:
        if len(order.forms) > MOST_TERMS:
            raise ArgumentError(
                "criteria",
                f"these leave so much open that over {MOST_TERMS} terms compete in one order; keep another one",
            )
        clauses = [self._largest(clause) for clause in order.clauses]
        if len(clauses) == 1:
            return UnknownOrder(tuple(clauses))
        kept: list[Clause] = []
        for clause in sorted(clauses, key=len):
            if not any(self._below(other, clause) for other in kept):
                kept = [other for other in kept if not self._below(clause, other)] + [clause]
        return UnknownOrder(tuple(kept))

    def _largest(self, clause: Clause) -> Clause:
        """The clause without forms that another one is known to exceed."""
        kept: list[Form] = []
        for form in dict.fromkeys(self.facts.reduce(form) for form in clause):
            if not any(self.facts.knows(other - form) for other in kept):
                kept = [other for other in kept if not self.facts.knows(form - other)] + [form]
        return tuple(kept)

    def _below(self, lesser: Clause, greater: Clause) -> bool:
        return all(any(self.facts.knows(b - a) for b in greater) for a in lesser)


def _implies(bounds: Bounds, others: Bounds) -> bool:
    return all(direction in bounds and bounds[direction] >= bound for direction, bound in others.items())


def _listed(name: str, items: Iterable[str]) -> str:
    ordered = sorted(items)
    return ordered[0] if len(ordered) == 1 else f"{name}({', '.join(ordered)})"
