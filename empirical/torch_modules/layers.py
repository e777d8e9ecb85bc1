"""Matrix-free layers: torch modules with an i.i.d. Gaussian initial weight that is never formed.

`GaussianLinear` replaces `nn.Linear`, `GaussianConv` a convolution, as a linear map on its patches. Their `weight` is a
`Handle`, their bias an ordinary parameter.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from empirical.tensors.gaussian_matrix import GaussianMatrix
from empirical.tensors.random_numbers import Stream
from empirical.torch_modules.operator_parameters import OperatorParameter, multiply
from empirical.torch_modules.operators import Operator
from scalings.errors import ArgumentError


class _Gaussian(nn.Module):
    """The base of matrix-free layers: a `Handle`, a bias, and errors for what needs the weight's numbers."""

    weight: OperatorParameter
    bias: Tensor | None

    def __init__(
        self,
        shape: tuple[int, int],
        bias: bool,
        std: float | None,
        seed: int | tuple[int, ...] | None,
        device: str,
        name: str,
    ) -> None:
        super().__init__()
        self.std = shape[1] ** -0.5 if std is None else float(std)
        if not 0 <= self.std < float("inf"):
            raise ArgumentError("std", f"expected a finite number of at least 0, but got {self.std}")
        gaussian = GaussianMatrix(shape, self.std, Stream.of(seed, device))
        self.weight = OperatorParameter(Operator(gaussian), name)
        self.bias = None
        if bias:
            bound = shape[1] ** -0.5
            values = torch.empty(shape[0], dtype=torch.float64, device=device).uniform_(-bound, bound)
            self.bias = nn.Parameter(values)

    def matrix(self) -> Tensor:
        """The current weight, (fan_out, fan_in): reveals and forms all of it, for small layers only."""
        with torch.no_grad():
            return self.weight.operator.matrix()

    def _apply(self, fn: Any, recurse: bool = True) -> _Gaussian:  # noqa: ARG002 - a leaf
        device = self.weight.operator.gaussian.device
        probe = fn(torch.empty(0, dtype=torch.float64, device=device))
        if (probe.device.type, probe.dtype) != (device.type, torch.float64):
            raise ArgumentError(
                "model",
                f"the matrix-free layer {self.weight.layer!r} stays float64 on {device.type}, and cannot become"
                f" {probe.dtype} on {probe.device.type}: name the device in scalings.matrix_free",
            )
        if self.bias is not None:
            self.bias.data = fn(self.bias.data)
        return self

    def _save_to_state_dict(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        raise ArgumentError(
            "model", f"the matrix-free layer {self.weight.layer!r} cannot be saved: its weight is never formed"
        )

    def extra_repr(self) -> str:
        fan_out, fan_in = self.weight.shape
        return f"{fan_in}, {fan_out}, std={self.std:.3g}, bias={self.bias is not None}"


class GaussianLinear(_Gaussian):
    """A matrix-free `nn.Linear` in float64 with initial weights N(0, std^2); std is 1/sqrt(in_features) by default.

    Without a `seed` weights follow torch.manual_seed; `name` is used in errors.

    >>> layer = GaussianLinear(2**16, 2**16, bias=False, seed=0)
    >>> layer(torch.ones(3, 2**16, dtype=torch.float64)).shape
    torch.Size([3, 65536])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        std: float | None = None,
        seed: int | tuple[int, ...] | None = None,
        device: str = "cpu",
        name: str = "GaussianLinear",
    ) -> None:
        super().__init__((out_features, in_features), bias, std, seed, device, name)
        self.in_features, self.out_features = in_features, out_features

    def forward(self, block: Tensor) -> Tensor:
        product = multiply(block, self.weight)
        return product if self.bias is None else product + self.bias


class GaussianConv(_Gaussian):
    """A matrix-free convolution of the shape of `like`, with initial weights N(0, std^2): a linear map on patches.

    Every patch reveals a direction of the weight. `forward` raises ArgumentError for a batch with more patches than a
    quarter of the smaller fan, since soon all of the weight would be revealed.
    """

    def __init__(
        self,
        like: nn.Conv1d | nn.Conv2d,
        *,
        std: float | None = None,
        seed: int | tuple[int, ...] | None = None,
        device: str = "cpu",
        name: str = "GaussianConv",
    ) -> None:
        fan_in = like.in_channels * math.prod(like.kernel_size)
        super().__init__((like.out_channels, fan_in), like.bias is not None, std, seed, device, name)
        flat = (1,) * (2 - len(like.kernel_size))
        self._kernel: tuple[int, ...] = (*flat, *like.kernel_size)
        self._stride: tuple[int, ...] = (*flat, *like.stride)
        self._dilation: tuple[int, ...] = (*flat, *like.dilation)
        self._padding = _padding(like)
        self._line = isinstance(like, nn.Conv1d)

    def forward(self, images: Tensor) -> Tensor:
        lone = images.dim() == len(self._kernel) + 1 - self._line
        batch = images[None] if lone else images
        batch = functional.pad(batch[:, :, None] if self._line else batch, self._padding)
        patches = functional.unfold(batch, self._kernel, self._dilation, stride=self._stride)
        self._check_patches(patches.shape[0] * patches.shape[2])
        found = multiply(patches.mT, self.weight)
        found = found if self.bias is None else found + self.bias
        sizes = [
            (size - dilation * (kernel - 1) - 1) // stride + 1
            for size, kernel, stride, dilation in zip(
                batch.shape[2:], self._kernel, self._stride, self._dilation, strict=True
            )
        ]
        out = found.mT.reshape(len(batch), -1, *sizes)
        out = out[:, :, 0] if self._line else out
        return out[0] if lone else out

    def _check_patches(self, patches: int) -> None:
        fan = min(self.weight.shape)
        if 4 * patches > fan:
            raise ArgumentError(
                "model",
                f"the convolution {self.weight.layer!r} sees {patches} patches in a batch, each a direction of its own,"
                f" which are not few against its fan of {fan}: leave it dense, or have at most {fan // 4} patches",
            )


def _padding(like: nn.Conv1d | nn.Conv2d) -> list[int]:
    """The padding for `functional.pad`: left and right of the last dimension first."""
    sides: list[int] = []
    for index in reversed(range(len(like.kernel_size))):
        if isinstance(like.padding, str):
            total = like.dilation[index] * (like.kernel_size[index] - 1) if like.padding == "same" else 0
            sides += [total // 2, total - total // 2]
        else:
            sides += [like.padding[index]] * 2
    return sides
