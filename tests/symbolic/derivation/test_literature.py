"""Every published result that is listed follows from the rules, and its neighbours do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from symbolic.evaluation.check import verdict_on
from symbolic.evaluation.given_run import train_given
from symbolic.evaluation.predict import predict
from tests.literature import RESULTS
from tests.literature.__main__ import page
from tests.literature.claims import Exponents, Result
from tests.literature.disputes import DISPUTES, Dispute

ALL = [pytest.param(result, id=str(result)) for result in RESULTS]


@pytest.mark.parametrize("result", ALL)
def test_it_follows(result: Result) -> None:
    assert not result.claim.refuted(result.problem)


@pytest.mark.slow
@pytest.mark.parametrize("result", ALL)
def test_nothing_near_it_does(result: Result) -> None:
    controls = list(result.claim.controls(result.problem))
    assert controls
    for control in controls:
        assert control.refuted(result.problem), control


@pytest.mark.slow
@pytest.mark.parametrize("result", [one for one in RESULTS if isinstance(one.claim, Exponents)], ids=str)
def test_it_is_in_the_answer(result: Result) -> None:
    assert isinstance(result.claim, Exponents)
    assert result.claim.derived(result.problem)
    assert not next(result.claim.controls(result.problem)).derived(result.problem)


@pytest.mark.parametrize("dispute", DISPUTES, ids=str)
def test_what_differs_is_one_criterion_at_one_layer(dispute: Dispute) -> None:
    """And what decides is derived as it was measured."""
    problem, given = dispute.problem, dispute.published
    findings = verdict_on(train_given(problem, given)).findings
    assert any(
        one.criterion is dispute.criterion and one.layer == dispute.layer and not one.satisfied for one in findings
    )
    assert predict(problem.network, given, problem.law)[dispute.decides] == dispute.order


def test_the_page_lists_them() -> None:
    """Produced by python -m tests.literature."""
    assert Path("docs/reference/literature.md").read_text(encoding="utf-8") == page()
    papers = len({result.paper for result in RESULTS})
    readme = Path("README.md").read_text(encoding="utf-8")
    assert f"{len(RESULTS)} results of {papers} papers" in readme, "where it is said how many they are"
