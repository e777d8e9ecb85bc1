"""Adapters in all blocks: copies of one, also where all in front of the first adapter is frozen, so that no gradient
passes what the first block reads."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import scalings
from scalings.networks.nodes import Repeat
from tests.scalings.studies.planted import CLASSES, LABELS, VECTORS


class Adapted(nn.Module):
    """A frozen matrix with an adapter beside it, whose first matrix is small, as it reads what others move."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.base = nn.Linear(width, width, bias=False).requires_grad_(False)
        self.a, self.b = nn.Linear(width, 4, bias=False), nn.Linear(4, width, bias=False)
        nn.init.normal_(self.base.weight, std=width**-0.5)
        nn.init.normal_(self.a.weight, std=1 / width)
        nn.init.zeros_(self.b.weight)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.base(x) + self.b(self.a(x)))


class Stack(nn.Module):
    def __init__(self, width: int, frozen: bool, adapters: bool = True) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(6, width, bias=False), nn.Linear(width, CLASSES, bias=False)
        self.blocks = nn.Sequential(*(Adapted(width) for _ in range(4)))
        nn.init.normal_(self.up.weight, std=0.4)
        nn.init.normal_(self.down.weight, std=1 / width)
        self.up.requires_grad_(not frozen)
        self.blocks.requires_grad_(adapters)
        for one in self.blocks:
            one.base.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.down(self.blocks(torch.tanh(self.up(x))))
        return found


def loss(scores: Tensor) -> Tensor:
    return functional.cross_entropy(scores, LABELS)


def adam(model: nn.Module) -> torch.optim.Optimizer:
    width = model.get_parameter("down.weight").shape[1]
    trained = [(name, one) for name, one in model.named_parameters() if one.requires_grad]
    rates = {name: 0.01 * (1 if ".b." in name or name == "up.weight" else 64 / width) for name, _ in trained}
    return torch.optim.Adam([{"params": [one], "lr": rates[name]} for name, one in trained])


@pytest.mark.parametrize(
    ("frozen", "adapters", "repeated"), [(False, True, True), (True, True, True), (True, False, False)]
)
def test_blocks_are_one_wherever_a_gradient_passes_between_them(frozen: bool, adapters: bool, repeated: bool) -> None:
    """With the adapters frozen, too, no gradient passes any of them: each does what it did at the start."""
    traced = scalings.trace(lambda width: Stack(width, frozen, adapters), VECTORS, (64, 128, 256), loss)
    assert [one.copies for one in traced.repeats] == [("0", "1", "2", "3")]
    assert any(isinstance(node, Repeat) for node in traced.translation.network.nodes) == repeated


def test_what_moves_between_frozen_blocks_is_foretold() -> None:
    found = scalings.check_model(lambda width: Stack(width, True), adam, VECTORS, loss, quick=True)
    assert (found.verdict != "FAIL", found.regime) == (True, "rich")
    assert not any(one.is_wrong for one in found.findings)
    moved = [one for one in found.agreement.comparisons if (one.of.quantity, one.of.layer) == ("dz", "blocks.*.base")]
    assert moved
    assert all(one.derived > -1 for one in moved)
