"""The induction over a hidden layer (`derivation.induction`), as two implications that a certificate can prove.

Both are about the same program, which trains two beginnings of a multilayer perceptron: its input layer with a hidden
layer behind it ("the layer is there"), and the input layer alone ("without it"). The orders b_t of the backward signal
that the rest sends are unknown, and the same for both.

    layer inserted    criteria with the layer                  =>  criteria without it, equations for its unknowns
    layer removed     criteria without it, these equations     =>  criteria with the layer

and from either it follows that both beginnings hand on the same orders, |z(0)|, |z(t)| and |dz(t)|.

>>> from scalings.networks.architectures import mlp
>>> from scalings.criteria.tutorial import TUTORIAL
>>> from scalings.hyperparameters.update_laws import optimizer
>>> program = insertion(Problem(mlp(2), optimizer("sgd")), TUTORIAL, "layer inserted")
>>> program.unknowns
('eta_2', 'sigma_2', 'eta_1', 'sigma_1', 'b_3', 'b_2', 'b_1', 'b_0')
>>> [one.name for one in program.relations if one.left in ("eta_2", "sigma_2")]
['equation for eta_2', 'equation for sigma_2']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from scalings.certificates.statements import Kind
from scalings.criteria.criterion import Criterion
from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import Affine
from scalings.networks.architectures import mlp
from scalings.networks.network import Network
from scalings.networks.nodes import ACTIVATIONS
from symbolic.derivation.induction import SIGNALS
from symbolic.orders.program import Program, Relation
from symbolic.orders.recorder import ZERO, Traced, Tracer
from symbolic.polyhedra import inequalities
from symbolic.polyhedra.facts import as_affine
from symbolic.proofs.branch import TooMuch
from symbolic.proofs.prover import prove
from symbolic.proofs.transcript import Transcript
from symbolic.propagation.question import Question
from symbolic.propagation.training import UPDATES, Surroundings

MOST = 64
"""Forms in an order of a proof about two layers, and a fourth of its cases."""


def insertion(problem: Problem, criteria: Sequence[Criterion], kind: Kind) -> Program:
    """The program with the relations of one implication. The network is the multilayer perceptron of two layers.

    Raises ArgumentError for another network, scale variable or loss, and where the criteria do not determine the
    layer's own unknowns.
    """
    activation = next((one for one in ACTIVATIONS if problem.network == mlp(2, one)), None)
    if activation is None or not problem.is_mlp_in_width:
        raise ArgumentError("network", "the induction is over the layers of a multilayer perceptron, in its width")
    beginnings = (Network(mlp(depth + 1, activation).nodes[:-1]) for depth in (1, 2))
    one, other = (Question(Problem(network, problem.law), tuple(criteria)) for network in beginnings)
    own = [name for name in other.unknowns if name not in one.unknowns]
    tracer, short, long = Tracer(), Transcript(), Transcript()
    for record, question, prefix in ((long, other, ""), (short, one, "without it: ")):
        signals = [tracer.unknown(signal) for signal in SIGNALS]
        rest = Surroundings(tracer.constant(Fraction(0)), [ZERO] * UPDATES, signals)
        record.train(question, tracer, tracer.unknown, rest, prefix)
    unknowns = (*own, *one.unknowns, *reversed(SIGNALS))

    def written(*relations: Relation) -> Program:
        return Program(unknowns, tracer.lines(names()), relations, ())

    def names() -> dict[Traced, str]:
        return tracer.named({**short.labels, **long.labels})

    solved = _solved(written(*long.relations(names())), own)
    equations = {name: _order(tracer, affine) for name, affine in solved.items()}
    handed = list(_handed_on(short, long, one, other))
    called = names()
    with_it, without = long.relations(called), short.relations(called)
    own_ones = [Relation(f"equation for {name}", name, "~", called[order]) for name, order in equations.items()]
    same = [Relation(f"{what} is handed on as it is read", called[a], "~", called[b]) for what, a, b in handed]
    hypotheses = with_it if kind == "layer inserted" else (*without, *own_ones)
    conclusions = (*own_ones, *without, *same) if kind == "layer inserted" else (*with_it, *same)
    return written(*hypotheses, *(replace(relation, implied=True) for relation in conclusions))


def _solved(program: Program, own: Sequence[str]) -> Mapping[str, Affine]:
    """The layer's own unknowns in terms of the others, as the criteria determine them."""
    try:
        _, leaves = prove(program, MOST)
    except TooMuch:
        raise ArgumentError("certificate", "the criteria leave too many cases, so that the induction fails") from None
    largest = inequalities.maximal([leaf.facts for leaf in leaves])
    if len(largest) != 1:
        raise ArgumentError("certificate", "the criteria allow more than one polyhedron, so that the induction fails")
    facts = leaves[largest[0]].facts
    forms = dict(zip(program.unknowns, facts.ring.gens, strict=True))
    found = {name: as_affine(facts.reduce(forms[name])) for name in own}
    if undetermined := [name for name, affine in found.items() if {*affine.coefficients} & {*own}]:
        raise ArgumentError("certificate", f"{undetermined[0]} is not determined, so that the induction fails")
    return found


def _order(tracer: Tracer, affine: Affine) -> Traced:
    """The order with this exponent: powers of unknowns over powers of unknowns."""
    powers = [(tracer.unknown(name), factor) for name, factor in affine.coefficients.items()]
    over = [tracer.power(order, factor) for order, factor in powers if factor > 0]
    under = [tracer.power(order, -factor) for order, factor in powers if factor < 0]
    constant = tracer.constant(affine.constant)
    return tracer.ratio(tracer.product(constant, *over), tracer.product(tracer.constant(Fraction(0)), *under))


def _handed_on(short: Transcript, long: Transcript, one: Question, other: Question) -> list[tuple[str, Traced, Traced]]:
    """What the rest of the network sees, of the beginning with the layer and of that without it."""
    before, after = one.problem.network.layers[-1].name, other.problem.network.layers[-1].name
    found = []
    for step in range(UPDATES + 1):
        for quantity in ("z", "dz") if step else ("z",):
            orders = long.orders[Observable(quantity, after, step)], short.orders[Observable(quantity, before, step)]
            if orders[0] != orders[1]:
                found.append((f"|{quantity}| after {step} updates", *orders))
    return found
