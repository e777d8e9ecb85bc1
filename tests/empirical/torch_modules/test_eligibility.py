"""Layers that may not be made matrix-free are refused by name, with the reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from empirical.torch_modules.layers import GaussianLinear
from empirical.torch_modules.swapping import matrix_free
from scalings.errors import ArgumentError
from tests.empirical.torch_modules.test_swapping import line

pytestmark = pytest.mark.usefixtures("one_thread")


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.MultiheadAttention(80, 2)


class Mine(nn.Linear):
    pass


class Loose(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.line = nn.Linear(80, 80)


def tied() -> nn.Module:
    model = nn.Sequential(nn.Linear(80, 80), nn.Linear(80, 80))
    model[1].weight = model[0].weight
    return model


def hooked() -> nn.Module:
    model = nn.Sequential(nn.Linear(80, 80))
    model[0].register_forward_hook(lambda *_: None)
    return model


def trained() -> nn.Module:
    model = nn.Sequential(nn.Linear(80, 80))
    nn.init.normal_(model[0].weight, std=0.1)
    with torch.no_grad():
        model[0].weight += 4 * torch.outer(torch.randn(80), torch.randn(80)) / 80
    return model


def orthogonal() -> nn.Module:
    model = nn.Sequential(nn.Linear(80, 80))
    nn.init.orthogonal_(model[0].weight)
    return model


REFUSED: dict[str, tuple[Callable[[], nn.Module], float | None, str]] = {
    "uniform": (lambda: nn.Sequential(nn.Linear(80, 80)), None, "'0' is not Gaussian: the Kolmogorov-Smirnov"),
    "orthogonal": (orthogonal, None, "'0' is not i.i.d. Gaussian, or was trained: its largest singular value is 1,"),
    "trained": (trained, None, "'0' is not i.i.d. Gaussian, or was trained"),
    "shared": (lambda: nn.Sequential(line, nn.Tanh(), line), 0.1, "'0' is shared: it stands at two places"),
    "tied": (tied, 0.1, "'0' is shared: another module has the same weight"),
    "hooks": (hooked, 0.1, r"'0' has hooks \(_forward_hooks\)"),
    "subclass": (lambda: nn.Sequential(Mine(80, 80)), 0.1, "'0' is a Mine, of which nothing is known"),
    "attention": (Attention, 0.1, "'inner.out_proj' is a NonDynamicallyQuantizableLinear"),
    "groups": (lambda: nn.Conv2d(80, 80, 3, groups=2), 0.1, "has groups=2"),
    "volumes": (lambda: nn.Conv3d(80, 80, 3), 0.1, "is a Conv3d: convolutions other than Conv1d and Conv2d"),
    "loose": (lambda: Loose().to("meta"), 0.1, "module '', a Loose, has parameters or buffers on the meta device"),
    "meta": (lambda: nn.Linear(80, 80, device="meta"), None, "its std is needed"),
}


@pytest.mark.parametrize(("make", "size", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_swapped_is_refused_by_name_and_reason(
    make: Callable[[], nn.Module], size: float | None, reason: str
) -> None:
    torch.manual_seed(0)
    model = make().double()
    with pytest.raises(ArgumentError, match=reason):
        matrix_free(model, size)
    assert not any(isinstance(module, GaussianLinear) for module in model.modules())


def test_float32_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"'0' is torch\.float32: matrix-free layers are float64"):
        matrix_free(nn.Sequential(nn.Linear(80, 80)), 0.1)


def test_it_can_be_left_dense_if_asked() -> None:
    model = nn.Sequential(Mine(80, 80), nn.Linear(80, 80)).double()
    kinds = [type(layer) for layer in matrix_free(model, 0.1, keep_dense=True)]
    assert kinds == [Mine, GaussianLinear]
