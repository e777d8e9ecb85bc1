"""Models as they are prescribed: of schedules, of several outputs, of an optimizer of one's own, and asked wrongly."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import scalings
from empirical.models.prescribing import optimizers_at_peak
from scalings.errors import ArgumentError
from scalings.studies.model_checks import check_model
from scalings.studies.prescribed_models import Parameterized
from tests.scalings.studies.models_to_set import BASE, INPUTS, adam, mlp, sgd


@pytest.fixture(scope="module")
def plain() -> Parameterized:
    return scalings.parameterize(mlp, adam, INPUTS, base_width=BASE)


def test_schedules_are_left_out_where_what_is_prescribed_is_trained(plain: Parameterized) -> None:
    """At the peak, and without what a schedule remembers of the rates that it was made with."""

    def warming(model: nn.Module) -> Any:
        made = adam(model)
        return [made], [torch.optim.lr_scheduler.LinearLR(made, 0.01)]

    model = plain.build(4 * BASE)
    [made] = optimizers_at_peak(plain.prescription, warming, model)
    assert sorted(group["lr"] for group in made.param_groups) == pytest.approx([1e-3 / 4, 1e-3])
    assert not any("initial_lr" in group for group in made.param_groups)
    expected = {name: one["lr"] for one in plain.groups(model)["Adam"] for name in one["param_names"]}
    assert {name: one["lr"] for one in made.param_groups for name in one["param_names"]} == expected


OWN: dict[str, tuple[partial[torch.optim.Optimizer], dict[str, Any]]] = {
    "betas and eps": (
        partial(torch.optim.AdamW, betas=(0.9, 0.95), eps=1e-6, fused=True),
        {"betas": (0.9, 0.95), "eps": 1e-6},
    ),
    "momentum": (partial(torch.optim.SGD, momentum=0.9, nesterov=True), {"momentum": 0.9, "nesterov": True}),
    "as the class has them": (partial(torch.optim.AdamW, betas=(0.9, 0.999)), {}),
}


@pytest.mark.parametrize("which", OWN)
def test_groups_and_code_keep_what_is_not_as_the_class_has_it(which: str) -> None:
    """Groups, those of the pasted code and patterns, so that a bare class makes of them what the function does."""
    make, expected = OWN[which]
    kind = make.func
    answer = scalings.parameterize(mlp, lambda model: make(model.parameters(), lr=0.01), INPUTS, base_width=BASE)
    names: dict[str, Any] = {"torch": torch}
    exec(answer.code, names)
    model = answer.build(128)
    own = {name: group for group in answer.optimizer(model).param_groups for name in group["param_names"]}
    for groups in (answer.groups(model), names["groups"](model, 128)):
        listed = groups[kind.__name__]
        assert all({what: group[what] for what in group if what not in _TOLD} == expected for group in listed)
        for group in kind(listed).param_groups:
            for name in group["param_names"]:
                assert (group["lr"], group["weight_decay"]) == pytest.approx(
                    (own[name]["lr"], own[name]["weight_decay"])
                )
                assert {what: group[what] for what in group if what not in _APART} == {
                    what: own[name][what] for what in group if what not in _APART
                }
    assert all(one["optimizer_kwargs"].items() >= expected.items() for one in answer.patterns(128))


_TOLD = ("params", "param_names", "lr", "weight_decay")
_APART = (*_TOLD, "fused")


def test_what_is_another_at_the_base_width_too_is_said() -> None:
    """That biases no longer decay; without decay nothing is to be said."""

    def adamw(model: nn.Module, decay: float = 0.1) -> torch.optim.Optimizer:
        return torch.optim.AdamW(model.parameters(), weight_decay=decay)

    answer = scalings.parameterize(mlp, adamw, INPUTS, base_width=BASE)
    assert "    # but for the decay of 0.bias, 2.bias, 4.bias\n" in answer.code
    assert answer.prescription.as_yours.endswith("at 64 is as yours is, but for the decay of 0.bias, 2.bias, 4.bias")
    other = scalings.parameterize(mlp, partial(adamw, decay=0.0), INPUTS, base_width=BASE)
    assert "but for" not in other.code
    assert other.prescription.as_yours.endswith("at 64 is as yours is")


class Heads(nn.Module):
    """A body with two outputs."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body, self.policy, self.value = nn.Linear(6, width), nn.Linear(width, 3), nn.Linear(width, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        hidden = torch.tanh(self.body(x))
        return {"policy": self.policy(hidden), "value": self.value(hidden)}


class Signed(torch.optim.Optimizer):
    """One of a user's own."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {"lr": 1e-3})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ARG002 - as torch calls it
        for group in self.param_groups:
            for one in group["params"]:
                one.sub_(group["lr"] * one.grad.sign())


@pytest.mark.slow
def test_several_outputs_and_an_optimizer_of_ones_own_are_read_as_check_model_reads_them() -> None:
    def loss(output: dict[str, Tensor]) -> Tensor:
        return output["policy"].square().mean() + output["value"].square().mean()

    answer = scalings.parameterize(Heads, lambda model: Signed(model.parameters()), INPUTS, loss, base_width=BASE)
    by_name = answer.prescription.by_name
    for name in ("policy.weight", "value.weight"):
        assert by_name[name].changed == ("init", "lr"), name
        assert by_name[name].optimizer == "Signed"
    assert by_name["body.weight"].changed == ()
    assert isinstance(answer.optimizer(answer.build(2 * BASE)), Signed)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda one: one.apply(3), "model: expected a torch module, but got"),
        (lambda one: one.build(-1), "width: expected a whole number of at least 1, but got -1"),
        (lambda one: one.patterns("64"), "width: expected a whole number of at least 1, but got '64'"),
        (lambda one: one.rescaled("2"), "gamma: expected a number above 0, but got '2'"),
    ],
)
def test_what_it_is_asked_wrongly_is_one_line(plain: Parameterized, call: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        call(plain)
    assert str(error.value).startswith(message)


@pytest.mark.slow
def test_a_float_is_the_richness_that_is_written() -> None:
    answer = scalings.parameterize(mlp, sgd, INPUTS, base_width=BASE, richness=0.1)
    assert answer.prescription.richness == Fraction(1, 10)


@pytest.mark.slow
@pytest.mark.parametrize("richness", ["0", "1/4", "1/2"])
@pytest.mark.parametrize("optimizer", [sgd, "muon+adamw"])
def test_what_is_prescribed_passes_a_check_at_the_richness_that_was_asked_for(optimizer: Any, richness: str) -> None:
    """And at no other."""
    rates = {"lr": {"muon": 0.02, "adamw": 1e-3}} if optimizer == "muon+adamw" else {}
    answer = scalings.parameterize(mlp, optimizer, INPUTS, base_width=BASE, richness=richness, **rates)
    found = answer.check(widths=(24, 32, 48, 64, 96, 128, 192, 256), quick=True, richness=richness)
    assert (found.verdict, str(found.richness)) == ("PASS", richness), found.reason
    other = answer.check(quick=True, richness="1/8")
    assert other.verdict == "FAIL"
    assert other.reason.startswith(f"it is of richness {richness}, but r = 1/8 was asked for")


@pytest.mark.slow
@pytest.mark.parametrize("adjusted", ["match_rms_adamw", None])
def test_pasted_groups_of_muon_say_by_which_factor_it_changes_rates(adjusted: str | None) -> None:
    """The learning rate rests on it, and without it the repair of a check would be wrong."""

    def muon(model: nn.Module) -> list[torch.optim.Optimizer]:
        first, middle, last = (model.get_parameter(f"{place}.weight") for place in (0, 2, 4))
        rates = torch.optim.Adam([{"params": [first], "lr": 0.01}, {"params": [last], "lr": 0.2 / middle.shape[0]}])
        rate = 0.02 / (middle.shape[0] if adjusted is None else 1)
        return [torch.optim.Muon([middle], lr=rate, weight_decay=0, adjust_lr_fn=adjusted), rates]

    def build(width: int) -> nn.Module:
        model = nn.Sequential(
            nn.Linear(6, width, bias=False),
            nn.Tanh(),
            nn.Linear(width, width, bias=False),
            nn.Tanh(),
            nn.Linear(width, 1, bias=False),
        )
        for place, std in ((0, 0.4), (2, width**-0.5), (4, 1 / width)):
            nn.init.normal_(model.get_parameter(f"{place}.weight"), std=std)
        return model

    found = check_model(build, muon, INPUTS, quick=True)
    assert found.repaired
    given = found.repaired.groups(build(64))["Muon"]
    assert [group.get("adjust_lr_fn") for group in given] == [adjusted]
    assert ("adjust_lr_fn" in found.repaired.code) is (adjusted is not None)
    pasted: dict[str, Any] = {}
    exec(found.repaired.code, pasted)

    def as_pasted(model: nn.Module) -> list[torch.optim.Optimizer]:
        groups = pasted["groups"](model, model.get_parameter("0.weight").shape[0])
        return [getattr(torch.optim, name)(own) for name, own in groups.items()]

    assert check_model(build, as_pasted, INPUTS, quick=True).verdict == "PASS"


def test_sizes_need_only_be_powers_of_the_width_to_leading_order() -> None:
    """8n/3 units rounded up to a multiple of 64, as Llama's are, and n/16 + 8 of a state space model, known at a width
    where the first is exact; whole multiples of the width are compared."""

    class Rounded(nn.Module):
        def __init__(self, width: int, times: int = 2) -> None:
            super().__init__()
            inner, small = -(-8 * width // 3 // 64) * 64, width // 16 + 8
            self.read, self.up = nn.Linear(6, width), nn.Linear(width, inner)
            self.low, self.back = nn.Linear(inner, small), nn.Linear(small, times * width)
            self.out = nn.Linear(times * width, 3)

        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = self.out(self.back(self.low(torch.relu(self.up(torch.relu(self.read(x)))))))
            return found

    plan = scalings.parameterize(Rounded, adam, INPUTS, base_width=96)
    for width in (64, 80, 192, 1024):
        model = plan.apply(Rounded(width))
        rates = {name: group["lr"] for group in plan.groups(model)["Adam"] for name in group["param_names"]}
        assert rates["up.weight"] / rates["read.weight"] == pytest.approx(96 / width)
    repaired = scalings.trace(lambda width: plan.apply(Rounded(width)), INPUTS)  # far widths are built without numbers
    shapes = {one.names[0]: one.shape for one in repaired.tape.parameters}
    assert [size.order for size in shapes["low.weight"]] == [1, 1]
    with pytest.raises(ArgumentError, match=r"model: back.weight has the shape \(768, 20\)"):
        plan.apply(Rounded(192, times=4))
