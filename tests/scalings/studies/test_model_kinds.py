"""What `check_model` takes: compiled modules, autocast, tied weights, several outputs, accumulated gradients."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

import scalings
from scalings.studies.model_checks import check_model
from tests.scalings.studies.test_model_checks import INPUTS, TARGETS, WIDTHS, adam, checked, loss, network


class Heads(NamedTuple):
    first: Tensor
    second: Tensor


class TwoHeads(nn.Module):
    """With two outputs."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.trunk = nn.Linear(6, width, bias=False)
        self.first, self.second = nn.Linear(width, 3, bias=False), nn.Linear(width, 2, bias=False)
        nn.init.normal_(self.trunk.weight, std=0.4)
        for head in (self.first, self.second):
            nn.init.normal_(head.weight, std=1 / width)

    def forward(self, x: Tensor) -> Heads:
        features = torch.tanh(self.trunk(x))
        return Heads(self.first(features), self.second(features))


def loss_of_both(output: Heads) -> Tensor:
    return (output.first - TARGETS).square().mean() + (output.second - 1).square().mean()


def rates(model: nn.Module, **others: float) -> torch.optim.Optimizer:
    """Adam's at muP, but for those that are given."""
    parts = dict(model.named_children())
    width = dict(model.named_parameters())["trunk.weight"].shape[0]
    usual = {"trunk": 0.01, "first": 0.2 / width, "second": 0.2 / width} | others
    return torch.optim.Adam([{"params": parts[name].parameters(), "lr": rate} for name, rate in usual.items()])


@pytest.mark.parametrize("wrong", [pytest.param("first", marks=pytest.mark.slow), "second"])
def test_each_of_several_outputs_is_checked(wrong: str) -> None:
    found = check_model(
        TwoHeads, lambda model: rates(model, **{wrong: 0.01}), INPUTS, loss_of_both, widths=WIDTHS, seeds=1, steps=1
    )
    assert [(one.parameter, one.what, str(one.power)) for one in found.findings] == [(f"{wrong}.weight", "lr", "1")]


@pytest.mark.slow
def test_several_outputs_that_are_right_pass() -> None:
    found = check_model(TwoHeads, rates, INPUTS, loss_of_both, widths=WIDTHS, seeds=4)
    assert (found.verdict, found.regime, found.notes) == ("PASS", "rich", ()), found


class Autocast(nn.Module):
    """In half precision, as models are trained on GPUs."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = network(width)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found: Tensor = self.inner(x)
        return found.float()


def compiled(width: int) -> nn.Module:
    found: Any = torch.compile(network(width))
    return found


def compiled_in_place(width: int) -> nn.Module:
    model = network(width)
    model.compile()
    return model


def compiled_in_part(width: int) -> nn.Module:
    model = network(width)
    model.add_module("phi_up", torch.compile(nn.Tanh()))  # type: ignore[arg-type]
    return model


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch.compile's own
@pytest.mark.parametrize("build", [compiled, compiled_in_place, compiled_in_part])
def test_a_compiled_model_is_checked_as_it_is_written(build: Any) -> None:
    found, plain = checked(build, seeds=2), checked(network, seeds=2)
    assert [row.weight for row in found.settings] == ["up.weight", "hidden.weight", "down.weight"]
    assert (found.verdict, found.reason) == (plain.verdict, plain.reason)


@pytest.mark.slow
def test_autocast_changes_no_order() -> None:
    found = checked(Autocast, lambda model: adam(dict(model.named_children())["inner"]), seeds=4)
    assert (found.verdict, found.regime) == ("PASS", "rich"), found
    wrong = checked(Autocast, lambda model: adam(dict(model.named_children())["inner"], hidden=0), seeds=1, steps=1)
    assert [(one.parameter, one.what) for one in wrong.findings] == [("inner.hidden.weight", "lr")]


class Tied(nn.Module):
    """Whose readout is its embedding."""

    def __init__(self, width: int, factor: float) -> None:
        super().__init__()
        self.embed, self.factor = nn.Embedding(5, width), factor

    def forward(self, ids: Tensor) -> Tensor:
        return self.factor * torch.tanh(self.embed(ids)) @ self.embed.weight.T


@pytest.mark.slow
def test_tied_weights_need_a_multiplier() -> None:
    ids = torch.arange(4)

    def one(power: int) -> str:
        def make(width: int) -> nn.Module:
            return Tied(width, float(width) ** power)

        return check_model(make, lambda model: torch.optim.Adam(model.parameters()), ids, widths=WIDTHS).verdict

    assert one(-1) == "PASS"
    assert one(0) == "FAIL"


def test_accumulated_gradients_are_those_of_one_larger_batch() -> None:
    """So that the whole of it is the data of the check."""
    model = network(16)
    whole = torch.autograd.grad(loss(model(INPUTS)), list(model.parameters()))
    for part in (slice(0, 4), slice(4, 8)):
        ((model(INPUTS[part]) - TARGETS[part]).square().mean() / 2).backward()
    for parameter, gradient in zip(model.parameters(), whole, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def over_micro_batches(output: Tensor) -> Tensor:
    parts = [slice(0, 4), slice(4, 8)]
    return torch.stack([(output[part] - TARGETS[part]).square().mean() / len(parts) for part in parts]).sum()


class EverySecond(torch.optim.Adam):
    """One that accumulates by itself: it adds gradients up, and steps every second time."""

    def __init__(self, groups: Any) -> None:
        super().__init__(groups)
        self.sums: dict[Tensor, Tensor] = {}
        self.calls = 0

    def step(self, closure: Any = None) -> Any:
        self.calls += 1
        own = [one for group in self.param_groups for one in group["params"]]
        for one in own:
            self.sums[one] = self.sums.get(one, torch.zeros_like(one)) + one.grad / 2
        if self.calls % 2:
            return None
        for one in own:
            one.grad = self.sums.pop(one).detach()
        return super().step(closure)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [False, True])
def test_a_model_whose_gradients_are_accumulated_is_checked(wrong: bool) -> None:
    """By the whole batch, whose loss is the mean over micro-batches: as without them, right or wrong. With an optimizer
    that accumulates by itself theory says the same, and training, in which nothing moves at first, confirms nothing."""
    powers = {"hidden": 0.0} if wrong else {}

    def by_itself(model: nn.Module) -> EverySecond:
        return EverySecond(adam(model, **powers).param_groups)

    def given(optimizer: Any, own_loss: Any) -> Any:
        return check_model(network, optimizer, INPUTS, own_loss, widths=WIDTHS, seeds=2, steps=2)

    plain, parts = (given(lambda model: adam(model, **powers), one) for one in (loss, over_micro_batches))
    accumulated = given(by_itself, loss)
    named = [("hidden.weight", "lr", "1")] if wrong else []
    for found in (plain, parts, accumulated):
        assert [(one.parameter, one.what, str(one.power)) for one in found.findings] == named
    assert plain.verdict == parts.verdict == ("FAIL" if wrong else "PASS")
    assert accumulated.verdict == ("FAIL" if wrong else "INCONCLUSIVE")


class Experts(nn.Module):
    """Each example goes to one of two experts, which see their own rows alone, or to both, of which one is masked."""

    def __init__(self, width: int, picks_rows: bool) -> None:
        super().__init__()
        self.picks_rows = picks_rows
        self.up, self.router = nn.Linear(6, width, bias=False), nn.Linear(width, 2, bias=False)
        self.experts = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(2))
        self.down = nn.Linear(width, 3, bias=False)
        for layer, std in {self.up: 0.4, self.router: 1 / width, self.down: 1 / width}.items():
            nn.init.normal_(layer.weight, std=std)
        for expert in self.experts:
            nn.init.normal_(expert.weight, std=width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.up(x)
        shares = self.router(hidden).softmax(-1)
        chosen, mixed = shares.argmax(-1), hidden
        for number, expert in enumerate(self.experts):
            if self.picks_rows:
                rows = torch.where(chosen == number)[0]
                one = torch.relu(expert(hidden[rows])) * shares[rows, number, None]
                mixed = mixed.index_add(0, rows, one)
            else:
                mask = (chosen == number)[:, None]
                mixed = mixed + torch.relu(expert(hidden)) * shares[:, number, None] * mask
        found: Tensor = self.down(mixed)
        return found


@pytest.mark.slow
@pytest.mark.parametrize("picks_rows", [True, False])
def test_the_change_of_rows_that_are_routed_anew_is_not_compared(picks_rows: bool) -> None:
    def optimizer(model: Experts) -> torch.optim.Optimizer:
        rates = {name: 0.05 * (1 if name == "up.weight" else 64 / len(model.up.weight)) for name, _ in named(model)}
        return torch.optim.Adam([{"params": [one], "lr": rates[name]} for name, one in named(model)])

    def named(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
        return list(model.named_parameters())

    examples = torch.randn(24, 6, generator=torch.Generator().manual_seed(0))
    found = check_model(lambda width: Experts(width, picks_rows), optimizer, examples, quick=True)
    said = [note for note in found.notes if "of other examples" in note]
    assert found.verdict == "PASS", found
    assert bool(said) == picks_rows
    changed = {one.of.layer for one in found.agreement.comparisons if one.of.quantity == "dz"}
    assert any("expert" in layer for layer in changed) != picks_rows
    assert "down" in changed


class Quantized(nn.Module):
    """What is made in between becomes the nearest of sixteen codes, or code after code."""

    def __init__(self, width: int, *, nearest: bool) -> None:
        super().__init__()
        self.nearest, self.codes = nearest, nn.Embedding(16, 4)
        self.up, self.down = nn.Linear(6, width), nn.Linear(width, 4)
        self.back, self.out = nn.Linear(4, width), nn.Linear(width, 6)

    def forward(self, x: Tensor) -> Tensor:
        between = self.down(torch.relu(self.up(x)))
        ids = torch.cdist(between, self.codes.weight).argmin(-1) if self.nearest else torch.arange(16)
        code = self.codes(ids)
        made = self.out(torch.relu(self.back(between + (code - between).detach())))
        loss: Tensor = (made - x).square().mean() + (code - between.detach()).square().mean()
        return loss + (between - code.detach()).square().mean() / 4


@pytest.mark.slow
@pytest.mark.parametrize("nearest", [True, False])
def test_the_change_of_codes_is_not_compared_where_others_are_the_nearest(nearest: bool) -> None:
    """That a code was read from the same rows at one width alone once ended in a traceback."""
    examples = torch.randn(16, 6, generator=torch.Generator().manual_seed(0))
    build = partial(Quantized, nearest=nearest)
    found = scalings.parameterize(build, torch.optim.Adam, examples, lambda x: x, base_width=64, lr=1e-2)
    checked = found.check(quick=True)
    said = [note for note in checked.notes if note.startswith("rows of codes are of other examples")]
    assert checked.verdict == "PASS", checked
    assert bool(said) == nearest
    compared = {one.of.quantity for one in checked.agreement.comparisons if one.of.layer == "codes"}
    assert ("dz" in compared) != nearest
