"""From criteria to the family of parameterizations that meet them.

The training loop is run on orders with unknown exponents: eta_l and sigma_l for each layer, in the gauge
g_l = 1. As soon as the observables of a criterion exist, the criterion is imposed; it gives linear equations
and inequalities, which simplify the rest of the run. What is left at the end is the answer:

>>> derivation = derive(mlp(3))
>>> derivation.degrees_of_freedom, str(derivation.family.low), str(derivation.family.high)
(1, '0', '1/2')
>>> [str(layer.lr) for layer in derivation.family.layers]
['2*r', '2*r - 1', '-1']

Where a criterion leaves alternatives (a maximum may be attained by either of two terms), the derivation
splits into cases, and the answer is a union of polyhedra. Nothing of the answer is in this code, nor in the
criteria: without maximality two more freedoms come back, those of layers that add nothing of their own.

>>> without = derive(mlp(3), criteria=[c for c in TUTORIAL if c.name != "maximality"])
>>> without.family, without.degrees_of_freedom
(None, 3)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import takewhile

from scalings.criteria.criterion import Criterion
from scalings.criteria.problem import Loss, Problem
from scalings.criteria.tutorial import TUTORIAL, as_criteria
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import Exponent, format_exponent
from scalings.hyperparameters.gauges import Gauge
from scalings.hyperparameters.splits import Laws
from scalings.networks.architectures import Translatable, mlp
from scalings.networks.dimensions import EXPERTS_SCALE, WIDTH_SCALE
from scalings.networks.network import Network
from scalings.results.derivations import Conflict, Derivation, Polyhedron, Step
from symbolic.derivation.case import Case, explore
from symbolic.derivation.epsilons import check_epsilons, with_epsilons
from symbolic.derivation.family import segment
from symbolic.derivation.polytope import polytope
from symbolic.derivation.richness import richness_ends, richness_order
from symbolic.polyhedra import inequalities
from symbolic.propagation import batch_and_vocabulary
from symbolic.propagation.question import Question


def derive(
    network: Network | Translatable | str | None = None,
    law: Laws | str = "sgd",
    criteria: Sequence[Criterion] | str = "tutorial",
    gauge: Gauge = "unit-multiplier",
    *,
    scale: str = WIDTH_SCALE,
    loss: Loss | None = None,
    given: Mapping[str, Exponent] | None = None,
    minimal: bool = False,
    epsilons: bool = False,
) -> Derivation:
    """Which exponents of a scale variable meet the criteria, for this network (default `mlp(3)`) and optimizer.

    Either may be given by its name, as in derive("transformer", "adamw"). All other scale variables are held fixed.
    `given` are exponents that are not asked for, by name ("sigma_2" is the init scale of the second layer). With
    `minimal`, a step that taught nothing new names no more reasons than it needs, which takes longer to find. With
    `epsilons`, layers have the exponent of the largest epsilon beside which their gradients' entries count. The
    family, where the answer is one segment, is written in the wished gauge; the steps and pieces are always in the
    gauge g = 1 (`Polyhedron.in_gauge`). Raises ArgumentError if the optimizer has no such gauge, an exponent is given
    that the network does not have, the scale variable is not one of the network's, or the criteria leave too much open.
    """
    problem = Problem.of(mlp(3) if network is None else network, law, scale, loss)
    return derivation_of(problem, as_criteria(criteria), gauge, given=given, minimal=minimal, epsilons=epsilons)


def derivation_of(
    problem: Problem,
    criteria: Sequence[Criterion] = TUTORIAL,
    gauge: Gauge = "unit-multiplier",
    *,
    given: Mapping[str, Exponent] | None = None,
    minimal: bool = False,
    epsilons: bool = False,
) -> Derivation:
    """The answer of `derive`."""
    question = Question(problem, tuple(criteria), tuple(sorted((given or {}).items())))
    if unknown := sorted(dict(question.given).keys() - question.owners.keys()):
        raise ArgumentError("given", f"expected exponents among {', '.join(question.owners)}, but got {unknown[0]}")
    if epsilons:
        check_epsilons(question)
    cases = explore(question.ring, question.train)
    answer = segment(cases[0], question) if len(cases) == 1 else None
    common = _common_steps(cases)
    steps = answer.steps if answer else common
    pieces = () if answer else tuple(_piece(question, case, len(common), epsilons) for case in cases)
    for piece in pieces:
        piece.in_gauge(gauge, tuple(problem.laws.values()))  # refuses a gauge that there is not
    conflict = None if cases else _conflict(question)
    family = answer.family if answer else None
    if family and epsilons:
        family = replace(family, layers=with_epsilons(question, cases[0], cases[0].facts, family.layers))
    return Derivation(
        network=problem.network,
        law=problem.law,
        criteria=tuple(dict.fromkeys(criterion.name for criterion in criteria)),
        assumptions=(*_assumptions(question), *([_LARGEST_EPSILON] if epsilons else [])),
        steps=_with_reasons(question, steps) if minimal else steps,
        family=family.in_gauge(gauge) if family else None,
        polyhedra=pieces,
        contradiction=tuple(dict.fromkeys(criterion for criterion, _ in conflict.imposed)) if conflict else (),
        conflict=conflict,
        scale=problem.scale,
        polytope=polytope(cases[0]) if answer else None,
    )


_LARGEST_EPSILON = "a larger epsilon than a gradient's entries, at the update where they are smallest, is another law"
_LOSSES: dict[Loss, str] = {
    "mse": "the loss is the mean squared error: the residual is of order 1 unless the output explodes",
    "cross-entropy": "the loss is the cross-entropy: the residual is of order 1",
}


def _assumptions(question: Question) -> tuple[str, ...]:
    problem = question.problem
    held = [other for other in problem.network.scales if other != problem.scale]
    return (
        "the gauge g = 1 fixes one of multiplier, init scale and learning rate in each layer",
        *batch_and_vocabulary.assumptions(problem.scale),
        *problem.assumptions,
        _LOSSES[problem.loss],
        *(f"{name} = {format_exponent(value)} is given" for name, value in question.given),
        *(f"orders are powers of the {problem.scale} {problem.symbol}; {_the(other)} held fixed" for other in held),
        f"constants in front of the powers of {problem.symbol} are not derived: they remain to be tuned",
    )


def _the(scale: str) -> str:
    return f"the {scale} are" if scale == EXPERTS_SCALE else f"the {scale} is"


def _conflict(question: Question) -> Conflict:
    from symbolic.derivation.conflicts import conflict_of

    return conflict_of(question)


def _with_reasons(question: Question, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps, each implied one with a minimal set of reasons where `Reasons` finds one."""
    from symbolic.proofs.reasons import Reasons
    from symbolic.proofs.transcript import write_program

    program = write_program(question)
    reasons, titles = Reasons(program), dict[str, str]()
    found: list[Step] = []
    for step in steps:
        name = f"{step.title}, step {step.update}"
        needed = None if step.statement or name not in program.names else reasons.of(name, list(titles))
        found.append(step if needed is None else replace(step, implied_by=tuple(titles[one] for one in needed)))
        if name in program.names:
            titles[name] = step.title
    return tuple(found)


def _common_steps(cases: Sequence[Case]) -> tuple[Step, ...]:
    """The steps before the cases part."""
    together = zip(*(case.steps for case in cases), strict=False)
    return tuple(steps[0] for steps in takewhile(lambda steps: len(set(steps)) == 1, together))


def _piece(question: Question, case: Case, common: int, epsilons: bool) -> Polyhedron:
    """The case as a polyhedron: implicit equations found, redundant inequalities dropped."""
    facts = case.facts.copy()
    for form in inequalities.equalities(facts):
        facts.learn_zero(form, {})
    bounds = dict.fromkeys(facts.reduce(form) for form in case.facts.inequalities)
    facets = inequalities.irredundant([form for form in bounds if form and not form.is_ground])
    ring = case.facts.ring
    equations = [f"{ring({unknown: 1}) - value}" for unknown, (value, _) in facts.solved.items()]
    # The richness is an unknown where it has been defined, by an equation more.
    dimension = ring.ngens - len(equations) - (not case.defines_richness)
    solved, scales = question.solution(facts)
    layers = with_epsilons(question, case, facts, solved) if epsilons else tuple(solved)
    order = richness_order(case, question)
    return Polyhedron(
        dimension,
        tuple(sorted(equations)),
        tuple(map(str, facets)),
        tuple(case.steps[common:]),
        polytope(case),
        layers,
        tuple(scales),
        str(order) if order.forms else "",
        richness_ends([case], question),
    )
