"""A model as it is when training starts: made by `build`, and then set by the function that makes its optimizer.

Such a function may draw parameters anew, as the repair of a check does that is called there, or freeze them.

>>> def optimizer(model):
...     nn.init.zeros_(model.weight)
...     return torch.optim.SGD(model.parameters(), lr=0.1)
>>> build, notes = as_trained(lambda width: nn.Linear(width, 1, bias=False), optimizer, 8)
>>> notes, float(build(8).weight.detach().norm())
(["the optimizer's function sets weight: starts are those after it"], 0.0)
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from empirical.tracing.state import seeded
from empirical.tracing.trace import Build, built, gives_again
from empirical.tracing.user_code import user_code


def as_trained(build: Build, optimizer: Callable[[nn.Module], Any], width: int) -> tuple[Build, list[str]]:
    """How the model is built so that it is new each time and as `optimizer` sets it, and remarks on both.

    What `build` keeps, and gives again, is copied: it stays as it is. Both are found out at this width.
    """
    notes = []
    if gives_again(build, width):
        notes.append("build gives the same module again: copies of it are trained, and all seeds start alike")
        build = _then(build, copy.deepcopy)
    model = built(build, width)
    before = {name: (one.detach().clone(), one.requires_grad) for name, one in model.named_parameters()}
    with user_code("optimizer", f"it fails at width {width}"), seeded():
        optimizer(model)
    after = dict(model.named_parameters())
    changed = [
        name
        for name, (numbers, is_trained) in before.items()
        if name in after and not (torch.equal(numbers, after[name]) and is_trained == after[name].requires_grad)
    ]
    if changed:
        others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        notes.append(f"the optimizer's function sets {changed[0]}{others}: starts are those after it")

        def set_by_optimizer(module: nn.Module) -> nn.Module:
            optimizer(getattr(module, "_orig_mod", module))
            return module

        build = _then(build, set_by_optimizer)
    return build, notes


def _then(build: Build, change: Callable[[nn.Module], nn.Module]) -> Build:
    def made(make: Any, *width: int) -> nn.Module:
        return change(make(*width))

    if isinstance(build, Mapping):
        return {width: partial(made, make) for width, make in build.items()}
    return partial(made, build)
