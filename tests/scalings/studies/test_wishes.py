"""What is asked of a model beside that it trains: a check of another regime or richness fails, and leads to it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import nn

from scalings.errors import ArgumentError
from scalings.studies.model_assertions import assert_scaling
from scalings.studies.model_checks import ModelCheck, check_model
from scalings.studies.wishes import wish_of
from tests.scalings.studies.test_model_checks import INPUTS, adam, loss, network

HALF = Fraction(1, 2)


def lazy(width: int) -> nn.Module:
    return network(width, down=width**-0.5)


def slow(model: nn.Module, hidden: float = -1.5) -> torch.optim.Optimizer:
    return adam(model, up=-0.5, hidden=hidden)


def said(found: ModelCheck) -> dict[tuple[str, str], str]:
    return {(one.parameter, one.what): str(one.power) for one in found.findings}


def found(build: Any, make: Any, **options: Any) -> ModelCheck:
    return check_model(build, make, INPUTS, loss, quick=True, **options)


TO_RICH = {("up.weight", "lr"): "-1/2", ("hidden.weight", "lr"): "-1/2", ("down.weight", "init"): "1/2"}


def test_a_lazy_model_is_led_to_where_features_are_learned() -> None:
    given = found(lazy, slow, regime="rich")
    assert (given.verdict, given.regime, said(given)) == ("FAIL", "lazy", TO_RICH)
    assert given.reason.startswith("it is lazy, but rich was asked for: the learning rate of up.weight falls like")
    assert given.repaired
    assert given.repaired.prescription.richness == HALF


@pytest.mark.slow
def test_the_repair_of_a_mistake_goes_where_it_is_asked_to() -> None:
    """By itself it leaves a lazy model lazy; asked for a rich one it is to mend the mistake and make it so."""

    def wrong(model: nn.Module) -> torch.optim.Optimizer:
        return slow(model, -0.5)

    alone, given = (found(lazy, wrong, regime=regime) for regime in ("lazy", "rich"))
    assert (alone.verdict, said(alone)) == ("FAIL", {("hidden.weight", "lr"): "1"})
    assert (given.verdict, said(given)) == ("FAIL", {**TO_RICH, ("hidden.weight", "lr"): "1/2"})
    assert "asked for" not in given.reason
    assert alone.repaired
    assert given.repaired
    assert [one.prescription.richness for one in (alone.repaired, given.repaired)] == [0, HALF]


@pytest.mark.slow
def test_of_as_many_changes_those_count_that_let_features_be_learned() -> None:
    """Three rates lead to the rich member, two rates and a start to the lazy one, of fewer weights."""

    def roots(model: nn.Module) -> torch.optim.Optimizer:
        return adam(model, up=-0.5, hidden=-0.5, down=-0.5)

    given = found(network, roots)
    rates = {("up.weight", "lr"): "-1/2", ("hidden.weight", "lr"): "1/2", ("down.weight", "lr"): "1/2"}
    assert (given.verdict, said(given)) == ("FAIL", rates)
    alone = found(lazy, lambda model: slow(model, -1))  # the control: one mistake of a lazy model leaves it lazy
    assert (alone.verdict, said(alone)) == ("FAIL", {("hidden.weight", "lr"): "1/2"})


@pytest.mark.slow
def test_where_rich_takes_more_changes_it_is_said() -> None:
    def faster(model: nn.Module) -> torch.optim.Optimizer:
        return adam(model, up=-0.5, hidden=-1, down=-0.5)

    note = [one for one in found(lazy, faster).notes if "make it lazy" in one]
    assert len(note) == 1
    assert 'regime="rich"' in note[0]
    assert not [one for one in found(lazy, faster, regime="lazy").notes if "make it lazy" in one]


@pytest.mark.slow
def test_the_repair_is_verified_at_what_was_asked_for() -> None:
    assert found(network, adam, regime="rich").verdict == found(lazy, slow, regime="lazy").verdict == "PASS"
    given = found(network, adam, richness="1/4", verify=True)
    assert given.reason.startswith("it is of richness 1/2, but r = 1/4 was asked for")
    assert given.verified
    assert (given.verified.verdict, str(given.verified.richness)) == ("PASS", "1/4")
    assert given.repaired
    assert given.repaired.check(quick=True, richness="1/2").verdict == "FAIL"


@pytest.mark.slow
def test_what_no_numbers_reach_is_said() -> None:
    given = found(network, adam, richness="3/4")
    assert (given.verdict, given.findings, given.repaired) == ("FAIL", (), None)
    assert given.reason.endswith("r = 3/4 was asked for: no init scales and learning rates make it so")
    wrong = found(network, lambda model: adam(model, hidden=0), richness="3/4")
    assert said(wrong) == {("hidden.weight", "lr"): "1"}
    assert wrong.repaired
    assert wrong.repaired.prescription.notes == (
        "no init scales and learning rates make it r = 3/4: stable features excludes that",
    )


def test_what_cannot_be_asked_for_is_one_line() -> None:
    assert wish_of(None, None) is None
    for regime, richness, message in (
        ("rihc", None, "regime: did you mean rich?"),
        (3, None, "regime: "),
        (None, "much", "richness: expected a fraction"),
        ("rich", "1/4", "richness: expected none beside the regime 'rich', which stands for one: say regime=None"),
    ):
        with pytest.raises(ArgumentError) as error:
            wish_of(regime, richness)
        assert str(error.value).startswith(message)
    with pytest.raises(ArgumentError, match="richness: expected none beside the regime 'rich'"):
        assert_scaling(network, adam, INPUTS, richness="1/4")
