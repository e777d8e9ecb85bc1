"""Certificates: what was derived or refused, as JSON that the verifier (`scalings.certificates`) rechecks.

>>> from scalings.certificates.verifier import certify
>>> from scalings.networks.architectures import mlp
>>> document = derivation_certificate(Problem(mlp(3), OPTIMIZERS["sgd"]))
>>> certify(document)
'32 criteria leave 7 unknowns 1 degrees of freedom'
>>> document["answer"]["A"]["solved"]["eta_2"], document["answer"]["A"]["inequalities"]
({'r': '2', 'constant': '-1'}, [{'r': '1'}, {'r': '-1', 'constant': '1/2'}])

Every number in it matters: a certificate with any one of them changed is refused. What it is "about" is a statement
(`scalings.certificates.statements`) from which its program can be written again (`symbolic.certificates.assembly`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from string import ascii_uppercase

from scalings.certificates.statements import Kind, Statement, statement_to_json
from scalings.criteria.criterion import Criterion
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import MOVING_OUTPUT, STABILITY, TUTORIAL
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.splits import Laws
from scalings.hyperparameters.unknowns import kind_of
from scalings.hyperparameters.update_laws import OPTIMIZERS
from scalings.networks.architectures import mlp
from scalings.networks.nodes import Activation
from scalings.results.checks import Check, Finding, Forbidden, Repair
from scalings.results.derivations import Derivation
from symbolic.certificates.assembly import (
    SETTLED,
    assemble,
    is_too_large,
    question,
    spell_out,
    started,
    taken_as_they_come,
    transcribe,
)
from symbolic.certificates.polyhedra import AnswerPolyhedron
from symbolic.derivation.derive import derivation_of
from symbolic.evaluation.check import verdict_on
from symbolic.evaluation.given_run import train_given
from symbolic.evaluation.repair import of_richness
from symbolic.orders.program import Program, Relation
from symbolic.polyhedra import inequalities
from symbolic.proofs.branch import Branch, Document, NotImplied, TooMuch, by
from symbolic.proofs.prover import imposed, prove
from symbolic.proofs.reasons import LARGEST


def derivation_certificate(
    problem: Problem,
    criteria: Sequence[Criterion] = TUTORIAL,
    *,
    given: Mapping[str, Exponent] | None = None,
    derivation: Derivation | None = None,
) -> Document:
    """A proof that exactly the exponents of the answer meet the criteria, in the gauge g = 1.

    The arguments are those of `symbolic.derivation.derive`, and what it answered, if it has been asked.
    """
    derivation = derivation or derivation_of(problem, criteria, given=given)
    kind: Kind = "family" if derivation.family else "derivation"
    pairs = tuple(sorted((given or {}).items()))
    statement = Statement(kind, problem, tuple(criteria), pairs)
    whole = transcribe(statement)
    found = _contradiction(statement, whole) if derivation.contradiction else None
    return found or _certificate(statement, whole)


def induction_certificate(
    derived: Document,
    depth: int,
    law: Laws = OPTIMIZERS["sgd"],
    criteria: Sequence[Criterion] = TUTORIAL,
    activation: Activation = "relu",
) -> Document:
    """A derivation's certificate, one for depth 2, and proofs that a hidden layer can be inserted and removed.

    Raises ArgumentError where the induction fails, and for a derivation about something else.
    """
    problem = Problem(mlp(2, activation), law)
    about = Statement(derived["about"]["kind"], Problem(mlp(depth, activation), law), tuple(criteria))
    if statement_to_json(about) != derived["about"]:
        raise ArgumentError("certificate", "the induction is not about the same network, law, criteria, scale and loss")
    parts = {"derivation": derived}
    if depth != problem.network.depth:
        parts["depth 2"] = derivation_certificate(problem, criteria)
    kinds: tuple[Kind, ...] = ("layer inserted", "layer removed")
    statements = [Statement(kind, problem, tuple(criteria)) for kind in kinds]
    try:
        parts |= {one.kind: _certificate(one, transcribe(one)) for one in statements}
    except NotImplied as missing:
        raise ArgumentError("certificate", f"the induction fails: {missing} does not follow") from None
    return {"parts": parts}


def parameterization_certificate(
    problem: Problem,
    parameterization: Parameterization,
    asked: Sequence[Criterion] = (),
    richness: Fraction | None = None,
    *,
    verdict: Check | None = None,
) -> Document:
    """A proof that given exponents meet stability, a moving output and what else is asked, or violate one of these.

    The exponents are those of the gauge g = 1. What violates a criterion can be computed from them
    (`scalings.certificates.monomials`). `verdict` is what `symbolic.evaluation.check` said of all this, if it has been
    asked.
    """
    verdict = verdict or verdict_on(train_given(problem, parameterization), asked)
    wanted = tuple(dict.fromkeys((*STABILITY, MOVING_OUTPUT, *asked)))
    statement = Statement("parameterization", problem, wanted, richness=richness)
    given = dict(_exponents(statement, parameterization.in_gauge("unit-multiplier", tuple(problem.laws.values()))))
    statement = replace(statement, given=tuple(given.items()))
    findings = [finding for one in wanted for finding in verdict.findings if finding.criterion == one]
    violated = next((finding for finding in findings if not finding.satisfied), None)
    bounded = violated is None or (violated.criterion.sign == "<=" and violated.step > started(statement).updates)
    if bounded and (violated or verdict.growing):  # it grows, whether or not it has left a bound by then
        statement = replace(statement, kind="growth", criteria=SETTLED, richness=None)
    whole = transcribe(statement)
    program = assemble(statement, whole)
    values = program.values({**dict.fromkeys(program.unknowns, Fraction(0)), **given})
    broken = list(_broken(program, values))
    if not broken and (violated or verdict.growing):
        frozen = f": a frozen layer has no {violated.criterion.name}" if violated else ""
        raise ArgumentError("certificate", f"no order of the run violates what is asked{frozen}")
    return _certificate(statement, whole, _clearest(broken, violated, values) if broken else None)


def check_certificate(
    problem: Problem,
    parameterization: Parameterization,
    verdict: Check,
    remedy: Repair | Forbidden | None,
    asked: Sequence[Criterion] = (),
    richness: Fraction | None = None,
) -> Document:
    """The answer of a check; where it is refused also that its repair is not, or that there can be none."""
    proof = parameterization_certificate(problem, parameterization, asked, richness, verdict=verdict)
    if remedy is None:
        return proof
    if isinstance(remedy, Repair):
        repaired, wish = remedy.parameterization, remedy.richness
        other = parameterization_certificate(problem, repaired, TUTORIAL, wish, verdict=remedy.verdict)
        return {"parts": {"refused": proof, "repaired": other}}
    wished = () if remedy.richness is None else (of_richness(remedy.richness, problem),)
    criteria = (*(one for one in TUTORIAL if one.name in remedy.criteria), *wished)
    statement = Statement("derivation", problem, criteria)
    forbidden = _contradiction(statement, transcribe(statement))
    if forbidden is None:
        statement = replace(statement, criteria=(*TUTORIAL, *wished))
        forbidden = _certificate(statement, transcribe(statement))
    return {"parts": {"refused": proof, "forbidden": forbidden}}


def _contradiction(statement: Statement, whole: Program) -> Document | None:
    """A proof that the criteria contradict each other that looks no further than to the next observables.

    None if there is none: few criteria leave much open, and a proof that trains through all of it would never end.
    """
    sides = {side for one in whole.relations for side in (one.left, one.right)}
    for names in (whole.observed, whole.observed - sides):
        program = taken_as_they_come(whole, names)
        try:
            lines, leaves = prove(program, LARGEST)
        except TooMuch:
            continue
        if not leaves:
            return _written(statement, program, lines, leaves)
    return None


def _exponents(statement: Statement, parameterization: Parameterization) -> Iterator[tuple[str, Exponent]]:
    """What is given for each unknown, and for each init scale of a weight that starts at zero or one."""
    names = question(statement).unknowns
    for name, exponent in parameterization.by_name(len(statement.problem.network.multipliers)).items():
        if kind_of(name) != "decay" or name in names:
            yield name, exponent


def _broken(program: Program, values: Mapping[str, Exponent]) -> Iterator[Relation]:
    """The relations that do not hold."""
    for one in program.relations:
        left, right = values[one.left], values[one.right]
        if left != right if one.sign == "~" else left > right:
            yield one


def _clearest(broken: Sequence[Relation], finding: Finding | None, values: Mapping[str, Exponent]) -> Relation:
    """The relation that a finding speaks of: of a repeated block's copies the one with its exponents."""
    if finding is None:
        return broken[0]
    title = f"{finding.criterion.name} ({finding.layer}), step {finding.step}"
    exponents = finding.found, finding.required
    return min(
        broken, key=lambda one: ((values[one.left], values[one.right]) != exponents, not one.name.startswith(title))
    )


def _certificate(statement: Statement, whole: Program, refuted: Relation | None = None) -> Document:
    """The statement, its program, what is asked of it, the answer and its proof."""
    program = assemble(statement, whole, None if refuted is None else {refuted.name})
    return _written(statement, program, *prove(program))


def _written(statement: Statement, program: Program, lines: Sequence[Document], leaves: Sequence[Branch]) -> Document:
    whole = {number: AnswerPolyhedron.of(leaves[number].facts) for number in _maximal(leaves)}
    polyhedra = dict(zip(_letters(), whole.values(), strict=False))
    for number, branch in enumerate(leaves):
        branch.lines.append(_end(branch, polyhedra, whole.get(number)))
    program = replace(program, relations=_used(program, lines))
    if not polyhedra:
        program = taken_as_they_come(program, ())
    answer = {name: polyhedron.document(len(program.unknowns)) for name, polyhedron in polyhedra.items()}
    document = {"about": statement_to_json(statement), **spell_out(program), "answer": answer, "proof": lines}
    if is_too_large(statement, document):
        raise ArgumentError("certificate", "the network has too many operations for so short a proof to be rechecked")
    return document


def _used(program: Program, lines: Sequence[Document]) -> tuple[Relation, ...]:
    """All relations, unless fewer contradict each other."""
    names = imposed(lines)
    return tuple(one for one in program.relations if one.name in names)


def _maximal(leaves: Sequence[Branch]) -> list[int]:
    """The leaves that are within no other."""
    return inequalities.maximal([leaf.facts for leaf in leaves])


def _end(branch: Branch, polyhedra: dict[str, AnswerPolyhedron], own: AnswerPolyhedron | None) -> Document:
    """That the leaf is within a piece, its own if it has one, and then that it is all of it."""
    for name, polyhedron in polyhedra.items():
        claims = (
            [inequalities.follows(branch.facts, form) for form in polyhedron.forms]
            if own in (None, polyhedron)
            else [None]
        )
        if all(claims):
            end: Document = {"piece": name, "within": [by(claim) for claim in claims if claim]}
            if polyhedron is own:
                forms = map(branch.as_form, branch.assumed.values())
                end["whole"] = [by(claim) for form in forms if (claim := inequalities.follows(polyhedron.facts, form))]
            return end
    raise AssertionError("a case is in no piece")


def _letters() -> Iterable[str]:
    return (letter * times for times in range(1, 100) for letter in ascii_uppercase)
