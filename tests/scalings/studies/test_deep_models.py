"""Deep networks without normalization, as torch draws them: values shrink from layer to layer, until biases are larger
than what matrices make of them, at all widths that are trained. It is no mistake, and hides none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import scalings
from scalings.studies import early_orders
from scalings.studies.model_checks import ModelCheck, check_model
from tests.scalings.studies.planted import adam_by_width, start_in_turn, weak
from tests.scalings.studies.test_model_checks import INPUTS, loss

TARGETS = torch.randn(len(INPUTS), 3, generator=torch.Generator().manual_seed(5))
FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "leaky_relu": functional.leaky_relu,
}


class Deep(nn.Module):
    """Six hidden layers of one width, and, if it is asked, a multiplier or a weak gradient behind one of them."""

    def __init__(self, width: int, function: Callable[[Tensor], Tensor], factor: float = 1, weak: bool = False) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(6, width), nn.Linear(width, 3)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(6))
        self.function, self.factor, self.weak = function, factor, weak

    def forward(self, x: Tensor) -> Tensor:
        x = self.function(self.up(x))
        for number, layer in enumerate(self.hidden):
            x = self.function(layer(x))
            if number == 4:
                x = weak(x) if self.weak else x * self.factor
        scores: Tensor = self.down(x)
        return scores


def set_right(width: int, function: str, factor: float = 1, weak: bool = False) -> Deep:
    model = Deep(width, FUNCTIONS[function], factor, weak)
    nn.init.normal_(model.down.weight, std=4 / width)
    return model


def given(function: str, *, wrong: str = "", power: float = 0, weak: bool = False) -> ModelCheck:
    def build(width: int) -> nn.Module:
        return set_right(width, function, (width / 64) ** power, weak)

    return check_model(build, lambda model: adam_by_width(model, 6, wrong=wrong), INPUTS, loss, seeds=3)


@pytest.mark.parametrize(
    "function", ["relu", *(pytest.param(one, marks=pytest.mark.slow) for one in FUNCTIONS if one != "relu")]
)
def test_one_that_is_right_passes(function: str) -> None:
    found = given(function)
    assert (found.verdict, found.findings) == ("PASS", ()), found


@pytest.mark.slow
@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_parameterize_makes_of_torchs_own_passes(function: str) -> None:
    def optimizer(model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(model.parameters(), lr=1e-3)

    made = scalings.parameterize(lambda n: Deep(n, FUNCTIONS[function]), optimizer, INPUTS, loss, base_width=64)
    found = made.check(seeds=3)
    assert (found.verdict, found.findings) == ("PASS", ()), found


@pytest.mark.parametrize("wrong", ["hidden.3.weight", pytest.param("down.weight", marks=pytest.mark.slow)])
def test_a_rate_that_is_wrong_is_named_alone(wrong: str) -> None:
    findings = given("relu", wrong=wrong).findings
    assert [(one.parameter, one.what, str(one.power)) for one in findings] == [(wrong, "lr", "1")]


@pytest.mark.parametrize("power", [-0.5, pytest.param(0.5, marks=pytest.mark.slow)])
def test_a_power_of_the_width_in_the_code_is_named(power: float) -> None:
    found = given("relu", power=power)
    assert found.verdict == "FAIL", found
    assert [(one.what, str(one.power)) for one in found.findings] == [("multiplier", "1/2" if power > 0 else "-1/2")]


def test_a_backward_pass_that_is_wrong_is_said() -> None:
    found = given("relu", weak=True)
    assert found.verdict != "PASS", found


class DeepResidual(nn.Module):
    """Branches without a norm, each about as large as what it is added to, and, if it is asked, a weak gradient."""

    def __init__(self, width: int, weak: bool = False) -> None:
        super().__init__()
        self.up, self.down, self.weak = nn.Linear(6, width), nn.Linear(width, 3), weak
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(6))
        start_in_turn(self.up, *self.hidden, readout=self.down)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.up(x))
        for number, layer in enumerate(self.hidden):
            x = x + functional.relu(layer(x))
            x = weak(x) if self.weak and number == 2 else x
        scores: Tensor = self.down(x)
        return scores


def squares(scores: Tensor) -> Tensor:
    return functional.mse_loss(scores, TARGETS)


def residual(*, weak: bool = False) -> ModelCheck:
    def build(width: int) -> nn.Module:
        return DeepResidual(width, weak)

    return check_model(build, lambda model: adam_by_width(model, 6), INPUTS, squares)


def test_outputs_that_are_large_at_the_start_hide_targets_and_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start the output is several times what theory says, and so is what a loss of squares sends back."""
    found = residual()
    assert found.verdict == "PASS", found
    assert any("not yet asymptotic" in note for note in found.notes)
    assert residual(weak=True).verdict == "FAIL"
    monkeypatch.setattr(early_orders, "_output_beside_theory", lambda *_: 1.0)
    found = residual()
    assert found.verdict == "INCONCLUSIVE", "the control"
    assert "about seeds=" not in found.reason, "what fails by itself is hardly chance, and more seeds are no advice"
