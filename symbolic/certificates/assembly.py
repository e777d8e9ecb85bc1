"""The program of a certificate, written from its statement, and compared with the program in the file.

>>> from scalings.networks.architectures import mlp
>>> from scalings.criteria.problem import Problem
>>> from scalings.criteria.tutorial import BOUNDED_OUTPUT
>>> from scalings.hyperparameters.update_laws import optimizer
>>> from scalings.certificates.statements import statement_to_json
>>> statement = Statement("derivation", Problem(mlp(2), optimizer("sgd")), (BOUNDED_OUTPUT,))
>>> program = assemble(statement, transcribe(statement))
>>> document = {"about": statement_to_json(statement), **spell_out(program), "answer": {"A": "a piece"}}
>>> difference(document)
>>> document["criteria"][0]["sign"] = "~"
>>> difference(document)
'what it is about gives another program, with other relations'
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from scalings.certificates.statements import Statement, statement_from_json
from scalings.criteria.criterion import Criterion, Product
from scalings.criteria.observables import Quantity
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.results.derivations import PARAMETER
from symbolic.certificates.inserted_layer import insertion
from symbolic.orders.program import Line, Program, Relation
from symbolic.orders.recorder import NOTHING
from symbolic.proofs.transcript import write_program
from symbolic.propagation.question import Question

Document = dict[str, Any]
LARGEST_CHANGE = "largest change"
WORK = 60
"""Of writing a program, for each character of its certificate; of this project's, a refusal of 300 layers takes 20."""
_WHATEVER = "whatever"
"""An unknown of which nothing is asked but to be the order of zero, which it cannot be."""

_CHANGES: tuple[Quantity, ...] = ("dz", "dW_frobenius")
SETTLED = tuple(
    Criterion(
        "settled orders",
        "no change grows once all those of a stable run have come to rest",
        "what it is for orders to have settled",
        Product(((quantity, "now"),)),
        "<=",
        Product(((quantity, "before"),)),
        "layers",
        "settled",
    )
    for quantity in _CHANGES
)
"""What a certificate of growth asks: that orders have settled, which they have not if they grow once more."""


def transcribe(statement: Statement) -> Program:
    """The training run that the statement is about, written down, with all that is asked of it but what is given.

    Raises ArgumentError for a statement that says more than its program can.
    """
    relations = [one.relation for one in statement.criteria]
    if statement.kind == "growth" and relations != [one.relation for one in SETTLED]:
        raise ArgumentError("file", "the certificate is about growth, and asks something else")
    if statement.kind in ("parameterization", "growth"):
        program = write_program(started(statement))
        return program if statement.richness is None else _with_wish(program, statement.richness)
    if statement.richness is not None:
        raise ArgumentError("file", "the certificate is about a richness that its program does not speak of")
    if statement.kind in ("layer inserted", "layer removed"):
        if statement.given:
            raise ArgumentError("file", "the certificate is about given exponents that its lemma does not speak of")
        return insertion(statement.problem, statement.criteria, statement.kind)
    asked_for = question(statement)
    if unknown := dict(statement.given).keys() - asked_for.owners.keys():
        raise ArgumentError("file", f"the certificate is about a given {min(unknown)}, which is not unknown otherwise")
    program = write_program(replace(asked_for, given=statement.given))
    return _with_richness(program) if statement.kind == "family" else program


def assemble(statement: Statement, transcribed: Program, only: Container[str] | None = None) -> Program:
    """The program of a certificate, with all relations of what was transcribed, or with those of these names.

    Exponents that a parameterization gives are relations before all others.
    """
    kept = (one for one in transcribed.relations if only is None or one.name in only)
    program = replace(transcribed, relations=tuple(kept))
    is_given = statement.kind in ("parameterization", "growth")
    return _given(program, dict(statement.given)) if is_given else program


def question(statement: Statement) -> Question:
    """The question of a statement, without the exponents that it gives."""
    return Question(statement.problem, statement.criteria, further=int(statement.kind == "growth"))


def started(statement: Statement) -> Question:
    """The same, with what is zero, and the init scales of weights that start at zero or one unless given otherwise."""
    asked_for = question(statement)
    if missing := [name for name in asked_for.unknowns if name not in dict(statement.given)]:
        raise ArgumentError("file", f"the parameterization that the certificate is about does not give {missing[0]}")
    started = [
        (name, exponent)
        for name, exponent in statement.given
        if exponent == MINUS_INFINITY or name not in asked_for.unknowns
    ]
    return replace(asked_for, given=tuple(started))


def spell_out(program: Program) -> Document:
    """A certificate's program, and what is asked of it."""
    relations = program.relations
    implied = [one.name for one in relations if one.implied]
    lines = program.lines_for(side for one in relations for side in (one.left, one.right))
    return {
        "unknowns": list(program.unknowns),
        "program": [_line(line) for line in lines],
        "criteria": [{"criterion": r.name, "left": r.left, "sign": r.sign, "right": r.right} for r in relations],
        **({"implied": implied} if implied else {}),
    }


def taken_as_they_come(program: Program, names: Container[str]) -> Program:
    """The program with these orders as free unknowns, and without what it does not need.

    A contradiction for all values holds for those of the run. Zero, which has no exponent, and constants stay.
    """
    lines = tuple(
        Line(line.name, "unknown") if line.name in names and line.arguments else line for line in program.lines
    )
    program = replace(program, lines=lines)
    sides = [side for one in program.relations for side in (one.left, one.right)]
    needed = {*sides, *(argument for line in program.lines_for(sides) for argument in line.arguments)}
    unknowns = (line.name for line in lines if line.operation == "unknown" and line.name in needed)
    return replace(program, unknowns=tuple(unknowns))


def is_too_large(statement: Statement, document: Mapping[str, Any]) -> bool:
    """Whether it would take more work to write the program of a statement than a file of this size may cause.

    The work goes with the square of the number of operations, and with that of what criteria speak of.
    """
    terms = sum(1 + len(one.left.factors) + len(one.right.factors) for one in statement.criteria)
    return len(statement.problem.network.flat) ** 2 * terms > WORK * len(str(document))


def difference(document: Mapping[str, Any], statement: Statement | None = None) -> str | None:
    """How a certificate's program differs from the one that is written from what it says it is about; None if not.

    That is its statement, read already or in the document.

    Where it says that nothing meets its criteria, it may be about some of them, and take orders as they come: whatever
    is known besides can only ask for more.
    """
    try:
        statement = statement or statement_from_json(document["about"])
        if is_too_large(statement, document):
            return "it is about more operations than a file of its size may be"
        names = [line["criterion"] for line in document["criteria"]]
        transcribed = transcribe(statement)
        whole = assemble(statement, transcribed)
        program = assemble(statement, transcribed, set(names))
    except ArgumentError as error:
        return error.message
    missing = {one.name for one in whole.relations} - {*names}
    if document["answer"] and missing:
        return f"{len(missing)} of the criteria that it is about are not asked, such as {min(missing)}"
    if not document["answer"]:
        program = taken_as_they_come(program, {*document["unknowns"]} - {*program.unknowns})
    spelled = {"implied": [], **spell_out(program)}
    different = [key for key, value in spelled.items() if document.get(key, []) != value]
    return f"what it is about gives another program, with other {_CONTENT[different[0]]}" if different else None


_CONTENT = {"unknowns": "unknowns", "program": "orders", "criteria": "relations", "implied": "implications"}


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


def _with_wish(program: Program, richness: Fraction) -> Program:
    """The program with the largest change of a hidden layer, which is to be of this order."""
    changes = program.changes
    largest = Line(LARGEST_CHANGE, "total", changes)
    constant = [Line(str(richness), "constant", (), richness)] if str(richness) not in program.line else []
    wish = Relation("wished richness", LARGEST_CHANGE if changes else NOTHING, "~", str(richness))
    return replace(program, lines=(*program.lines, *constant, largest), relations=(*program.relations, wish))


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


def _line(line: Line) -> Document:
    exponent = {} if line.exponent is None else {"exponent": str(line.exponent)}
    return {"order": line.name, "is": line.operation, "of": list(line.arguments), **exponent}
