"""Carrying a prescription out: starts are rescaled in place, and parameters put into groups, by their names.

Nothing is left on the model or its parameters: a copy, a compiled or a sharded one is set in the same way, before or
after it became one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from empirical.engines.module.starts import all_drawn, root_mean_square
from empirical.models.optimizers import Options, movers, options_of
from empirical.models.optimizers import optimizers_at_peak as peaked
from empirical.tracing.state import seeded
from empirical.tracing.trace import Build, built
from empirical.tracing.user_code import user_code
from scalings.errors import ArgumentError, wrong_type
from scalings.results.prescriptions import Prescription, check_width

_RATES = ("initial_lr", "max_lr", "min_lr")
"""What schedules leave in a group, of the learning rate that it had."""
_APART = "decoupled_weight_decay"
"""By which torch's Adam is AdamW."""
_DRAWS = 8
"""Of a bias of two entries the size is then known to a quarter."""
MakeOptimizer = Callable[[nn.Module], Any]
_ROUNDING = 1e-4
"""What is left of entries that are all the same, without their mean, beside what they are to be."""
_WRAPPERS = ("_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module")
"""What torch.compile, activation checkpointing and the first FSDP put into names."""


def sizes_at(build: Build, width: int, centred: Collection[str] = ()) -> dict[str, float]:
    """By name, the root mean square of the entries of each parameter as the model starts at a width; of those that are
    to be `centred`, without their mean."""
    seen = [all_drawn(built(build, width, seed)) for seed in range(_DRAWS)]
    return {name: root_mean_square([one[name] for one in seen], centred=name in centred) for name in seen[0]}


def shapes_at(build: Build, width: int) -> dict[str, tuple[int, ...]]:
    """By name, the shape of each parameter at a width."""
    return {name: tuple(parameter.shape) for name, parameter in built(build, width).named_parameters()}


def options_at(build: Build, make_optimizer: MakeOptimizer, width: int) -> dict[str, Options]:
    """By name, how each parameter is trained at a width."""
    model = built(build, width)
    with user_code("optimizer", f"it fails at width {width}"), seeded():
        made = make_optimizer(model)
    return options_of(made, model)


def made_at(build: Build, width: int) -> nn.Module:
    """The user's own model of a width, drawn anew. Raises ArgumentError for what is no width, and where it fails."""
    check_width(width)
    if isinstance(build, Mapping) and width not in build:
        raise ArgumentError("width", f"expected one of those of build, but got {width}")
    with user_code("build", f"it fails at width {width}"):
        return build[width]() if isinstance(build, Mapping) else build(width)


def named(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of a model by their names in what it wraps. Raises ArgumentError for what is no module."""
    if not isinstance(model, nn.Module):
        raise wrong_type("model", "a torch module", model)
    if isinstance(model, DistributedDataParallel):
        return named(model.module)
    found = {}
    for name, parameter in model.named_parameters():
        found[".".join(part for part in name.split(".") if part not in _WRAPPERS)] = parameter
    return found


def width_of(prescription: Prescription, model: nn.Module) -> int:
    """The width of a model, from the shapes of its parameters. Raises ArgumentError for one of other shapes."""
    return prescription.width_of({name: tuple(parameter.shape) for name, parameter in named(model).items()})


def start(prescription: Prescription, model: nn.Module) -> None:
    """Rescale the starts of a freshly made model in place, where they are to be others.

    Each keeps its distribution, at another root mean square, and around zero if it is to be centred; what starts at
    zero and is not to, or with entries that are all the same, becomes normal. At the base width nothing else changes.
    """
    width = width_of(prescription, model)
    ratios = prescription.ratios_at(width)
    at_base = all(ratio == 1 for ratio in ratios.values())
    with torch.no_grad():
        for name, parameter in named(model).items():
            if parameter.is_meta:
                continue  # it has a shape, and no numbers yet
            rule = prescription.by_name[name]
            size = rule.init.at(ratios)
            if rule.centred:
                parameter.sub_(parameter.mean())
            current = _root_mean_square(parameter)
            if rule.centred and current < _ROUNDING * size:
                current = 0.0
            if not prescription.restarts(rule) or (at_base and current):
                continue
            if not size:
                parameter.zero_()
            elif current:
                parameter.mul_(size / current)
            else:
                parameter.normal_(std=size)


def groups(prescription: Prescription, model: nn.Module) -> dict[str, list[dict[str, Any]]]:
    """By the name of a torch optimizer, its groups: `params`, `param_names`, `lr` and `weight_decay`, as plain numbers.

    Frozen parameters are in none.
    """
    own = {name: parameter for name, parameter in named(model).items() if parameter.requires_grad}
    found: dict[str, list[dict[str, Any]]] = {}
    for optimizer, planned in prescription.groups(width_of(prescription, model)).items():
        for group in planned:
            names = [name for name in group["param_names"] if name in own]
            if names:
                one = {**group, "params": [own[name] for name in names], "param_names": names}
                found.setdefault(optimizer, []).append(one)
    return found


def optimizer(prescription: Prescription, make_optimizer: MakeOptimizer, model: nn.Module) -> Any:
    """What the user's function makes of a model, at the learning rates and decays that are prescribed; all else in its
    groups stays as it is, but that each parameter is in one of them alone, and so do the model's parameters. What is in
    none, and should be, comes into the first one of the optimizer that is prescribed for it.

    Raises ArgumentError for a scheduler, which remembers the groups that it was made with.
    """
    width = width_of(prescription, model)
    starts = [parameter.detach().clone() for parameter in model.parameters()]
    with user_code("optimizer", f"it fails at width {width}"):
        made = make_optimizer(model)
    with torch.no_grad():  # it may draw starts of its own, after those that are prescribed
        for parameter, numbers in zip(model.parameters(), starts, strict=True):
            parameter.copy_(numbers)
    listed = list(made) if isinstance(made, list | tuple) else [made]
    if others := [one for one in listed if not isinstance(one, Optimizer)]:
        kind = type(others[0]).__name__
        raise ArgumentError("optimizer", f"expected optimizers alone, but got a {kind}: make it of what this gives")
    names = {id(parameter): name for name, parameter in named(model).items()}
    owners = {parameter: id(found[0][1]) for parameter, found in movers(listed).items()}
    for parameter in model.parameters():
        rule = prescription.by_name[names[id(parameter)]]
        if rule.optimizer and parameter.requires_grad and id(parameter) not in owners:
            group = next(one for one in listed if _is_of(one, rule.optimizer)).param_groups[0]
            group["params"].append(parameter)
            owners[id(parameter)] = id(group)
    for one in listed:
        one.param_groups[:] = [
            split for group in one.param_groups for split in _regrouped(prescription, group, names, owners, width)
        ]
    return made


def _is_of(optimizer: Optimizer, kind: str) -> bool:
    """Whether it is of this class; an Adam is an AdamW, too, if its decay is set apart."""
    return type(optimizer).__name__ in (kind, kind.removesuffix("W"))


def optimizers_at_peak(prescription: Prescription, make_optimizer: MakeOptimizer, model: nn.Module) -> Any:
    """The same for a function that makes schedulers too: its optimizers alone, at the peaks of their schedules."""
    return optimizer(prescription, lambda made: list(peaked(make_optimizer(made))), model)


def _regrouped(
    prescription: Prescription, group: dict[str, Any], names: dict[int, str], owners: dict[int, int], width: int
) -> list[dict[str, Any]]:
    """A group, as one for each learning rate, decay and epsilon, of the parameters that are its own."""
    found: dict[tuple[float, float, Any], dict[str, Any]] = {}
    own = {id(parameter): parameter for parameter in group["params"] if owners[id(parameter)] == id(group)}
    for parameter in own.values():
        name = names.get(id(parameter))
        if name is None:
            raise ArgumentError("optimizer", "it has a parameter that is none of the model's")
        rule = prescription.by_name[name]
        numbers = prescription.numbers(rule, width)
        lr: Any = numbers.lr
        if isinstance(group["lr"], Tensor):
            lr = torch.full_like(group["lr"], lr)
        kept = {key: one for key, one in group.items() if key not in _RATES}
        if rule.law == "adamw" and _APART in group:
            kept[_APART] = True
        new = {**kept, "params": [], "param_names": [], "lr": lr, "weight_decay": numbers.decay}
        if "epsilon" in rule.changed:
            new["eps"] = rule.epsilon.at(prescription.ratios_at(width))
        split = found.setdefault((numbers.lr, numbers.decay, new.get("eps")), new)
        split["params"].append(parameter)
        split["param_names"].append(name)
    return list(found.values())


def _root_mean_square(parameter: Tensor) -> float:
    mean = parameter.detach().float().square().mean()
    whole = getattr(mean, "full_tensor", None)  # of a sharded parameter each rank has a part
    return float((whole() if whole else mean).sqrt())
