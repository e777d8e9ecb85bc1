"""Optimizers that step each matrix by itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

State = dict[str, Any]


class Matrixwise(torch.optim.Optimizer, ABC):
    """W <- W - lr u, with u the `direction` of the matrix's own gradients."""

    def __init__(self, parameters: Iterable[Parameter], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @abstractmethod
    def direction(self, gradient: Tensor, weight: Tensor, state: State) -> Tensor:
        """u, from G, W and what is kept of the past, in which "step" is 1 at the first."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # no loss is returned
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                state["step"] = state.get("step", 0) + 1
                weight.add_(self.direction(weight.grad, weight, state), alpha=-group["lr"])


def average(state: State, name: str, value: Tensor, beta: float) -> Tensor:
    """The running average beta M + (1 - beta) value, from M = 0; a tensor that moves on in place."""
    moment: Tensor = state.setdefault(name, torch.zeros_like(value))
    return moment.lerp_(value, 1 - beta)


def adam(
    gradient: Tensor,
    state: State,
    beta: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    beside: Tensor | float = 0.0,
) -> Tensor:
    """Adam's direction (Kingma and Ba, arXiv 1412.6980), of the average of gradients and what is `beside` it."""
    mean, square = (
        average(state, name, value, decay) / (1 - decay ** state["step"])
        for name, value, decay in (("first", gradient, beta[0]), ("second", gradient.square(), beta[1]))
    )
    made: Tensor = (mean + beside) / (square.sqrt() + eps)
    return made
