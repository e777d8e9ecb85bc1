"""Passes of a module that are followed: values are as they were made."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor, nn

from empirical.engines.module.passes import Passes
from empirical.engines.module.places import Place
from empirical.tracing.batches import Batch
from empirical.tracing.recorder import record
from scalings.tapes.alignment import keyed

DATA = torch.ones(4, 8)


class Overwriting(nn.Module):
    """Writes over what it has made, from so many calls on; the calls of functions are the same before."""

    def __init__(self, since: int) -> None:
        super().__init__()
        self.up, self.down, self.calls, self.since = nn.Linear(8, 16), nn.Linear(16, 1), 0, since

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        z = self.up(x)
        one, other = z.detach(), z.detach()
        torch.mul(one, 0.0, out=other if self.calls > self.since else None)
        return self.down(z.detach())


@pytest.mark.parametrize("since", [0, 3, 4, 100])
def test_values_are_as_they_are_made_whatever_is_written_over_them(since: int) -> None:
    torch.manual_seed(0)
    module, batch = Overwriting(since), Batch((DATA,))
    recording = record(Overwriting(since), batch, torch.mean, width=16)
    key = next(key for key, operation in keyed(recording.tape) if operation.path == "up")
    passes = Passes(module, batch, torch.mean, 16, lambda: {"up": Place(key, 0)}, running_in=nullcontext)
    found = [passes.run().values["up"].clone() for _ in range(6)]
    assert torch.equal(torch.stack(found), torch.stack([module.up(DATA).detach()] * 6))
