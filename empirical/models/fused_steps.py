"""Adam's steps by torch's fused kernel, which reads and writes each number once: the same steps, up to rounding."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim import Adam, AdamW, Optimizer

_KINDS = (Adam, AdamW)
_TYPES = (torch.float32, torch.float64)
_CHOICES = ("fused", "foreach", "capturable", "differentiable")
"""What a user may have chosen of how steps are computed, which is left as it is."""


def fuse(optimizer: Optimizer) -> None:
    """Let a fresh optimizer of torch's own take its steps so, where it takes the same ones."""
    if type(optimizer) not in _KINDS or optimizer.state:
        return
    groups = optimizer.param_groups
    if any(group.get(choice) for group in groups for choice in _CHOICES):
        return
    if all(_is_plain(parameter) for group in groups for parameter in group["params"]):
        for group in groups:
            group["fused"] = True


def _is_plain(parameter: Tensor) -> bool:
    gradient = parameter.grad
    return type(parameter.data) is Tensor and (
        gradient is None or (gradient.layout == torch.strided and gradient.dtype in _TYPES)
    )
