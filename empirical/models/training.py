"""A model trained by its own optimizer, and what there is to observe after each step.

Where a schedule starts from another rate, as a warm-up from zero does, steps are taken at the peak.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from empirical.engines.module.problem import ModuleProblem
from empirical.engines.module.training import Trained, observations
from empirical.models.optimizers import optimizers_at_peak
from empirical.tracing.state import seeded
from empirical.tracing.user_code import user_code
from scalings.criteria.observables import Observable

MakeOptimizer = Callable[[nn.Module], Any]


class Own:
    """A parameter that the user's optimizer trains; what decay takes is part of its change."""

    shrunk = None

    def __init__(self, parameter: nn.Parameter) -> None:
        self.parameter = parameter
        self.initial = parameter.detach().clone(memory_format=torch.contiguous_format)

    @property
    def update(self) -> Tensor:
        return self.parameter.detach() - self.initial


def train(problem: ModuleProblem, make_optimizer: MakeOptimizer, width: int, seed: int) -> dict[Observable, float]:
    """Every observable at every step of one run."""
    module = problem.module(width, seed)
    with user_code("optimizer", f"it fails at width {width}"), seeded(seed):
        optimizers = optimizers_at_peak(make_optimizer(module))
    own = dict(module.named_parameters())
    observed = {
        node.name: Trained(names[-1], is_matrix=False, stepped=Own(own[names[-1]])) for node, names in problem.weights()
    }

    def step(gradients: Mapping[str, Tensor]) -> None:
        for name, parameter in own.items():
            if parameter.requires_grad:
                parameter.grad = gradients[name].clone()  # which clipping writes to
        with user_code("optimizer", f"its step fails at width {width}"), seeded(seed):
            for optimizer in optimizers:
                optimizer.step()

    return observations(problem, module, width, observed, step)
