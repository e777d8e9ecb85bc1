"""Eligibility: the reasons why a layer cannot be replaced by a matrix-free one."""

from __future__ import annotations

import math
from collections import Counter

import torch
from torch import Tensor, nn

Swappable = nn.Linear | nn.Conv1d | nn.Conv2d
SWAPPABLE = (nn.Linear, nn.Conv1d, nn.Conv2d)
_FEW = 100
"""The number of entries below which weights are not tested: too few to tell their distribution."""
_SAMPLE = 2**20
_HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_state_dict_hooks",
    "_load_state_dict_pre_hooks",
)


def reason_against(model: nn.Module, layer: nn.Module) -> str | None:
    """The reason why a layer of the model cannot be swapped, whatever its weights; None if there is none."""
    kind = type(layer)
    if kind not in SWAPPABLE:
        return (
            f"is a {kind.__name__}, of which nothing is known but its base class"
            if not _is_conv(kind)
            else (f"is a {kind.__name__}: convolutions other than Conv1d and Conv2d are not supported")
        )
    assert isinstance(layer, SWAPPABLE)
    readers = [type(parent).__name__ for parent in model.modules() if _reads_weights(parent, layer)]
    uses = Counter(id(module) for _, module in model.named_modules(remove_duplicate=False))
    owners = sum(layer.weight is other for module in model.modules() for other in module._parameters.values())
    hooks = [name for name in _HOOKS if getattr(layer, name)]
    if isinstance(layer, nn.Conv1d | nn.Conv2d) and (layer.groups != 1 or layer.padding_mode != "zeros"):
        return f"has groups={layer.groups} and padding_mode={layer.padding_mode!r}: expected 1 and 'zeros'"
    for fails, reason in (
        (readers, f"is part of a {''.join(readers[:1])}, which reads its weight itself"),
        (uses[id(layer)] > 1, "is shared: it stands at two places of the model"),
        (owners > 1, "is shared: another module has the same weight"),
        (hooks, f"has hooks ({', '.join(hooks)}), which a swapped layer would not call"),
        (layer.weight._backward_hooks, "has hooks on its weight, of which there is no dense gradient"),
        (
            layer.weight.dtype != torch.float64,
            f"is {layer.weight.dtype}: matrix-free layers are float64, model.double()",
        ),
    ):
        if fails:
            return reason
    return None


def _is_conv(kind: type) -> bool:
    return kind.__module__ == nn.modules.conv.__name__


def _reads_weights(parent: nn.Module, layer: nn.Module) -> bool:
    return isinstance(parent, nn.MultiheadAttention) and layer in parent.children()


def not_gaussian(weight: Tensor) -> str | None:
    """The reason why weights cannot be freshly drawn i.i.d. N(0, std^2), or None.

    Tested are their marginal distribution, and their largest singular value, which shows low-rank parts from training.
    """
    if weight.is_meta:
        return "is on the meta device, where it has no weights: its std is needed"
    entries, size = weight.detach().flatten(1), rms(weight)
    if not math.isfinite(size):
        return "has weights that are not finite"
    if size == 0 or entries.numel() < _FEW:
        return None
    distance = _distance_from_normal(entries / size)
    if distance > 3:
        return f"is not Gaussian: the Kolmogorov-Smirnov statistic of its weights is {distance:.1f}, expected below 3"
    top, edge = _largest_singular_value(entries), size * sum(math.sqrt(fan) for fan in entries.shape)
    slack = 0.05 + 5 * min(entries.shape) ** (-2 / 3)
    if abs(top / edge - 1) > slack:
        return (
            f"is not i.i.d. Gaussian, or was trained: its largest singular value is {top:.3g}, expected {edge:.3g}"
            f" within {100 * slack:.0f} %"
        )
    return None


def _distance_from_normal(entries: Tensor) -> float:
    """sqrt(N) times the Kolmogorov-Smirnov distance from N(0, 1): above 3 with probability 3e-8 for normal numbers."""
    flat = entries.flatten()
    sample = flat[:: -(-len(flat) // _SAMPLE)].sort().values
    ranks = torch.arange(len(sample) + 1, dtype=sample.dtype, device=sample.device) / len(sample)
    normal = torch.special.ndtr(sample)
    gap = torch.maximum((ranks[1:] - normal).abs().max(), (normal - ranks[:-1]).abs().max())
    return math.sqrt(len(sample)) * float(gap)


def _largest_singular_value(matrix: Tensor, rounds: int = 30, block: int = 16) -> float:
    """The largest singular value by subspace iteration: a few percent too small at most for a Gaussian matrix."""
    start = torch.ones(matrix.shape[1], min(block, *matrix.shape), dtype=matrix.dtype, device=matrix.device).cumsum(0)
    basis = torch.sin(start * torch.arange(1, start.shape[1] + 1, dtype=matrix.dtype, device=matrix.device))
    for _ in range(rounds):
        basis = matrix.mT @ (matrix @ torch.linalg.qr(basis)[0])
    return float(torch.linalg.matrix_norm(matrix @ torch.linalg.qr(basis)[0], ord=2))


def fans(layer: Swappable) -> tuple[int, int]:
    """(fan_out, fan_in) of a layer, with a convolution's weight as a matrix on patches."""
    return len(layer.weight), math.prod(layer.weight.shape[1:])


def rms(weight: Tensor) -> float:
    """The root mean square of the entries."""
    return float(torch.linalg.vector_norm(weight.detach())) / math.sqrt(weight.numel())
