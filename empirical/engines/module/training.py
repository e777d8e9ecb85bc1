"""Training of a module: full-batch steps, and what there is to observe after each of them.

The loss is the user's, a mean over examples, so that d, its gradient by a value, is smaller than that of one example by
their number, a constant. Changes are differences of values, in double precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor, nn

from empirical.engines.module.passes import Pass, Passes
from empirical.engines.module.problem import ModuleProblem
from empirical.engines.module.weights import Constants, Stepped, as_matrix, initialize
from empirical.engines.observations import Representation, Update, View, Weight, observe
from empirical.tensors.spectral_norms import spectral_norm
from scalings.criteria.observables import Observable
from scalings.networks.nodes import MATRICES


class Moving(Protocol):
    """A parameter that is trained."""

    @property
    def parameter(self) -> Tensor: ...
    @property
    def initial(self) -> Tensor: ...
    @property
    def update(self) -> Tensor:
        """What its updates did, without what decay took."""
        ...

    @property
    def shrunk(self) -> Tensor | None:
        """By which fraction decay has made W(0) smaller."""
        ...


@dataclass(frozen=True)
class Trained:
    """The parameter of a weight that is observed, the last copy."""

    name: str
    is_matrix: bool
    """Whether the spectral norm of its updates is observed."""
    stepped: Moving


def train(problem: ModuleProblem, width: int, seed: int, constants: Mapping[str, Constants]) -> dict[Observable, float]:
    """Every observable at every step."""
    module = problem.module(width, seed)
    initialize(problem, module, width, constants)
    own = dict(module.named_parameters())
    stepped: dict[str, Stepped] = {}
    observed: dict[str, Trained] = {}
    for node, names in problem.weights():
        for name in names:
            stepped[name] = Stepped(problem, node, own[name], constants[name].rate, width)
        observed[node.name] = Trained(names[-1], isinstance(node, MATRICES), stepped[names[-1]])

    def step(gradients: Mapping[str, Tensor]) -> None:
        for name, one in stepped.items():
            one.step(gradients[name])

    passes = Passes(module, problem.batch(width), problem.loss, width, problem.places, problem.trails)
    return observations(problem, passes, observed, step, problem.training.steps)


def observations(
    problem: ModuleProblem,
    passes: Passes,
    observed: Mapping[str, Trained],
    step: Callable[[Mapping[str, Tensor]], None],
    steps: int,
    least: int = 0,
) -> dict[Observable, float]:
    """Every observable at every step of a training whose steps are given the gradients, by parameter.

    At least so many steps are taken, those beyond `steps` unobserved.
    """
    found: dict[Observable, float] = {}
    now, last = passes.run(), max(steps, least)
    first = replace(now, gradients={})
    starts = {name: norm(one.stepped.initial) for name, one in observed.items()}
    pushed: dict[str, float] = {}
    for number in range(last + 1):
        if number:
            pushed = {name: norm(now.gradients[one.name]) for name, one in observed.items()}
            step(now.gradients)
            if number > steps:
                continue
            now = passes.run(weights=number < last)
        weights = {name: _weight(one, starts[name], pushed.get(name)) for name, one in observed.items()}
        seen = observe(View(number, now.loss[None], representations(problem, weights, number, first, now)))
        found |= {observable: float(value) for observable, value in seen.items()}
    return found


def representations(
    problem: ModuleProblem,
    weights: Mapping[str, tuple[Weight, Update | None]],
    step: int,
    first: Pass,
    now: Pass,
) -> Iterator[Representation]:
    for node in problem.network.flat:
        weight, update = weights.get(node.name, (None, None))
        values = [seen.values.get(node.name) for seen in (first, now)]
        if any(value is None for value in values) and weight is None:
            continue
        grows = problem.growing(node.name)
        z, dz = _terms(grows, *values)
        d, dd = _terms(grows, *(seen.signals.get(node.name) for seen in (first, now)))
        yield Representation(node.name, z, dz if step else (), d, dd if step else (), weight, update)


def _weight(trained: Trained, start: float, pushed: float | None) -> tuple[Weight, Update | None]:
    """W as it is, and what the updates so far did; without a gradient that pushed it there was none."""
    stepped = trained.stepped
    weight = Weight(_one(start), _one(norm(stepped.parameter.detach())))
    if pushed is None:
        return weight, None
    spectral = spectral_norm(as_matrix(stepped.update)) if trained.is_matrix else None
    decay = None if stepped.shrunk is None or not stepped.shrunk.any() else stepped.shrunk.flatten().clone()
    return weight, Update(_one(norm(stepped.update)), _one(pushed), spectral, decay)


def _terms(
    grows: tuple[bool, ...], first: Tensor | None, now: Tensor | None
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """A value and its change as (1, examples, units); empty where it is not there, or had another shape at first.

    What is infinite from the start is masked, and counts as zero.
    """
    if now is None or now.dim() != len(grows) or not now.numel():
        return (), ()
    now = now.double()
    if first is None or first.shape != now.shape:
        return (_examples(now, grows),), ()
    first = first.double()
    change, masked = now - first, first.isinf()
    if masked.any():
        now, change = now.masked_fill(masked, 0.0), change.masked_fill(masked, 0.0)
    return (_examples(now, grows),), (_examples(change, grows),)


def _examples(value: Tensor, grows: tuple[bool, ...]) -> Tensor:
    """As (1, examples, units): units are the sizes that grow, examples all others."""
    order = [*(axis for axis, one in enumerate(grows) if not one), *(axis for axis, one in enumerate(grows) if one)]
    units = math.prod(size for size, one in zip(value.shape, grows, strict=True) if one)
    return value.permute(order).reshape(1, -1, units)


def norm(tensor: Tensor) -> float:
    """The Euclidean norm; summed in double precision where squares may leave the range of single.

    >>> norm(torch.tensor([3e-30, 4e-30]))
    5e-30
    """
    found = float(torch.linalg.vector_norm(tensor))
    if _SMALL < found < 1 / _SMALL or tensor.dtype == torch.float64:
        return found
    return float(torch.linalg.vector_norm(tensor.double()))


_SMALL = 1e-12


def _one(number: float) -> Tensor:
    return torch.tensor([number], dtype=torch.float64)
