"""A model as it is when training starts: made by `build`, and then set by the function that makes its optimizer.

Such a function may draw parameters anew, as the repair of a check does that is called there.

>>> def optimizer(model):
...     nn.init.zeros_(model.weight)
...     return torch.optim.SGD(model.parameters(), lr=0.1)
>>> build, changed = as_trained(lambda width: nn.Linear(width, 1), optimizer, 8)
>>> changed, float(build(8).weight.detach().norm())
(['weight'], 0.0)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from empirical.tracing.state import seeded
from empirical.tracing.trace import Build, built
from empirical.tracing.user_code import user_code
from scalings.errors import ArgumentError


def as_trained(build: Build, optimizer: Callable[[nn.Module], Any], width: int) -> tuple[Build, list[str]]:
    """How the model is built with what `optimizer` sets, and the names of the parameters it sets at this width.

    Raises ArgumentError if `build` gives the same module twice: it would be trained from where the last training ended,
    and the user's own numbers would be lost.
    """
    model = built(build, width)
    if built(build, width) is model:
        raise ArgumentError(
            "build", "expected a new module at every call, but got the same one twice: return copy.deepcopy(it)"
        )
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    with user_code("optimizer", f"it fails at width {width}"), seeded():
        optimizer(model)
    after = dict(model.named_parameters())
    changed = [name for name, numbers in before.items() if name in after and not torch.equal(numbers, after[name])]

    def set_up(make: Any, *width: int) -> nn.Module:
        module: nn.Module = make(*width)
        optimizer(getattr(module, "_orig_mod", module))
        return module

    if not changed:
        return build, []
    if isinstance(build, Mapping):
        return {width: partial(set_up, make) for width, make in build.items()}, changed
    return partial(set_up, build), changed
