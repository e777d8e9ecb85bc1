"""How an optimizer of torch is set for each parameter: its group's learning rate, decay and epsilon, and its law.

>>> from torch import nn
>>> model = nn.Linear(2, 3)
>>> optimizer = torch.optim.AdamW([{"params": [model.weight], "lr": 0.5}, {"params": [model.bias]}], weight_decay=0.1)
>>> for name, option in options_of(optimizer, model).items():
...     print(name, option.law, option.lr, option.decay)
weight adamw 0.5 0.1
bias adamw 0.001 0.1
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from empirical.models.schedules import peaks
from scalings.errors import ArgumentError, wrong_type

Law = str
"""The name of an update law, as `scalings.hyperparameters.update_laws.optimizer` reads it; "" if none is known."""
_ADAMS = ("Adam", "AdamW", "NAdam", "Adamax", "RMSprop", "Adagrad", "SparseAdam")
"""They divide a gradient by the size of its entries from the first step on, as RAdam does not."""
_MUONS = {None: "muon-jordan", "original": "muon-jordan", "match_rms_adamw": "muon-rms"}
"""By `adjust_lr_fn`: the factor of torch's Muon is sqrt(max(1, rows / columns)), or 0.2 sqrt(max(rows, columns))."""
_APART = (
    *("lr", "weight_decay", "params", "decoupled_weight_decay", "adjust_lr_fn"),
    *("foreach", "fused", "capturable", "differentiable"),
)
"""Options of a group that are told apart, or by the law, and those that say how a step is computed, not which."""
_PARTS = ("optimizer", "lr_scheduler", "scheduler")
"""The keys of what LightningModule.configure_optimizers returns in which optimizers and schedulers are."""


@dataclass(frozen=True)
class Options:
    """How one parameter is trained."""

    law: Law
    optimizer: str
    """The class of the optimizer."""
    lr: float
    """At the peak of its schedule."""
    decay: float = 0.0
    epsilon: float = 0.0
    """What is added to the size of a gradient's entries before they are divided by it."""
    first_lr: float | None = None
    """The learning rate of the first step, where a schedule starts elsewhere than at its peak."""
    measured: bool = False
    """Whether the law was found by feeding gradients to the optimizer."""
    others: tuple[str, ...] = ()
    """The classes of those that move it once more in each step, be it the same optimizer again."""
    kept: tuple[tuple[str, Any], ...] = ()
    """What else its group says that is not as the class has it: momentum, betas, eps and the like."""


def optimizers_at_peak(given: Any) -> tuple[Optimizer, ...]:
    """The optimizers in what a user's function makes, their learning rates set to the peaks of their schedules.

    They may be one, a list of them, pairs with schedulers, or what a LightningModule's `configure_optimizers` returns.
    Raises ArgumentError for anything else.
    """
    parts = list(_parts(given))
    found = optimizers_in(parts)
    schedulers = [one for one in parts if isinstance(one, LRScheduler)]
    if not found or len(found) + len(schedulers) < len(parts):
        raise wrong_type("optimizer", "a torch optimizer, a list of them, or a pair with a scheduler", given)
    for optimizer in found:
        own = [one for one in schedulers if one.optimizer is optimizer]
        for group, peak in zip(optimizer.param_groups, peaks(optimizer, own), strict=True):
            group["lr"] = peak
    return found


def optimizers_in(given: Any) -> tuple[Optimizer, ...]:
    """The optimizers in what a user's function makes, as they are."""
    return tuple(one for one in _parts(given) if isinstance(one, Optimizer))


def _parts(given: Any) -> Iterator[Any]:
    match given:
        case list() | tuple():
            for one in given:
                yield from _parts(one)
        case Mapping() if any(key in given for key in _PARTS):
            for key in _PARTS:
                yield from _parts(given.get(key, ()))
        case _:
            yield given


def options_of(given: Any, model: nn.Module) -> dict[str, Options]:
    """By a parameter's name; those that no optimizer has are left out.

    Of one that is moved more than once in a step, by two optimizers or in two groups, those are given that `movers` has
    first. Raises ArgumentError for an optimizer that takes no steps of its own, and where no learning rate is above 0.
    """
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    first = {id(group): group.get("lr") for one in _parts(given) for group in getattr(one, "param_groups", ())}
    optimizers, found = optimizers_at_peak(given), {}
    if any(isinstance(one, torch.optim.LBFGS) for one in optimizers):
        raise ArgumentError("optimizer", "LBFGS searches along a line, and its steps have no law of the width")
    for parameter, owners in movers(optimizers).items():
        if parameter not in names:
            raise ArgumentError("optimizer", "it has a parameter that is none of the model's")
        (optimizer, group), *others = owners
        options = _options(optimizer, group, first[id(group)])
        found[names[parameter]] = replace(options, others=tuple(type(one).__name__ for one, _ in others))
    rates = [group.get("lr") for one in optimizers for group in one.param_groups]
    if None not in rates and not any(rates):
        why = "all its learning rates are 0, as where a warm-up starts"
        raise ArgumentError("optimizer", f"{why}: give its scheduler beside it, or the rates at the peak")
    return found


def movers(optimizers: Sequence[Optimizer]) -> dict[int, list[tuple[Optimizer, dict[str, Any]]]]:
    """By the id of a parameter, the optimizers that move it, with the group that it is in, as often as it is there.

    First comes that of the fewest parameters: Muon, which was made for it, before the Adam that was given all.
    """
    found: dict[int, list[tuple[Optimizer, dict[str, Any]]]] = {}
    for optimizer in sorted(optimizers, key=lambda one: sum(len(group["params"]) for group in one.param_groups)):
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                found.setdefault(id(parameter), []).append((optimizer, group))
    return found


def clipping(make: Callable[[nn.Module], Any], norm: float) -> Callable[[nn.Module], Any]:
    """Makes what `make` does, but before each step the gradients of all parameters are clipped to this norm.

    Raises ArgumentError for a norm that is not above 0.
    """
    if not isinstance(norm, int | float) or isinstance(norm, bool) or not 0 < norm < float("inf"):
        raise ArgumentError("clip", f"expected a number above 0, but got {norm!r:.60}")

    def made(model: nn.Module) -> Any:
        found = make(model)
        for first in optimizers_in(found)[:1]:
            first.register_step_pre_hook(lambda *_: _clip(model, norm))
        return found

    return made


def _clip(model: nn.Module, norm: float) -> None:
    clip_grad_norm_(model.parameters(), norm)


def _options(optimizer: Optimizer, group: Mapping[str, Any], first: Any) -> Options:
    kind, decay, lr = torch_class(optimizer), _number(group.get("weight_decay")), _number(group.get("lr"))
    law = _law(kind, group, decay)
    epsilon = _number(group.get("eps")) if kind in _ADAMS else 0.0
    first_lr = None if _number(first) == lr else _number(first)
    return Options(law, type(optimizer).__name__, lr, decay, epsilon, first_lr, kept=_kept(optimizer, group))


def _kept(optimizer: Optimizer, group: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """What a group says that its class does not say by itself, as plain values."""
    own: dict[str, inspect.Parameter] = {}
    for kind in reversed(type(optimizer).__mro__):
        if issubclass(kind, Optimizer) and kind is not Optimizer:
            own |= inspect.signature(kind.__init__).parameters
    given = {name: _plain(group[name]) for name in own if name in group and name not in _APART}
    return tuple(
        (name, value) for name, value in given.items() if value is not None and value != _plain(own[name].default)
    )


def _plain(value: Any) -> Any:
    """A number, a word, or several; None for anything else."""
    if isinstance(value, torch.Tensor):
        return value.item() if value.numel() == 1 else None
    if isinstance(value, list | tuple):
        listed = tuple(map(_plain, value))
        return None if None in listed else listed
    return value if isinstance(value, bool | int | float | str) else None


def _number(given: Any) -> float:
    return float(given) if isinstance(given, int | float | torch.Tensor) else 0.0


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


def torch_class(optimizer: Optimizer) -> str:
    """The name of the torch class whose steps an optimizer takes; "" if it takes its own."""
    step = type(optimizer).step
    return step.__qualname__.partition(".")[0] if step.__module__.startswith("torch.optim.") else ""
