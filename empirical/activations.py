"""Activations, and how they change: phi(z + dz) - phi(z) without subtracting two nearly equal numbers.

A wide network barely moves: at r = 0, dz is n^(-1/2) of z, and the observables are made of such changes.
So training is carried out on the changes themselves, with

    relu    max(z + dz, 0) - max(z, 0)  =  max(dz, -z) - max(0, -z)
    tanh    tanh(z + dz) - tanh(z)      =  tanh(dz) (1 - tanh(z) tanh(z + dz))
    gelu    x Phi(x)                    :  dz Phi(z + dz) + z (Phi(z + dz) - Phi(z))

of which only gelu's last bracket still cancels, in absolute terms at 1e-16.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from scalings.nodes import Activation

_ROOT_HALF = math.sqrt(0.5)


@dataclass(frozen=True)
class Phi:
    """An activation: its value at z, derivative at z, change of value and of derivative from z to z + dz.

    `gain` is 1 / sqrt(E phi(u)^2), u ~ N(0, 1): weights of scale gain / sqrt(fan_in) behind it keep
    preactivations at unit variance. It is a constant; no exponent depends on it.
    """

    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    change: Callable[[Tensor, Tensor], Tensor]
    slope_change: Callable[[Tensor, Tensor], Tensor]
    gain: float


def _relu_slope(z: Tensor) -> Tensor:
    return (z > 0).to(z.dtype)


def _relu_change(z: Tensor, dz: Tensor) -> Tensor:
    return torch.maximum(dz, -z) - torch.clamp(-z, min=0)


def _tanh_slope(z: Tensor) -> Tensor:
    return 1 - torch.tanh(z) ** 2


def _tanh_change(z: Tensor, dz: Tensor) -> Tensor:
    return torch.tanh(dz) * (1 - torch.tanh(z) * torch.tanh(z + dz))


def _tanh_slope_change(z: Tensor, dz: Tensor) -> Tensor:
    return -_tanh_change(z, dz) * (torch.tanh(z) + torch.tanh(z + dz))


def _normal_cdf(z: Tensor) -> Tensor:
    tail: Tensor = torch.special.erfc(-_ROOT_HALF * z)
    return 0.5 * tail


def _gelu_slope(z: Tensor) -> Tensor:
    return _normal_cdf(z) + z * torch.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)


def _gelu_change(z: Tensor, dz: Tensor) -> Tensor:
    after = _normal_cdf(z + dz)
    return dz * after + z * (after - _normal_cdf(z))


PHI: dict[Activation, Phi] = {
    "relu": Phi(torch.relu, _relu_slope, _relu_change, lambda z, dz: _relu_slope(z + dz) - _relu_slope(z), 2**0.5),
    "tanh": Phi(torch.tanh, _tanh_slope, _tanh_change, _tanh_slope_change, 1.5925374197228312),
    "gelu": Phi(
        lambda z: z * _normal_cdf(z),
        _gelu_slope,
        _gelu_change,
        lambda z, dz: _gelu_slope(z + dz) - _gelu_slope(z),
        1.5335304412500158,
    ),
    "linear": Phi(lambda z: z, torch.ones_like, lambda _, dz: dz, lambda z, _: torch.zeros_like(z), 1.0),
}
