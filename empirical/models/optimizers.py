"""How an optimizer of torch is set for each parameter: its group's learning rate and decay, and its law.

>>> from torch import nn
>>> model = nn.Linear(2, 3)
>>> optimizer = torch.optim.AdamW([{"params": [model.weight], "lr": 0.5}, {"params": [model.bias]}], weight_decay=0.1)
>>> for name, option in options_of(optimizer, model).items():
...     print(name, option.law, option.lr, option.decay)
weight adamw 0.5 0.1
bias adamw 0.001 0.1
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from scalings.errors import ArgumentError, wrong_type

Law = str
"""The name of an update law, of `scalings.hyperparameters.update_laws.OPTIMIZERS`; "" if none is known."""
_ADAMS = ("Adam", "AdamW", "NAdam", "Adamax", "RMSprop", "Adagrad", "SparseAdam")
"""They divide a gradient by the size of its entries from the first step on, as RAdam does not."""
_MUONS = {None: "muon-jordan", "original": "muon-jordan", "match_rms_adamw": "muon-rms"}
"""By `adjust_lr_fn`: the factor of torch's Muon is sqrt(max(1, rows / columns)), or 0.2 sqrt(max(rows, columns))."""


@dataclass(frozen=True)
class Options:
    """How one parameter is trained."""

    law: Law
    optimizer: str
    """The class of the optimizer."""
    lr: float
    decay: float = 0.0


def optimizers_of(given: Any) -> tuple[Optimizer, ...]:
    """The optimizers in what a user's function makes: one, a list of them, or a pair with a scheduler."""
    listed = given if isinstance(given, list | tuple) else [given]
    found = tuple(one for one in listed if isinstance(one, Optimizer))
    others = [one for one in listed if not isinstance(one, Optimizer) and not _is_scheduler(one)]
    if not found or others:
        raise wrong_type("optimizer", "a torch optimizer, a list of them, or a pair with a scheduler", given)
    return found


def options_of(given: Any, model: nn.Module) -> dict[str, Options]:
    """By a parameter's name; those that no optimizer has are left out.

    Raises ArgumentError for a parameter in two groups, and for an optimizer that takes no steps of its own.
    """
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found: dict[str, Options] = {}
    for optimizer in optimizers_of(given):
        if isinstance(optimizer, torch.optim.LBFGS):
            raise ArgumentError("optimizer", "LBFGS searches along a line, and its steps have no law of the width")
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                name = names.get(id(parameter))
                if name is None:
                    raise ArgumentError("optimizer", "it has a parameter that is none of the model's")
                if name in found:
                    raise ArgumentError("optimizer", f"it has {name} in two groups")
                found[name] = _options(optimizer, group)
    return found


def _options(optimizer: Optimizer, group: Mapping[str, Any]) -> Options:
    name, decay = type(optimizer).__name__, group.get("weight_decay") or 0.0
    law = _law(_torch_class(type(optimizer)), group, decay)
    if not law:
        return Options("", name, 0.0)
    lr = float(group.get("initial_lr", group["lr"]))  # the peak, where a schedule starts from another rate
    return Options(law, name, lr, float(decay))


def _law(kind: str, group: Mapping[str, Any], decay: float) -> Law:
    """The law of torch's own optimizers; "" for all others."""
    if kind == "SGD":
        plain = "nesterov" if group["nesterov"] else "momentum" if group["momentum"] else "sgd"
        return f"{plain}+l2" if decay else plain
    if kind == "Muon":
        plain = _MUONS.get(group["adjust_lr_fn"], "")
        return f"{plain}+coupled" if plain and decay else plain
    if kind in _ADAMS:
        decoupled = kind == "AdamW" or group.get("decoupled_weight_decay", False)
        return ("adamw" if decoupled else "adam+l2") if decay else "adam"
    return ""


def _torch_class(kind: type[Optimizer]) -> str:
    """The name of the torch class whose steps an optimizer takes; "" if it takes its own."""
    step = kind.step
    return step.__qualname__.partition(".")[0] if step.__module__.startswith("torch.optim.") else ""


def _is_scheduler(given: Any) -> bool:
    return isinstance(given, torch.optim.lr_scheduler.LRScheduler | torch.optim.lr_scheduler.ReduceLROnPlateau)
