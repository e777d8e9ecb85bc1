"""The proof of a derivation, as lines that `scalings.certificates.verifier` checks.

The program of a question is carried out once more, on forms that are never rewritten, so that anybody can follow. A
form of an order that another exceeds is dropped, with the identity that shows it. Where a criterion leaves alternatives
that the facts do not decide, each becomes a case; so does a ratio of which it is not known which form it is taken to.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from sympy.polys.domains import QQ
from sympy.polys.rings import ring

from symbolic.orders.program import Program, Relation
from symbolic.polyhedra import inequalities
from symbolic.polyhedra.facts import Contradiction, Facts
from symbolic.proofs.branch import Branch, Document, NotImplied, TooMuch, Undecided, Vector, scaled


def prove(program: Program, most: int | None = None) -> tuple[list[Document], list[Branch]]:
    """The lines of the proof; its leaves are cases that the caller closes.

    Raises TooMuch if an order has more than `most` forms, or the proof as many cases, and NotImplied if a relation that
    is to be implied is not known to follow.
    """
    root = Branch(program, Facts(ring(program.unknowns or ["none"], QQ)[0]), most)
    leaves: list[Branch] = []
    _follow(root, program.relations, leaves)
    return root.lines, leaves


def imposed(lines: Sequence[Document]) -> set[str]:
    """The names of the relations that some case of a proof imposes."""
    cases = [case["then"] for line in lines for case in line.get("cases", ())]
    return {line["impose"] for line in lines if "impose" in line}.union(*map(imposed, cases))


def _follow(branch: Branch, relations: Sequence[Relation], leaves: list[Branch]) -> None:
    """Write one case to its end, and the cases into which it splits."""
    try:
        for number, relation in enumerate(relations):
            written, computed = len(branch.lines), {*branch.orders}
            try:
                branch.learning = branch.learning and not relation.implied
                branch.impose(relation)
            except Undecided as undecided:
                branch.forget_since(written, computed)
                forms = [undecided.form, scaled(undecided.form, Fraction(-1))]
                return _split(branch, forms, relations[number:], leaves)
            undecided_one = branch.settle()
            if undecided_one is not None:
                if not branch.learning:
                    raise NotImplied(relation.name)
                branch.unsettled.remove(undecided_one)
                return _split(branch, sorted(undecided_one), relations[number + 1 :], leaves)
        branch.find_equations()
    except Contradiction as contradiction:
        branch.close(contradiction)
        return None
    leaves.append(branch)
    return None


def _split(branch: Branch, forms: Sequence[Vector], relations: Sequence[Relation], leaves: list[Branch]) -> None:
    cases = []
    if branch.most and len(leaves) + len(branch.assumed) > branch.most * 4:
        raise TooMuch
    for form in forms:
        case = branch.split()
        cases.append({"if": branch.written(form), "then": case.lines})
        try:
            case.assume(form)
            if why := inequalities.contradiction(case.facts):
                raise Contradiction(why)
            rest = case.settle()
        except Contradiction as contradiction:
            case.close(contradiction)
            continue
        if rest is not None:
            if not case.learning:
                raise NotImplied
            case.unsettled.remove(rest)
            _split(case, sorted(rest), relations, leaves)
        else:
            _follow(case, relations, leaves)
    branch.lines.append({"cases": cases})
