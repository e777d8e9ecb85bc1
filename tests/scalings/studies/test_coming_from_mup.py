"""The guide "coming from mup": its two halves train alike, and mup passes a check as it is. Needs mup."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import scalings

pytest.importorskip("mup")
GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "coming-from-mup.md"
INPUTS = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
TARGETS = torch.randn(8, 3, generator=torch.Generator().manual_seed(1))
WIDTHS = (24, 32, 48, 64, 96, 128, 192, 256)


def loss(output: Tensor) -> Tensor:
    return (output - TARGETS).square().mean()


def of_mup() -> dict[str, Any]:
    """What the half that needs mup defines."""
    block = re.search(r"```python\n(import mup\n.*?)```", GUIDE.read_text(), re.DOTALL)
    assert block
    names: dict[str, Any] = {}
    exec(block[1], names)
    return names


def plain(width: int) -> nn.Sequential:
    inner = nn.Linear(6, width, bias=False), nn.Tanh(), nn.Linear(width, width, bias=False), nn.Tanh()
    return nn.Sequential(*inner, nn.Linear(width, 3, bias=False))


def adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=1e-3)


def losses(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 10) -> list[float]:
    found = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(model(INPUTS))
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        found.append(float(value.detach()))
    return found


@pytest.mark.slow  # with the tests that CI runs beside other libraries
def test_both_halves_train_alike() -> None:
    guide = of_mup()
    mup = guide["mup"]
    torch.manual_seed(0)
    given = plain(256)
    theirs = guide["layers"](256)
    theirs.load_state_dict(given.state_dict())
    mup.set_base_shapes(theirs, guide["layers"](64), delta=guide["layers"](128))
    plan = scalings.parameterize(plain, adam, INPUTS, loss, base_width=64)
    ours = plan.apply(copy.deepcopy(given))
    one = losses(theirs, mup.MuAdam(theirs.parameters(), lr=1e-3))
    two = losses(ours, plan.optimizer(ours))
    assert two == pytest.approx(one, rel=0.01)
    assert losses(given, adam(given)) != pytest.approx(one, rel=0.1)


@pytest.mark.slow
def test_mup_passes_a_check_as_it_is() -> None:
    """And not without its base shapes."""
    guide = of_mup()
    mup = guide["mup"]

    def optimizer(model: nn.Module) -> torch.optim.Optimizer:
        found: torch.optim.Optimizer = mup.MuAdam(model.parameters(), lr=1e-3)
        return found

    found = scalings.check_model(guide["build"], optimizer, INPUTS, loss, widths=WIDTHS, seeds=4)
    assert (found.verdict, found.regime) == ("PASS", "rich"), found.reason
    assert scalings.check_model(plain, adam, INPUTS, loss, widths=WIDTHS, seeds=1).verdict == "FAIL"
