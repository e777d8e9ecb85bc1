"""Default widths of models that are not made at every one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scalings.errors import ArgumentError
from scalings.studies.default_widths import widths_it_takes
from scalings.studies.model_checks import check_model
from tests.scalings.studies.test_model_checks import INPUTS, adam, loss


class Grouped(nn.Module):
    """Half as many pairs of keys as heads of 16 units, or as many heads of 64 as there may be."""

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.up, self.hidden = nn.Linear(6, width, bias=False), nn.Linear(width, width, bias=False)
        self.down, self.size = nn.Linear(width, 3, bias=False), size
        nn.init.normal_(self.down.weight, std=1 / width)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.up(x))
        pairs = torch.tanh(self.hidden(h)).unflatten(-1, (-1, self.size)).mean(-1)
        found: Tensor = self.down(h * pairs.repeat_interleave(self.size, -1))
        return found


@pytest.mark.parametrize(("size", "widest"), [(32, 288), (64, 512)])
def test_multiples_of_the_size_of_heads_are_taken(size: int, widest: int) -> None:
    """And it is said, with what failed."""
    found = check_model(lambda width: Grouped(width, size), adam, INPUTS, loss, quick=True)
    (note,) = (note for note in found.notes if note.startswith("trained at widths 64, "))
    assert f", {widest}, since the usual ones cannot all be had: its forward pass or loss fails at width" in note


def test_what_fails_everywhere_says_so_of_the_usual_widths() -> None:
    def build(width: int) -> nn.Module:
        return Grouped(width, 48)

    assert widths_it_takes(build, INPUTS, loss, quick=True) is None
    with pytest.raises(ArgumentError, match=r"^build: .* fails at width 64: RuntimeError"):
        check_model(build, adam, INPUTS, loss, quick=True)


def test_widths_that_are_given_are_kept() -> None:
    widths = (64, 72, 96, 128, 160, 192, 224, 256)
    with pytest.raises(ArgumentError, match=r"^build: .* fails at width 72: RuntimeError"):
        check_model(lambda width: Grouped(width, 32), adam, INPUTS, loss, widths=widths, quick=True)
