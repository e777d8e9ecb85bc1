"""One case of a proof while it is written: its facts, the orders computed so far, and the proof lines."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias

from symbolic.orders.program import Line, Program, Relation
from symbolic.polyhedra import inequalities
from symbolic.polyhedra.facts import Combination, Contradiction, Facts, Form

Vector: TypeAlias = tuple[Fraction, ...]
"""The coefficients of the unknowns, then the constant."""
Order: TypeAlias = frozenset[Vector]
Disjunction: TypeAlias = frozenset[Vector]
Document: TypeAlias = dict[str, Any]


class TooMuch(Exception):
    """More than `most` forms in an order, or cases in a proof."""


class NotImplied(Exception):
    """A relation that is to be implied is not known to follow."""


class Undecided(Exception):
    """The facts decide neither form >= 0 nor its opposite, and the program cannot go on without."""

    def __init__(self, form: Vector) -> None:
        super().__init__(str(form))
        self.form = form


@dataclass
class Branch:
    """One case of a proof: its facts, the orders computed so far, and the proof lines written so far."""

    program: Program
    facts: Facts
    most: int | None = None
    """The largest size of an order; None for any."""
    assumed: dict[int, Vector] = field(default_factory=dict)
    """By number; lemmas have numbers too."""
    known: set[Vector] = field(default_factory=set)
    """All facts, lemmas among them."""
    count: int = 0
    orders: dict[str, Order] = field(default_factory=dict)
    simplified: dict[str, tuple[int, int]] = field(default_factory=dict)
    """How much was known when each order was simplified."""
    unsettled: set[Disjunction] = field(default_factory=set)
    forms: dict[Vector, Form] = field(default_factory=dict)
    """What has been turned into a form; shared by all cases."""
    lines: list[Document] = field(default_factory=list)
    learning: bool = True
    """Whether relations teach facts, and are not to be implied by them."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the unknowns."""
        return self.program.unknowns or ("none",)

    def split(self) -> Branch:
        """A case of this one."""
        return Branch(
            self.program,
            self.facts.copy(),
            self.most,
            dict(self.assumed),
            set(self.known),
            self.count,
            dict(self.orders),
            dict(self.simplified),
            set(self.unsettled),
            self.forms,
            learning=self.learning,
        )

    # Facts

    def assume(self, form: Vector) -> None:
        """Assume form >= 0. Raises Contradiction."""
        self.assumed[self.count] = form
        number, self.count = self.count, self.count + 1
        self.known.add(form)
        before = set(self.facts.zeros)
        try:
            self.facts.learn_nonnegative(self.as_form(form), {number: self.facts.ring.domain(1)})
        finally:
            self._say_zeros(before)

    def _say_zeros(self, before: set[int]) -> None:
        """Lemmas for facts that have become equations, so that their multipliers may be negative from here on."""
        for number, why in self.facts.zeros.items():
            opposite = scaled(self.assumed[number], Fraction(-1))
            if number not in before and why is not None and opposite not in self.known:
                self.lemma(opposite, why)

    def find_equations(self) -> None:
        """Make equations of inequalities that are tight wherever all hold. Raises Contradiction."""
        for form in self.facts.inequalities:
            if why := inequalities.follows(self.facts, -form):
                before = set(self.facts.zeros)
                sources = {n: self.facts.ring.domain(f.numerator, f.denominator) for n, f in why.multipliers.items()}
                self.facts.learn_nonnegative(-form, sources)
                self._say_zeros(before)

    def lemma(self, form: Vector, why: Combination) -> None:
        self.known.add(form)
        self.lines.append({"lemma": self.written(form), "by": by(why)})
        self.count += 1

    def conclude(self, form: Vector) -> bool:
        """Learn form >= 0 if it follows from one inequality and the equations."""
        if form in self.known:
            return True
        affine = self.as_form(form)
        if not self.facts.knows(affine):
            return False
        self.lemma(form, self.facts.why(affine))
        return True

    def as_form(self, vector: Vector) -> Form:
        if vector in self.forms:
            return self.forms[vector]
        ring = self.facts.ring
        terms = {ring.gens[n].LM: ring.domain(c.numerator, c.denominator) for n, c in enumerate(vector[:-1]) if c}
        constant = vector[-1]
        if constant:
            terms[ring.zero_monom] = ring.domain(constant.numerator, constant.denominator)
        self.forms[vector] = ring.from_dict(terms)
        return self.forms[vector]

    def written(self, vector: Vector) -> Document:
        return {name: str(c) for name, c in zip((*self.names, "constant"), vector, strict=True) if c}

    # Orders

    def order(self, name: str) -> Order:
        """The order that the program computes under this name, simplified by the facts. Raises Undecided."""
        if name not in self.orders:
            self.orders[name] = self._computed(self.program.line[name])
            if self.most and len(self.orders[name]) > self.most:
                raise TooMuch
        known = (len(self.assumed), len(self.facts.zeros))
        if self.simplified.get(name) != known:
            self.orders[name] = self._simplified(name, self.orders[name])
            self.simplified[name] = known
        return self.orders[name]

    def forget_since(self, lines: int, known: Container[str]) -> None:
        """Forget the orders that no line from this one on speaks of, nor what it is computed from, but for known ones.

        Whoever reads the proof computes an order when a line speaks of it, from its arguments as they are then.
        """
        kept = {line["in"] for line in self.lines[lines:] if "in" in line}
        pending = [*kept]
        while pending:
            new = {*self.program.line[pending.pop()].arguments} - kept
            kept |= new
            pending += new
        for name in [name for name in self.orders if name not in known and name not in kept]:
            del self.orders[name], self.simplified[name]

    def _computed(self, line: Line) -> Order:
        given = [self.order(argument) for argument in line.arguments]
        size = self.facts.ring.ngens + 1
        match line.operation:
            case "unknown":
                place = self.names.index(line.name)
                return frozenset({tuple(Fraction(n == place) for n in range(size))})
            case "constant":
                assert line.exponent is not None
                return frozenset({(*[Fraction(0)] * (size - 1), line.exponent)})
            case "power":
                assert line.exponent is not None
                return frozenset(scaled(form, line.exponent) for form in given[0])
            case "total":
                return frozenset().union(*given)
            case "product":
                return self._products(given, Fraction(1))
            case "ratio":
                if len(given[1]) > 1:
                    first, second, *_ = sorted(given[1])
                    raise Undecided(difference(first, second))
                return self._products(given, Fraction(-1))

    def _products(self, orders: Sequence[Order], sign: Fraction) -> Order:
        found, *others = orders
        for other in others:
            if self.most and len(found) > self.most:
                raise TooMuch
            found = frozenset(tuple(x + sign * y for x, y in zip(a, b, strict=True)) for a in found for b in other)
        return found

    def _simplified(self, name: str, order: Order) -> Order:
        """Without dominated forms; each dropped one is justified by a proof line."""
        while pair := next(self._comparable(order), None):
            greater, lesser = pair
            why = self.facts.why(self.as_form(difference(greater, lesser)))
            self.lines.append({"in": name, "drop": [self.written(lesser), self.written(greater)], "by": by(why)})
            order -= {lesser}
        return order

    def _comparable(self, order: Order) -> Iterator[tuple[Vector, Vector]]:
        """Pairs of a form and a lesser one; of equal ones, the simpler counts as the greater."""
        simplest = sorted(order, key=lambda form: (sum(map(bool, form)), form))
        reduced = {form: self.facts.reduce(self.as_form(form)) for form in order} if len(order) > 1 else {}
        for greater in simplest:
            for lesser in reversed(simplest):
                if greater != lesser and self.facts.knows(reduced[greater] - reduced[lesser]):
                    yield greater, lesser

    # Criteria

    def impose(self, relation: Relation) -> None:
        """Impose a relation: every form of the smaller side is exceeded by one of the larger. Raises Undecided."""
        left, right = self.order(relation.left), self.order(relation.right)
        self.lines.append({"impose": relation.name})
        for lesser, greater in [(left, right), (right, left)][: 1 + (relation.sign == "~")]:
            self.unsettled |= {frozenset(difference(y, x) for y in greater) for x in lesser}

    def settle(self) -> Disjunction | None:
        """Learn what has one possible alternative; returns a disjunction that has several. Raises Contradiction."""
        while True:
            open_ones = sorted(self.unsettled, key=lambda one: (len(one), sorted(one)))
            if not any(self._settled(one) for one in open_ones):
                return min(open_ones, key=self._possible, default=None)

    def _settled(self, disjunction: Disjunction) -> bool:
        alternatives = sorted(disjunction)
        if any(self.conclude(form) for form in alternatives) or self._implied(alternatives):
            self.lines.append({"either": [self.written(form) for form in alternatives]})
            self.unsettled.remove(disjunction)
            return True
        if len(alternatives) == 1 and self.learning:
            self.lines.append({"either": [self.written(form) for form in alternatives]})
            self.unsettled.remove(disjunction)
            self.assume(alternatives[0])
            return True
        return False

    def _implied(self, alternatives: Sequence[Vector]) -> bool:
        """Whether an alternative follows from several inequalities together; a single one may be learned as well."""
        for form in alternatives if len(alternatives) > 1 or not self.learning else ():
            if why := inequalities.follows(self.facts, self.as_form(form)):
                self.lemma(form, why)
                return True
        return False

    def _possible(self, disjunction: Disjunction) -> int:
        opposite = (inequalities.follows(self.facts, self.as_form(scaled(form, Fraction(-1)))) for form in disjunction)
        return sum(why is None or not why.slack for why in opposite)

    def close(self, contradiction: Contradiction) -> None:
        """End the case with a contradiction, after the disjunctions that are still open."""
        assert contradiction.because is not None
        due = self.unsettled if self.learning else ()
        for disjunction in sorted(due, key=lambda one: (len(one), sorted(one))):
            self.unsettled.remove(disjunction)
            alternatives = sorted(disjunction)
            if len(alternatives) > 1 and not disjunction & self.known:
                cases = [(form, self.split()) for form in alternatives]
                for _, case in cases:
                    case.close(contradiction)
                self.lines.append({"cases": [{"if": self.written(form), "then": case.lines} for form, case in cases]})
                return
            self.lines.append({"either": [self.written(form) for form in alternatives]})
            self.known |= disjunction
        self.lines.append({"contradiction": _absurd(contradiction.because)})


def by(why: Combination) -> Document:
    """An identity as the verifier reads it."""
    return {**{str(n): str(factor) for n, factor in sorted(why.multipliers.items())}, "slack": str(why.slack)}


def _absurd(why: Combination) -> Document:
    """0 = sum of facts + slack, with a positive slack, as a sum of facts that is -1."""
    return by(Combination({n: factor / why.slack for n, factor in why.multipliers.items()}))


def difference(a: Vector, b: Vector) -> Vector:
    return tuple(x - y for x, y in zip(a, b, strict=True))


def scaled(form: Vector, factor: Fraction) -> Vector:
    return tuple(factor * x for x in form)
