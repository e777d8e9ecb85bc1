"""Any model at maximal update, by the shapes of its parameters (Yang et al., arXiv 2203.03466, Tables 3 and 8).

As the package `mup` does it, what grows with the width is found by comparing shapes at two widths. What reads n units
starts at n^(-1/2), or at n^(-1) if it gives a fixed number; all else as the model draws it. Rates of Adam are n^(-1) of
what reads n units and n^0 of all else; those of SGD n^0 of hidden matrices, n^1 of what reads a fixed size and n^(-1)
of readouts; those of Muon n^0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import torch
from torch import nn

Kind = Literal["input", "hidden", "output"]
_POWERS: Mapping[str, Mapping[Kind, float]] = {
    "adam": {"input": 0.0, "hidden": -1.0, "output": -1.0},
    "sgd": {"input": 1.0, "hidden": 0.0, "output": -1.0},
}


@dataclass(frozen=True)
class Maximal:
    """A model with its optimizer, set by these rules, but for powers that are given by a part of parameters' names."""

    bare: Callable[[int], nn.Module]
    base: int
    law: Literal["adam", "sgd", "muon"] = "adam"
    """SGD with momentum; Muon with AdamW beside it."""
    rate: float = 0.01
    tables: tuple[str, ...] = ()
    """Parts of the names of embeddings, which have their vocabulary first, and of what else is drawn as they are."""
    starts: Mapping[str, float] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        small, large = (
            {name: one.shape for name, one in self.bare(width).named_parameters()}
            for width in (self.base, 2 * self.base)
        )
        return {name: self._kind(name, shape, large[name]) for name, shape in small.items()}

    def _kind(self, name: str, small: torch.Size, large: torch.Size) -> Kind:
        growing = [one != other for one, other in zip(small, large, strict=True)]
        reads, gives = (2, 1) if len(small) == 3 else (1, 0)  # a matrix for each expert
        if len(small) < 2 or not growing[reads] or any(part in name for part in self.tables):
            return "input"
        return "hidden" if growing[gives] else "output"

    def build(self, width: int) -> nn.Module:
        model, ratio = self.bare(width), width / self.base
        for name, one in model.named_parameters():
            kind = self.kinds[name]
            if kind != "input":
                fan_in = one[0, 0].numel() if one.dim() == 3 else one[0].numel()
                nn.init.normal_(one, std=fan_in ** (-0.5 if kind == "hidden" else -1.0))
            elif any(part in name for part in self.tables):
                nn.init.normal_(one)
            one.data.mul_(ratio ** _off(self.starts, name))
        model.width = torch.tensor(width)
        return model

    def optimizer(self, model: Any) -> list[torch.optim.Optimizer]:
        ratio = float(model.width) / self.base
        matrices: list[dict[str, Any]] = []
        others: list[dict[str, Any]] = []
        for name, one in model.named_parameters():
            kind, off = self.kinds[name], _off(self.rates, name)
            if self.law == "muon" and kind == "hidden":
                matrices.append({"params": [one], "lr": 0.02 * ratio**off, "weight_decay": 0.0})
            else:
                power = _POWERS["sgd" if self.law == "sgd" else "adam"][kind] + off
                others.append({"params": [one], "lr": self.rate * ratio**power})
        if self.law == "sgd":
            return [torch.optim.SGD(others, momentum=0.9)]
        adam = torch.optim.AdamW(others, weight_decay=0.0)
        return [torch.optim.Muon(matrices), adam] if matrices else [adam]


def _off(given: Mapping[str, float], name: str) -> float:
    return sum(power for part, power in given.items() if part in name)
