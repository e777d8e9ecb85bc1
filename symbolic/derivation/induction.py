"""One degree of freedom at every depth: the proof, by induction over a hidden layer.

All that the rest of a network sees of its first layers are the orders of what they hand on, |h(0)| and |dh(t)|, and all
that these see of the rest are the orders |d(t)| of what it sends back. So let b_t = |d(t)| be unknown, and compare two
beginnings: the input layer alone, and the input layer with one hidden layer behind it. Impose the criteria on both.
The lemma holds if

1. the criteria on the second beginning say what those on the first say, and besides determine the hidden layer's own
   unknowns, by as many independent equations as there are;
2. both hand on the same orders.

Then a network of L + 1 layers meets the criteria if and only if the one without its second layer does, with the same
exponents: adding a layer adds as many independent equations as unknowns. Starting from the derivation at depth 2, the
answer has the same dimension, and the same range, at every depth.

All of it is about multilayer perceptrons with n units in each hidden layer, in powers of n, and with nothing given: an
exponent that is given of one layer would have to be that of the layers inserted. A loss enters through b_t alone: the
lemma holds for any, and the answer at every depth is that of the loss at depth 2.

>>> from scalings.hyperparameters.update_laws import optimizer
>>> lemma = induct(optimizer("sgd"))
>>> lemma.holds, lemma.unknowns, lemma.equations
(True, ('eta_2', 'sigma_2'), ('eta_2 = -2*b_0 - 1', 'sigma_2 = -1/2'))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from sympy.polys.domains import QQ
from sympy.polys.rings import ring

from scalings.criteria.criterion import Criterion
from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import TUTORIAL
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.splits import Laws, Split
from scalings.hyperparameters.update_laws import OPTIMIZERS
from scalings.networks.architectures import mlp
from scalings.networks.network import Network
from scalings.networks.nodes import Activation
from scalings.results.derivations import Induction
from symbolic.derivation.case import Case, explore
from symbolic.orders.algebra import Algebra, O
from symbolic.orders.unknown_orders import Unknowns
from symbolic.polyhedra import inequalities
from symbolic.propagation.question import Question
from symbolic.propagation.requirements import Requirement
from symbolic.propagation.training import UPDATES, Surroundings

SIGNALS = [f"b_{step}" for step in range(UPDATES + 1)]
"""Names of the orders b_t that the rest of the network sends back."""


def induct(
    law: Laws = OPTIMIZERS["sgd"], criteria: Sequence[Criterion] = TUTORIAL, activation: Activation = "relu"
) -> Induction:
    """Prove that another hidden layer changes nothing, for multilayer perceptrons under this law and these criteria.

    Raises ArgumentError for a law of a layer by its name, which is of one depth.
    """
    if isinstance(law, Split) and law.by_layer:
        named = law.by_layer[0][0]
        raise ArgumentError("all_depths", f"the induction is over layers alike, but {named} has a law of its own")
    short, long = (Question(Problem(_beginning(depth, activation), law), tuple(criteria)) for depth in (1, 2))
    own = tuple(name for name in long.unknowns if name not in short.unknowns)
    symbols = [*own, *short.unknowns, *reversed(SIGNALS)]
    one, other = (_meet(question, symbols) for question in (short, long))
    if one is None or other is None:
        return Induction(law, own, (), (), ("the criteria allow more than one polyhedron",))
    unknown = dict(zip(symbols, other.facts.ring.gens, strict=True))
    found = {name: other.facts.reduce(unknown[name]) for name in own}
    undetermined = [name for name, form in found.items() if form == unknown[name]]
    known = one.facts.copy()
    for name in found.keys() - set(undetermined):
        known.learn_zero(unknown[name] - found[name], {})
    unsaid = [f"{name} is not determined" for name in undetermined]
    if not inequalities.hold(other.facts, one.facts.forms):
        unsaid.append("less is asked of the rest with the layer than without it")
    if not inequalities.hold(known, other.facts.forms):
        unsaid.append("more is asked of the rest with the layer than without it")
    unsaid += _changed(one, other, short.problem.network, long.problem.network)
    statements = tuple(f"{name} = {form}" for name, form in found.items() if name not in undetermined)
    return Induction(law, own, statements, tuple(other.steps), tuple(unsaid))


def _beginning(depth: int, activation: Activation) -> Network:
    """The first layers of a multilayer perceptron, up to an activation."""
    return Network(mlp(depth + 1, activation).nodes[:-1])


def _meet(question: Question, symbols: Sequence[str]) -> Case | None:
    """What the criteria say of these layers and the signals they are sent; None if that is not one polyhedron."""

    def run(algebra: Algebra[O], unknown: Callable[[str], O], orders: dict[Observable, O]) -> Iterator[Requirement]:
        zero, one = algebra.constant(MINUS_INFINITY), algebra.constant(Fraction(0))
        rest = Surroundings(one, [zero] * UPDATES, [unknown(signal) for signal in SIGNALS])
        return question.train(algebra, unknown, orders, rest)

    cases = explore(ring(list(symbols), QQ)[0], run)
    return cases[0] if len(cases) == 1 else None


def _changed(one: Case, other: Case, short: Network, long: Network) -> list[str]:
    """The orders that the second beginning hands on and that are not those of the first, by all that is known."""
    algebra, changed = Unknowns(other.facts), list[str]()
    for step in range(UPDATES + 1):
        for quantity in ("z", "dz") if step else ("z",):
            before = algebra.total(one.orders[Observable(quantity, short.layers[-1].name, step)])
            after = algebra.total(other.orders[Observable(quantity, long.layers[-1].name, step)])
            if set(before.clauses) != set(after.clauses):
                changed.append(f"|{quantity}| after {step} update{'s' * (step != 1)} is {after}, not {before}")
    return changed
