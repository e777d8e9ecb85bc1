"""Gradients: how large their entries are in the first steps of training, beside which an epsilon is large or small."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import nn

from empirical.tensors.sizes import sizes_of

FIRST = 3
"""The gradient of a weight before one that starts at zero is zero at first."""
_ROUNDING = 16
"""A sum of entries that cancel is off by so many roundings."""
_COARSEST = torch.finfo(torch.float32).eps
"""Sums of half precision, too, are taken in this one."""


class GradientSizes:
    """By name, the root mean square of the entries of a parameter's gradient, the largest of some steps; 0 where that
    is but the rounding of larger ones. Parameters whose gradients are zero exactly are left out."""

    def __init__(self) -> None:
        self.largest: dict[str, float] = {}

    def add(self, model: nn.Module) -> None:
        """The gradients that parameters have after a step, before which they may be clipped."""
        for name, size in _sizes(model):
            self.largest[name] = max(size, self.largest.get(name, 0.0))


def _sizes(model: nn.Module) -> Iterator[tuple[str, float]]:
    """Of each parameter with a gradient."""
    gradients = {name: one.grad for name, one in model.named_parameters() if one.grad is not None}
    found = zip(gradients.items(), sizes_of(gradients.values()), strict=True)
    sizes = {name: size / math.sqrt(max(one.numel(), 1)) for (name, one), size in found}
    largest = max(filter(math.isfinite, sizes.values()), default=0.0)
    for name, size in sizes.items():
        if size and math.isfinite(size):
            rounding = _ROUNDING * min(torch.finfo(gradients[name].dtype).eps, _COARSEST)
            yield name, size if size > rounding * largest else 0.0
