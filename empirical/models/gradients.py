"""Gradients: how large their entries are in the first steps of training, beside which an epsilon is large or small."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import nn

from empirical.models.optimizers import optimizers_at_peak
from empirical.tracing.batches import Loss, batch_of
from empirical.tracing.modules import eager
from empirical.tracing.state import seeded
from empirical.tracing.trace import Build, built
from empirical.tracing.user_code import user_code

_STEPS = 3
"""The gradient of a weight before one that starts at zero is zero at first."""
_ROUNDING = 16
"""A sum of entries that cancel is off by so many roundings."""
_COARSEST = torch.finfo(torch.float32).eps
"""Sums of half precision, too, are taken in this one."""


def gradient_sizes(
    build: Build, optimizer: Callable[[nn.Module], Any], data: object, loss: Loss, widths: Sequence[int]
) -> dict[str, dict[int, float]]:
    """By name and width, the root mean square of the entries of a parameter's gradient, the largest of some steps; 0
    where that is but the rounding of larger ones. Parameters whose gradients are zero exactly are left out."""
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for width in widths:
        model = built(build, width)
        with user_code("optimizer", f"it fails at width {width}"), seeded():
            optimizers = optimizers_at_peak(optimizer(model))
        for _ in range(_STEPS):
            model.zero_grad()
            with user_code("loss", f"its gradient fails at width {width}"), seeded(), torch.enable_grad(), eager():
                loss(batch_of(data, width).copy().run(model)).backward()
            with user_code("optimizer", f"its step fails at width {width}"), seeded():
                for one in optimizers:
                    one.step()
            for name, size in _sizes(model):  # after the step, before which gradients may be clipped
                found[name][width] = max(size, found[name].get(width, 0.0))
    return found


def _sizes(model: nn.Module) -> Iterator[tuple[str, float]]:
    """Of each parameter with a gradient."""
    gradients = {name: one.grad.to_dense() for name, one in model.named_parameters() if one.grad is not None}
    sizes = {name: float(one.double().square().mean().sqrt()) for name, one in gradients.items()}
    largest = max(filter(math.isfinite, sizes.values()), default=0.0)
    for name, size in sizes.items():
        if size and math.isfinite(size):
            rounding = _ROUNDING * min(torch.finfo(gradients[name].dtype).eps, _COARSEST)
            yield name, size if size > rounding * largest else 0.0
