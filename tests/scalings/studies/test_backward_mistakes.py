"""A backward pass that is wrong by n^(-1/2): derivation cannot see it. Measured gradients show it, also where updates
divide by them. It is named at the value that it reads, and what reads that one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import scalings
from benchmarks import false_alarms
from benchmarks.drawn_models import drawn
from scalings.criteria.observables import Observable
from scalings.reports.model_pages import model_check_page
from scalings.results.fits import Fit
from scalings.studies.comparisons import Agreement
from scalings.studies.model_checks import ModelCheck
from scalings.studies.model_tensors import NOT_ASSERTED
from tests.scalings.studies.planted import RIGHT, WIDTHS, Case, Language, Perceptron, Weakened, weak

LAWS: dict[str, dict[str, Any]] = {
    "SGD": {"law": "sgd"},
    "Adam": {"law": "adam"},
    "AdamW": {"law": "adam", "decays": {}},
    "Muon": {"law": "muon"},
}


class Bare(Perceptron):
    """Without biases and gain."""

    passed: Callable[[Tensor], Tensor] = staticmethod(lambda x: x)

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.up, self.one, self.two = (nn.Linear(fan_in, width, bias=False) for fan_in in (6, width, width))
        del self.gain

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.down(torch.tanh(self.passed(self.two(torch.tanh(self.one(torch.tanh(self.up(x))))))))
        return scores


class BareWeakened(Bare):
    """With the mistake."""

    passed = staticmethod(weak)


class WeakAttention(Language):
    """A transformer with the mistake behind what attention gives."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.out.register_forward_hook(lambda _module, _given, found: weak(found))


class WeakValues(Language):
    """With the mistake behind its values."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.value.register_forward_hook(lambda _module, _given, found: weak(found))


def checked(case: Case, seeds: int = 2) -> ModelCheck:
    return scalings.check_model(case.build, case.optimizer, case.data, case.loss, widths=WIDTHS, seeds=seeds, steps=2)


PLACES: dict[type[nn.Module], tuple[str, str]] = {
    Weakened: ("two.bias", "two.bias and down"),
    BareWeakened: ("two", "two and down"),
    WeakAttention: ("out", "out and add2"),
    WeakValues: ("value", "value and out"),
}
FAST = (Weakened, "Adam")


@pytest.mark.parametrize(
    ("kind", "law"),
    [
        pytest.param(kind, law, marks=[pytest.mark.slow] * ((kind, law) != FAST), id=f"{kind.__name__}-{law}")
        for kind in PLACES
        for law in LAWS
        if law != "SGD" or not issubclass(kind, Language)
    ],
)
def test_a_backward_pass_that_is_wrong_is_named_where_it_is(kind: type[nn.Module], law: str) -> None:
    found, (place, between) = checked(Case(kind, **LAWS[law])), PLACES[kind]
    assert [(one.parameter, one.what, str(one.power)) for one in found.findings] == [(place, "training", "-1/2")], found
    assert found.verdict == "FAIL"
    assert found.reason.endswith(f"in the backward pass (an autograd.Function, or a hook) between {between}")
    assert all(one.satisfied for one in found.check.findings)


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_without_it_the_model_passes(law: str) -> None:
    found = checked(Case(Bare, **LAWS[law]))
    assert (found.verdict, found.findings) == ("PASS", ()), found


def asserted(found: Agreement) -> set[Observable]:
    return {one.of for one in found.comparisons if one.role == "asserted"}


@pytest.mark.slow
def test_with_biases_and_decay_the_first_gradients_are_asserted() -> None:
    """Of what decays, too, whatever can be told of its |dW|."""
    found, hidden, decaying = (
        checked(RIGHT["perceptron, AdamW"]),
        {"up.bias", "one.bias", "gain", "two.bias"},
        {"one", "two"},
    )
    told = asserted(found.agreement)
    assert {one.layer for one in told if (one.quantity, one.step) == ("gradient", 1)} == {
        "up",
        "down",
        *hidden,
        *decaying,
    }
    for quantity in ("z", "d"):
        assert {one.layer for one in told if (one.quantity, one.step) == (quantity, 0)} == hidden
    assert (found.verdict, {one.verdict for one in found.tensors.values()}) == ("PASS", {"PASS"})


@pytest.mark.slow
def test_a_value_of_which_nothing_is_asserted_is_said_to_be_one() -> None:
    """Scores of attention are inner products, aligned and by chance at once: theory only says how large they get."""
    found = checked(RIGHT["language model"])
    assert found.verdict == "PASS"
    assert [name for name, one in found.tensors.items() if one.verdict == NOT_ASSERTED] == ["mul"]
    assert found.tensors["mul"].reason == "nothing is asserted of it, but that 4 orders are no larger than derived"
    assert "of 12 values by themselves, consequences included: 11 PASS, 1 not asserted (mul)" in str(found)
    assert any(one["verdict"] == NOT_ASSERTED for one in json.loads(found.to_json())["tensors"])
    assert 'class="verdict not-asserted"' in model_check_page(found, "a language model")


@pytest.mark.slow
@pytest.mark.parametrize("number", [10, 134])
def test_a_loss_is_not_taken_for_stationary_where_updates_are_wrong(number: int) -> None:
    """Behind the readout of an LSTM and of a convolution under SGD, first gradients were left out as those of a loss
    that is stationary, and the first update that was wrong was named in their place."""
    found = false_alarms.checked(drawn(number, planted=True))
    assert found.mistake.startswith("backward of ")
    assert found.is_named, found


class Halved(torch.autograd.Function):
    """The identity, whose gradient is half of it: a constant is no power of the width."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004 - as torch calls it
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ARG004 - as torch calls it
        return gradient / 2


def halved(x: Tensor) -> Tensor:
    found: Tensor = Halved.apply(x)  # type: ignore[no-untyped-call]  # torch has no types for it
    return found


class BareHalved(Bare):
    """With a constant in its backward pass."""

    passed = staticmethod(halved)


@pytest.mark.slow
def test_a_constant_in_the_backward_pass_is_no_mistake() -> None:
    assert checked(Case(BareHalved)).verdict == "PASS"


@pytest.mark.slow
def test_a_loss_that_falls_by_itself_is_no_mistake() -> None:
    """All gradients are off by what the loss sends back, which Adam does not see: nothing of them is asserted."""
    case = Case(Perceptron)
    found = scalings.check_model(
        case.build, case.optimizer, case.data, lambda scores: scores.square().mean(), widths=WIDTHS, seeds=2, steps=2
    )
    sent = next(one for one in found.agreement.comparisons if one.of == Observable("d", "down", 0))
    assert isinstance(sent.fit, Fit)
    assert sent.fit.high < sent.derived - 0.25
    assert not any(one.quantity in ("d", "gradient") for one in asserted(found.agreement))
    assert (found.verdict, found.findings) == ("PASS", ()), found
    (note,) = (note for note in found.notes if note.startswith("the gradient of the loss"))
    assert f"by down goes like n^({sent.fit.shown()}), in theory like n^0" in note
    assert not any(note.startswith("the gradient of the loss") for note in checked(case).notes)
