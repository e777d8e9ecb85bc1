"""z3 and the derivation are of one opinion about which exponents meet criteria; the exact run is the judge."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from scalings.criteria.criterion import Criterion
from scalings.criteria.observables import Observable
from scalings.criteria.parsing import parse_criterion
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import TUTORIAL
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.update_laws import UpdateLaw, optimizer
from scalings.networks.architectures import mlp, transformer
from scalings.networks.network import Network
from symbolic.derivation.case import explore
from symbolic.derivation.derive import derive
from symbolic.derivation.satisfiability import Points
from symbolic.orders.algebra import EXACT
from symbolic.polyhedra.facts import as_affine
from symbolic.propagation.question import Question

STEADY = parse_criterion("steady: dW_frobenius ~ n^0 at hidden after updates")
LOUD = parse_criterion("loud: z ~ n^(1/4) at hidden initially")
TOO_RICH = parse_criterion("too rich: dz ~ n^(3/4) at hidden when settled")

criteria = st.lists(st.sampled_from([*TUTORIAL, STEADY, LOUD, TOO_RICH]), min_size=4, unique=True).map(tuple)
laws = st.sampled_from([optimizer(name) for name in ("sgd", "adam", "muon")])


def meets(question: Question, point: dict[str, Fraction]) -> bool:
    """Run on the point itself."""
    orders: dict[Observable, Exponent] = {}
    met = []
    for requirement in question.train(EXACT, point.__getitem__, orders):
        left, right = requirement.sides(orders, EXACT)
        met.append(left == right if requirement.criterion.sign == "~" else left <= right)
    return all(met)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(st.builds(mlp, st.integers(2, 3)), laws, criteria)
def test_a_point_meets_the_criteria_and_some_case_has_it(
    network: Network, law: UpdateLaw, criteria: tuple[Criterion, ...]
) -> None:
    question = Question(Problem(network, law), criteria)
    points = Points(question.ring, question.train)
    try:
        cases = explore(question.ring, question.train)
    except ArgumentError as error:
        if "these leave so much open" not in error.message:
            raise
        reject()
    point = points.outside([])
    assert (point is None) == (not cases)
    if point is not None:
        assert meets(question, point)
        assert any(all(as_affine(form).at(**point) >= 0 for form in case.facts.forms) for case in cases)
    assert points.outside([case.facts.forms for case in cases]) is None
    for left_out in range(len(cases)):  # the control: a point is found wherever a case is missing
        others = [case.facts.forms for number, case in enumerate(cases) if number != left_out]
        elsewhere = points.outside(others)
        assert elsewhere is not None
        assert meets(question, elsewhere)


@settings(max_examples=12, deadline=None)
@given(st.builds(mlp, st.integers(2, 3)), laws, criteria)
def test_no_criterion_of_a_contradiction_can_be_spared(
    network: Network, law: UpdateLaw, criteria: tuple[Criterion, ...]
) -> None:
    question = Question(Problem(network, law), criteria)
    points = Points(question.ring, question.train)
    needed = points.contradictory(criteria)
    assert bool(needed) == (points.outside([]) is None)
    assert not needed or not answers(network, law, needed)
    for spared in needed:
        assert answers(network, law, [criterion for criterion in needed if criterion != spared])


def answers(network: Network, law: UpdateLaw, criteria: Sequence[Criterion]) -> bool:
    """Whether some exponents meet the criteria, by z3 and by an exact run on what it found."""
    question = Question(Problem(network, law), tuple(criteria))
    point = Points(question.ring, question.train).outside([])
    return point is not None and meets(question, point)


@pytest.mark.slow
def test_only_a_tied_transformer_cannot_be_lazy() -> None:
    """The untied one is the control: it has the whole family."""
    lazy = parse_criterion("lazy: dz ~ n^0 at hidden when settled")
    tied, untied = (
        derive(transformer(grows="heads", tied=tied), optimizer("adam"), (*TUTORIAL, lazy)) for tied in (True, False)
    )
    assert set(tied.contradiction) == {"signal propagation", "nontriviality", "useful update", "lazy"}
    assert (untied.contradiction, untied.degrees_of_freedom) == ((), 0)
