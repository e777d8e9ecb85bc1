"""One case of a derivation: what it has learned, step by step, and how a criterion is imposed on it.

Imposing a criterion compares two unknown orders. The comparison is a condition on the exponents; if it is a
conjunction of linear relations, they are learned. If it has several alternatives (a maximum attained by one
term or another), the case takes one of them, and says how many there were so that others can be explored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from scalings.families import Step
from scalings.observables import Observable
from symbolic import polytopes
from symbolic.facts import Contradiction, Facts, Form, describe
from symbolic.requirements import Requirement
from symbolic.unknowns import Alternative, UnknownOrder, Unknowns


@dataclass
class Case:
    """One branch of the derivation: which alternatives it takes, what it has learned, and how.

    Its facts are numbered in the order in which they were learned.
    """

    facts: Facts
    choices: tuple[int, ...] = ()
    alternatives: list[int] = field(default_factory=list)
    """How many there were, wherever there was more than one."""
    steps: list[Step] = field(default_factory=list)
    sources: list[frozenset[int]] = field(default_factory=list)
    """For each fact the steps that taught it."""
    inequalities: dict[int, Alternative] = field(default_factory=dict)
    """Number of a step -> the forms that it says are >= 0."""
    orders: dict[Observable, UnknownOrder] = field(default_factory=dict)
    defines_richness: bool = False
    """Whether the richness is known to be the order of |dz| at the hidden layers."""

    @property
    def freedoms(self) -> int:
        """How many exponents no equation has determined yet; the richness is not one of them."""
        unknowns: int = self.facts.ring.ngens - 1
        return unknowns - len(self.facts.solved)

    @property
    def forms(self) -> list[Form]:
        """All that is known, as forms >= 0."""
        equations = self.facts.equations
        return [*equations, *(-form for form in equations), *self.facts.inequalities]

    def steps_behind(self, facts: Iterable[int]) -> frozenset[int]:
        """The numbers of the steps that taught these facts."""
        return frozenset[int]().union(*(self.sources[fact] for fact in facts))

    def titles(self, facts: Iterable[int]) -> tuple[str, ...]:
        """The steps that taught these facts themselves, without those that these rest on."""
        numbers = sorted({max(self.sources[fact]) for fact in facts if fact < len(self.sources)})
        return tuple(dict.fromkeys(self.steps[number].title for number in numbers))

    def names(self, facts: Iterable[int]) -> tuple[str, ...]:
        """What the numbered facts are, without repetition."""
        return tuple(dict.fromkeys(self.steps[number].title for number in sorted(self.steps_behind(facts))))


def impose(requirement: Requirement, case: Case, algebra: Unknowns) -> None:
    """Learn what the requirement says, and write it down. Raises Contradiction."""
    left, right = requirement.sides(case.orders, algebra)
    equal = requirement.criterion.sign == "~"
    condition = algebra.at_most(left, right)
    if equal:
        condition = algebra.both(condition, algebra.at_most(right, left))
    ring = case.facts.ring
    alternatives = condition.forms(ring)
    if alternatives == [()]:
        # At later steps it only says once more what it said at the first, and so it may at a block's last copy.
        said = (requirement.criterion.name, requirement.layer.name, requirement.step)
        if requirement.step <= 1 and said not in ((step.criterion, step.layer, step.update) for step in case.steps):
            case.steps.append(_step(requirement, "", case, implied_by=case.names(condition.because)))
        return
    number, solved = len(case.steps), set(case.facts.solved)
    case.inequalities[number] = _choose(alternatives, case)
    # What was learned by excluding alternatives may rest on all that was known.
    because = case.steps_behind(condition.because) if len(alternatives) == 1 else frozenset(range(number))
    for form in case.inequalities[number]:
        fact = {len(case.sources): ring.domain(1)}
        case.sources.append(because | {number})
        if -form in case.inequalities[number]:
            case.facts.learn_zero(form, fact)
        else:
            case.facts.learn_nonnegative(form, fact)
    equations = [f"{ring({u: 1})} = {case.facts.solved[u][0]}" for u in case.facts.solved.keys() - solved]
    bounds = [case.facts.reduce(form) for form in case.inequalities[number]]
    statement = ", ".join([*sorted(equations), *(describe(form) for form in bounds if form)])
    case.steps.append(replace(_step(requirement, statement, case), only_bounds=not equations))


def _step(requirement: Requirement, statement: str, case: Case, implied_by: tuple[str, ...] = ()) -> Step:
    criterion, layer = requirement.criterion.name, requirement.layer.name
    return Step(criterion, layer, requirement.step, statement, case.freedoms, implied_by)


def _choose(condition: list[Alternative], case: Case) -> Alternative:
    """The only alternative that is possible, or this case's choice among them. Raises Contradiction."""
    if len(condition) > 1:
        maximal = polytopes.maximal([[*case.forms, *alternative] for alternative in condition])
        condition = [condition[index] for index in maximal]
    if not condition:
        raise Contradiction
    if len(condition) == 1:
        return condition[0]
    branch = len(case.alternatives)
    case.alternatives.append(len(condition))
    return condition[case.choices[branch] if branch < len(case.choices) else 0]
