"""`check_model` where the function of the optimizer sets the model's starts, as a pasted repair does, and of modules
that are kept."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from scalings.errors import ArgumentError
from scalings.studies.model_checks import check_model

INPUTS = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))


class Perceptron(nn.Module):
    """With torch's own starts, of which the readout's is too large for muP."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up, self.hidden = nn.Linear(6, width, bias=False), nn.Linear(width, width, bias=False)
        self.down = nn.Linear(width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.down(torch.tanh(self.hidden(torch.tanh(self.up(x)))))
        return found


def adam(model: Perceptron) -> torch.optim.Optimizer:
    rates = {
        model.up: 1e-2,
        model.hidden: 1e-2 * 64 / len(model.hidden.weight),
        model.down: 0.64 / len(model.hidden.weight),
    }
    return torch.optim.Adam([{"params": layer.parameters(), "lr": lr} for layer, lr in rates.items()])


def adam_that_draws(model: Perceptron) -> torch.optim.Optimizer:
    nn.init.normal_(model.down.weight, std=4 / len(model.hidden.weight))
    return adam(model)


@pytest.mark.slow
def test_starts_are_those_after_the_optimizer_is_made() -> None:
    found = check_model(Perceptron, adam_that_draws, INPUTS, quick=True)
    assert found.verdict == "PASS"
    assert "the optimizer's function sets down.weight: starts are those after it" in found.notes
    without = check_model(Perceptron, adam, INPUTS, quick=True)  # the control
    assert [(one.parameter, one.what) for one in without.findings] == [("down.weight", "init")]
    assert not any("sets" in note for note in without.notes)


@pytest.mark.slow
def test_what_the_optimizer_freezes_is_frozen_and_no_mistake() -> None:
    def adam_that_freezes(model: Perceptron) -> torch.optim.Optimizer:
        model.up.weight.requires_grad_(False)
        return adam_that_draws(model)

    found = check_model(Perceptron, adam_that_freezes, INPUTS, quick=True)
    said = [(one.parameter, one.what, one.is_wrong) for one in found.findings]
    assert (found.verdict, said) == ("PASS", [("up.weight", "frozen", False)]), found


@pytest.mark.slow
def test_the_repair_wins_over_starts_that_the_optimizer_sets() -> None:
    def too_large(model: Perceptron) -> torch.optim.Optimizer:
        nn.init.normal_(model.down.weight, std=len(model.hidden.weight) ** -0.5)
        return adam(model)

    found = check_model(Perceptron, too_large, INPUTS, quick=True, verify=True)
    assert found.verdict == "FAIL"
    assert found.verified
    assert found.verified.verdict == "PASS"


def test_modules_that_build_keeps_stay_as_they_are() -> None:
    made = {width: Perceptron(width).eval() for width in (24, 32, 48, 64, 96, 128, 192, 256)}
    before = copy.deepcopy(made)
    own = {width: lambda width=width: made[width] for width in made}
    found = check_model(own, adam_that_draws, INPUTS, quick=True)
    assert [note.partition(":")[0] for note in found.notes[:2]] == [
        "build gives the same module again",
        "the optimizer's function sets down.weight",
    ]
    for width, model in made.items():
        assert not model.training
        unmoved = zip(model.parameters(), before[width].parameters(), strict=True)
        assert all(torch.equal(one, other) and one.grad is None for one, other in unmoved)


def test_a_module_without_numbers_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"'up.weight' is on the meta device"):
        check_model(lambda width: Perceptron(width).to("meta"), adam, INPUTS)


class Switched(Perceptron):
    """Does one operation less once its optimizer was made, as a model of Hugging Face without its cache."""

    trains = False

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if self.trains else super().forward(x.clone())


@pytest.mark.slow
def test_a_model_that_is_switched_to_training_by_its_optimizer_is_checked() -> None:
    def switched(model: Switched) -> torch.optim.Optimizer:
        model.trains = True
        return adam_that_draws(model)

    assert check_model(Switched, switched, INPUTS, quick=True).verdict == "PASS"
    assert check_model(Switched, adam, INPUTS, quick=True).verdict == "FAIL"  # the control
