"""The polyhedra of a certificate's answer, with points that show each bound to be irredundant.

>>> from sympy.polys.domains import QQ
>>> from sympy.polys.rings import ring
>>> R, x, y = ring("x, y", QQ)
>>> facts = Facts(R)
>>> facts.learn_zero(x - 2 * y, {0: QQ(1)})
>>> facts.learn_nonnegative(y, {1: QQ(1)})
>>> facts.learn_nonnegative(3 - y, {2: QQ(1)})
>>> document = AnswerPolyhedron.of(facts).document(unknowns=2)
>>> document["freedoms"], document["solved"], document["inequalities"]
(1, {'x': {'y': '2'}}, [{'y': '1'}, {'y': '-1', 'constant': '3'}])
>>> [point["distances"] for point in document["points"]]
[['2', '1'], ['0', '3'], ['3', '0']]
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symbolic.polyhedra import inequalities
from symbolic.polyhedra.facts import Facts, Form

Document = dict[str, Any]


@dataclass(frozen=True)
class AnswerPolyhedron:
    """A polyhedron: unknowns in terms of those that are free, and irredundant bounds on these."""

    solved: dict[str, Form]
    bounds: list[Form]
    facts: Facts
    """The same as facts, numbered as the verifier does: equations, their opposites, bounds."""

    @classmethod
    def of(cls, known: Facts) -> AnswerPolyhedron:
        """The polyhedron of all facts."""
        ring = known.ring
        solved = {str(ring({unknown: 1})): value for unknown, (value, _) in sorted(known.solved.items(), reverse=True)}
        bounds = inequalities.irredundant(known.inequalities)
        facts, one = Facts(ring), ring.domain(1)
        for number, (unknown, value) in enumerate(solved.items()):
            facts.learn_zero(_named(ring, unknown) - value, {number: one})
        for number, form in enumerate(bounds, start=2 * len(solved)):
            facts.learn_nonnegative(form, {number: one})
        return cls(solved, bounds, facts)

    @property
    def forms(self) -> list[Form]:
        """Equations and bounds, as forms >= 0."""
        zeros = [_named(self.facts.ring, unknown) - value for unknown, value in self.solved.items()]
        return [*zeros, *(-zero for zero in zeros), *self.bounds]

    def document(self, unknowns: int) -> Document:
        """The first point is inside all bounds, each other one on one of them and inside the others.

        `unknowns` is their number, which may be 0; the ring has at least one generator.
        """
        points = [inequalities.inside(self.bounds) if self.bounds else {}, *map(self._on, self.bounds)]
        return {
            "freedoms": unknowns - len(self.solved),
            "solved": {unknown: _written(value) for unknown, value in self.solved.items()},
            "inequalities": [_written(form) for form in self.bounds],
            "points": [
                {
                    "at": {name: str(value) for name, value in point.items()},
                    "distances": [str(_value(form, point)) for form in self.bounds],
                }
                for point in points
            ],
        }

    def _on(self, bound: Form) -> dict[str, Fraction]:
        """A point at which only this bound is tight."""
        ring = self.facts.ring
        tight = Facts(ring)
        tight.learn_zero(bound, {})
        others = [tight.reduce(form) for form in self.bounds if form != bound]
        others = [form for form in others if not form.is_ground]
        point = inequalities.inside(others) if others else {}
        [(unknown, (value, _))] = tight.solved.items()
        point |= {name: Fraction(0) for name in _written(value) if name not in point and name != "constant"}
        return point | {str(ring({unknown: 1})): _value(value, point)}


def _named(ring: Any, unknown: str) -> Form:
    return ring.gens[[str(symbol) for symbol in ring.symbols].index(unknown)]


def _written(form: Form) -> dict[str, str]:
    names = form.ring.symbols
    terms = {str(names[m.index(1)]) if any(m) else "constant": c for m, c in form.terms()}
    return {
        name: f"{c.numerator}/{c.denominator}" if c.denominator != 1 else str(c.numerator) for name, c in terms.items()
    }


def _value(form: Form, point: dict[str, Fraction]) -> Fraction:
    terms = (
        Fraction(text) * (Fraction(1) if name == "constant" else point[name]) for name, text in _written(form).items()
    )
    return sum(terms, Fraction(0))
