"""The fewest numbers whose change makes a parameterization meet the criteria: what is wrong with a model.

One mistake has many consequences, but is one number. So the answer changes as few as possible; among these it touches
the fewest weights and multipliers, multipliers in the code last, makes as many hidden layers rich as it can, changes
init scales and decays next, and learning rates first, leaves as few multipliers as it can that are not n^0, and moves
numbers as little as possible. What is then still free, as the start of a matrix that should not be zero, is as large as
it may be. A number in the code of a model, such as the 1/sqrt(d) of attention, is a `Factor`, and may be what is wrong:

>>> from scalings.criteria.problem import Problem
>>> from scalings.hyperparameters.update_laws import optimizer
>>> from scalings.networks.dimensions import WIDTH, fixed
>>> from scalings.networks.network import Network
>>> from scalings.networks.nodes import Dense
>>> nodes = (
...     Dense("in", "input", "w1", fixed(8), WIDTH),
...     Factor("mul", "in", Fraction(1, 2)),
...     Dense("mid", "mul", "w2", WIDTH, WIDTH),
...     Dense("out", "mid", "w3", WIDTH, fixed(1)),
... )
>>> given = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="0,-1,-1")
>>> for change in causes_of(Problem(Network(nodes), optimizer("adam")), given).changes:
...     print(*change)
mul scale 1/2 0

`repair` (`symbolic.evaluation.repair`) takes such numbers as given, and changes the fewest layers.

Weights that start at zero stay so; if nothing meets the criteria then, one of them may start at random, or all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from fractions import Fraction

import z3

from scalings.criteria.criterion import Criterion
from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import WORKING
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.unknowns import Kind, kind_of
from scalings.networks.network import Network
from scalings.networks.nodes import MATRICES, Factor, Node, Repeat, Scale
from scalings.results.checks import Change, Forbidden, Repair
from scalings.results.derivations import Conflict
from symbolic.derivation.conflicts import between, conflict_of
from symbolic.derivation.satisfiability import Points
from symbolic.evaluation.before_norms import Sizes
from symbolic.evaluation.check import verdict_on
from symbolic.evaluation.given_run import train_given
from symbolic.evaluation.nearest_point import distance
from symbolic.evaluation.repair import of_richness
from symbolic.orders.algebra import EXACT
from symbolic.polyhedra.z3_forms import number, value
from symbolic.propagation.question import Question

_RICH = Fraction(1, 2)
"""The richness that is preferred among equally few changes: hidden units, of which there are n, move by order 1."""
_KINDS: tuple[Kind, ...] = ("scales", "init", "decay", "lr")
"""From what is changed last to what is changed first."""


def causes_of(
    problem: Problem, given: Parameterization, *, code: bool = True, richness: Fraction | None = None
) -> Repair | Forbidden:
    """The nearest parameterization in this sense, in the gauge g = 1, with the changes that lead there.

    `given` has no multipliers: those of the network are in its nodes. If a node's number changes, the answer has
    `scales`, of all of them, in the order of `loosened(network).multipliers`. Without `code` these numbers stay as they
    are. `Forbidden` if no numbers meet the criteria, at this richness if it is given. What norms read may have any
    size, if learning rates are those of this size (`before_norms`).
    """
    found = _causes_of(problem, given, code=code, richness=richness)
    if isinstance(found, Forbidden) or not found.changes or not (sizes := Sizes.of(problem, given)):
        return found
    other = _causes_of(sizes.full_problem, sizes.full(given), code=code, richness=richness)
    if isinstance(other, Repair) and len(other.changes) < len(found.changes):
        return sizes.as_it_was(other, given)
    return found


def _causes_of(
    problem: Problem, given: Parameterization, *, code: bool, richness: Fraction | None
) -> Repair | Forbidden:
    network = loosened(problem.network) if code else problem.network
    criteria = *WORKING, of_richness(_RICH if richness is None else richness, problem)
    asked = WORKING if richness is None else criteria
    question = Question(replace(problem, network=network), criteria)
    found = _nearest(question, asked, problem.network, given)
    zeros = {node.weight for node in network.layers if node.start == "zero" and isinstance(node, MATRICES)}
    for started in (*({one} for one in sorted(zeros)), zeros) if zeros else ():
        if found is None:
            question = Question(replace(problem, network=Network(tuple(_started(network.nodes, started)))), criteria)
            found = _nearest(question, asked, problem.network, given)
    if found is None:
        excluding = Points(question.ring, question.train).contradictory(asked)
        return Forbidden(tuple(dict.fromkeys(one.name for one in excluding if one in WORKING)), richness)
    layers, scales = question.exponents(found.__getitem__, lambda exponent: exponent)
    changes = tuple(_changes(question, _numbers(question, problem.network, given), found))
    moved = any(which == "scale" for _, which, _, _ in changes)
    repaired = Parameterization(tuple(layers), scales=tuple(scales))
    verdict = verdict_on(train_given(question.problem, repaired), small_starts=True)
    return Repair(repaired if moved else replace(repaired, scales=()), verdict, changes)


def conflict_within(problem: Problem) -> Conflict:
    """Why no numbers meet the criteria, those in the code among them, and which further multiplier would help."""
    return conflict_of(Question(replace(problem, network=loosened(problem.network)), WORKING), others=False)


def with_multipliers(problem: Problem, edges: Sequence[tuple[str, str]]) -> tuple[Problem, dict[tuple[str, str], str]]:
    """The problem if the code multiplied what operations read by a number, n^0 so far, and the names of these
    multipliers: edges are pairs, (what is read, what reads it)."""
    nodes, names = problem.network.nodes, {node.name for node in problem.network.flat}
    new: dict[tuple[str, str], str] = {}
    for edge in edges:
        nodes = tuple(between(nodes, *edge))
        (new[edge],) = {node.name for node in Network(nodes).flat} - names - set(new.values())
    return replace(problem, network=Network(tuple(_fixed(nodes, set(new.values()))))), new


def loosened(network: Network) -> Network:
    """The network with a multiplier in place of every number that its code multiplies by."""
    return Network(tuple(_loosened(network.nodes)))


def _loosened(nodes: tuple[Node, ...]) -> Iterator[Node]:
    for node in nodes:
        if isinstance(node, Repeat):
            yield replace(node, nodes=tuple(_loosened(node.nodes)))
        else:
            yield Scale(node.name, node.source, in_code=True) if isinstance(node, Factor) else node


def _fixed(nodes: tuple[Node, ...], names: Set[str]) -> Iterator[Node]:
    """The nodes with a number n^0 in place of these multipliers."""
    for node in nodes:
        if isinstance(node, Repeat):
            yield replace(node, nodes=tuple(_fixed(node.nodes, names)))
        elif isinstance(node, Scale) and node.name in names:
            yield Factor(node.name, node.source, Fraction(0))
        else:
            yield node


def _started(nodes: tuple[Node, ...], weights: Set[str]) -> Iterator[Node]:
    """The nodes with random starts of these weights."""
    for node in nodes:
        if isinstance(node, Repeat):
            yield replace(node, nodes=tuple(_started(node.nodes, weights)))
        else:
            yield replace(node, start="random") if isinstance(node, MATRICES) and node.weight in weights else node


def _numbers(question: Question, network: Network, given: Parameterization) -> dict[str, Exponent]:
    """Of each unknown of the question what is given, by its name."""
    orders = {node.name: node.order for node in network.flat if isinstance(node, Factor)}
    scales = tuple(orders[node.name] for node in question.problem.network.multipliers)
    named = replace(given, scales=scales).by_name(len(scales))
    return {name: named[name] for name in question.unknowns}


def _nearest(
    question: Question, asked: Sequence[Criterion], network: Network, given: Parameterization
) -> dict[str, Fraction] | None:
    """Values of all unknowns that meet what is asked; None if there are none. Further criteria of the question are met
    where that takes no more changes."""
    numbers = _numbers(question, network, given)
    if finite := _as_given(question, asked, numbers):
        return finite
    points = Points(question.ring, question.train)
    imposed = [points.wanted[one] for one in points.imposed(asked)]
    solver = _optimizing(points, imposed)
    variables = {name: points.exponents[name] for name in numbers}
    finite = {name: one for name, one in numbers.items() if isinstance(one, Fraction)}
    kept = {name: variables[name] == number(one, points.context) for name, one in finite.items()}
    for same in kept.values():
        solver.add_soft(same, id="numbers")
    for owner in dict.fromkeys(question.owners[name] for name in kept):
        solver.add_soft(z3.And([kept[name] for name in kept if question.owners[name] == owner]), id="owners")
    small = {one.name for one in question.problem.network.representations if one.starts_small}
    preferred = [
        wanted for (criterion, at), wanted in points.wanted.items() if criterion not in asked and at not in small
    ]
    for kind in _KINDS:
        for name in (name for name in kept if kind_of(name) == kind):
            solver.add_soft(kept[name], id=kind)
        for wanted in preferred if kind == "scales" else ():
            solver.add_soft(wanted, id="preferred")
    for name in (name for name in kept if kind_of(name) == "scales"):
        solver.add_soft(variables[name] == 0, id="neutral")
    zero = number(Fraction(0), points.context)
    moved = z3.Sum([zero, *(distance(variables[name], one) for name, one in finite.items())])
    solver.minimize(moved)
    if solver.check() != z3.sat:
        return None
    model = solver.model()
    found = {name: value(model, variable) for name, variable in variables.items()}
    kept_so = [kept[name] for name, one in finite.items() if one == found[name]]
    as_good = [*kept_so, moved == number(value(model, moved), points.context)]
    as_good += [wanted for wanted in preferred if z3.is_true(model.eval(wanted))]
    others = [name for name in found if name not in finite or finite[name] != found[name]]
    return _largest(points, found, others, [*imposed, *as_good])


def _optimizing(points: Points, imposed: Sequence[z3.BoolRef]) -> z3.Optimize:
    solver = z3.Optimize(ctx=points.context)
    solver.from_string(points.script)
    solver.add(*imposed)
    return solver


def _largest(
    points: Points, found: Mapping[str, Fraction], names: Sequence[str], imposed: Sequence[z3.BoolRef]
) -> dict[str, Fraction]:
    """Of the answers that are as good as the one that is found, the one whose numbers of these names are each in turn
    as large as they may be, which is at a corner; one that knows no largest value stays open.

    Whether a number can be larger than it is is soon asked, and most cannot.
    """
    reached = dict(found)
    points.solver.add(*imposed)
    kept: list[z3.BoolRef] = []
    for name in (name for kind in reversed(_KINDS) for name in names if kind_of(name) == kind):
        exponent = points.exponents[name]
        if points.solver.check(exponent > number(reached[name], points.context)) == z3.sat:
            solver = _optimizing(points, [*imposed, *kept])
            top = solver.maximize(exponent)
            assert solver.check() == z3.sat, "what has an answer has a largest one"
            if not isinstance(solver.upper(top), z3.IntNumRef | z3.RatNumRef):
                continue
            model = solver.model()
            reached = {each: value(model, variable) for each, variable in points.exponents.items() if each in found}
        kept.append(exponent == number(reached[name], points.context))
        points.solver.add(kept[-1])
    return reached


def _as_given(
    question: Question, asked: Sequence[Criterion], numbers: Mapping[str, Exponent]
) -> dict[str, Fraction] | None:
    """The numbers as they are, if they meet what is asked: nothing is nearer, and no search is needed."""
    finite = {name: one for name, one in numbers.items() if isinstance(one, Fraction)}
    if len(finite) < len(numbers):
        return None
    orders: dict[Observable, Exponent] = {}
    for one in question.train(EXACT, numbers.__getitem__, orders):
        if one.criterion not in asked:
            continue
        left, right = one.sides(orders, EXACT)
        if left > right or (one.criterion.sign == "~" and left != right):
            return None
    return finite


def _changes(question: Question, given: Mapping[str, Exponent], found: Mapping[str, Fraction]) -> Iterator[Change]:
    for name, new in found.items():
        kind = kind_of(name)
        if given[name] != new:
            yield question.owners[name], "scale" if kind == "scales" else kind, given[name], new
