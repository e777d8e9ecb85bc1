"""Probes: one step of a torch optimizer on a weight and gradients of chosen sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

from scalings.errors import ArgumentError

Factory = Callable[[list[Parameter]], Optimizer]
"""Makes the optimizer of these parameters."""
FANS = (24, 48, 96, 192)
BASE_FAN = 64
GRADIENT, WEIGHT = 1e-2, 1e-1
"""Root-mean-square entries at the base point."""
_RANK = 4
_RESOLVED = 1e-11
"""A step smaller than this share of the weight is lost in its rounding."""
_PARALLEL = 1e-6


@dataclass(frozen=True)
class Probe:
    """What the optimizer is fed: fans, norms of W and G, learning rate, and the seed of what is drawn."""

    fan_out: int
    fan_in: int
    gradient: float
    weight: float
    lr: float
    seed: int

    @property
    def entries(self) -> float:
        """The square root of the number of entries: a Frobenius norm over a root-mean-square entry."""
        return float((self.fan_out * self.fan_in) ** 0.5)


def base_probe(factory: Factory, gradient: float = GRADIENT, weight: float = WEIGHT) -> Probe:
    """The base point: these entries, and the learning rate that the optimizer comes with. Raises ArgumentError."""
    made = _make(factory, [Parameter(torch.zeros(BASE_FAN, BASE_FAN, dtype=torch.float64))])
    lr = made.param_groups[0]["lr"]
    if not isinstance(lr, int | float | Tensor) or not lr > 0:
        raise ArgumentError("optimizer", f"expected a learning rate above 0, but got {lr!r:.60}")
    return Probe(BASE_FAN, BASE_FAN, gradient * BASE_FAN, weight * BASE_FAN, float(lr), 0)


def _make(factory: Factory, parameters: list[Parameter]) -> Optimizer:
    try:
        made = factory(parameters)
    except Exception as error:
        raise ArgumentError("optimizer", f"it cannot be made: {type(error).__name__}: {_line(error)}") from None
    if not isinstance(made, Optimizer):
        raise ArgumentError("optimizer", f"expected a torch.optim.Optimizer, but got a {type(made).__name__}")
    if not all("lr" in group for group in made.param_groups):
        raise ArgumentError("optimizer", f"{type(made).__name__} has no 'lr' in its parameter groups to vary")
    return made


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or "no message"


def _weight(probe: Probe, generator: torch.Generator) -> Tensor:
    return _scaled(torch.randn(probe.fan_out, probe.fan_in, dtype=torch.float64, generator=generator), probe.weight)


@dataclass(frozen=True)
class Gradients:
    """A stream of gradients U C V, each of the probe's norm; U and V stay, and so does half of the small matrix C.

    The sequence of C is the same for all probes, and the columns of U and rows of V are orthonormal: how much new there
    is at a step, and how singular values lie, is then a constant of the law.
    """

    left: Tensor
    right: Tensor
    norm: float
    coefficients: Iterator[Tensor]

    @classmethod
    def of(cls, probe: Probe, generator: torch.Generator) -> Gradients:
        left, right = (
            torch.linalg.qr(torch.randn(fan, _RANK, dtype=torch.float64, generator=generator))[0]
            for fan in (probe.fan_out, probe.fan_in)
        )
        return cls(left, right.mT, probe.gradient, _coefficients())

    def draw(self) -> Tensor:
        return _scaled(self.left @ next(self.coefficients) @ self.right, self.norm)


def _coefficients() -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(0)
    lasting = torch.randn(_RANK, _RANK, dtype=torch.float64, generator=generator)
    while True:
        yield lasting + torch.randn(_RANK, _RANK, dtype=torch.float64, generator=generator)


def _scaled(matrix: Tensor, norm: float) -> Tensor:
    scaled: Tensor = matrix * (norm / torch.linalg.vector_norm(matrix))
    return scaled


def last_steps(factory: Factory, probes: Sequence[Probe], steps: int) -> list[tuple[Tensor, Tensor]]:
    """(W, the last step of it) for each of several layers of one optimizer, which have one learning rate.

    Raises ArgumentError for an optimizer that cannot be stepped like this.
    """
    generators = [torch.Generator().manual_seed(probe.seed) for probe in probes]
    starts = [_weight(probe, generator) for probe, generator in zip(probes, generators, strict=True)]
    streams = [Gradients.of(probe, generator) for probe, generator in zip(probes, generators, strict=True)]
    parameters = [Parameter(start.clone()) for start in starts]
    made = _make(factory, parameters)
    for group in made.param_groups:
        group["lr"] = probes[0].lr
    try:
        for _ in range(steps):
            for parameter, start, stream in zip(parameters, starts, streams, strict=True):
                parameter.data.copy_(start)
                parameter.grad = stream.draw()
            made.step()
    except Exception as error:
        raise ArgumentError(
            "optimizer", f"{type(made).__name__} cannot be stepped: {type(error).__name__}: {_line(error)}"
        ) from None
    return [(start, parameter.detach() - start) for start, parameter in zip(starts, parameters, strict=True)]


@dataclass(frozen=True)
class Subject:
    """An optimizer under study: how to make one, how many steps it takes, and its decay (None if it is no decay)."""

    factory: Factory
    steps: int
    decay: float | None

    def step_size(self, probe: Probe) -> float:
        """|dW|_F of the last step, the decay taken out; 0 if it is lost in rounding, nan if the step is."""
        ((weight, step),) = last_steps(self.factory, [probe], self.steps)
        size = float(torch.linalg.vector_norm(step + probe.lr * (self.decay or 0.0) * weight))
        return 0.0 if size <= _RESOLVED * probe.weight else size


def find_decay(factory: Factory, base: Probe, steps: int) -> float | None:
    """lambda if steps without gradient are -eta lambda W, 0 if there are none, None if they are anything else."""
    found = []
    for lr, weight in ((base.lr, base.weight), (base.lr / 4, base.weight), (base.lr, base.weight * 8)):
        ((start, step),) = last_steps(factory, [replace(base, gradient=0.0, lr=lr, weight=weight)], steps)
        decay = abs(float((step * start).sum() / (start * start).sum())) / lr
        if not torch.linalg.vector_norm(step + lr * decay * start) <= _PARALLEL * lr * abs(decay) * weight:
            return None
        found.append(decay)
    return found[0] if np.ptp(found) <= 1e-3 * abs(found[0]) else None


def find_coupling(factory: Factory, base: Probe, steps: int) -> float:
    """By how many e-folds a layer's step changes when another layer's gradient grows or falls a thousandfold."""

    def first(other: float) -> float:
        ((_, step), _) = last_steps(factory, [base, replace(base, gradient=base.gradient * other, seed=1)], steps)
        return float(torch.linalg.vector_norm(step))

    sizes = [first(other) for other in (1e-3, 1.0, 1e3)]
    return float(np.log(max(sizes) / min(sizes))) if min(sizes) > 0 else 0.0
