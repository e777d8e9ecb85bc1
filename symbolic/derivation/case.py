"""One case of a derivation: the facts learned so far, and how a criterion adds to them.

Training is written down once; what a criterion speaks of is computed when it is imposed, by all that is known by then.
Imposing a criterion compares two unknown orders. The comparison is a condition on the exponents; if it is a
conjunction of linear relations, they are learned. If it has several alternatives (a maximum attained by one
term or another), the case takes the first and leaves the others for cases of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, TypeAlias

from scalings.criteria.observables import Observable
from scalings.results.derivations import Step
from symbolic.orders.deferred import Deferred
from symbolic.orders.recorder import Traced, Tracer
from symbolic.orders.unknown_orders import Alternative, TooOpen, UnknownOrder, Unknowns
from symbolic.polyhedra import inequalities
from symbolic.polyhedra.facts import Contradiction, Facts, as_affine, describe
from symbolic.propagation.question import Runner
from symbolic.propagation.requirements import Requirement

MOST_CASES = 12
"""Cases that are tried one after the other; where criteria leave more open, z3 says what is missing."""
Path: TypeAlias = tuple[int, ...]
"""Which alternative is taken, wherever there is more than one."""
Asked: TypeAlias = tuple[Requirement, Traced, Traced]
"""A requirement and its two sides."""


class Recorded:
    """A run that is written down, once for all cases, and what is asked of it, one after the other."""

    def __init__(self, run: Runner) -> None:
        self.tracer = Tracer(keeps_minima=True)
        self.orders: dict[Observable, Traced] = {}
        requirements = run(self.tracer, self.tracer.unknown, self.orders)
        self.asked: list[Asked] = [(one, *one.sides(self.orders, self.tracer)) for one in requirements]


@dataclass(frozen=True)
class Observed(Mapping[Observable, UnknownOrder]):
    """The orders of all observables in the light of all that a case knows, each computed when it is asked for."""

    numbers: Mapping[Observable, Traced]
    results: Deferred
    algebra: Unknowns

    def __getitem__(self, one: Observable) -> UnknownOrder:
        return self.algebra.total(self.results[self.numbers[one]])

    def __iter__(self) -> Iterator[Observable]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass
class Case:
    """One case of the derivation: the alternatives it takes, its facts and the steps that taught them.

    Facts are numbered in the order in which they were learned.
    """

    facts: Facts
    point: Mapping[str, Fraction] = field(default_factory=dict)
    """Exponents that this case is to have, by name."""
    path: Path = ()
    """What this case takes first of all; then, and without a point, it takes what comes first."""
    is_indifferent: bool = False
    """Whether it chooses nothing between f >= 0 and -f >= 0: then it is all there is, if it chooses nothing else."""
    choices: list[int] = field(default_factory=list)
    """The path that it has taken."""
    left: list[tuple[Path, Facts]] = field(default_factory=list)
    """Paths that it has not taken, each with what is known at the end of it."""
    steps: list[Step] = field(default_factory=list)
    sources: list[frozenset[int]] = field(default_factory=list)
    """For each fact the steps that taught it."""
    inequalities: dict[int, Alternative] = field(default_factory=dict)
    """Number of a step -> the forms that it says are >= 0."""
    orders: Mapping[Observable, UnknownOrder] = field(default_factory=dict)
    defines_richness: bool = False
    """Whether the richness is known to be the order of |dz| at the hidden layers."""

    @property
    def freedoms(self) -> int:
        """How many exponents no equation has determined yet; the richness is not one of them."""
        unknowns: int = self.facts.ring.ngens - 1
        return unknowns - len(self.facts.solved)

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


def explore(ring: Any, run: Runner) -> list[Case]:
    """All cases of a derivation, without those contained in another.

    Where a criterion leaves alternatives, each is a case, unless all that it allows lies in a case that is known. After
    MOST_CASES of them z3 looks for exponents that meet all criteria and lie in no case yet; they choose the next one.
    """
    only, recorded = Case(Facts(ring), is_indifferent=True), Recorded(run)
    is_possible = _possible(only, recorded)
    if not only.choices:
        return [only] if is_possible else []
    cases: list[Case] = []
    left: list[tuple[Path, Facts]] = [((), Facts(ring))]
    for _ in range(MOST_CASES):
        if not left:
            break
        path, facts = left.pop()
        if not any(inequalities.hold(facts, case.facts.forms) for case in cases):
            case = Case(Facts(ring), path=path)
            if _possible(case, recorded):
                cases.append(case)
            left += case.left
    if left:
        cases += _beyond(cases, ring, run, recorded)
    kept = inequalities.maximal([case.facts for case in cases])
    return sorted((cases[index] for index in kept), key=lambda case: case.choices)


def _beyond(known: Sequence[Case], ring: Any, run: Runner, recorded: Recorded) -> list[Case]:
    """Cases that together with those that are known hold all exponents that meet the criteria."""
    from symbolic.derivation.satisfiability import Points

    points, cases = Points(ring, run), list[Case]()
    while (point := points.outside([case.facts.forms for case in (*known, *cases)])) is not None:
        case = Case(Facts(ring), point)
        if not _possible(case, recorded):
            raise AssertionError(f"z3 and this derivation disagree about {point}")
        cases.append(case)
    return cases


def _possible(case: Case, recorded: Recorded) -> bool:
    """Impose each criterion on orders with unknown exponents; False if they contradict each other.

    What compares too many terms is postponed until others have said more. Raises TooOpen if they do not.
    """
    algebra = Unknowns(case.facts)
    results = Deferred(recorded.tracer.operations, algebra)
    case.orders = Observed(recorded.orders, results, algebra)
    left = recorded.asked
    try:
        while left:
            postponed = [one for one in left if not _is_imposed(one, results, case, algebra)]
            if len(postponed) == len(left):
                raise TooOpen
            left = postponed
    except Contradiction:
        return False
    return inequalities.feasible(case.facts.inequalities)


def _is_imposed(asked: Asked, results: Deferred, case: Case, algebra: Unknowns) -> bool:
    """Impose what is asked; False, and nothing is learned, if it compares too many terms. Raises Contradiction."""
    requirement, left, right = asked
    try:
        sides = results[left], results[right]
    except TooOpen:
        return False
    impose(requirement, *sides, case, algebra)
    return True


def impose(requirement: Requirement, left: UnknownOrder, right: UnknownOrder, case: Case, algebra: Unknowns) -> None:
    """Learn what the requirement says of its two sides, and write it down. Raises Contradiction."""
    equal = requirement.criterion.sign == "~"
    condition = algebra.at_most(left, right)
    if equal:
        condition = algebra.both(condition, algebra.at_most(right, left))
    ring = case.facts.ring
    alternatives = condition.forms(ring)
    if alternatives == [()] or (case.is_indifferent and _always_hold(alternatives)):
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


def _always_hold(alternatives: list[Alternative]) -> bool:
    """Whether they are, among others, f >= 0 or -f >= 0: nothing is to be chosen."""
    alone = {alternative[0] for alternative in alternatives if len(alternative) == 1}
    return any(-form in alone for form in alone)


def _choose(condition: list[Alternative], case: Case) -> Alternative:
    """The only alternative that is possible, or this case's choice among them. Raises Contradiction."""
    if len(condition) > 1:
        possible = [(one, facts) for one in condition if (facts := case.facts.together(one)) is not None]
        found = [possible[index] for index in inequalities.maximal([facts for _, facts in possible])]
        condition = [one for one, _ in found]
    if not condition:
        raise Contradiction
    if len(condition) == 1:
        return condition[0]
    if case.point:
        chosen = next(n for n, one in enumerate(condition) if all(as_affine(f).at(**case.point) >= 0 for f in one))
    elif len(case.choices) < len(case.path):
        chosen = case.path[len(case.choices)]
    else:
        chosen = 0
        case.left += [((*case.choices, n), facts) for n, (_, facts) in enumerate(found) if n]
    case.choices.append(chosen)
    return condition[chosen]
