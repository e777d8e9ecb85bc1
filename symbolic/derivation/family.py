"""The one-parameter family: where a derivation leaves one freedom, the richness r, its exponents and range in r.

The richness r is *defined* here, by |dz| ~ n^r at the hidden layers; that it is the same r at each of them is a
result, and where it is not, there is no such family. Every inequality then is a bound on r, and it shows which
of them bind and which are implied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from scalings.results.derivations import PARAMETER, Family, Step
from symbolic.derivation.case import Case
from symbolic.polyhedra.facts import Contradiction, Form, normalise
from symbolic.propagation.question import Question

DEFINITION = "definition of the richness"


@dataclass(frozen=True)
class Segment:
    """A family and the steps that led to it, their inequalities written in terms of r."""

    family: Family
    steps: tuple[Step, ...]


def segment(case: Case, question: Question) -> Segment | None:
    """The answer as one segment 0 <= r <= ..., or None if it has not one freedom, or r has not two ends.

    Changes the case's facts.
    """
    changes = _hidden_changes(case, question)
    if case.freedoms != 1 or len(changes) != 1 or changes[0].is_ground:
        return None
    (change,) = changes
    facts, richness = case.facts, case.facts.ring.gens[-1]
    try:
        facts.learn_zero(richness - change, {len(case.sources): facts.ring.domain(1)})
    except Contradiction:
        return None
    case.defines_richness = True
    bounds = [*_bounds(case)]
    lows = [bound.value for bound in bounds if bound.low]
    highs = [bound.value for bound in bounds if not bound.low]
    if not lows or not highs or PARAMETER not in map(str, facts.free):
        return None
    layers, scales = question.solution(facts)
    low, high = max(lows), min(highs)
    problem = question.problem
    family = Family(problem.network, problem.law, "unit-multiplier", tuple(layers), low, high, tuple(scales))
    statement = f"|dz| ~ {problem.symbol}^{PARAMETER} at every hidden layer"
    definition = Step(DEFINITION, "", question.updates, statement, 1)
    return Segment(family, (*_explained(case, bounds), definition))


def _hidden_changes(case: Case, question: Question) -> list[Form]:
    """The different forms that the order of |dz| takes at the hidden layers; several within one order count."""
    orders = [case.orders[change] for change in question.hidden_changes if change in case.orders]
    return list(dict.fromkeys(case.facts.reduce(form) for order in orders for form in order.forms))


@dataclass(frozen=True)
class _Bound:
    """r >= value, if `low`, or r <= value, as a step says."""

    step: int
    low: bool
    value: Fraction

    def implies(self, other: _Bound) -> bool:
        return self.low == other.low and (self.value >= other.value if self.low else self.value <= other.value)

    def __str__(self) -> str:
        return f"{PARAMETER} {'>=' if self.low else '<='} {self.value}"


def _bounds(case: Case) -> Iterator[_Bound]:
    for number, forms in case.inequalities.items():
        for form in forms:
            direction, bound = normalise(case.facts.reduce(form))
            if direction:
                low = direction.LC > 0
                yield _Bound(number, low, bound if low else -bound)


def _explained(case: Case, bounds: Sequence[_Bound]) -> Iterator[Step]:
    """The steps, with bounds on r in place of inequalities; a bound that an earlier step implies names that step."""
    for number, step in enumerate(case.steps):
        own = [bound for bound in bounds if bound.step == number]
        if not own or not step.only_bounds:
            yield step
            continue
        others = [next(o for o in bounds if o.implies(bound)) for bound in own]
        reasons = tuple(dict.fromkeys(case.steps[other.step].title for other in others if other.step != number))
        yield replace(step, statement=", ".join(dict.fromkeys(map(str, own))), implied_by=reasons)
