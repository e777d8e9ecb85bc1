"""Every published result that is listed follows from the rules, and its neighbours do not."""

from __future__ import annotations

import pytest

from tests.literature import RESULTS
from tests.literature.claims import Result

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
