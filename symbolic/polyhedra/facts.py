"""What is known of the unknown exponents: linear equations, solved, and linear inequalities.

An *affine form* is an element of a sympy polynomial ring QQ[eta_1, sigma_1, ...] of degree at most 1:
exact, sparse, and a thousand times faster to add than a sympy expression. `Facts` rewrites each form by
the equations it has learned (Gaussian elimination, one equation at a time) and remembers for each
direction the best lower bound that an inequality gave it. It also remembers *why*: whatever it says of a form is
an identity, Farkas' certificate, that anybody can multiply out:

    form  =  sum of multiplier_i * fact_i  +  slack,      multiplier_i >= 0 unless fact_i is an equation

>>> from sympy.polys.domains import QQ
>>> from sympy.polys.rings import ring
>>> R, x, y = ring("x, y", QQ)
>>> facts = Facts(R)
>>> facts.learn_zero(x + y - 1, {0: QQ(1)})           # fact 0: x + y - 1 = 0
>>> facts.learn_nonnegative(x, {1: QQ(1)})            # fact 1: x >= 0, that is y <= 1
>>> facts.knows(3 - 2 * y), facts.knows(-y)
(True, False)
>>> print(facts.why(3 - 2 * y))                       # 3 - 2*y = -2 (x + y - 1) + 2 x + 1
-2*fact 0 + 2*fact 1 + 1
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, lcm
from typing import Any, TypeAlias

from scalings.hyperparameters.exponents import Affine

Form: TypeAlias = Any
"""An affine form, a `sympy.polys.rings.PolyElement` (sympy has no types)."""
RingMonomial: TypeAlias = tuple[int, ...]
"""A monomial of the ring; of degree 1 it stands for an unknown."""
Multipliers: TypeAlias = Mapping[int, Any]
"""Number of a fact -> its factor, a nonzero element of the ring's domain."""


class Contradiction(Exception):
    """A new fact contradicts the known ones; `because`, where given, is the sum of facts that proves 0 > 0."""

    def __init__(self, because: Combination | None = None) -> None:
        super().__init__(str(because))
        self.because = because


@dataclass(frozen=True)
class Combination:
    """The sum of multiplier * fact, plus the slack."""

    multipliers: dict[int, Fraction]
    slack: Fraction = Fraction(0)

    def __str__(self) -> str:
        terms = [f"{factor}*fact {number}" for number, factor in sorted(self.multipliers.items())]
        return " + ".join([*terms, str(self.slack)])


@dataclass
class Facts:
    """Linear knowledge of one case of a derivation; the numbers of facts are the caller's."""

    ring: Any
    solved: dict[RingMonomial, tuple[Form, Multipliers]] = field(default_factory=dict)
    """Eliminated unknown -> (what it equals, the sum of facts that unknown - value is)."""
    bounds: dict[Form, tuple[Fraction, Multipliers]] = field(default_factory=dict)
    """Direction -> (its greatest known lower bound, the sum of facts that direction - bound is)."""
    zeros: dict[int, Combination | None] = field(default_factory=dict)
    """Facts that are equations -> why -fact >= 0, by equations before it; None if it was given as one."""

    @property
    def free(self) -> list[Form]:
        """The unknowns that no equation has eliminated."""
        return [unknown for unknown in self.ring.gens if unknown.LM not in self.solved]

    @property
    def inequalities(self) -> list[Form]:
        """The bounds, as forms >= 0."""
        return [direction - _number(self.ring, bound) for direction, (bound, _) in self.bounds.items()]

    @property
    def equations(self) -> list[Form]:
        """What has been eliminated, as forms = 0."""
        return [self.ring({unknown: 1}) - value for unknown, (value, _) in self.solved.items()]

    @property
    def forms(self) -> list[Form]:
        """All that is known, as forms >= 0."""
        return [*self.equations, *(-form for form in self.equations), *self.inequalities]

    def copy(self) -> Facts:
        """The same knowledge, to grow on its own."""
        return Facts(self.ring, dict(self.solved), dict(self.bounds), dict(self.zeros))

    def together(self, forms: Iterable[Form]) -> Facts | None:
        """What is known where all forms >= 0 as well, without reasons; None where that is seen to contradict it."""
        facts = self.copy()
        try:
            for form in forms:
                facts.learn_nonnegative(form, {})
        except Contradiction:
            return None
        return facts

    def reduce(self, form: Form) -> Form:
        """The form in terms of the unknowns that are left."""
        eliminated = [monomial for monomial in form.itermonoms() if monomial in self.solved]
        for monomial in eliminated:
            value, unknown = self.solved[monomial][0], self.ring({monomial: form[monomial]})
            form = form - unknown + value.mul_ground(form[monomial])
        return form

    def used(self, form: Form) -> Multipliers:
        """The sum of equations that form - reduce(form) is."""
        total: dict[int, Any] = {}
        for monomial, coefficient in form.iterterms():
            if monomial in self.solved:
                _add(total, self.solved[monomial][1], coefficient)
        return total

    def learn_zero(self, form: Form, source: Multipliers) -> None:
        """Learn form = 0, where form is the sum `source` of facts that are equations. Raises Contradiction."""
        reduced = self.reduce(form)
        unknowns = [monomial for monomial in reduced.monoms() if any(monomial)]
        for number in source:
            self.zeros.setdefault(number)
        source = _sum((source, 1), (self.used(form), -1))
        if not unknowns:
            if reduced:  # constant = source, so 0 = -+source +- constant, whichever has a positive slack
                constant = _fraction(reduced.coeff(1))
                sign = 1 if constant < 0 else -1
                raise Contradiction(_combination(_sum((source, sign)), -sign * constant))
            return
        pivot = max(unknowns)  # the first in the order of the ring
        unknown = self.ring({pivot: 1})
        coefficient = reduced.coeff(unknown)
        value, source = unknown - reduced.quo_ground(coefficient), _sum((source, 1 / coefficient))
        for monomial, (old, why) in self.solved.items():
            if factor := old.coeff(unknown):
                self.solved[monomial] = (old + (value - unknown).mul_ground(factor), _sum((why, 1), (source, factor)))
        self.solved[pivot] = (value, source)
        known, self.bounds = self.bounds, {}
        for direction, (bound, why) in known.items():
            self.learn_nonnegative(direction - _number(self.ring, bound), why)

    def learn_nonnegative(self, form: Form, source: Multipliers) -> None:
        """Learn form >= 0, where form is the sum `source` of facts; two opposite inequalities become an equation.

        Raises Contradiction.
        """
        reduced = self.reduce(form)
        direction, bound = normalise(reduced)
        if not direction:
            if bound > 0:
                raise Contradiction(_combination(_sum((source, 1), (self.used(form), -1)), bound))
            return
        if direction in self.bounds and self.bounds[direction][0] >= bound:
            return
        factor = direction.LC / reduced[direction.LM]
        why = _sum((source, factor), (self.used(form), -factor))
        self.bounds[direction] = (bound, why)
        if -direction in self.bounds:
            opposite, why_opposite = self.bounds[-direction]
            if bound + opposite > 0:
                raise Contradiction(_combination(_sum((why, 1), (why_opposite, 1)), bound + opposite))
            if bound + opposite == 0:
                self._becomes_zero(why, why_opposite)
                self.learn_zero(direction - _number(self.ring, bound), why)

    def _becomes_zero(self, why: Multipliers, why_opposite: Multipliers) -> None:
        """Turn the inequalities of `why` into equations, since `why_opposite` proves the opposite bound."""
        for number in [number for number in why if number not in self.zeros]:
            factor = 1 / why[number]
            rest = _sum((why_opposite, factor), (why, factor), ({number: factor}, -why[number]))
            self.zeros[number] = _combination(rest, Fraction(0))

    def knows(self, form: Form) -> bool:
        """Whether form >= 0 follows from the equations and one inequality; True is a proof, False is not."""
        direction, bound = normalise(self.reduce(form))
        if not direction:
            return bound <= 0
        return direction in self.bounds and self.bounds[direction][0] >= bound

    def why(self, form: Form) -> Combination:
        """The identity that proves a known form >= 0."""
        reduced = self.reduce(form)
        direction, bound = normalise(reduced)
        if not direction:
            return _combination(self.used(form), -bound)
        factor = reduced[direction.LM] / direction.LC
        best, why = self.bounds[direction]
        return _combination(_sum((self.used(form), 1), (why, factor)), _fraction(factor) * (best - bound))

    def refutes(self, form: Form) -> bool:
        """Whether form >= 0 is false by the equations and one inequality."""
        direction, bound = normalise(self.reduce(form))
        if not direction:
            return bound > 0
        return -direction in self.bounds and self.bounds[-direction][0] + bound > 0

    def why_not(self, form: Form) -> Combination:
        """The identity that proves a refuted form >= 0 false: what -form is, with a positive slack."""
        return self.why(-form)


def as_affine(form: Form) -> Affine:
    """The form as an `Affine` exponent of the vocabulary."""
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
    constant = form.get(form.ring.zero_monom)
    if form.is_ground:
        return form.ring.zero, -_fraction(constant) if constant else Fraction(0)
    direction = form - constant if constant else form
    coefficients = direction.coeffs()
    top, bottom = gcd(*(c.numerator for c in coefficients)), lcm(*(c.denominator for c in coefficients))
    if top != 1 or bottom != 1:
        direction = direction.quo_ground(form.ring.domain(top, bottom))
    return direction, Fraction(-constant.numerator * bottom, constant.denominator * top) if constant else Fraction(0)


def _combination(multipliers: Multipliers, slack: Fraction) -> Combination:
    return Combination({number: _fraction(factor) for number, factor in multipliers.items()}, slack)


def combined(terms: Sequence[tuple[Multipliers, Fraction]], slack: Fraction) -> Combination:
    """The sum of factor * (sum of facts), plus the slack."""
    total: dict[int, Any] = {}
    for multipliers, factor in terms:
        _add(total, {number: _fraction(multiplier) for number, multiplier in multipliers.items()}, factor)
    return Combination(total, slack)


def _sum(*terms: tuple[Multipliers, Any]) -> dict[int, Any]:
    total: dict[int, Any] = {}
    for multipliers, factor in terms:
        _add(total, multipliers, factor)
    return total


def _add(total: dict[int, Any], multipliers: Multipliers, factor: Any) -> None:
    """total += factor * multipliers, without zeros."""
    for number, multiplier in multipliers.items():
        if changed := total.get(number, 0) + multiplier * factor:
            total[number] = changed
        else:
            total.pop(number, None)


def _fraction(number: Any) -> Fraction:
    return Fraction(int(number.numerator), int(number.denominator))


def _number(ring: Any, number: Fraction) -> Any:
    return ring.domain(number.numerator, number.denominator)
