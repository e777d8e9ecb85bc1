"""Ensembles of graphs: networks of any seeds, each at a learning rate of its own, trained as one batch.

Each member has its weights to itself, those of one seed the same at first. An optimizer's step from given weights
is in proportion to its learning rate, and so is what decay takes in it: `ScaledSteps` lets the optimizer step at the
base rate and moves each member by its own multiple of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from empirical.data.tasks import Task
from empirical.engines.graph.module import Graph
from empirical.engines.graph.setting import Setting
from empirical.engines.graph.training import Steps, trajectory
from empirical.tensors.arrays import Array
from scalings.errors import ArgumentError
from scalings.results.trials import Training


@dataclass(frozen=True)
class ScaledSteps:
    """Steps of a graph whose learning rates are each member's factor, of shape (members,), times those of `steps`."""

    graph: Graph
    steps: Steps
    factors: Tensor

    def take(self, gradients: dict[str, Tensor]) -> None:
        """In place, as the optimizer steps: it keeps these tensors."""
        moving = [update.data for update in self.graph.updates.values()] + list(self.graph.shrunk.values())
        before = [tensor.clone() for tensor in moving]
        # Factorizations do not take what has diverged; its loss has said so.
        self.steps.take({weight: gradient.nan_to_num(0.0, 0.0, 0.0) for weight, gradient in gradients.items()})
        for tensor, start in zip(moving, before, strict=True):
            factor = self.factors.view(-1, *[1] * (tensor.dim() - 2))
            tensor.sub_(start).mul_(factor).add_(start)

    def penalized(self, gradients: dict[str, Tensor]) -> dict[str, Tensor]:
        return self.steps.penalized(gradients)


def check_rates(training: Training) -> None:
    """Raises ArgumentError for an optimizer whose decay does not change with its learning rate."""
    if any(law.decay == "independent" for law in training.law.parts):
        raise ArgumentError(
            "optimizer",
            f"expected one whose decay is in proportion to its learning rate, but got {training.optimizer!r}: many "
            "learning rates are trained at once",
        )


def train_losses(
    setting: Setting, training: Training, task: Task, seeds: Sequence[int], factors: Array, device: str
) -> Array:
    """The loss at every step, (steps + 1, members), for a seed and a factor on all learning rates of each member."""
    graph = Graph(setting, seeds, device)
    inputs, targets = (torch.tensor(array, device=device) for array in (task.inputs, task.targets))
    steps = ScaledSteps(graph, Steps(graph, training), torch.tensor(factors, device=device))
    quick = replace(training, observing="coordinates")
    return torch.stack([view.loss for view in trajectory(graph, quick, inputs, targets, steps)]).cpu().numpy()
