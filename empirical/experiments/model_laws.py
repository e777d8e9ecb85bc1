"""Laws of a model's own optimizers: those that are not torch's are measured, tensor by tensor.

An optimizer may treat matrices, vectors and groups in different ways. So each parameter is probed by its own optimizer,
in its own group, as a tensor of as many dimensions, with gradients and weights of the sizes that it has; one
measurement serves all parameters to which its ranges extend.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn
from torch.nn import Parameter
from torch.optim import Optimizer

from empirical.experiments.optimizer_laws import measure_law
from empirical.experiments.probes import GRADIENT, WEIGHT, Factory, base_probe, last_steps
from empirical.models.optimizers import Options, movers, optimizers_at_peak
from empirical.models.settings import Seen, Setting, settings
from empirical.tracing.state import seeded
from empirical.tracing.trace import Build, built
from scalings.errors import ArgumentError
from scalings.hyperparameters.update_laws import law_text
from scalings.results.measured_laws import Axis

_POINTS = 40
_LATER = 10
"""A law is to be that of the steps that are taken, and of later ones."""
_GRADIENTS = (1e-10, 1e3)
"""Gradients that are probed at least and at most; beyond them scans have no room."""
_LR = 1e-3
"""The learning rate at which a law is measured where it is 0."""
_LARGER = 8.0
"""By how much a gradient is made larger, to see whether a step grows with it."""
_OWN = ("params", "lr", "initial_lr", "max_lr", "min_lr", "weight_decay")
"""What of a group does not make another law."""


def settings_with_laws(
    build: Build,
    optimizer: Callable[[nn.Module], Any],
    widths: Sequence[int],
    steps: int,
    seen: Callable[[int], Seen],
) -> dict[str, Setting]:
    """As `settings`, with measured laws. `seen`: the model and its first steps at a width.

    Raises ArgumentError for an optimizer that has no law, or another one after so many steps than later.
    """
    found = settings(build, {width: seen(width) for width in reversed(widths)})
    trained = [one for one in found.values() if one.options]
    if any(one.options and not one.options.law for one in trained):
        model = built(build, widths[-1])
        with seeded():
            made = optimizers_at_peak(optimizer(model))
        found |= _measured(found, model, made, widths[-1], steps)
    return found


@dataclass(frozen=True)
class _Measured:
    """A law, and where it was found."""

    law: str
    ranges: Mapping[Axis, tuple[float, float]]

    def covers(self, point: Mapping[Axis, float]) -> bool:
        return all(low <= point[axis] <= high for axis, (low, high) in self.ranges.items())


def _measured(
    seen: Mapping[str, Setting], model: nn.Module, made: Sequence[Optimizer], width: int, steps: int
) -> dict[str, Setting]:
    """The settings of the parameters whose laws are measured."""
    groups = movers(made)
    known: dict[object, list[_Measured]] = defaultdict(list)
    found = {}
    for name, parameter in model.named_parameters():
        setting, options = seen[name], seen[name].options
        if options is None or options.law:
            continue
        optimizer, group = groups[id(parameter)][0]
        point = _point(setting, options, width)
        kind = (
            id(optimizer),
            parameter.dim(),
            options.decay > 0,
            tuple(sorted((key, repr(value)) for key, value in group.items() if key not in _OWN)),
        )
        same = known[kind]
        law = next((one for one in same if one.covers(point)), None)
        if law is None:
            factory = probed(optimizer, {**group, "lr": point["lr"]}, parameter.dim())
            law = _law(name, options, factory, point, steps)
            same.append(law)
        found[name] = replace(setting, options=replace(options, law=law.law, measured=True))
    return found


def _point(setting: Setting, options: Options, width: int) -> dict[Axis, float]:
    """The sizes of the entries of a gradient and a weight, and the learning rate, at which a law is asked for."""
    low, high = _GRADIENTS
    gradient = setting.gradients.get(width) or GRADIENT
    return {"gradient": min(max(gradient, low), high), "weight": setting.size or WEIGHT, "lr": options.lr or _LR}


def _law(parameter: str, options: Options, factory: Factory, point: Mapping[Axis, float], steps: int) -> _Measured:
    early, late = (_measure(parameter, options, factory, point, count) for count in (steps, max(_LATER, steps)))
    if early.law != late.law:
        laws = f"has one law after {steps} steps ({early.law}), and another one later ({late.law})"
        raise ArgumentError("optimizer", f"{options.optimizer} {laws}")
    return late


def _measure(parameter: str, options: Options, factory: Factory, point: Mapping[Axis, float], steps: int) -> _Measured:
    unknown = f"the law of {options.optimizer} is not known: probed with {parameter}"
    try:
        found = measure_law(
            factory,
            options.optimizer,
            gradient=point["gradient"],
            weight=point["weight"],
            lr=point["lr"],
            points=_POINTS,
            steps=steps,
            neighbours=False,
        )
    except ArgumentError as error:
        raise ArgumentError("optimizer", f"{unknown}, {error.message}") from error
    regime, law = found.regime, found.regime.law if found.regime else None
    if found.written is None or regime is None or law is None:
        reason = "what it does without a gradient is no decay" if found.decay is None else found.reason()
        raise ArgumentError("optimizer", f"{unknown}, {reason}")
    name = _from_zero(factory, steps) if law.weight == 1 and regime.names else law_text(law)
    return _Measured(f"{name}+coupled" if found.decay and options.decay else name, regime.ranges)


def _from_zero(factory: Factory, steps: int) -> str:
    """Which law that is proportional to |W| takes the steps that this one takes from zero weights."""
    base = replace(base_probe(factory), weight=0.0)
    probes = [base, replace(base, gradient=_LARGER * base.gradient)]
    small, large = (float(last_steps(factory, [probe], steps)[0][1].norm()) for probe in probes)
    return "lars" if large > _LARGER**0.5 * small else "lamb"


def probed(optimizer: Optimizer, group: Mapping[str, Any], dimensions: int) -> Factory:
    """Makes optimizers like this one, of one group like this; matrices are given as tensors of so many dimensions.

    They share what the optimizer holds besides its groups, its state and its hooks.
    """

    def make(parameters: list[Parameter]) -> Optimizer:
        views = parameters if dimensions == 2 else [Parameter(_viewed(one.data, dimensions)) for one in parameters]
        copy = object.__new__(type(optimizer))
        own = {name: held for name, held in vars(optimizer).items() if name != "step" and not name.endswith("_hooks")}
        hooks = {name: type(held)() for name, held in vars(optimizer).items() if name.endswith("_hooks")}
        groups = [{**group, "params": views}]
        vars(copy).update({**own, **hooks, "param_groups": groups, "state": defaultdict(dict)})
        return copy if dimensions == 2 else _Viewing(copy, parameters, views)

    return make


def _viewed(matrix: Tensor, dimensions: int) -> Tensor:
    """A matrix as a vector of its entries, or with more dimensions of size 1, in the same memory."""
    return matrix.view(-1) if dimensions < 2 else matrix.view(*matrix.shape, *[1] * (dimensions - 2))


class _Viewing(Optimizer):
    """An optimizer of views of its parameters."""

    def __init__(self, inner: Optimizer, parameters: Sequence[Parameter], views: Sequence[Parameter]) -> None:
        self._inner, self._pairs = inner, list(zip(parameters, views, strict=True))
        self.param_groups = inner.param_groups

    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ARG002 - as torch calls it
        for parameter, view in self._pairs:
            view.grad = None if parameter.grad is None else parameter.grad.view(view.shape)
        self._inner.step()
