"""What the recorder writes down of memory that is written to, of gradients of the user's own, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from empirical.tracing.batches import Batch
from empirical.tracing.recorder import Recording, record
from empirical.tracing.replay import first_not_finite, replay
from scalings.errors import ArgumentError
from scalings.tapes.arguments import Reading, Ref
from scalings.tapes.tape import CUSTOM_GRADIENT, Operation

X = torch.arange(6.0).reshape(2, 3) / 6


class Running(nn.Module):
    """A module that runs a function of a weight and of what it is given."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.weight, self.function = nn.Parameter(torch.eye(3) + 0.1), function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.weight, x)


def recorded(function: Callable[[Tensor, Tensor], Tensor]) -> Recording:
    """A recording of the function, which gives the same again."""
    recording = record(Running(function), Batch((X.clone(),)), lambda output: output.sum(), width=3)
    *_, again = replay(recording)
    assert torch.equal(again, recording.loss)
    return recording


def only(recording: Recording, function: str) -> Operation:
    (operation,) = [one for one in recording.tape.operations if one.function == function]
    return operation


def test_writing_in_place_makes_a_new_value_of_all_that_shares_the_memory() -> None:
    def function(weight: Tensor, x: Tensor) -> Tensor:
        y = x @ weight
        row, copy = y[0], y.clone()
        y[1] = 0
        row.mul_(2)
        return y + row + copy

    tape = recorded(function).tape
    product, row, copy = (one.outputs[0] for one in tape.operations[:3])
    last = tape.operations[-3:-1]
    written = only(recorded(function), "setitem")
    assert {before for before, _ in written.overwritten} == {product, row}
    assert product not in last[0].inputs()
    assert row not in last[0].inputs()
    assert copy in last[1].inputs()
    assert tape.unreached() == ()


def test_what_is_not_read_again_gets_no_new_value() -> None:
    def function(weight: Tensor, x: Tensor) -> Tensor:
        y = x @ weight
        views = [y[0], y[1], y.view(-1)]
        y.mul_(2)
        return y + len(views)

    assert len(only(recorded(function), "mul_").overwritten) == 1


def test_writing_through_a_detached_tensor_is_seen() -> None:
    def function(weight: Tensor, x: Tensor) -> Tensor:
        y = x @ weight
        y.detach().zero_()
        return y + weight.sum()

    tape = recorded(function).tape
    assert (product := tape.operations[0].outputs[0]) in {
        before for before, _ in only(recorded(function), "zero_").overwritten
    }
    assert all(product not in operation.inputs() for operation in tape.operations[3:])


def test_an_output_argument_is_written_to() -> None:
    def function(weight: Tensor, x: Tensor) -> Tensor:
        sums = torch.empty(2, 3)
        with torch.no_grad():
            torch.add(x, 1, out=sums)
        return sums @ weight

    assert only(recorded(function), "add").overwritten


def test_new_data_of_a_parameter() -> None:
    def function(weight: Tensor, x: Tensor) -> Tensor:
        weight.data = weight.data * 2
        return x @ weight

    recording = recorded(function)
    assert only(recording, "matmul").inputs()[1] in only(recording, "set_data").results()


class Doubled(torch.autograd.Function):
    """Twice its argument, with a gradient of its own."""

    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        return (x + 1) * 2 - 2

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return gradient * 7


def test_a_gradient_of_the_users_own_leads_past_what_made_the_value() -> None:
    recording = recorded(lambda weight, x: Doubled.apply(x @ weight) ** 2)
    tape, end = recording.tape, only(recording, CUSTOM_GRADIENT)
    made, name, source = end.arguments
    assert (name, source) == ("Doubled", Ref(only(recording, "matmul").outputs[0]))
    assert made == Ref(only(recording, "sub").outputs[0])
    assert not tape.values[only(recording, "add").outputs[0]].differentiable
    assert tape.values[end.outputs[0]].differentiable
    assert tape.unreached() == ()
    assert recorded(lambda weight, x: (x @ weight).detach() + 1).tape.unreached() == ("weight",)


class Reversed(torch.autograd.Function):
    """The identity, with the gradient reversed."""

    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        return x

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return -gradient


def test_an_identity_with_a_gradient_of_its_own() -> None:
    """Torch makes a view of what it returns."""
    recording = recorded(lambda weight, x: Reversed.apply(x @ weight) * 2)
    product, view = only(recording, "matmul").outputs[0], only(recording, "view_as").outputs[0]
    assert only(recording, CUSTOM_GRADIENT).arguments == (Ref(view), "Reversed", Ref(product))
    assert only(recording, "mul").inputs() == only(recording, CUSTOM_GRADIENT).outputs
    assert recording.tape.unreached() == ()


def test_a_tensor_that_is_told_to_have_a_gradient() -> None:
    recording = recorded(lambda weight, x: (x.clone().requires_grad_() @ weight).sum())
    clone = only(recording, "clone").outputs[0]
    assert recording.tape.values[clone].differentiable
    assert clone in only(recording, "matmul").inputs()


def test_hooks_on_gradients_are_named() -> None:
    def function(weight: Tensor, x: Tensor) -> Tensor:
        y = x @ weight
        y.register_hook(lambda gradient: 2 * gradient)
        return y + 1

    recording = recorded(function)
    assert only(recording, "register_hook").inputs() == only(recording, "matmul").outputs
    module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    module[1].register_full_backward_hook(lambda *_: None)
    tape = record(module, Batch((X,)), lambda output: output.sum(), width=3).tape
    assert CUSTOM_GRADIENT in {operation.function for operation in tape.operations}
    assert tape.unreached() == ()


def test_a_number_that_was_read_off_a_tensor_is_known_where_it_is_used() -> None:
    recording = recorded(lambda weight, x: x @ weight * x.mean().item())
    mean = only(recording, "mean").outputs[0]
    assert only(recording, "mul").arguments[1] == Reading(mean, X.mean().item())
    assert only(recording, "item").readings == (X.mean().item(),)


def test_what_is_cast_is_cast_again() -> None:
    def function(weight: Tensor, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return (x @ weight).float() * 2

    assert "matmul" in {operation.function for operation in recorded(function).tape.operations}


def test_paths_parameters_and_views() -> None:
    module = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Sequential(nn.ReLU(), nn.Linear(3, 3, bias=False)))
    module[1][1].weight = module[0].weight
    tape = record(module, Batch((X,)), lambda output: output.sum(), width=3).tape
    assert [(one.function, one.path) for one in tape.operations] == [
        ("linear", "0"),
        ("relu", "1.0"),
        ("linear", "1.1"),
        ("sum", ""),
    ]
    assert [tape.parameters_read(one) for one in tape.operations] == [("0.weight",), (), ("0.weight",), ()]
    assert [one.names for one in tape.parameters] == [("0.weight", "1.1.weight")]


def test_where_it_stops_being_finite() -> None:
    def function(weight: Tensor, x: Tensor) -> Tensor:
        return (x @ weight).masked_fill(x > 2, -torch.inf) - (x - 5).log()

    recording = record(Running(function), Batch((X,)), lambda output: output.sum(), width=3)
    assert (first_not_finite(recording) or recording.tape.operations[0]).function == "log"
    assert first_not_finite(recorded(lambda weight, x: x @ weight)) is None


def scripted(_: Tensor, x: Tensor) -> Tensor:
    return x * 2


HIDDEN = (
    r"a tensor of shape \((2|3), 3\), with a gradient, was made by code in which nothing is seen, such as torch.jit"
)


class Mixed(nn.Module):
    """For torch.jit.script."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("function", "said"),
    [
        (
            lambda weight, x: torch.jit.script(scripted)(x, x @ weight) + 1,
            HIDDEN,
        ),
        (
            lambda weight, x: torch.jit.script(Mixed())(x @ weight),
            HIDDEN,
        ),
        (
            lambda weight, x: torch.func.vmap(lambda row: row @ weight)(x),
            "torch.func is at work, such as vmap",
        ),
        (lambda weight, x: x * torch.from_numpy(weight.detach().numpy() * 2), "was made after one went to numpy"),
        (
            lambda weight, x: checkpoint(lambda x: x @ weight, x, use_reentrant=True),
            "call it with use_reentrant=False",
        ),
        (
            lambda weight, x: torch.autograd.grad((x @ weight).sum(), weight, create_graph=True)[0],
            "torch.autograd.grad",
        ),
        (lambda weight, x: torch.nested.nested_tensor([x @ weight]).sum(), "nested"),
    ],
)
def test_what_cannot_be_seen_is_refused(function: Callable[[Tensor, Tensor], Tensor], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        record(Running(function), Batch((X.requires_grad_(),)), lambda output: output.sum(), width=3)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_scripted_part_is_named() -> None:
    module = nn.Sequential(nn.Linear(3, 3), torch.jit.script(nn.Linear(3, 3)))
    with pytest.raises(ArgumentError, match=r"build: 1 is a torch\.jit script, in which nothing is seen"):
        record(module, Batch((X,)), lambda output: output.sum(), width=3)


def test_memory_that_is_changed_unseen_is_refused() -> None:
    def function(weight: Tensor, x: Tensor) -> Tensor:
        y = x @ weight
        with torch._C.DisableTorchFunction(), torch.no_grad():
            y.mul_(2)
        return y + 1

    with pytest.raises(ArgumentError, match=r"was changed by code in which nothing is seen"):
        recorded(function)
