"""A model trained by its own optimizer, and what there is to observe after each step.

Where a schedule starts from another rate, as a warm-up from zero does, steps are taken at the peak.

*Precision.* A model is trained as it is, as a rule in float32. Its values are known to a few roundings, so that a
change of half of its digits, |dz| / |z| = 3e-4, is known to a percent or better even where a thousand roundings add up:
that moves the logarithm of a size by less than 0.01, and a power of the width over two octaves by as much. Where any
value or weight changes by less, is not finite, or is of a type with fewer digits, the run is done again in double
precision.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from empirical.engines.module.passes import Passes
from empirical.engines.module.placing import at_home_on, on_device
from empirical.engines.module.precision import double_precision
from empirical.engines.module.problem import ModuleProblem
from empirical.engines.module.training import Plan, Trained, observations
from empirical.models.building import Starts
from empirical.models.decay import left_by_decay
from empirical.models.fused_steps import fuse
from empirical.models.gradients import FIRST, GradientSizes
from empirical.models.optimizers import optimizers_at_peak, optimizers_in
from empirical.models.settings import Seen
from empirical.tensors.sizes import beyond_roundings, size_of_change, sizes_of
from empirical.tracing.state import reseed, seeded
from empirical.tracing.user_code import user_code
from scalings.criteria.observables import Observable, Quantity

_DOUBLE, _SINGLE = torch.finfo(torch.float64).eps, torch.finfo(torch.float32).eps
_LEAST = math.sqrt(_SINGLE)
"""The least change beside a value that is known well enough in single precision."""
_CHANGES: Mapping[Quantity, Quantity] = {"dz": "z", "dW_frobenius": "W_frobenius"}


class Own:
    """A parameter that the user's optimizer trains. What decay takes is told apart where the optimizer takes it apart
    from its step; else it is part of the change."""

    def __init__(self, parameter: nn.Parameter) -> None:
        self.parameter = parameter
        self.initial = parameter.detach().clone(memory_format=torch.contiguous_format)
        self.kept = 1.0
        """What decay has left of each entry."""

    @cached_property
    def start(self) -> float:
        """|W(0)|"""
        return sizes_of([self.initial])[0]

    @property
    def sizes(self) -> Mapping[Quantity, float]:
        """|dW|, without what decay took where that is known; zero where it is no more than roundings."""
        size = size_of_change(self.parameter.detach(), self.initial, self.kept)
        return {"dW_frobenius": beyond_roundings(size, self.kept, self.start, self.initial.dtype)}


@dataclass
class Runs:
    """Runs of one model, each done once: what a model is set like is read in the runs that are observed."""

    problem: ModuleProblem
    starts: Starts
    device: torch.device | None = None
    """To which models and data are moved; None leaves them where they are."""
    found: dict[tuple[int, int], dict[Observable, float]] = field(default_factory=dict)
    coarse: bool = False
    """Whether some run was done again in double precision, in which all others are done then."""
    _last: tuple[nn.Module, Sequence[Optimizer]] | None = None
    """The last run's, whose memory the next one takes as it is: what goes back to the system comes as new pages."""

    def seen(self, width: int) -> Seen:
        """The model of a width as it is made, and its gradients in the first steps, from the first run."""
        start, sizes = self.starts.taken(width, self.device), GradientSizes()
        self._as_it_is(start.module, optimizers_in(start.made), width, 0, sizes)
        return replace(start.seen, gradients=sizes.largest)

    def at(self, width: int, seed: int) -> dict[Observable, float]:
        """Every observable at every step of one run."""
        if (width, seed) not in self.found and not self.coarse:
            module = self._there(self.problem.module_as_given(width, seed))
            self._as_it_is(module, self._optimizers(module, width, seed), width, seed)
        if (width, seed) not in self.found:
            module, problem = self._there(self.problem.module(width, seed)), self.problem
            batch = on_device(problem.batch(width), self.device)
            passes = Passes(module, batch, problem.loss, width, lambda: problem.places, problem.trails, self._in_double)
            self.found[width, seed] = self._observed(passes, self._optimizers(module, width, seed), seed)
        return self.found[width, seed]

    def _as_it_is(
        self,
        module: nn.Module,
        optimizers: Sequence[Optimizer],
        width: int,
        seed: int,
        sizes: GradientSizes | None = None,
    ) -> None:
        """Train the model without a change; what too little is known of is not kept."""
        problem, home = self.problem, partial(at_home_on, self.device)
        self._last = module, optimizers
        batch = on_device(problem.batch_as_given(width), self.device)
        passes = Passes(module, batch, problem.loss, width, lambda: problem.places, problem.trails, home)
        found = self._observed(passes, optimizers, seed, sizes)
        if is_known(found, passes.precision):
            self.found[width, seed] = found
        else:
            self.coarse = True

    def _there(self, module: nn.Module) -> nn.Module:
        return module if self.device is None else module.to(self.device)

    @contextmanager
    def _in_double(self) -> Iterator[None]:
        with double_precision(), at_home_on(self.device):
            yield

    def _optimizers(self, module: nn.Module, width: int, seed: int) -> Sequence[Optimizer]:
        with user_code("optimizer", f"it fails at width {width}"), seeded(seed):
            return optimizers_at_peak(self.starts.optimizer(module))

    def _observed(
        self, passes: Passes, optimizers: Sequence[Optimizer], seed: int, sizes: GradientSizes | None = None
    ) -> dict[Observable, float]:
        module, width = passes.module, passes.width
        own, taken = dict(module.named_parameters()), 0
        observed: dict[str, Trained] = {}
        changing: dict[Tensor, Own] = {}
        for node, names in self.problem.weights():
            parameter = own[names[-1]]
            changing[parameter] = changing.get(parameter) or Own(parameter)
            observed[node.name] = Trained(names[-1], changing[parameter])

        def step(gradients: Mapping[str, Tensor]) -> None:
            nonlocal taken
            for name, parameter in own.items():
                if parameter.requires_grad:
                    parameter.grad = gradients[name]
            reseed(seed)
            with user_code("optimizer", f"its step fails at width {width}"):
                for optimizer in optimizers:
                    for one, left in left_by_decay(optimizer):
                        if one in changing:
                            changing[one].kept *= left
                    fuse(optimizer)
                    optimizer.step()
            taken += 1
            if sizes and taken <= FIRST:
                sizes.add(module)
            for parameter in own.values():
                parameter.grad = None

        plan, least = Plan.lean(self.problem.training.steps), FIRST if sizes else 0
        with seeded():
            return observations(self.problem, passes, observed, step, plan, least)


def is_known(found: Mapping[Observable, float], precision: float) -> bool:
    """Whether what was found in a precision is known well enough: whether all changes are large beside roundings.

    What is exactly zero is so in any precision: what moves none of its entries is beyond all that does.
    """
    if precision <= _DOUBLE:
        return True
    if precision > _SINGLE or not all(map(math.isfinite, found.values())):
        return False
    for one, size in found.items():
        whole = _CHANGES.get(one.quantity) if size else None
        if whole and size < _LEAST * max(found.get(Observable(whole, one.layer, step), 0.0) for step in (0, one.step)):
            return False
    return True
