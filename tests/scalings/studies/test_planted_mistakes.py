"""Models that are right pass, and of each mistake that is planted in one it is named, and nothing else is."""

from __future__ import annotations

import pytest

import scalings
from scalings.studies.model_checks import ModelCheck
from tests.scalings.studies.planted import MISTAKES, RIGHT, WIDTHS, Case


def checked(case: Case, seeds: int) -> ModelCheck:
    return scalings.check_model(case.build, case.optimizer, case.data, case.loss, widths=WIDTHS, seeds=seeds, steps=2)


def said(found: ModelCheck) -> tuple[tuple[str, str, str], ...]:
    return tuple((one.parameter, one.what, str(one.power)) for one in found.findings)


FAST = {"module that multiplies by sqrt(n)"}


@pytest.mark.slow
@pytest.mark.parametrize("name", RIGHT)
def test_a_model_that_is_right_passes(name: str) -> None:
    """And the richness that was measured is the derived one."""
    found = checked(RIGHT[name], seeds=2)
    assert (found.verdict, found.regime, str(found.richness), said(found)) == ("PASS", "rich", "1/2", RIGHT[name].found)
    assert found.measured_richness is not None
    assert found.measured_richness.low < 0.5 < found.measured_richness.high
    assert found.measured_richness.half_width < 0.25
    assert "FAIL" not in {one.verdict for one in found.tensors.values()}


@pytest.mark.parametrize("name", [pytest.param(one, marks=[pytest.mark.slow] * (one not in FAST)) for one in MISTAKES])
def test_a_mistake_is_named_and_nothing_else(name: str) -> None:
    found = checked(MISTAKES[name], seeds=1)
    assert (found.verdict, said(found)) == ("FAIL", MISTAKES[name].found), found
    wrong = next(one for one in found.findings if one.is_wrong)
    assert found.reason == wrong.sentence
    check_report(found, wrong.what)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in MISTAKES if name != "backward pass of its own"])
def test_a_quick_check_names_it_too(name: str) -> None:
    """But for what training alone shows, of which a quick one does not."""
    case = MISTAKES[name]
    found = scalings.check_model(case.build, case.optimizer, case.data, case.loss, quick=True)
    assert (found.verdict, said(found)) == ("FAIL", case.found), found
    check_report(found, next(one for one in found.findings if one.is_wrong).what)


def test_which_start_a_matrix_needs_that_should_not_be_zero_does_not_depend_on_what_was_checked_before() -> None:
    """It may be any power from 1/n to 1/sqrt(n), and is told to be the largest, as adapters start."""
    for name in ("both matrices of an adapter at zero", "adapter") * 2:
        case = (RIGHT | MISTAKES)[name]
        found = scalings.check_model(case.build, case.optimizer, case.data, case.loss, quick=True)
        if name == "adapter":
            assert found.verdict == "PASS"
        else:
            assert found.reason == "the init scale of a.weight is zero, and should fall like 1/sqrt(n)"


def check_report(found: ModelCheck, what: str) -> None:
    """It begins with the mistake, says what that does, and nothing of training being open once the cause is known."""
    report = str(found)
    assert report.startswith(f"FAIL: {found.reason}\n")
    assert ("As it is, at larger and larger widths: " in report) is (what != "training")
    assert "What this establishes: " in report
    assert ("The repair in the code" in report) is (what in ("multiplier", "structure"))
    for open_ending in ("would tell", "would settle it", "nothing moved"):
        assert open_ending not in report


def test_there_are_mistakes_of_twenty_kinds() -> None:
    assert len(MISTAKES) > 20
    assert {what for case in MISTAKES.values() for _, what, _ in case.found} == {
        "init", "lr", "decay", "multiplier", "epsilon", "frozen", "untrained", "structure",
        "training",
    }  # fmt: skip
