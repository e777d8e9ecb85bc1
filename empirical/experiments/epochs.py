"""Epochs: networks trained as in practice, by minibatches of real images, in single precision unless asked otherwise.

    loss = mean over examples and outputs of (f - y)^2;      SGD with momentum 0.9

All members of an ensemble are trained as one batch, each in its own order of the examples. The engines of measurements
(`empirical.engines`) take a few full-batch updates of a loss with the residual's initial part taken out, and observe
all that changes; here nothing is observed but the error on images that were not trained on.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from empirical.data.examples import Split
from empirical.tensors.arrays import Array

MOMENTUM = 0.9


class Members(Protocol):
    """Networks of one shape, all trained at once: member m is the m-th network of every weight and every output."""

    @property
    def seeds(self) -> Sequence[int]:
        """Of each member; it decides the order of its examples."""
        ...

    @property
    def weights(self) -> Sequence[Tensor]:
        """Each (members, ...), with requires_grad."""
        ...

    @property
    def rates(self) -> Sequence[Tensor]:
        """The learning rates of each weight, which broadcast against it."""
        ...

    def __call__(self, inputs: Tensor) -> Tensor:
        """(members, batch, ...) to (members, batch, outputs)"""
        ...


@dataclass(frozen=True)
class Schedule:
    """How long, and in how large steps, members are trained; examples that do not fill a batch are the last one."""

    epochs: int
    batch: int = 64
    every_epoch: bool = False
    """Look at the test error before the first and after every epoch, and not only after the last."""

    def steps(self, examples: int) -> int:
        """The number of updates."""
        return self.epochs * -(-examples // self.batch)


@dataclass(frozen=True)
class Trained:
    """Members after training: their outputs on the test images, and their errors on the way."""

    outputs: Array
    """(members, images, outputs)"""
    errors: Array
    """Mean squared error on the test images, (looks, members); inf where training diverged."""


def train(members: Members, data: Split, schedule: Schedule, stopped: threading.Event | None = None) -> Trained:
    """Train all members. Raises KeyboardInterrupt once `stopped` is set."""
    first, count = members.weights[0], len(members.seeds)
    tensors = (data.inputs, data.targets, data.test_inputs, data.test_targets)
    inputs, targets, test_inputs, test_targets = (
        torch.tensor(array, dtype=first.dtype, device=first.device) for array in tensors
    )
    orders = [np.random.default_rng((seed, 1)) for seed in members.seeds]
    moments = [torch.zeros_like(weight) for weight in members.weights]
    errors: list[Array] = []

    def look() -> Tensor:
        with torch.no_grad():
            outputs = members(test_inputs.expand(count, *test_inputs.shape))
            errors.append(
                ((outputs - test_targets) ** 2).mean(dim=(1, 2)).nan_to_num(torch.inf, torch.inf).cpu().numpy()
            )
        return outputs

    for _ in range(schedule.epochs):
        if schedule.every_epoch:
            look()
        order = torch.from_numpy(np.stack([one.permutation(len(inputs)) for one in orders])).to(first.device)
        for these in torch.split(order, schedule.batch, dim=1):
            if stopped and stopped.is_set():
                raise KeyboardInterrupt
            residual = members(inputs[these]) - targets[these]
            losses = (residual**2).mean(dim=(1, 2))
            gradients = torch.autograd.grad(losses.sum(), members.weights)
            with torch.no_grad():
                every = zip(members.weights, gradients, moments, members.rates, strict=True)
                for weight, gradient, moment, rate in every:
                    moment.mul_(MOMENTUM).add_(gradient)
                    weight.addcmul_(moment, rate, value=-1)
    return Trained(look().cpu().numpy(), np.stack(errors))
