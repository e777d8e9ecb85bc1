"""A pass that is followed gives the tensors of the one that was recorded, and what goes another way is noticed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from empirical.tracing.batches import Batch
from empirical.tracing.elementary import Spot, follow
from empirical.tracing.functions import body_of
from empirical.tracing.fused import EQUIVALENTS
from empirical.tracing.recorder import record
from tests.empirical.tracing.zoo import ZOO, Model


class Turning(nn.Module):
    """Goes one way, then the other, through layers of the same shape; what it multiplies by is written in place."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(6, 6), nn.Linear(6, 6)
        self.turned = False

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = (self.other if self.turned else self.one)(x)
        return found.mul_(2)


def seen_by_both(model: Model, width: int = 32) -> tuple[dict[str, Tensor], dict[str, Tensor], bool]:
    """Every value that a recording sees first at a call, by the recorder and by one who follows."""
    module, recorded, followed = model.build(width), dict[str, Tensor](), dict[str, Tensor]()
    data = model.data if isinstance(model.data, dict) else {}
    arguments = () if data else model.data if isinstance(model.data, tuple) else (model.data,)
    batch, loss = Batch(arguments, data), model.loss or (lambda output: output.square().mean())
    torch.manual_seed(0)
    recording = record(
        module,
        batch.copy(),
        loss,
        width=width,
        watch=lambda number, tensor: recorded.__setitem__(str(number), tensor.detach().clone()),
    )
    wanted = {str(number): spot for number, spot in recording.spots.items()}
    torch.manual_seed(0)
    kept = follow(
        module,
        batch.copy(),
        loss,
        recording.trail,
        wanted,
        lambda name, one: followed.update({name: one.detach().clone()}),
    )
    return {name: recorded[name] for name in wanted}, followed, kept


@pytest.mark.parametrize("name", ["nanoGPT", "LSTM", "experts", "graph network", "control flow", "U-Net"])
def test_what_is_followed_is_what_was_recorded(name: str) -> None:
    recorded, followed, kept = seen_by_both(ZOO[name])
    assert kept
    assert len(recorded) > 10
    assert recorded.keys() == followed.keys()
    for number, tensor in recorded.items():
        torch.testing.assert_close(followed[number], tensor, equal_nan=True)


def test_another_way_is_noticed() -> None:
    module, batch = Turning(), Batch((torch.ones(2, 6),))
    recording = record(module, batch, torch.sum, width=6)
    seen: list[Tensor] = []

    def kept() -> bool:
        return follow(
            module,
            batch,
            torch.sum,
            recording.trail,
            {"z": recording.spots[3]},
            lambda _, one: seen.append(one.clone()),
        )

    assert kept()
    assert len(seen) == 1
    module.turned = True
    assert not kept()


class Fused(nn.Module):
    """Attention, and a norm of it, which are functions of several calls."""

    def __init__(self, *, softmax: bool = False) -> None:
        super().__init__()
        self.softmax, self.runs = softmax, 0

    def forward(self, x: Tensor) -> Tensor:
        read = functional.layer_norm(x, x.shape[-1:])
        if self.softmax and self.runs:
            return read.softmax(-1)
        self.runs += 1
        return functional.scaled_dot_product_attention(read, read, read)


@pytest.mark.parametrize("inside", [False, True])
def test_whole_functions_are_run_whole_unless_something_in_them_is_wanted(
    monkeypatch: pytest.MonkeyPatch, *, inside: bool
) -> None:
    module, batch = Fused(), Batch((torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(0)),))
    recording = record(module, batch, torch.sum, width=6)
    names = [name for _, name in recording.trail.steps]
    assert [one.step[1] for one in recording.trail.wholes.values()] == ["layer_norm", "scaled_dot_product_attention"]
    wanted = {"z": Spot(names.index("matmul" if inside else "sum"), True, 0, 1)}
    attention, seen, in_parts = functional.scaled_dot_product_attention, dict[str, Tensor](), list[Any]()
    parts = EQUIVALENTS[attention]

    def counted(*args: Tensor, **kwargs: Any) -> Any:
        in_parts.append(args)
        return parts(*args, **kwargs)

    monkeypatch.setitem(EQUIVALENTS, attention, counted)
    assert follow(module, batch, torch.sum, recording.trail, wanted, seen.__setitem__)
    assert tuple(seen["z"].shape) == ((2, 5, 5) if inside else ())
    assert bool(in_parts) == inside


def test_another_function_in_place_of_a_whole_one_is_noticed() -> None:
    module, batch = Fused(softmax=True), Batch((torch.ones(2, 5, 6),))
    recording = record(module, batch, torch.sum, width=6)
    assert not follow(module, batch, torch.sum, recording.trail, {}, lambda *_: None)


def test_a_body_calls_what_stands_for_its_names_now(monkeypatch: pytest.MonkeyPatch) -> None:
    before = body_of(functional.multi_head_attention_forward)
    assert before is body_of(functional.multi_head_attention_forward)
    monkeypatch.setattr(functional, "linear", lambda *_: None)
    after = body_of(functional.multi_head_attention_forward)
    assert after is not before
    assert after.__globals__["linear"] is functional.linear  # type: ignore[union-attr]
