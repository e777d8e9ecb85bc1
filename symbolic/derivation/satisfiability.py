"""Exponents that meet the criteria, or criteria that contradict each other, found by z3.

Training is run on linear expressions (`orders.linear_orders`). The maximum of several orders is an unknown that bounds
them all and equals one of them, so that z3 decides all cases at once. A derivation asks it what contradicts what, and
where it has many cases, whether one is missing; the proofs of certificates do not rest on it.

>>> from scalings.criteria.problem import Problem
>>> from scalings.networks.architectures import mlp
>>> from scalings.hyperparameters.update_laws import optimizer
>>> from symbolic.propagation.question import Question
>>> question = Question(Problem(mlp(2), optimizer("sgd")))
>>> points = Points(question.ring, question.train)
>>> points.outside([]) is not None, points.contradictory(question.criteria)
(True, ())
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

import z3

from scalings.criteria.criterion import Criterion
from scalings.criteria.observables import Observable
from symbolic.orders.linear_orders import Linear, LinearOrders, Order
from symbolic.polyhedra.facts import Form
from symbolic.polyhedra.z3_forms import nonnegative, number, value
from symbolic.propagation.question import Runner

EFFORT = 2_000_000
"""Of z3's own units, in which a search may last for what helps against a contradiction: about a second, on any machine
the same number. What is not found by then is not named."""
Imposed: TypeAlias = tuple[Criterion, str]
"""A criterion, and the name of a layer at which it speaks."""


class Script:
    """What linear orders meet, in SMT-LIB: z3 reads a text much sooner than Python builds its terms one by one."""

    def __init__(self, algebra: LinearOrders) -> None:
        self._multiples: dict[tuple[int, int | Fraction], str] = {
            (number, 1): f"|{name}|" for number, name in enumerate(algebra.names)
        }
        self._declared = [f"(declare-const {name} Real)" for name in self._multiples.values()]
        self._asserted: list[str] = []
        for extreme in algebra.extremes:
            pairs = [(extreme.unknown, one) for one in extreme.orders]
            order = ">=" if extreme.is_largest else "<="
            self._asserted += [f"(assert {self._related(order, *pair)})" for pair in pairs]
            self._asserted.append(f"(assert (or {' '.join(self._related('=', *pair) for pair in pairs)}))")

    @property
    def text(self) -> str:
        return "\n".join((*dict.fromkeys(self._declared), *self._asserted))

    def impose(self, wanted: str, left: Order, right: Order, *, equal: bool) -> None:
        """That left <= right, or left == right, if a criterion of this name is wanted."""
        if left is None or right is None:
            relation = "true" if left is None and (right is None or not equal) else "false"
        else:
            relation = self._related("=" if equal else "<=", left, right)
        self._declared.append(f"(declare-const |{wanted}| Bool)")
        self._asserted.append(f"(assert (=> |{wanted}| {relation}))")

    def _related(self, relation: str, left: Linear, right: Linear) -> str:
        difference = left - right
        terms = [self._multiple(each) for each in difference.multiples] or ["0.0"]
        total = terms[0] if len(terms) == 1 else f"(+ {' '.join(terms)})"
        return f"({relation} {total} {_number(-difference.constant)})"

    def _multiple(self, each: tuple[int, int | Fraction]) -> str:
        if each not in self._multiples:
            self._multiples[each] = f"(* {_number(each[1])} {self._multiples[each[0], 1]})"
        return self._multiples[each]


def _number(exact: int | Fraction) -> str:
    size = f"{abs(exact.numerator)}.0"
    if exact.denominator != 1:
        size = f"(/ {size} {exact.denominator}.0)"
    return f"(- {size})" if exact < 0 else size


class Points:
    """The set of exponents that meet the criteria of a run, as a z3 problem."""

    def __init__(self, ring: Any, run: Runner) -> None:
        # The plain core: tactics of other solvers have time limits, and the point found would depend on the machine.
        # A context of its own, or it would depend on what was asked before.
        self.context = z3.Context()
        self.solver = z3.SimpleSolver(ctx=self.context)
        self.given: dict[str, z3.BoolRef] = {}
        names, orders = [str(symbol) for symbol in ring.symbols], dict[Observable, Order]()
        algebra = LinearOrders(names)
        imposed = [
            (requirement, *requirement.sides(orders, algebra)) for requirement in run(algebra, algebra.unknown, orders)
        ]
        script, wanted = Script(algebra), dict[Imposed, str]()
        for requirement, left, right in imposed:
            name = wanted.setdefault((requirement.criterion, requirement.layer.name), f"criterion {len(wanted)}")
            script.impose(name, left, right, equal=requirement.criterion.sign == "~")
        self.script = script.text
        """All but the criteria that are wanted, for further solvers in the same context."""
        self.solver.from_string(self.script)
        self.exponents = {name: z3.Real(name, self.context) for name in names}
        self.wanted = {one: z3.Bool(name, self.context) for one, name in wanted.items()}

    def give(self, name: str, exponent: Fraction) -> None:
        """Ask for this value of an exponent from now on."""
        self.given[name] = z3.Bool(f"given {len(self.given)}", self.context)
        self.solver.add(z3.Implies(self.given[name], self.exponents[name] == number(exponent, self.context)))

    def outside(self, polyhedra: Sequence[Sequence[Form]]) -> dict[str, Fraction] | None:
        """Exponents that meet all criteria and are in none of the polyhedra (forms >= 0); None if there are none."""
        beyond = [
            z3.Or([z3.Not(nonnegative(form, self.context)) for form in forms], self.context) for forms in polyhedra
        ]
        if self.solver.check(*self.wanted.values(), *beyond) != z3.sat:
            return None
        model = self.solver.model()
        return {name: value(model, exponent) for name, exponent in self.exponents.items()}

    def contradictory(self, criteria: Sequence[Criterion]) -> tuple[Criterion, ...]:
        """A set of these criteria that contradict each other, of which later ones are kept; () if none do.

        None of them can be left out, as far as z3 finds that within 5 EFFORT: that they agree takes longer to find.
        """
        needed = list(criteria)
        if self.agree(self.imposed(needed)):
            return ()
        for criterion in criteria:
            others = [other for other in needed if other != criterion]
            if self._contradicts(self.imposed(others), 5 * EFFORT):
                needed = others
        return tuple(needed)

    def conflict(self, criteria: Sequence[Criterion]) -> tuple[Imposed, ...]:
        """Criteria at layers that contradict each other, with the given exponents; all of them must.

        None of them can be left out, as far as z3 finds that within EFFORT. Of several such sets it is that of the
        earliest in the order of training (QuickXplain: Junker, AAAI 2004), among all or among those of `contradictory`,
        whichever has fewer criteria.
        """
        sets = [self._conflict([], asked) for asked in (self.imposed(self.contradictory(criteria)), [*self.wanted])]
        return tuple(min(sets, key=lambda found: len({criterion for criterion, _ in found})))

    def _conflict(self, beside: list[Imposed], asked: list[Imposed]) -> list[Imposed]:
        """Of what is asked, which has no answer together with what is beside it, a minimal part that has none."""
        if len(asked) == 1:
            return asked
        first, second = asked[: len(asked) // 2], asked[len(asked) // 2 :]
        later = [] if self._contradicts([*beside, *first]) else self._conflict([*beside, *first], second)
        earlier = [] if later and self._contradicts([*beside, *later]) else self._conflict([*beside, *later], first)
        return [*earlier, *later]

    def _contradicts(self, imposed: list[Imposed], effort: int = EFFORT) -> bool:
        return bool(self._answer(imposed, effort=effort) == z3.unsat)

    def decisive(self) -> tuple[str, ...]:
        """The exponents that are given of which each alone, if it were asked for instead, would leave an answer."""
        if not self.given:
            return ()
        self.agree(self.wanted)
        core = {str(one) for one in self.solver.unsat_core()}  # what helps alone is in every core
        candidates = [name for name, given in self.given.items() if str(given) in core]
        return tuple(one for one in candidates if self._answer(self.wanted, one, EFFORT) == z3.sat)

    def would_agree(self, imposed: Iterable[Imposed]) -> bool:
        """Whether some exponents are found within EFFORT that meet these criteria at these layers."""
        return bool(self._answer(imposed, effort=EFFORT) == z3.sat)

    def agree(self, imposed: Iterable[Imposed]) -> bool:
        """Whether some exponents meet these criteria at these layers, and have the given values."""
        return bool(self._answer(imposed) == z3.sat)

    def _answer(self, imposed: Iterable[Imposed], released: str = "", effort: int = 0) -> z3.CheckSatResult:
        given = [asked for name, asked in self.given.items() if name != released]
        self.solver.set("rlimit", effort)
        return self.solver.check([*(self.wanted[one] for one in imposed), *given])

    def imposed(self, criteria: Sequence[Criterion]) -> list[Imposed]:
        """These criteria at all layers at which they speak."""
        return [one for one in self.wanted if one[0] in criteria]
