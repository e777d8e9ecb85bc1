"""Optimizers that act on the entries of a gradient, and those that scale such a step as a whole."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import Parameter

from benchmarks.optimizers.matrixwise import Matrixwise, State, adam, average


class Lion(Matrixwise):
    """The sign of an interpolation (Chen et al., arXiv 2302.06675)."""

    def __init__(self, parameters: Iterable[Parameter], lr: float = 1e-4) -> None:
        super().__init__(parameters, lr)

    def direction(self, gradient: Tensor, weight: Tensor, state: State) -> Tensor:
        moment = state.setdefault("moment", torch.zeros_like(gradient))
        step = torch.lerp(moment, gradient, 0.1).sign()
        moment.lerp_(gradient, 0.01)
        return step


class Adan(Matrixwise):
    """Adam of Nesterov's gradient, by differences (Xie et al., arXiv 2208.06677)."""

    def __init__(self, parameters: Iterable[Parameter], lr: float = 1e-3) -> None:
        super().__init__(parameters, lr)

    def direction(self, gradient: Tensor, weight: Tensor, state: State) -> Tensor:
        step, betas = state["step"], (0.98, 0.92, 0.99)
        change = gradient - state.get("before", gradient)
        state["before"] = gradient.clone()
        values = gradient, change, (gradient + betas[1] * change).square()
        mean, slope, square = (
            average(state, f"moment{number}", value, beta) / (1 - beta**step)
            for number, (value, beta) in enumerate(zip(values, betas, strict=True))
        )
        made: Tensor = (mean + betas[1] * slope) / (square.sqrt() + 1e-8)
        return made


class AdEMAMix(Matrixwise):
    """Adam with a second, slow average of gradients (Pagliardini et al., arXiv 2409.03137)."""

    def __init__(self, parameters: Iterable[Parameter], lr: float = 1e-3, slow: float = 5.0) -> None:
        super().__init__(parameters, lr)
        self._slow = slow

    def direction(self, gradient: Tensor, weight: Tensor, state: State) -> Tensor:
        slow = average(state, "slow", gradient, 0.9999)
        return adam(gradient, state, beside=self._slow * slow)


class ScheduleFree(Matrixwise):
    """AdamW without a schedule: gradients at y, between z, which is stepped, and the average x of all z (Defazio et
    al., arXiv 2405.15682); the weight is y, as it is in training."""

    def __init__(self, parameters: Iterable[Parameter], lr: float = 2.5e-3) -> None:
        super().__init__(parameters, lr)

    def direction(self, gradient: Tensor, weight: Tensor, state: State) -> Tensor:
        beta, lr, share = 0.9, self.param_groups[0]["lr"], 1 / state["step"]
        z = state.setdefault("z", weight.clone())
        step = adam(gradient, state, (0.0, 0.999))
        moved = share * (z - weight) + lr * (beta * (1 - share) - 1) * step
        z.sub_(step, alpha=lr)
        made: Tensor = moved / -lr
        return made


class Sophia(Matrixwise):
    """G over an estimate of curvature, each entry at most 1 (Liu et al., arXiv 2305.14342), by Gauss, Newton and
    Bartlett: rho B EMA(G^2), of B = 480 sequences. That G is of sampled labels there, and of the loss here."""

    def __init__(self, parameters: Iterable[Parameter], lr: float = 1e-4) -> None:
        super().__init__(parameters, lr)
        self._scale = 0.04 * 480

    def direction(self, gradient: Tensor, weight: Tensor, state: State) -> Tensor:
        mean = average(state, "first", gradient, 0.965)
        curvature = average(state, "second", gradient.square(), 0.99)
        return (mean / (self._scale * curvature + 1e-15)).clamp(-1, 1)


class Prodigy(torch.optim.Optimizer):
    """Adam times an estimate d of the distance to a minimum, of all weights together (Mishchenko and Defazio, arXiv
    2306.06101, Algorithm 4)."""

    def __init__(self, parameters: Iterable[Parameter], lr: float = 1.0, distance: float = 1e-6) -> None:
        super().__init__(parameters, {"lr": lr})
        self.distance, self._reached = distance, 0.0

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # no loss is returned
        root, d = 0.999**0.5, self.distance
        weights = [(weight, group["lr"]) for group in self.param_groups for weight in group["params"]]
        self._reached *= root
        size = 0.0
        for weight, lr in weights:
            state = self.state[weight]
            state["step"] = state.get("step", 0) + 1
            start = state.setdefault("start", weight.clone())
            self._reached += (1 - root) * lr * d**2 * float((weight.grad * (start - weight)).sum())
            size += float(average(state, "sum", lr * d**2 * weight.grad, root).abs().sum())
        self.distance = max(d, self._reached / size if size else 0.0)
        for weight, lr in weights:
            state = self.state[weight]
            mean = average(state, "first", d * weight.grad, 0.9)
            square = average(state, "second", (d * weight.grad).square(), 0.999)
            weight.sub_(mean / (square.sqrt() + d * 1e-8), alpha=lr * d)


class Lamb(Matrixwise):
    """Adam, each matrix's step scaled to the size of the weight (You et al., arXiv 1904.00962)."""

    def __init__(self, parameters: Iterable[Parameter], lr: float = 1e-2) -> None:
        super().__init__(parameters, lr)

    def direction(self, gradient: Tensor, weight: Tensor, state: State) -> Tensor:
        step = adam(gradient, state, eps=1e-6)
        made: Tensor = step * (weight.norm() / step.norm())
        return made


class Lars(Matrixwise):
    """Momentum, each gradient scaled to the size of the weight (You et al., arXiv 1708.03888)."""

    def __init__(self, parameters: Iterable[Parameter], lr: float = 0.1) -> None:
        super().__init__(parameters, lr)

    def direction(self, gradient: Tensor, weight: Tensor, state: State) -> Tensor:
        scaled = 1e-3 * gradient * (weight.norm() / gradient.norm())
        moment = state.setdefault("moment", torch.zeros_like(gradient))
        made: Tensor = moment.mul_(0.9).add_(scaled)
        return made
