"""Exact linear programming: every answer is proved, and z3 is of the same opinion."""

from __future__ import annotations

import pytest
import z3
from hypothesis import given, reject
from hypothesis import strategies as st
from sympy.polys.domains import QQ

from symbolic.polyhedra import inequalities
from symbolic.polyhedra.facts import Combination, Contradiction, Facts, Form
from tests.symbolic.linear_forms import RING, forms, holds, z3_implies

systems = st.lists(forms(), min_size=1, max_size=6)


def multiplied_out(forms: list[Form], why: Combination) -> Form:
    total = RING(QQ(why.slack.numerator, why.slack.denominator))
    for number, factor in why.multipliers.items():
        total += QQ(factor.numerator, factor.denominator) * forms[number]
    return total


@pytest.mark.slow
@given(systems, forms())
def test_what_follows_is_proved_and_what_does_not_is_not(known: list[Form], conclusion: Form) -> None:
    why = inequalities.why(known, conclusion)
    if inequalities.feasible(known):
        assert (why is not None) == z3_implies(known, conclusion)
    assert inequalities.implies(known, conclusion) == z3_implies(known, conclusion)
    if why is not None:
        assert multiplied_out(known, why) == conclusion
        assert why.slack >= 0
        assert all(factor > 0 for factor in why.multipliers.values())


@given(systems)
def test_what_is_empty_is_proved_to_be(known: list[Form]) -> None:
    why = inequalities.why_empty(known)
    assert (why is not None) == z3_implies(known)
    if why is not None:
        assert multiplied_out(known, why) == 0
        assert why.slack > 0


@given(systems)
def test_nothing_redundant_is_left_and_nothing_is_lost(known: list[Form]) -> None:
    kept = inequalities.irredundant(known)
    assert z3_implies(kept, *known)
    for form in kept:
        others = [other for other in kept if other is not form]
        assert not z3_implies(others, form)


@given(systems, st.lists(st.booleans(), min_size=6, max_size=6), forms())
def test_facts_answer_with_an_identity(learned: list[Form], equations: list[bool], asked: Form) -> None:
    facts = Facts(RING)
    try:
        for number, (form, equation) in enumerate(zip(learned, equations, strict=False)):
            (facts.learn_zero if equation else facts.learn_nonnegative)(form, {number: QQ(1)})
    except Contradiction as contradiction:
        why = contradiction.because
    else:
        why = None
    if why is not None:
        assert multiplied_out(learned, why) == 0
        assert why.slack > 0
        return
    if facts.knows(asked):
        why = facts.why(asked)
        assert multiplied_out(learned, why) == asked
        assert why.slack >= 0
        assert all(factor > 0 or number in facts.zeros for number, factor in why.multipliers.items())
    if facts.refutes(asked):
        assert multiplied_out(learned, facts.why_not(asked)) == -asked
    for number, why_zero in facts.zeros.items():
        if why_zero is not None:
            assert multiplied_out(learned, why_zero) == -learned[number]


def test_what_is_given_is_not_proved_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alternatives share nearly all of their forms: comparing two takes a program for each that they do not share."""
    solved: list[Form] = []
    why = inequalities.why

    def counted(forms: list[Form], conclusion: Form) -> Combination | None:
        solved.append(conclusion)
        return why(forms, conclusion)

    monkeypatch.setattr(inequalities, "why", counted)
    x, y = RING.gens[:2]
    square = [x, y, 1 - x, 1 - y]
    assert inequalities.implies(square, *square, 2 - x - y)
    assert solved == [2 - x - y]


@given(st.lists(forms(), max_size=5), st.lists(forms(), min_size=1, max_size=6))
def test_what_is_nowhere_the_largest_is_dropped_for_a_reason(known: list[Form], competing: list[Form]) -> None:
    """What is dropped is nowhere larger than all that is kept, by the facts that are named alone; what is kept is."""
    facts = Facts(RING)
    try:
        for number, form in enumerate(known):
            facts.learn_nonnegative(form, {number: QQ(1)})
    except Contradiction:
        reject()
    if not inequalities.feasible(known):
        reject()
    reduced = list(dict.fromkeys(map(facts.reduce, competing)))
    kept, because = inequalities.outermost(facts, reduced)
    assert kept
    for form in kept:
        assert not z3_below(known, form, [other for other in kept if other != form])
    reasons = [known[number] for number in because]
    solved = [sign * form for form in facts.equations for sign in (1, -1)]
    for form in reduced:
        assert form in kept or z3_below([*reasons, *solved], form, kept)


def test_of_a_square_the_mixed_terms_are_dropped() -> None:
    x, y = RING.gens[:2]
    terms = (x, y, x - 2 * y, RING(1))
    kept, because = inequalities.outermost(Facts(RING), [one + other for one in terms for other in terms])
    assert set(kept) == {2 * one for one in terms}
    assert not because
    assert inequalities.outermost(Facts(RING), [x, y])[0] == [x, y]


def z3_below(known: list[Form], form: Form, others: list[Form]) -> bool:
    """Whether nowhere, where all known forms are >= 0, a form is larger than all others."""
    solver = z3.Solver()
    solver.add(*map(holds, known), *(z3.Not(holds(other - form)) for other in others))
    return bool(solver.check() == z3.unsat)
