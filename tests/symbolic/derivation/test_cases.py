"""The cases of a derivation: tried one after the other or pointed at by z3, they are the same."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import TUTORIAL, as_criteria
from scalings.networks.architectures import mlp, resmlp, transformer
from symbolic.derivation import case
from symbolic.polyhedra.facts import Form
from symbolic.polyhedra.inequalities import irredundant
from symbolic.propagation.question import Question

STABLE = tuple(as_criteria("stability"))
LOOSE = tuple(one for one in TUTORIAL if one.name not in ("maximality", "useful update"))
QUESTIONS = {
    "mlp": Question(Problem.of(mlp(3), "sgd"), STABLE),
    "resmlp": Question(Problem.of(resmlp(), "adam"), LOOSE),
    "transformer": Question(Problem.of(transformer(), "adam"), LOOSE),
}


def found(question: Question) -> list[frozenset[Form]]:
    """What each case says, without what the rest of it implies."""
    cases = [one.facts for one in case.explore(question.ring, question.train)]
    return [frozenset([*facts.equations, *irredundant(facts.inequalities)]) for facts in cases]


@pytest.mark.slow
@pytest.mark.parametrize("name", QUESTIONS)
def test_z3_points_at_the_same_cases(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    question = QUESTIONS[name]
    tried = found(question)
    monkeypatch.setattr(case, "MOST_CASES", 0)
    assert set(found(question)) == set(tried)


def test_few_cases_need_no_z3_and_more_do(monkeypatch: pytest.MonkeyPatch) -> None:
    question, asked = QUESTIONS["resmlp"], list[int]()

    def nothing(known: Sequence[case.Case], *_: object) -> list[case.Case]:
        asked.append(len(known))
        return []

    monkeypatch.setattr(case, "_beyond", nothing)
    assert len(found(question)) == 2
    assert not asked
    monkeypatch.setattr(case, "MOST_CASES", 1)
    assert len(found(question)) == 1
    assert asked == [1]
