"""When orders rest: after how many updates nothing new can come of a stable run.

From one update to the next a run carries the orders |dW| of its weights, and what decay has taken of them; all else is
computed from these anew. None of them ever falls. So once an update, after the second, raises none of them, no later
one does: the run *rests*. (From the second update on, no rule looks at the number of the step.)

**How many updates that takes, without zero starts.** In a stable run |h| keeps its initial order at every layer. So the
gradient g |d| |h| of a weight rises only when |d| does, and |d| only by later weights W(0) + dW of which dW has come to
exceed W(0) in what they send back: call these *amplifiers*. The readout is one, since its W(0) may be as small as one
likes. A product that repeats a factor over growing units is one for that factor: what it sends back may come to be a
coherent sum (`bilinear_rules`). A hidden matrix from m to n units sends back about |d| through W(0), by signal
propagation, and at most (n/m)^(1/2) |d| through dW, by |dz| <= n^(1/2): it is one only if n grows faster than m. Hence
|dW| of the last amplifier on a path rests from update 1 on, that of the one before it from update 2 on (its |d| is that
after update 1), and so on: with at most k amplifiers behind any weight on one path, all rest from update k + 1 on, and
update k + 2 raises none of them. For constant widths k = 1: three updates tell. For hidden widths n^(1/4), n^(1/2), n,
n^2 k = 4: six.

**With zero starts** nothing is raised before it has left zero, which the zeros of a run tell, whatever its exponents
are; then the above begins. Of what was zero at initialization signal propagation asks no size, so that its weights
count as amplifiers too. Only there |h| may rise, and weights on both sides of it may feed each other in a cycle. If its
gain is above 1 the run is not stable; if it is below, as for a gradient to a power p < 1, orders tend to a bound that
they never reach (`evaluation.given_run`): they still rise after as many updates, by less and less.

>>> from fractions import Fraction
>>> from scalings.networks.architectures import mlp
>>> from scalings.networks.dimensions import Dimension
>>> from scalings.hyperparameters.update_laws import optimizer
>>> growing = [Dimension(1, Fraction(1, 4)), Dimension(1, Fraction(1, 2)), Dimension(1, Fraction(1))]
>>> sgd = optimizer("sgd")
>>> updates_until_rest(Problem(mlp(4), sgd)), updates_until_rest(Problem(mlp(4, hidden=growing), sgd))
(3, 5)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scalings.criteria.problem import Problem
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.networks.contractions import contraction
from scalings.networks.dimensions import COUNTED_SCALES
from scalings.networks.nodes import INPUT, MATRICES, WEIGHTED, Bias, Node, Product, Repeat, sources
from symbolic.orders.algebra import EXACT
from symbolic.propagation.training import UPDATES, train


def updates_until_rest(
    problem: Problem, layers: Sequence[LayerExponents[Exponent]] = (), scales: Sequence[Exponent] = ()
) -> int:
    """The number of updates of which the last raises no order in any stable run with the same zeros.

    `layers` and `scales` are exponents of a run of which only the zeros count; none is zero if they are not given.
    """
    zeros: set[str] = set()
    first = 1
    if any(MINUS_INFINITY in (one.init, one.lr) for one in layers) or MINUS_INFINITY in scales:
        zeros, first = _zeros(problem, layers, scales)
    return UPDATES + max(1, _most_amplifiers(problem, zeros)) - 1 + first - 1


def _zeros(
    problem: Problem, layers: Sequence[LayerExponents[Exponent]], scales: Sequence[Exponent]
) -> tuple[set[str], int]:
    """What is zero at initialization, and the last update at which a weight first moves."""
    zeros, moved, last = set[str](), set[str](), 1
    for observable, order in train(problem, layers, EXACT, problem.network.depth + 1, scales=scales):
        if observable.step > last + 1:
            break
        if observable.quantity == "z" and not observable.step and order == MINUS_INFINITY:
            zeros.add(observable.layer)
        if observable.quantity == "dW_frobenius" and order != MINUS_INFINITY and observable.layer not in moved:
            moved.add(observable.layer)
            last = observable.step
    return zeros, last


def _most_amplifiers(problem: Problem, zeros: set[str]) -> int:
    """The most amplifiers behind a weight on one path; a repeated block runs twice, as in training on orders."""
    behind: dict[str, int | None] = {INPUT: None}  # amplifiers since the first weight of a path, if there was one
    zero = set(zeros)

    def visit(nodes: Sequence[Node]) -> Iterator[int]:
        for node in nodes:
            read = ((name, behind[name]) for name in sources(node))
            counts = (count + _repeats(problem, node, name, zero) for name, count in read if count is not None)
            found = max(counts, default=None)
            if not isinstance(node, WEIGHTED) and _is_zero(node, zero):
                zero.add(node.name)
            if isinstance(node, WEIGHTED):
                found = 0 if found is None else found + _amplifies(problem, node, zeros)
                yield found
            behind[node.name] = found
            if isinstance(node, Repeat):
                for _ in ("first", "last"):
                    yield from visit(node.nodes)
                    behind[node.name] = behind[node.nodes[-1].name]

    return max(visit(problem.network.nodes), default=0)


def _repeats(problem: Problem, node: Node, source: str, zero: set[str]) -> bool:
    """Whether what a product sends back to this factor may outgrow what it sent at first: a sum over the units of the
    other factor, which comes to lie along the signal, or a factor that was zero."""
    if not isinstance(node, Product):
        return False
    sizes = contraction(node, problem.network.units, problem.scale)
    other, units = (node.right, sizes.right) if source == node.left else (node.left, sizes.left)
    return other in zero or units > 0


def _is_zero(node: Node, zero: set[str]) -> bool:
    read = [name in zero for name in sources(node)]
    return any(read) if isinstance(node, Product) else bool(read) and all(read)


def _amplifies(problem: Problem, node: Node, zeros: set[str]) -> bool:
    """Whether its update may come to send back more than its initial weights, in a stable run."""
    if isinstance(node, Bias):
        return False
    if node.name in problem.network.readouts or node.name in zeros:
        return True
    if not isinstance(node, MATRICES) or problem.scale in COUNTED_SCALES:
        return False
    return node.fan_out.order_in(problem.scale) > node.fan_in.order_in(problem.scale)
