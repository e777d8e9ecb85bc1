"""Certificates: what was derived or refused, as JSON that `scalings.certificates` rechecks with exact fractions.

>>> from scalings.certificates import certify
>>> from scalings.architectures import mlp
>>> document = derivation_certificate(mlp(3))
>>> certify(document)
'32 criteria leave 7 unknowns 1 degrees of freedom'
>>> document["answer"]["A"]["solved"]["eta_2"], document["answer"]["A"]["inequalities"]
({'r': '2', 'constant': '-1'}, [{'r': '1'}, {'r': '-1', 'constant': '1/2'}])

Every number in it matters: a certificate with any one of them changed is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from string import ascii_uppercase
from typing import Any

from scalings.criteria import MOVING_OUTPUT, STABILITY, TUTORIAL, Criterion, Product
from scalings.errors import ArgumentError
from scalings.exponents import MINUS_INFINITY, Exponent, format_exponent
from scalings.families import PARAMETER
from scalings.networks import Network
from scalings.nodes import WIDTH_SCALE
from scalings.observables import Quantity
from scalings.optimizers import OPTIMIZERS, UpdateLaw
from scalings.parameterizations import Parameterization
from symbolic import polytopes
from symbolic.checks import check
from symbolic.derivations import derive
from symbolic.facts import Facts, Form
from symbolic.programs import NOTHING, Line, Program, Relation, write_program
from symbolic.proofs import Branch, Document, by, imposed, prove
from symbolic.propagation import UPDATES, Loss
from symbolic.questions import Question


def derivation_certificate(
    network: Network | None = None,
    law: UpdateLaw = OPTIMIZERS["sgd"],
    criteria: Sequence[Criterion] = TUTORIAL,
    *,
    scale: str = WIDTH_SCALE,
    loss: Loss = "mse",
    given: Mapping[str, Exponent] | None = None,
) -> Document:
    """A proof that exactly the exponents of the answer meet the criteria, in the gauge g = 1.

    The arguments are those of `symbolic.derivations.derive`.
    """
    derivation = derive(network, law, criteria, scale=scale, loss=loss, given=given)
    pairs = tuple(sorted((given or {}).items()))
    question = Question(derivation.network, law, tuple(criteria), scale, loss, pairs)
    program = write_program(question)
    if derivation.family:
        program = _with_richness(program)
    return {"about": _about(question), **_document(program)}


def _with_richness(program: Program) -> Program:
    """The program with the richness as one more unknown, which the last changes of hidden layers define."""
    definitions = (
        Relation(f"definition of the richness ({change})", change, "~", PARAMETER) for change in program.richness
    )
    return replace(
        program,
        unknowns=(*program.unknowns, PARAMETER),
        lines=(*program.lines, Line(PARAMETER, "unknown")),
        relations=(*program.relations, *definitions),
    )


def parameterization_certificate(
    network: Network,
    parameterization: Parameterization,
    law: UpdateLaw = OPTIMIZERS["sgd"],
    asked: Sequence[Criterion] = (),
    *,
    scale: str = WIDTH_SCALE,
    loss: Loss = "mse",
) -> Document:
    """A proof that given exponents meet stability, a moving output and what else is asked, or violate one of these.

    If they do, the proof shows the monomial that does, how it comes about, and its exponent. The exponents are those
    of the gauge g = 1.
    """
    verdict = check(network, parameterization, law, scale=scale, loss=loss)
    wanted = tuple(dict.fromkeys((*STABILITY, MOVING_OUTPUT, *asked)))
    violated = next((f for one in wanted for f in verdict.findings if f.criterion == one and not f.satisfied), None)
    if violated is None and verdict.growing:
        question = Question(network, law, _SETTLED, scale, loss, updates=UPDATES + 1)
    else:
        question = Question(network, law, (violated.criterion,) if violated else wanted, scale, loss)
    written = parameterization.in_gauge("unit-multiplier", law)
    question = replace(question, given=tuple(_started(question, written)))
    given = dict(_exponents(question, written))
    zeros = [name for name, exponent in given.items() if exponent == MINUS_INFINITY]
    program = write_program(question, zeros)
    if violated:
        title = f"{violated.criterion.name} ({violated.layer}), step {violated.step}"
        asked_for = tuple(relation for relation in program.relations if relation.name.startswith(title))
        if not asked_for:
            raise ArgumentError("certificate", f"the program does not have what {title} violates")
        program = replace(program, relations=asked_for, traced=_traced(program, asked_for))
    return {"about": _about(question), "zero": zeros, **_document(_given(program, given))}


_CHANGES: tuple[Quantity, ...] = ("dz", "dW_frobenius")
_WHATEVER = "whatever"
"""An unknown of which nothing is asked but to be the order of zero, which it cannot be."""

_SETTLED = tuple(
    Criterion(
        "settled orders",
        f"no change grows from update {UPDATES} to the next",
        "what it is for orders to have settled",
        Product(((quantity, "now"),)),
        "<=",
        Product(((quantity, "before"),)),
        "layers",
        "settled",
    )
    for quantity in _CHANGES
)


def _about(question: Question) -> str:
    """Network, optimizer and scale variable, in words."""
    layers = f"{question.network.depth} weights trained with {question.law.name}"
    given = "".join(f", {name} = {format_exponent(value)}" for name, value in question.given)
    return f"{layers} ({question.loss}){given}: powers of the {question.scale}"


def _exponents(question: Question, parameterization: Parameterization) -> Iterator[tuple[str, Exponent]]:
    """What is given for each unknown."""
    for name in question.unknowns:
        kind, _, number = name.partition("_")
        if kind == "kappa":
            yield name, dict(enumerate(parameterization.scales, start=1)).get(int(number), Fraction(0))
        else:
            layer = parameterization.layers[int(number) - 1]
            exponent = {"eta": layer.lr, "sigma": layer.init, "lambda": layer.decay}[kind]
            yield name, MINUS_INFINITY if exponent is None else exponent


def _started(question: Question, parameterization: Parameterization) -> Iterator[tuple[str, Exponent]]:
    """The init scales of weights that start at zero or one unless they are given otherwise, as here."""
    for number, (node, layer) in enumerate(zip(question.network.layers, parameterization.layers, strict=True), start=1):
        if node.start != "random":
            yield f"sigma_{number}", layer.init


def _given(program: Program, given: Mapping[str, Exponent]) -> Program:
    """The program with what is given as relations before all others; without the unknowns that it does not need.

    Zero is at most anything, and of no order whatever: a number beside it does not matter.
    """
    beside = [
        replace(relation, right=_WHATEVER) if relation.left == NOTHING else relation
        for relation in program.relations
        if relation.left != NOTHING or (relation.sign == "~" and relation.right != NOTHING)
    ]
    program = replace(program, relations=tuple(beside))
    sides = [side for relation in program.relations for side in (relation.left, relation.right)]
    needed = {*sides, *(argument for line in program.lines_for(sides) for argument in line.arguments)}
    unknowns = [name for name in program.unknowns if name in needed]
    exponents = {name: str(given[name]) for name in unknowns}
    constants = [Line(value, "constant", (), Fraction(value)) for value in {*exponents.values()} - {*program.line}]
    relations = [Relation(f"given: {name}", name, "~", value) for name, value in exponents.items()]
    whatever = [_WHATEVER for relation in program.relations if relation.right == _WHATEVER][:1]
    return replace(
        program,
        unknowns=(*unknowns, *whatever),
        lines=(*(Line(name, "unknown") for name in whatever), *constants, *program.lines),
        relations=(*relations, *program.relations),
    )


def _traced(program: Program, relations: Sequence[Relation]) -> tuple[str, str] | None:
    """The side of a relation whose monomial is to be shown."""
    sides = [(one.name, side) for one in relations for side in (one.left, one.right) if program.line[side].arguments]
    return sides[0] if sides else None


def _document(program: Program) -> Document:
    """The program, what is asked of it, the answer and its proof."""
    lines, leaves = prove(program)
    whole = {number: _Piece.of(leaves[number]) for number in _maximal(leaves)}
    pieces = dict(zip(_letters(), whole.values(), strict=False))
    for number, branch in enumerate(leaves):
        branch.lines.append(_end(branch, pieces, whole.get(number)))
    used = imposed(lines)  # all of them, unless fewer contradict each other
    relations = [relation for relation in program.relations if relation.name in used]
    return {
        "unknowns": list(program.unknowns),
        "program": [_line(line) for line in program.lines_for(side for r in relations for side in (r.left, r.right))],
        "criteria": [{"criterion": r.name, "left": r.left, "sign": r.sign, "right": r.right} for r in relations],
        "answer": {name: piece.document(len(program.unknowns)) for name, piece in pieces.items()},
        "proof": lines,
    }


@dataclass(frozen=True)
class _Piece:
    """A polyhedron: unknowns in terms of those that are free, and irredundant bounds on these."""

    solved: dict[str, Form]
    bounds: list[Form]
    facts: Facts
    """The same as facts, numbered as the verifier does: equations, their opposites, bounds."""

    @classmethod
    def of(cls, branch: Branch) -> _Piece:
        ring, known = branch.facts.ring, branch.facts
        solved = {str(ring({unknown: 1})): value for unknown, (value, _) in sorted(known.solved.items(), reverse=True)}
        bounds = polytopes.irredundant(known.inequalities)
        facts, one = Facts(ring), ring.domain(1)
        for number, (unknown, value) in enumerate(solved.items()):
            facts.learn_zero(_named(ring, unknown) - value, {number: one})
        for number, form in enumerate(bounds, start=2 * len(solved)):
            facts.learn_nonnegative(form, {number: one})
        return cls(solved, bounds, facts)

    @property
    def forms(self) -> list[Form]:
        """All of it, as forms >= 0."""
        ring = self.facts.ring
        zeros = [_named(ring, unknown) - value for unknown, value in self.solved.items()]
        return [*zeros, *(-zero for zero in zeros), *self.bounds]

    def document(self, unknowns: int) -> Document:
        inside = polytopes.inside(self.bounds) if self.bounds else {}
        return {
            "freedoms": unknowns - len(self.solved),
            "solved": {unknown: _written(value) for unknown, value in self.solved.items()},
            "inequalities": [_written(form) for form in self.bounds],
            "inside": {name: str(value) for name, value in inside.items()},
            "distances": [str(_value(form, inside)) for form in self.bounds],
        }


def _maximal(leaves: Sequence[Branch]) -> list[int]:
    """The leaves that are within no other."""
    known = [leaf.facts for leaf in leaves]
    return polytopes.maximal([[*f.equations, *(-e for e in f.equations), *f.inequalities] for f in known])


def _end(branch: Branch, pieces: dict[str, _Piece], own: _Piece | None) -> Document:
    """That the leaf is within a piece, its own if it has one, and then that it is all of it."""
    for name, piece in pieces.items():
        claims = [polytopes.follows(branch.facts, form) for form in piece.forms] if own in (None, piece) else [None]
        if all(claims):
            end: Document = {"piece": name, "within": [by(claim) for claim in claims if claim]}
            if piece is own:
                forms = map(branch.as_form, branch.assumed.values())
                end["whole"] = [by(claim) for form in forms if (claim := polytopes.follows(piece.facts, form))]
            return end
    raise AssertionError("a case is in no piece")


def _line(line: Line) -> Document:
    exponent = {} if line.exponent is None else {"exponent": str(line.exponent)}
    return {"order": line.name, "is": line.operation, "of": list(line.arguments), **exponent}


def _letters() -> Iterable[str]:
    return (letter * times for times in range(1, 100) for letter in ascii_uppercase)


def _named(ring: Any, unknown: str) -> Form:
    return ring.gens[[str(symbol) for symbol in ring.symbols].index(unknown)]


def _written(form: Form) -> Document:
    names = form.ring.symbols
    terms = {str(names[m.index(1)]) if any(m) else "constant": c for m, c in form.terms()}
    return {
        name: f"{c.numerator}/{c.denominator}" if c.denominator != 1 else str(c.numerator) for name, c in terms.items()
    }


def _value(form: Form, point: dict[str, Fraction]) -> Fraction:
    terms = (Fraction(text) * point.get(name, Fraction(1)) for name, text in _written(form).items())
    return sum(terms, Fraction(0))
