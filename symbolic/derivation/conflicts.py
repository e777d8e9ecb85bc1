"""Why nothing meets the criteria: which of them contradict each other at which layers, and the least that would help.

What helps is to drop a criterion at one layer, or at all; not to give an exponent that is given; or another multiplier,
where it is no gauge: at an operation that shares its weight with another, at what is added to a residual stream, or at
scores before their softmax; or criteria that let units start small. Of each kind every single remedy is found; where
none suffices, two criteria that do, and the fewest multipliers.

>>> from scalings.criteria.problem import Problem
>>> from scalings.networks.architectures import mlp
>>> found = conflict_of(Question(Problem.of(mlp(2), "sgd"), given=(("sigma_1", Fraction(-1)),)))
>>> found.imposed, found.drop, found.release
((('signal propagation', 'layer1'),), (('signal propagation', 'layer1'),), (('init', 'layer1'),))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from typing import TypeAlias

from scalings.criteria.criterion import Criterion
from scalings.criteria.tutorial import SPECTRAL, TUTORIAL, WORKING
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.unknowns import kind_of
from scalings.networks.network import Network
from scalings.networks.nodes import INPUT, MULTIPLIERS, WEIGHTED, Node, Repeat, Scale, Softmax, Sum, Weight, sources
from scalings.results.derivations import Conflict
from symbolic.derivation.case import explore
from symbolic.derivation.satisfiability import Imposed, Points
from symbolic.propagation.question import Question

_Edge: TypeAlias = tuple[str, str]
"""An operation, and one that reads it."""
_MOST_PLACES = 12
"""Of more places for multipliers, no set of several is looked for: each is a derivation of its own."""


def conflict_of(question: Question, *, others: bool = True) -> Conflict:
    """What contradicts what, and what would help; without `others` no other criteria are tried, which takes longest.
    The question must have no answer."""
    points = _points(question)
    every = list(points.wanted)
    conflict = points.conflict(question.criteria)
    named = [(one[0].name, one[1]) for one in conflict]
    alone = tuple(edge for edge in _places(question) if _helps_between(question, edge))
    drop = [(one[0].name, one[1]) for one in conflict if points.would_agree([other for other in every if other != one])]
    return Conflict(
        tuple(named),
        tuple(drop)
        or tuple((one.name, "") for one in dict.fromkeys(one[0] for one in conflict) if _helps(points, one)),
        () if drop else _pair(points, question.criteria, conflict),
        tuple((kind_of(name), question.owners[name]) for name in points.decisive()),
        alone,
        () if alone else _together(question),
        "spectral" if others and _is_met(question, SPECTRAL) else "",
    )


def _points(question: Question) -> Points:
    """The question as a z3 problem in which exponents that are given may be released, but for zeros."""
    zeros = tuple(pair for pair in question.given if pair[1] == MINUS_INFINITY)
    opened = replace(question, given=zeros)
    points = Points(opened.ring, opened.train)
    for name, exponent in question.given:
        if exponent != MINUS_INFINITY:
            points.give(name, Fraction(exponent))
    return points


def _helps(points: Points, *dropped: Criterion) -> bool:
    """Whether the criteria without these have an answer."""
    return points.would_agree([one for one in points.wanted if one[0] not in dropped])


def _pair(points: Points, criteria: Sequence[Criterion], conflict: Sequence[Imposed]) -> tuple[str, ...]:
    """Two criteria, one of them in the conflict, to be dropped where dropping one is not enough."""
    own = {one[0] for one in conflict}
    if any(_helps(points, one) for one in own):
        return ()
    pairs = (pair for pair in combinations(criteria, 2) if own.intersection(pair) and _helps(points, *pair))
    return tuple(one.name for one in next(pairs, ()))


def _is_met(question: Question, criteria: tuple[Criterion, ...]) -> bool:
    """Whether something meets these criteria, which ask for what the tutorial's do but for large starts."""
    if question.criteria not in (TUTORIAL, WORKING):
        return False
    other = replace(question, criteria=criteria)
    try:
        return bool(explore(other.ring, other.train))
    except ArgumentError:
        return False


def _places(question: Question) -> tuple[_Edge, ...]:
    """Where another multiplier might help: nowhere if they are given by their numbers, which it would change."""
    if any(kind_of(name) == "scales" for name, _ in question.given):
        return ()
    return tuple(_edges(question.problem.network))


def _together(question: Question) -> tuple[_Edge, ...]:
    """Multipliers that together leave an answer, of which none can be spared; none where not even all of them do."""
    needed = _places(question)
    if not 2 <= len(needed) <= _MOST_PLACES or not _helps_between(question, *needed):
        return ()
    for edge in needed:
        others = tuple(one for one in needed if one != edge)
        if _helps_between(question, *others):
            needed = others
    return needed


def _helps_between(question: Question, *edges: _Edge) -> bool:
    """Whether multipliers there leave an answer."""
    nodes = question.problem.network.nodes
    for source, reader in edges:
        nodes = tuple(between(nodes, source, reader))
    try:
        changed = replace(question, problem=replace(question.problem, network=Network(nodes)))
        return bool(explore(changed.ring, changed.train))
    except ArgumentError:
        return False


def _edges(network: Network) -> Iterator[tuple[str, str]]:
    """Where a multiplier is no gauge: in front of a weight that is shared, of what is added to a sum, of a softmax."""
    nodes = {node.name: node for node in network.flat}
    uses = Counter(node.weight for node in network.flat if isinstance(node, WEIGHTED))
    for node in network.flat:
        read: tuple[str, ...] = ()
        if isinstance(node, WEIGHTED) and uses[node.weight] > 1:
            read = sources(node)
        elif isinstance(node, Sum):
            read = node.sources[1:]
        elif isinstance(node, Softmax):
            read = (node.source,)
        for source in read:
            if source != INPUT and not isinstance(nodes[source], MULTIPLIERS):
                yield source, node.name


def between(nodes: Sequence[Node], source: str, reader: str) -> Iterator[Node]:
    """The operations with a multiplier between two of them, in front of the one that reads."""
    for node in nodes:
        if isinstance(node, Repeat):
            yield replace(node, nodes=tuple(between(node.nodes, source, reader)))
        elif node.name != reader:
            yield node
        else:
            scale = Scale(f"{source}_to_{reader}", source)
            yield scale
            if isinstance(node, Sum):
                yield replace(node, sources=tuple(scale.name if one == source else one for one in node.sources))
            else:
                assert isinstance(node, (*WEIGHTED, Softmax))
                assert not isinstance(node, Weight)
                yield replace(node, source=scale.name)
