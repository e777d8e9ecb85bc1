"""Exponents that meet the criteria, or criteria that contradict each other, found by z3.

`Expressions` is the `Algebra` of linear expressions over the rationals. The maximum of several orders becomes a new
variable that bounds them all and equals one of them, so that z3 decides all cases at once. A derivation asks it what
contradicts what, and where it has many cases, whether one is missing; the proofs of certificates do not rest on it.

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
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from symbolic.polyhedra.facts import Form
from symbolic.polyhedra.z3_forms import nonnegative, number, value
from symbolic.propagation.question import Runner

Expression: TypeAlias = z3.ArithRef | None
"""None is zero, of order -oo."""
EFFORT = 2_000_000
"""Of z3's own units, in which a search may last for what helps against a contradiction: about a second, on any machine
the same number. What is not found by then is not named."""
Imposed: TypeAlias = tuple[Criterion, str]
"""A criterion, and the name of a layer at which it speaks."""


class Expressions:
    """The algebra of orders as z3 expressions; the definitions of maxima and minima go into `solver`.

    What was built once is found again by z3's own numbers of what it is built of, which are kept, so that these stay.
    """

    def __init__(self, solver: z3.Solver) -> None:
        self.solver = solver
        self.chosen: dict[tuple[bool, frozenset[int]], tuple[z3.ArithRef, Sequence[z3.ArithRef]]] = {}
        self.products: dict[tuple[int, ...], tuple[z3.ArithRef, Sequence[z3.ArithRef]]] = {}
        self.constants: dict[Exponent, z3.ArithRef] = {}

    def constant(self, exponent: Exponent) -> Expression:
        if exponent == MINUS_INFINITY:
            return None
        if exponent not in self.constants:
            self.constants[exponent] = number(Fraction(exponent), self.solver.ctx)
        return self.constants[exponent]

    def product(self, *orders: Expression) -> Expression:
        known = [order for order in orders if order is not None]
        if len(known) < len(orders):
            return None
        if not known:
            return self.constant(Fraction(0))
        key = tuple(order.get_id() for order in known)
        if key not in self.products:
            self.products[key] = _sum(known), known
        return self.products[key][0]

    def total(self, *orders: Expression) -> Expression:
        known = [order for order in orders if order is not None]
        return self._extreme(known, largest=True) if known else None

    def smaller(self, *orders: Expression) -> Expression:
        known = [order for order in orders if order is not None]
        return self._extreme(known, largest=False) if len(known) == len(orders) else None

    def power(self, order: Expression, exponent: Fraction) -> Expression:
        return None if order is None else z3.simplify(number(exponent, self.solver.ctx) * order)

    def ratio(self, numerator: Expression, denominator: Expression) -> Expression:
        return None if numerator is None or denominator is None else z3.simplify(numerator - denominator)

    def _extreme(self, orders: Sequence[z3.ArithRef], *, largest: bool) -> z3.ArithRef:
        key = largest, frozenset(order.get_id() for order in orders)
        if len(key[1]) == 1:
            return orders[0]
        if key not in self.chosen:
            extreme = z3.Real(f"order {len(self.chosen)}", self.solver.ctx)
            self.solver.add([extreme >= order if largest else extreme <= order for order in orders])
            self.solver.add(z3.Or([extreme == order for order in orders]))
            self.chosen[key] = extreme, orders
        return self.chosen[key][0]


class Points:
    """The set of exponents that meet the criteria of a run, as a z3 problem."""

    def __init__(self, ring: Any, run: Runner) -> None:
        # The plain core: tactics of other solvers have time limits, and the point found would depend on the machine.
        # A context of its own, or it would depend on what was asked before.
        self.context = z3.Context()
        self.solver = z3.SimpleSolver(ctx=self.context)
        self.exponents = {name: z3.Real(name, self.context) for name in map(str, ring.symbols)}
        self.wanted: dict[Imposed, z3.BoolRef] = {}
        self.given: dict[str, z3.BoolRef] = {}
        algebra, orders = Expressions(self.solver), dict[Observable, Expression]()
        for requirement in run(algebra, self.exponents.__getitem__, orders):
            left, right = requirement.sides(orders, algebra)
            imposed = requirement.criterion, requirement.layer.name
            wanted = self.wanted.setdefault(imposed, z3.Bool(f"criterion {len(self.wanted)}", self.context))
            relation = _relation(left, requirement.criterion.sign == "~", right, self.context)
            self.solver.add(z3.Implies(wanted, relation))

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
        if self.agree(self._imposed(needed)):
            return ()
        for criterion in criteria:
            others = [other for other in needed if other != criterion]
            if self._contradicts(self._imposed(others), 5 * EFFORT):
                needed = others
        return tuple(needed)

    def conflict(self, criteria: Sequence[Criterion]) -> tuple[Imposed, ...]:
        """Criteria at layers that contradict each other, with the given exponents; all of them must.

        None of them can be left out, as far as z3 finds that within EFFORT. Of several such sets it is that of the
        earliest in the order of training (QuickXplain: Junker, AAAI 2004), among all or among those of `contradictory`,
        whichever has fewer criteria.
        """
        sets = [self._conflict([], asked) for asked in (self._imposed(self.contradictory(criteria)), [*self.wanted])]
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

    def _imposed(self, criteria: Sequence[Criterion]) -> list[Imposed]:
        return [one for one in self.wanted if one[0] in criteria]


def _sum(orders: Sequence[z3.ArithRef]) -> z3.ArithRef:
    """Their simplified sum. `z3.Sum` asks each for its sort, which takes longer than all the rest."""
    context = orders[0].ctx
    terms = (z3.Ast * len(orders))(*(order.as_ast() for order in orders))
    return z3.ArithRef(z3.Z3_simplify(context.ref(), z3.Z3_mk_add(context.ref(), len(orders), terms)), context)


def _relation(left: Expression, equal: bool, right: Expression, context: z3.Context) -> z3.BoolRef:
    if left is None or right is None:
        return z3.BoolVal(left is None and (right is None or not equal), context)
    return left == right if equal else left <= right
