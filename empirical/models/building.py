"""A model as it is when training starts: made by `build`, and then set by the function that makes its optimizer.

Such a function may draw parameters anew, as the repair of a check does that is called there, or freeze them.

>>> def optimizer(model):
...     nn.init.zeros_(model.weight)
...     return torch.optim.SGD(model.parameters(), lr=0.1)
>>> starts, notes = as_trained(lambda width: nn.Linear(width, 1, bias=False), optimizer, 8)
>>> notes, float(starts.build(8).weight.detach().norm())
(["the optimizer's function sets weight: starts are those after it"], 0.0)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from empirical.models.settings import Seen, seen_in
from empirical.tracing.state import seeded
from empirical.tracing.trace import Build, built, renewed, then
from empirical.tracing.user_code import user_code

MakeOptimizer = Callable[[nn.Module], Any]


@dataclass(frozen=True)
class Start:
    """A model from the first seed, what the function of its optimizers made, and how they are set."""

    module: nn.Module
    made: Any
    seen: Seen


@dataclass
class Starts:
    """Models from the first seed with their optimizers, at each width made once."""

    build: Build
    """It makes a new module each time."""
    optimizer: MakeOptimizer
    modules: dict[int, nn.Module] = field(default_factory=dict)
    """Modules as they are made from the first seed, by width, where there are some; they are used up."""
    known: dict[int, Start] = field(default_factory=dict)

    def at(self, width: int) -> Start:
        """The model of a width, which nobody is to train."""
        if width not in self.known:
            self.known[width] = self._made(width, None)
        return self.known[width]

    def taken(self, width: int, device: torch.device | None = None) -> Start:
        """The model of a width, to be trained, on a device if one is given."""
        known = self.known.pop(width, None)
        return known if known and device is None else self._made(width, device)

    def _made(self, width: int, device: torch.device | None) -> Start:
        module = self.modules.pop(width, None) or built(self.build, width)
        module = module if device is None else module.to(device)
        with user_code("optimizer", f"it fails at width {width}"), seeded():
            made = self.optimizer(module)
            return Start(module, made, seen_in(module, made))  # which leaves learning rates at their peaks


def as_trained(build: Build, optimizer: MakeOptimizer, width: int) -> tuple[Starts, list[str]]:
    """Models that are new each time and as `optimizer` sets them, and remarks on both.

    What `build` keeps, and gives again, is copied: it stays as it is. Both are found out at this width.
    """
    notes, new = [], renewed(build, width)
    if new is not build:
        notes.append("build gives the same module again: copies of it are trained, and all seeds start alike")
    model = built(new, width)
    before = {name: (one.detach().clone(), one.requires_grad) for name, one in model.named_parameters()}
    starts = Starts(new, optimizer, {width: model})
    after = dict(starts.at(width).module.named_parameters())
    changed = [
        name
        for name, (numbers, is_trained) in before.items()
        if name in after and not (torch.equal(numbers, after[name]) and is_trained == after[name].requires_grad)
    ]
    if not changed:
        return starts, notes
    others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    notes.append(f"the optimizer's function sets {changed[0]}{others}: starts are those after it")

    def set_by_optimizer(module: nn.Module) -> nn.Module:
        optimizer(getattr(module, "_orig_mod", module))
        return module

    return Starts(then(new, set_by_optimizer), optimizer), notes
