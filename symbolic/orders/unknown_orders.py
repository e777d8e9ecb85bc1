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
>>> algebra.at_most(algebra.total(X, Y), one).forms(R), len(algebra.at_most(X, algebra.total(Y, one)).forms(R))
([(-x + 1, -y + 1)], 2)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, product
from math import prod
from typing import Any, TypeAlias

from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from symbolic.polyhedra.facts import Facts, Form, normalise
from symbolic.polyhedra.inequalities import outermost

MANY_TERMS = 40
"""So many are compared pair by pair. Before there are more, sums and products are taken two at a time, and what is
nowhere the largest of its clause is dropped, as x + y beside 2x and 2y: a linear program for each term."""
MOST_TERMS = 300
"""Criteria that leave training unbounded let the terms multiply; of the sets that mean something so many are compared
only until others have said more."""

Clause: TypeAlias = tuple[Form, ...]
"""The largest of these forms; the empty clause is zero, of order -oo."""
Alternative: TypeAlias = tuple[Form, ...]
"""All of these forms are >= 0."""
Bounds: TypeAlias = dict[Form, Fraction]
"""direction >= bound, for each of these directions."""


@dataclass(frozen=True)
class UnknownOrder:
    """The minimum of the clauses, each a maximum of affine forms; `because` are the facts that simplified it."""

    clauses: tuple[Clause, ...]
    because: frozenset[int] = frozenset()

    @property
    def forms(self) -> tuple[Form, ...]:
        return tuple(form for clause in self.clauses for form in clause)

    def __str__(self) -> str:
        clauses = sorted(_listed("max", map(str, clause)) if clause else "-oo" for clause in self.clauses)
        return _listed("min", clauses)


@dataclass(frozen=True)
class OrderCondition:
    """A disjunction of conjunctions of bounds: [{}] is always true, [] never.

    `because` are the facts that simplified it.
    """

    alternatives: list[Bounds]
    because: frozenset[int] = frozenset()

    def forms(self, ring: Any) -> list[Alternative]:
        """The alternatives as forms >= 0."""
        domain = ring.domain
        return [
            tuple(d - domain(bound.numerator, bound.denominator) for d, bound in bounds.items())
            for bounds in self.alternatives
        ]


class TooOpen(ArgumentError):
    """More than MOST_TERMS compete in an order."""

    def __init__(self) -> None:
        terms = f"over {MOST_TERMS} terms compete in one order"
        super().__init__("criteria", f"these leave so much open that {terms}; keep another")


class Unknowns:
    """The algebra of unknown orders, simplified by `facts`, which may grow while it is used."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    def form(self, form: Form) -> UnknownOrder:
        return UnknownOrder(((form,),))

    def unknown(self, name: str) -> UnknownOrder:
        """The order n^name."""
        ring = self.facts.ring
        return self.form(ring.gens[[str(symbol) for symbol in ring.symbols].index(name)])

    def constant(self, exponent: Exponent) -> UnknownOrder:
        if exponent == MINUS_INFINITY:
            return UnknownOrder(((),))
        number = Fraction(exponent)
        return self.form(self.facts.ring.ground_new(self.facts.ring.domain(number.numerator, number.denominator)))

    def product(self, *orders: UnknownOrder) -> UnknownOrder:
        if len(orders) > 2 and prod(len(order.forms) for order in orders) > MANY_TERMS:
            return self.product(self.product(*orders[:2]), *orders[2:])
        clauses, *rest = (order.clauses for order in orders)
        for factor in rest:
            clauses = tuple(tuple(x + y for x, y in product(a, b)) for a, b in product(clauses, factor))
        return self._simplified(clauses, orders)

    def total(self, *orders: UnknownOrder) -> UnknownOrder:
        choices = prod(len(order.clauses) for order in orders)
        if len(orders) > 2 and sum(choices // len(one.clauses) * len(one.forms) for one in orders) > MANY_TERMS:
            return self.total(self.total(*orders[:2]), *orders[2:])
        combinations = product(*(order.clauses for order in orders))
        return self._simplified([tuple(chain(*choice)) for choice in combinations], orders)

    def smaller(self, *orders: UnknownOrder) -> UnknownOrder:
        return self._simplified([clause for order in orders for clause in order.clauses], orders)

    def power(self, order: UnknownOrder, exponent: Fraction) -> UnknownOrder:
        factor = self.facts.ring.domain(exponent.numerator, exponent.denominator)
        scaled = [tuple(form.mul_ground(factor) for form in clause) for clause in order.clauses]
        return self._simplified(scaled, [order])

    def ratio(self, numerator: UnknownOrder, denominator: UnknownOrder) -> UnknownOrder:
        """1 / min_i max_j b_ij = max_i min_j 1 / b_ij; of zero it is zero, whatever divides it."""
        if not all(numerator.clauses):
            return numerator
        if len(denominator.forms) == 1:
            return self.product(numerator, UnknownOrder(((-denominator.forms[0],),), denominator.because))
        quotients = [
            self.smaller(*(self.product(numerator, self.form(-form)) for form in clause))
            for clause in denominator.clauses
        ]
        return self._simplified(self.total(*quotients).clauses, [*quotients, denominator])

    def at_most(self, left: UnknownOrder, right: UnknownOrder) -> OrderCondition:
        """Under which conditions left <= right."""
        condition = OrderCondition([{}], left.because | right.because)
        for clause in right.clauses:  # for every clause of right, some form of it exceeds some clause of left
            choices = product(clause, left.clauses)
            alternatives = [[bound - form for form in lesser] for bound, lesser in choices]
            alternatives = alternatives if clause else [[] for lesser in left.clauses if not lesser]
            condition = self.both(condition, self._condition(alternatives))
        return condition

    def both(self, first: OrderCondition, second: OrderCondition) -> OrderCondition:
        """The condition that two conditions hold."""
        weakest: list[Bounds] = []
        for a, b in product(first.alternatives, second.alternatives):
            bounds = {**a, **{direction: max(bound, a.get(direction, bound)) for direction, bound in b.items()}}
            if not any(_implies(bounds, other) for other in weakest):
                weakest = [other for other in weakest if not _implies(other, bounds)] + [bounds]
        return OrderCondition(weakest, first.because | second.because)

    def _condition(self, alternatives: Iterable[Iterable[Form]]) -> OrderCondition:
        """All forms of one alternative are >= 0: without what the facts decide, and the facts that decided it."""
        possible: list[Bounds] = []
        because: frozenset[int] = frozenset()
        for forms in alternatives:
            strongest: Bounds = {}
            for form in forms:
                if self.facts.knows(form):
                    because = because.union(self.facts.why(form).multipliers)
                elif self.facts.refutes(form):
                    because = because.union(self.facts.why_not(form).multipliers)
                    break
                else:
                    direction, bound = normalise(self.facts.reduce(form))
                    because = because.union(self.facts.used(form))
                    strongest[direction] = max(bound, strongest.get(direction, bound))
            else:
                possible.append(strongest)
        return self.both(OrderCondition([{}]), OrderCondition(possible, because))

    def _simplified(self, clauses: Iterable[Clause], sources: Iterable[UnknownOrder]) -> UnknownOrder:
        """What is left of the clauses in the light of the facts; those used are added to the sources' own."""
        clauses, used = tuple(clauses), frozenset[int]()
        if sum(map(len, clauses)) > MANY_TERMS:
            pairs = [self._outermost(clause) for clause in clauses]
            clauses, used = tuple(clause for clause, _ in pairs), used.union(*(facts for _, facts in pairs))
        if sum(map(len, clauses)) > MOST_TERMS:
            raise TooOpen
        if () in clauses:
            return UnknownOrder(((),))  # zero by structure, whatever the facts are
        because = used.union(*(source.because for source in sources))
        kept: list[Clause] = []
        for clause, facts in sorted(map(self._largest, clauses), key=lambda pair: len(pair[0])):
            because |= facts
            why = next((reason for other in kept if (reason := self._below(other, clause)) is not None), None)
            if why is not None:
                because |= why
                continue
            reasons = [(other, self._below(clause, other)) for other in kept]
            because = because.union(*(reason for _, reason in reasons if reason is not None))
            kept = [other for other, reason in reasons if reason is None] + [clause]
        return UnknownOrder(tuple(kept), because)

    def _largest(self, clause: Clause) -> tuple[Clause, frozenset[int]]:
        """The clause without forms that another one is known to exceed, and the facts that were used."""
        facts, because = self.facts, frozenset[int]()
        kept: list[Form] = []
        for form in clause:
            because = because.union(facts.used(form))
            reduced = facts.reduce(form)
            above = next((other for other in kept if facts.knows(other - reduced)), None)
            if above is not None:
                because = because.union(facts.why(above - reduced).multipliers)
                continue
            beaten = [other for other in kept if facts.knows(reduced - other)]
            because = because.union(*(facts.why(reduced - other).multipliers for other in beaten))
            kept = [other for other in kept if other not in beaten] + [reduced]
        return tuple(kept), because

    def _outermost(self, clause: Clause) -> tuple[Clause, frozenset[int]]:
        """The clause without forms that are nowhere the largest, and the facts that were used."""
        kept, because = outermost(self.facts, tuple(dict.fromkeys(map(self.facts.reduce, clause))))
        return tuple(kept), because.union(*map(self.facts.used, clause))

    def _below(self, lesser: Clause, greater: Clause) -> frozenset[int] | None:
        """The facts by which the lesser clause is at most the greater; None if they are not known to be so."""
        because: frozenset[int] = frozenset()
        for form in lesser:
            above = next((other for other in greater if self.facts.knows(other - form)), None)
            if above is None:
                return None
            because = because.union(self.facts.why(above - form).multipliers)
        return because


def _implies(bounds: Bounds, others: Bounds) -> bool:
    return all(direction in bounds and bounds[direction] >= bound for direction, bound in others.items())


def _listed(name: str, items: Iterable[str]) -> str:
    ordered = sorted(items)
    return ordered[0] if len(ordered) == 1 else f"{name}({', '.join(ordered)})"
