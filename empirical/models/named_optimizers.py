"""Torch optimizers by the names of update laws, such as "muon+adamw": Muon for hidden matrices, AdamW for the rest; and
by their classes, of all parameters.

>>> from scalings.networks.architectures import mlp
>>> model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
>>> make = NamedOptimizer("muon+adamw", {"2.weight": "muon"}, {"muon": 0.02, "adamw": 0.001})
>>> for one in make(model):
...     print(type(one).__name__, [len(group["params"]) for group in one.param_groups])
Muon [1]
AdamW [5]
>>> class_optimizer(torch.optim.SGD, 0.1, None, {"momentum": 0.9})(model).param_groups[0]["momentum"]
0.9
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from empirical.models.prescribing import named
from scalings.errors import ArgumentError, wrong_type
from scalings.hyperparameters.splits import laws
from scalings.networks.network import Network

_MOMENTUM = 0.9
_CLASSES: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {}),
    "sgd-l2": ("SGD", {}),
    "momentum": ("SGD", {"momentum": _MOMENTUM}),
    "nesterov": ("SGD", {"momentum": _MOMENTUM, "nesterov": True}),
    "adam": ("Adam", {}),
    "adamw": ("AdamW", {}),
    "muon": ("Muon", {"adjust_lr_fn": "original"}),
    "muon-jordan": ("Muon", {"adjust_lr_fn": "original"}),
    "muon-rms": ("Muon", {"adjust_lr_fn": "match_rms_adamw"}),
}
"""By the name of a law without its decay: torch's class, and what makes it have this law."""
_DECAYS = {"SGD": ("none", "l2"), "Adam": ("none", "l2"), "AdamW": ("coupled",), "Muon": ("none", "coupled")}
"""How these classes decay."""


@dataclass(frozen=True)
class NamedOptimizer:
    """Makes the optimizers of these laws; that of the rest is the last."""

    name: str
    by_parameter: Mapping[str, str]
    """The laws of parameters that have not that of the rest."""
    lr: Mapping[str, float]
    """By the name of a law."""
    decay: float = 0.0

    def __call__(self, model: nn.Module) -> list[Optimizer]:
        rest = laws(self.name).parts[-1].name
        of_law: dict[str, list[tuple[str, nn.Parameter]]] = {law: [] for law in (*self.by_parameter.values(), rest)}
        for name, parameter in named(model).items():
            if parameter.requires_grad:
                of_law[self.by_parameter.get(name, rest)].append((name, parameter))
        return [self._one(law, parameters) for law, parameters in of_law.items() if parameters]

    def _one(self, law: str, parameters: list[tuple[str, nn.Parameter]]) -> Optimizer:
        """Of matrices, which decay, and of biases and gains, which do not."""
        kind, options = _CLASSES[law.partition("+")[0]]
        decay = self._decay(law)
        groups = [
            {"params": listed, "weight_decay": decay if is_matrix else 0.0}
            for is_matrix in (True, False)
            if (listed := [pair for pair in parameters if (pair[1].dim() > 1 or not decay) is is_matrix])
        ]
        made: Optimizer = getattr(torch.optim, kind)(groups, lr=self.lr[law], **options)
        return made

    def _decay(self, law: str) -> float:
        """Of laws that decay; all others of torch have none."""
        return self.decay if law in ("adamw", "sgd-l2") or "+" in law else 0.0


@dataclass(frozen=True)
class ClassOptimizer:
    """Makes an optimizer of a class, of all parameters of a model."""

    kind: type[Optimizer]
    options: Mapping[str, Any]

    def __call__(self, model: nn.Module) -> Optimizer:
        return self.kind(model.parameters(), **self.options)


def not_a_module(build: object) -> None:
    """Raises ArgumentError for a module, which is of one width: that does not tell how it grows."""
    if isinstance(build, nn.Module):
        made = type(build).__name__
        why = f"expected a function that is given the width and makes the module, but got a {made} of one width"
        raise ArgumentError("build", why)


def class_optimizer(
    kind: type, lr: float | Mapping[str, float] | None, decay: float | None, options: Mapping[str, Any]
) -> ClassOptimizer:
    """The optimizer of a class, with its own keywords, where these are none of ours.

    Raises ArgumentError for another class, for rates by law, for keywords that the class does not take, and for torch's
    Muon, which takes matrices alone.
    """
    given = {**({} if lr is None else {"lr": lr}), **({} if decay is None else {"weight_decay": decay}), **options}
    name = kind.__name__
    if not issubclass(kind, Optimizer):
        raise wrong_type("optimizer", "a class of torch optimizers, as torch.optim.AdamW", kind)
    if isinstance(lr, Mapping):
        raise ArgumentError("lr", f"expected one number, since {name} is one optimizer")
    if decay is not None and "weight_decay" in options:
        raise ArgumentError("decay", "expected none beside weight_decay, which is the same")
    if kind is getattr(torch.optim, "Muon", None):
        raise ArgumentError(
            "optimizer", 'torch\'s Muon takes matrices alone: give the name "muon+adamw", with AdamW for the rest'
        )
    known = inspect.signature(kind).parameters
    if not any(one.kind is one.VAR_KEYWORD for one in known.values()):
        for option in given:
            if option not in known:
                taken = ", ".join(list(known)[1:])
                raise ArgumentError(option, f"expected none, since {name} takes {taken}")
    return ClassOptimizer(kind, given)


def named_optimizer(
    name: str,
    network: Network,
    weights: Mapping[str, tuple[str, ...]],
    axes: Mapping[str, int],
    lr: float | Mapping[str, float] | None,
    decay: float,
) -> NamedOptimizer:
    """The optimizers of these names for a network whose weights stand for these parameters.

    Torch's Muon takes matrices alone, so that other hidden weights, such as convolutions, are left to the rest. `axes`
    has the number of axes of each parameter. Raises ArgumentError for what torch has not, and without a learning rate.
    """
    found = laws(name)
    for law in found.parts:
        kind, _ = _CLASSES.get(law.name.partition("+")[0], ("", {}))
        if not kind or law.clip != "none" or law.decay not in _DECAYS[kind]:
            known = ", ".join(_CLASSES)
            raise ArgumentError(
                "optimizer", f"torch has none of the law {law.name!r:.60}: give a function of the model, or of {known}"
            )
        if not hasattr(torch.optim, kind):
            raise ArgumentError("optimizer", f"this version of torch has no {kind}")
    if not isinstance(decay, int | float) or not 0 <= decay < float("inf"):
        raise ArgumentError("decay", f"expected a number of at least 0, but got {decay!r:.100}")
    if decay and all(law.decay == "none" for law in found.parts):
        raise ArgumentError("decay", f"expected none, since {name} does not decay; adamw does, or sgd+l2")
    rates = _rates([law.name for law in found.parts], lr)
    by_parameter = {
        parameter: law.name
        for node, law in zip(network.layers, found.among(network.layers), strict=True)
        for parameter in weights[node.weight]
        if law != found.parts[-1] and axes[parameter] == 2
    }
    return NamedOptimizer(name, by_parameter, rates, decay)


def _rates(names: list[str], lr: float | Mapping[str, float] | None) -> dict[str, float]:
    """The learning rate of each law."""
    if lr is None:
        raise ArgumentError("lr", "expected the learning rate at the base width, where the optimizer is a name")
    given = dict(lr) if isinstance(lr, Mapping) else dict.fromkeys(names, lr)
    short = {name.partition("+")[0]: name for name in names}
    given = {short.get(name, name): rate for name, rate in given.items()}
    if set(given) != set(names):
        raise ArgumentError("lr", f"expected one for each of {', '.join(names)}, but got {', '.join(given)}")
    for name, rate in given.items():
        if not isinstance(rate, int | float) or not 0 < rate < float("inf"):
            raise ArgumentError("lr", f"expected a number above 0 for {name}, but got {rate!r:.100}")
    return given
