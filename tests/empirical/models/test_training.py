"""Runs of a model by its own optimizer: in single precision where that tells, by fused steps where they are the same;
how it is set is read in them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import empirical.models.training as training_of_models
from empirical.engines.module import passes
from empirical.engines.module.starts import draws
from empirical.models.building import as_trained
from empirical.models.fused_steps import fuse
from empirical.models.settings import seen_in
from empirical.models.training import Runs
from empirical.tensors.devices import device_of
from empirical.tracing import recorder
from empirical.tracing.trace import built
from scalings.criteria.observables import Observable
from scalings.errors import ArgumentError
from scalings.studies.model_reading import Model, apart, runs_of, traced_as_one

INPUTS = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
WIDTHS = (32, 64, 128)


def build(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(6, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 2))


class Cast(nn.Module):
    """In bfloat16 by autocast, of which the parameters know nothing."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = build(width)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found: Tensor = self.body(x)
        return found.float()


def runs(build: Any = build, lr: float = 1e-2, kind: Any = torch.optim.Adam, steps: int = 2, **options: Any) -> Runs:
    model = Model(
        build, lambda module: kind(module.parameters(), lr=lr), INPUTS, lambda output: (output - 1).square().mean()
    )
    return runs_of(model, traced_as_one(build, INPUTS, model.loss, WIDTHS), steps, **options)


def in_double(given: Runs, width: int) -> dict[Observable, float]:
    """The same from the same weights, which double precision draws otherwise."""
    module = given.problem.module_as_given(width, 0).double()
    given.problem.__dict__["module"] = lambda *_: module
    given.coarse = True
    return given.at(width, 0)


def largest_difference(lr: float, kind: Any = torch.optim.Adam) -> float:
    single, double = runs(lr=lr, kind=kind), runs(lr=lr, kind=kind)
    ours, theirs = single.at(64, 0), in_double(double, 64)
    assert not single.coarse
    assert ours.keys() == theirs.keys()
    assert all(bool(ours[one]) == bool(theirs[one]) for one in ours)
    return max(abs(ours[one] / theirs[one] - 1) for one in ours if theirs[one])


def test_single_precision_tells_what_double_does() -> None:
    assert largest_difference(1e-2) < 1e-3


def test_what_hardly_moves_is_done_again_in_double(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = runs(lr=1e-8)
    assert slow.at(64, 0)
    assert slow.coarse
    monkeypatch.setattr(training_of_models, "_LEAST", 0.0)
    assert largest_difference(1e-8) > 0.05  # single precision would not have told


def test_sparse_gradients_are_gradients() -> None:
    found = []
    for sparse in (True, False):

        def table(width: int, sparse: bool = sparse) -> nn.Module:
            return nn.Sequential(nn.Embedding(16, width, sparse=sparse), nn.Tanh(), nn.Linear(width, 2))

        model = Model(
            table,
            lambda module: torch.optim.SGD(module.parameters(), 0.1),
            torch.arange(0, 16, 2),
            lambda output: (output - 1).square().mean(),
        )
        found.append(runs_of(model, traced_as_one(table, model.data, model.loss, WIDTHS), 2).at(32, 0))
    assert found[0] == pytest.approx(found[1], rel=1e-4)


def test_a_cast_to_fewer_digits_is_done_again_in_double() -> None:
    found = runs(Cast)
    assert found.at(32, 0)
    assert found.coarse


def test_what_is_read_is_what_the_first_steps_are() -> None:
    given = runs()
    seen = given.seen(64)
    model = built(build, 64)
    optimizer = given.starts.optimizer(model)
    alone, largest = seen_in(model, optimizer), dict[str, float]()
    for _ in range(3):
        optimizer.zero_grad()
        given.problem.loss(model(INPUTS)).backward()
        optimizer.step()
        for name, one in model.named_parameters():
            largest[name] = max(largest.get(name, 0.0), float(one.grad.square().mean().sqrt()))
    assert (seen.starts, seen.options, seen.frozen) == (alone.starts, alone.options, alone.frozen)
    assert seen.gradients == pytest.approx(largest, rel=1e-4)
    assert (64, 0) in given.found  # the run that was read is not done again


def test_between_the_first_update_and_the_last_only_losses_are_observed() -> None:
    given = runs(steps=4)
    found = given.at(64, 0)
    steps = {
        quantity: {one.step for one in found if one.quantity == quantity} for quantity in ("z", "d", "dW_frobenius")
    }
    assert steps == {"z": {0, 1, 4}, "d": {0, 1}, "dW_frobenius": {1, 4}}
    model, losses = built(build, 64), list[float]()
    optimizer = given.starts.optimizer(model)
    for _ in range(5):
        optimizer.zero_grad()
        loss = given.problem.loss(model(INPUTS))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert [found[Observable("loss", "", step)] for step in range(5)] == pytest.approx(losses, rel=1e-5)
    assert losses[3] != pytest.approx(losses[2], rel=1e-3)  # each update counts


class Elsewhere(nn.Module):
    """It does something else from its third call on."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body, self.calls = build(width), 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        found: Tensor = self.body(x if self.calls < 3 else x * 1)
        return found


@pytest.mark.parametrize(("make", "times"), [(build, 0), (Elsewhere, 1)])
def test_what_the_trace_recorded_is_recorded_again_only_if_it_changes(
    make: Any, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, recorded = runs(make), list[int]()

    def record(*args: Any, **options: Any) -> Any:
        recorded.append(options["width"])
        return recorder.record(*args, **options)

    monkeypatch.setattr(passes, "record", record)
    assert given.at(64, 0)
    assert len(recorded) == times


def test_a_model_is_made_with_its_optimizer_once_for_each_width_that_is_read() -> None:
    widths: list[int] = []

    def optimizer(model: nn.Module) -> Any:
        widths.append(model[0].weight.shape[0])
        return torch.optim.Adam(model.parameters(), lr=1e-2)

    starts, notes = as_trained(build, optimizer, 32)
    traced = apart(traced_as_one(build, INPUTS, runs().problem.loss, WIDTHS), optimizer, starts)
    given = runs_of(Model(build, optimizer, INPUTS, traced.loss), traced, 2)
    starts.at(128)
    for width in WIDTHS:
        given.seen(width)
    assert notes == []
    assert sorted(widths) == [32, 64, 128]
    given.seen(64)  # which is trained by now, and has to be made again
    assert sorted(widths) == [32, 64, 64, 128]


def test_a_module_that_is_kept_stays_as_it_is() -> None:
    kept = {width: build(width) for width in WIDTHS}
    before = {width: {name: one.clone() for name, one in model.state_dict().items()} for width, model in kept.items()}
    found = runs({width: lambda model=model: model for width, model in kept.items()})
    found.seen(64), found.at(128, 1)
    for width, model in kept.items():
        torch.testing.assert_close(model.state_dict(), before[width], rtol=0, atol=0)
        assert all(one.dtype == torch.float32 and one.grad is None for one in model.parameters())


@pytest.mark.parametrize("options", [{}, {"amsgrad": True}, {"weight_decay": 0.1}, {"maximize": True}, {"eps": 1e-3}])
@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW])
def test_fused_steps_are_the_same_steps(kind: Any, options: dict[str, Any]) -> None:
    moved = []
    for fused in (True, False):
        torch.manual_seed(0)
        layer = nn.Linear(7, 5)
        optimizer = kind(layer.parameters(), lr=1e-2, **options)
        for _ in range(4):
            for number, one in enumerate(layer.parameters()):
                one.grad = torch.randn(one.shape, generator=torch.Generator().manual_seed(number))
            if fused:
                fuse(optimizer)
            optimizer.step()
        assert bool(optimizer.param_groups[0]["fused"]) == fused
        moved.append(layer.weight.detach().clone())
    torch.testing.assert_close(*moved, rtol=1e-6, atol=1e-7)


class Own(torch.optim.Adam):
    """Which may do anything."""


@pytest.mark.parametrize("make", [Own, torch.optim.SGD, lambda one: torch.optim.Adam(one, foreach=True)])
def test_what_takes_steps_of_its_own_keeps_them(make: Any) -> None:
    layer = nn.Linear(3, 3)
    layer(torch.ones(1, 3)).sum().backward()
    optimizer = make(layer.parameters())
    fuse(optimizer)
    assert not optimizer.param_groups[0].get("fused")


def test_only_small_tensors_are_drawn_again() -> None:
    made: list[int] = []

    def counted(width: int) -> nn.Module:
        made.append(width)
        return build(width)

    found = draws(counted, WIDTHS)
    assert len(found["2.weight"][64]) == 1
    assert sum(one.entries for one in found["4.bias"][64]) >= 100
    assert len(found["4.bias"][64]) == made.count(64) > 1
    made.clear()
    draws(lambda width: counted(width)[2], WIDTHS[1:])
    assert made.count(128) == 2  # its bias has 128 entries


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ("meta", "device: expected one of auto, cpu, cuda, but got 'meta'"),
        (torch.device("meta"), "device: expected one of auto, cpu, cuda, but got 'meta'"),
        (7, "device: expected auto, cpu, cuda or a torch device"),
    ],
)
def test_a_device_that_is_none_is_one_line(device: Any, said: str) -> None:
    with pytest.raises(ArgumentError) as error:
        device_of(device)
    assert str(error.value).startswith(said)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")
def test_a_device_that_is_not_there_is_one_line() -> None:
    with pytest.raises(ArgumentError, match="since torch finds no CUDA device"):
        runs(device="cuda")


def test_models_and_data_go_to_the_device_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the second device that every build of torch has, and on which nothing can be trained."""
    monkeypatch.setattr("empirical.tensors.devices.device_of", lambda _: torch.device("meta"))
    given = runs(device="meta")
    seen: list[Tensor] = []
    monkeypatch.setattr(
        Runs,
        "_observed",
        lambda _, passes, *__: seen.extend([*passes.module.parameters(), *passes.batch.arguments]) or {},
    )
    given.at(64, 1)
    assert len(seen) > 6
    assert {one.device.type for one in seen} == {"meta"}


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_finds_what_the_cpu_does() -> None:
    on_cpu, on_cuda = runs().at(64, 0), runs(device="cuda").at(64, 0)
    assert on_cuda == pytest.approx(on_cpu, rel=1e-2)
