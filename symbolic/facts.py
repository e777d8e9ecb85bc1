"""What is known of the unknown exponents: linear equations, solved, and linear inequalities.

An *affine form* is an element of a sympy polynomial ring QQ[g_1, sigma_1, eta_1, ...] of degree at most 1:
exact, sparse, and a thousand times faster to add than a sympy expression. `Facts` rewrites each form by
the equations it has learned (Gaussian elimination, one equation at a time) and remembers for each
direction the best lower bound that an inequality gave it. It also remembers *why*: every reduction comes
with the facts that it used, so that "implied by" is a proof (a linear combination), not a guess.

>>> from sympy.polys.domains import QQ
>>> from sympy.polys.rings import ring
>>> R, x, y = ring("x, y", QQ)
>>> facts = Facts(R)
>>> facts.learn_zero(x + y - 1, frozenset({0}))           # fact 0: x = 1 - y
>>> facts.reduce(2 * x + y), facts.used(2 * x + y)
(-y + 2, frozenset({0}))
>>> facts.learn_nonnegative(x, frozenset({1}))            # fact 1: x >= 0, that is y <= 1
>>> facts.knows(3 - 2 * y), facts.knows(-y)
(True, False)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, lcm
from typing import Any, TypeAlias

from scalings.exponents import Affine

Form: TypeAlias = Any
"""An affine form, a `sympy.polys.rings.PolyElement` (sympy has no types)."""
Monomial: TypeAlias = tuple[int, ...]
"""A monomial of the ring; of degree 1 it stands for an unknown."""


class Contradiction(Exception):
    """What is to be learned is false by what is known."""


@dataclass
class Facts:
    """Linear knowledge of one case of a derivation; the numbers of facts are the caller's."""

    ring: Any
    solved: dict[Monomial, tuple[Form, frozenset[int]]] = field(default_factory=dict)
    """Eliminated unknown -> (what it equals, the facts used)."""
    bounds: dict[Form, tuple[Fraction, frozenset[int]]] = field(default_factory=dict)
    """Direction -> (its greatest known lower bound, the facts that gave it)."""

    @property
    def free(self) -> list[Form]:
        """The unknowns that no equation has eliminated."""
        return [unknown for unknown in self.ring.gens if unknown.LM not in self.solved]

    @property
    def inequalities(self) -> list[Form]:
        """The bounds, as forms >= 0."""
        return [direction - _number(self.ring, bound) for direction, (bound, _) in self.bounds.items()]

    def reduce(self, form: Form) -> Form:
        """The form in terms of the unknowns that are left."""
        eliminated = [monomial for monomial in form.itermonoms() if monomial in self.solved]
        for monomial in eliminated:
            value, unknown = self.solved[monomial][0], self.ring({monomial: form[monomial]})
            form = form - unknown + value.mul_ground(form[monomial])
        return form

    def used(self, form: Form) -> frozenset[int]:
        """The numbers of the facts that reducing this form uses."""
        return frozenset[int]().union(*(self.solved[m][1] for m in form.itermonoms() if m in self.solved))

    def learn_zero(self, form: Form, facts: frozenset[int]) -> None:
        """Learn form = 0 from these facts. Raises Contradiction."""
        reduced, used = self.reduce(form), self.used(form) | facts
        unknowns = [monomial for monomial in reduced.monoms() if any(monomial)]
        if not unknowns:
            if reduced:
                raise Contradiction
            return
        pivot = max(unknowns)  # the first in the order of the ring
        unknown = self.ring({pivot: 1})
        value = unknown - reduced.quo_ground(reduced.coeff(unknown))
        for monomial, (old, why) in self.solved.items():
            if coefficient := old.coeff(unknown):
                self.solved[monomial] = (old + (value - unknown).mul_ground(coefficient), why | used)
        self.solved[pivot] = (value, used)
        known, self.bounds = self.bounds, {}
        for direction, (bound, why) in known.items():
            self.learn_nonnegative(direction - _number(self.ring, bound), why)

    def learn_nonnegative(self, form: Form, facts: frozenset[int]) -> None:
        """Learn form >= 0 from these facts; two opposite inequalities become an equation. Raises Contradiction."""
        direction, bound = normalise(self.reduce(form))
        used = self.used(form) | facts
        if not direction:
            if bound > 0:
                raise Contradiction
            return
        if direction in self.bounds and self.bounds[direction][0] >= bound:
            return
        self.bounds[direction] = (bound, used)
        if -direction in self.bounds:
            opposite, why = self.bounds[-direction]
            if bound + opposite > 0:
                raise Contradiction
            if bound + opposite == 0:
                self.learn_zero(direction - _number(self.ring, bound), used | why)

    def knows(self, form: Form) -> bool:
        """Whether form >= 0 follows from the equations and one inequality; True is a proof, False is not."""
        direction, bound = normalise(self.reduce(form))
        if not direction:
            return bound <= 0
        return direction in self.bounds and self.bounds[direction][0] >= bound

    def why(self, form: Form) -> frozenset[int]:
        """The facts from which a known form >= 0 follows."""
        direction, _ = normalise(self.reduce(form))
        return self.used(form) | (self.bounds[direction][1] if direction else frozenset())

    def refutes(self, form: Form) -> bool:
        """Whether form >= 0 is false by the equations and one inequality."""
        direction, bound = normalise(self.reduce(form))
        if not direction:
            return bound > 0
        return -direction in self.bounds and self.bounds[-direction][0] + bound > 0

    def why_not(self, form: Form) -> frozenset[int]:
        """The facts from which a refuted form >= 0 is false."""
        direction, _ = normalise(self.reduce(form))
        return self.used(form) | (self.bounds[-direction][1] if direction else frozenset())


def as_affine(form: Form) -> Affine:
    """The form in the vocabulary's own terms."""
    names = form.ring.symbols
    terms = {str(names[m.index(1)]): _fraction(c) for m, c in form.terms() if any(m)}
    return Affine(_fraction(form.coeff(1)), terms)


def describe(form: Form) -> str:
    """form >= 0 as a person writes it, the constant on the right."""
    direction, bound = normalise(form)
    if direction and direction.LC < 0:
        return f"{-direction} <= {-bound}"
    return f"{direction} >= {bound}"


def normalise(form: Form) -> tuple[Form, Fraction]:
    """Write form >= 0 as direction >= bound: coprime integer coefficients, no constant.

    A constant form has direction zero, and `form >= 0` then says 0 >= bound.
    """
    constant = form.coeff(1)
    if form.is_ground:
        return form.ring.zero, -_fraction(constant)
    direction = form - constant
    coefficients = [_fraction(c) for c in direction.coeffs()]
    factor = Fraction(gcd(*(c.numerator for c in coefficients)), lcm(*(c.denominator for c in coefficients)))
    return direction.quo_ground(_number(form.ring, factor)), -_fraction(constant) / factor


def _fraction(number: Any) -> Fraction:
    return Fraction(int(number.numerator), int(number.denominator))


def _number(ring: Any, number: Fraction) -> Any:
    return ring.domain(number.numerator, number.denominator)
