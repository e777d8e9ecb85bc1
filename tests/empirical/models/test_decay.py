"""What updates did of a weight that decays, apart from what decay took."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from empirical.models.decay import left_by_decay
from empirical.models.training import Own

KINDS: dict[str, Any] = {
    "adamw": lambda of: torch.optim.AdamW(of, lr=0.1, weight_decay=0.5),
    "adam, decoupled": lambda of: torch.optim.Adam(of, lr=0.1, weight_decay=0.5, decoupled_weight_decay=True),
    "muon": lambda of: torch.optim.Muon(of, lr=0.1, weight_decay=0.5),
}


def trained(optimizer: Any, *, pulled: bool) -> Own:
    """A weight after three steps, which some gradient pulls or none."""
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(40, 30))
    own, made = Own(weight), optimizer([weight])
    for _ in range(3):
        weight.grad = torch.ones_like(weight) if pulled else torch.zeros_like(weight)
        for parameter, left in left_by_decay(made):
            assert parameter is weight
            own.kept *= left
        made.step()
    return own


@pytest.mark.parametrize("kind", KINDS)
def test_what_decay_took_is_no_update(kind: str) -> None:
    idle, pulled = trained(KINDS[kind], pulled=False), trained(KINDS[kind], pulled=True)
    assert idle.kept == pytest.approx(0.95**3)
    assert not idle.sizes["dW_frobenius"]
    # All entries are pulled alike, and what they start from makes no difference.
    update = pulled.parameter.detach() - pulled.kept * pulled.initial
    assert float(update.std() / update.mean().abs()) < 1e-4
    assert pulled.sizes["dW_frobenius"] == pytest.approx(float(update.norm()), rel=1e-4)


@pytest.mark.parametrize("pulled", [False, True])
def test_decay_that_is_added_to_gradients_is_not_told_apart(pulled: bool) -> None:
    own = trained(lambda of: torch.optim.Adam(of, lr=0.1, weight_decay=0.5), pulled=pulled)
    assert own.kept == 1.0
    assert own.sizes["dW_frobenius"] > 1.0
