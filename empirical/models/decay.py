"""Weight decay that a torch optimizer takes apart from its step, as AdamW and Muon do: W loses lr * decay of itself.

>>> import torch
>>> from torch import nn
>>> layer = nn.Linear(2, 1, bias=False)
>>> layer(torch.ones(2)).backward()
>>> [left for _, left in left_by_decay(AdamW(layer.parameters(), lr=0.5, weight_decay=0.1))]
[0.95]
>>> list(left_by_decay(Adam(layer.parameters(), lr=0.5, weight_decay=0.1)))
[]
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor
from torch.optim import Adam, AdamW, Muon, NAdam, Optimizer, RAdam

_ALWAYS = (AdamW, Muon)
_ASKED = (Adam, NAdam, RAdam)
"""Those that do so where their groups say it."""


def left_by_decay(optimizer: Optimizer) -> Iterator[tuple[Tensor, float]]:
    """The parameters that a step of the optimizer makes smaller by themselves, and what it leaves of each."""
    for group in optimizer.param_groups:
        is_apart = type(optimizer) in _ALWAYS or (type(optimizer) in _ASKED and group.get("decoupled_weight_decay"))
        if is_apart and group.get("weight_decay"):
            for parameter in group["params"]:
                if parameter.grad is not None:
                    yield parameter, 1 - float(group["lr"]) * float(group["weight_decay"])
