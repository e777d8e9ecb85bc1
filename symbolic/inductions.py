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

>>> from scalings.optimizers import optimizer
>>> lemma = induct(optimizer("sgd"))
>>> lemma.holds, lemma.unknowns, lemma.equations
(True, ('eta_2', 'sigma_2'), ('eta_2 = -2*b_0 - 1', 'sigma_2 = -1/2'))
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from sympy.polys.domains import QQ
from sympy.polys.rings import ring

from scalings.architectures import mlp
from scalings.criteria import TUTORIAL, Criterion
from scalings.families import Induction
from scalings.networks import Network
from scalings.nodes import Activation
from scalings.observables import Observable
from scalings.optimizers import OPTIMIZERS, UpdateLaw
from symbolic import hyperparameters, polytopes
from symbolic.cases import Case, impose
from symbolic.facts import Contradiction, Facts, Form
from symbolic.propagation import UPDATES, Boundary, train
from symbolic.requirements import requirements
from symbolic.unknowns import Unknowns


def induct(
    law: UpdateLaw = OPTIMIZERS["sgd"], criteria: Sequence[Criterion] = TUTORIAL, activation: Activation = "relu"
) -> Induction:
    """Prove that another hidden layer changes nothing, for multilayer perceptrons under this law and these criteria."""
    signals = [f"b_{step}" for step in range(UPDATES + 1)]
    short, long = (_beginning(depth, activation) for depth in (1, 2))
    names = [str(name) for name in hyperparameters.unknowns(long, law).symbols[:-1]]
    known = {str(name) for name in hyperparameters.unknowns(short, law).symbols}
    own = tuple(name for name in names if name not in known)
    symbols = [*own, *(name for name in names if name in known), *signals[::-1]]
    one, other = (_meet(network, law, criteria, symbols, signals) for network in (short, long))
    if one is None or other is None:
        return Induction(law, own, (), (), ("the criteria allow more than one polyhedron",))
    unknown = dict(zip(symbols, other.facts.ring.gens, strict=True))
    found = {name: other.facts.reduce(unknown[name]) for name in own}
    undetermined = [name for name, form in found.items() if form == unknown[name]]
    open_questions = [f"{name} is not determined" for name in undetermined]
    equations = [unknown[name] - form for name, form in found.items() if name not in undetermined]
    around = [form for form in one.forms]
    if not polytopes.implies(other.forms, *around):
        open_questions.append("less is asked of the rest with the layer than without it")
    if not polytopes.implies([*around, *equations, *(-form for form in equations)], *other.forms):
        open_questions.append("more is asked of the rest with the layer than without it")
    open_questions += _changed(one, other, short, long)
    statements = tuple(f"{name} = {form}" for name, form in found.items() if name not in undetermined)
    return Induction(law, own, statements, tuple(other.steps), tuple(open_questions))


def _beginning(depth: int, activation: Activation) -> Network:
    """The first layers of a multilayer perceptron, up to an activation."""
    return Network(mlp(depth + 1, activation).nodes[:-1])


def _meet(
    network: Network, law: UpdateLaw, criteria: Sequence[Criterion], symbols: Sequence[str], signals: Sequence[str]
) -> Case | None:
    """What the criteria say of these layers and the signals they are sent; None if that is not one polyhedron."""
    cases: list[Case] = []
    pending: list[tuple[int, ...]] = [()]
    while pending:
        case = Case(Facts(ring(list(symbols), QQ)[0]), pending.pop())
        if _impose_all(network, law, criteria, signals, case):
            cases.append(case)
        for branch in range(len(case.choices), len(case.alternatives)):
            taken = case.choices + (0,) * (branch - len(case.choices))
            pending.extend((*taken, other) for other in range(1, case.alternatives[branch]))
    largest = polytopes.maximal([case.forms for case in cases])
    return cases[largest[0]] if len(largest) == 1 else None


def _impose_all(
    network: Network, law: UpdateLaw, criteria: Sequence[Criterion], signals: Sequence[str], case: Case
) -> bool:
    """Train these layers on unknown exponents and signals; False if the criteria contradict each other."""
    algebra = Unknowns(case.facts)
    forms = {str(name): gen for name, gen in zip(case.facts.ring.symbols, case.facts.ring.gens, strict=True)}
    zero = algebra.constant(float("-inf"))
    boundary = Boundary(
        algebra.constant(Fraction(0)), [zero] * UPDATES, [algebra.form(forms[signal]) for signal in signals]
    )
    layers, _ = hyperparameters.orders(network, law, algebra)
    waiting = list(requirements(network, law, tuple(criteria), UPDATES))
    try:
        for observable, order in train(network, layers, law, algebra, UPDATES, boundary=boundary):
            case.orders[observable] = order
            ready = [one for one in waiting if case.orders.keys() >= set(one.observables)]
            waiting = [one for one in waiting if one not in ready]
            for requirement in ready:
                impose(requirement, case, algebra)
    except Contradiction:
        return False
    return True


def _changed(one: Case, other: Case, short: Network, long: Network) -> list[str]:
    """The orders at the end of the second beginning that are not those of the first."""
    facts, changed = other.facts, list[str]()
    for step in range(UPDATES + 1):
        for quantity in ("z", "dz") if step else ("z",):
            before = one.orders[Observable(quantity, short.layers[-1].name, step)]
            after = other.orders[Observable(quantity, long.layers[-1].name, step)]
            if {_reduced(facts, form) for form in before.forms} != {_reduced(facts, form) for form in after.forms}:
                changed.append(f"|{quantity}| after {step} updates is {after}, not {before}")
    return changed


def _reduced(facts: Facts, form: Form) -> Form:
    return facts.reduce(form.set_ring(facts.ring))
