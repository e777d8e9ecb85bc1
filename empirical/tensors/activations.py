"""Activations and their changes, phi(z + dz) - phi(z), without subtracting two nearly equal numbers.

In the lazy regime (r = 0) |dz| is n^(-1/2) of |z|, and the observables are norms of such changes. So training is
carried out on the changes themselves, with

    relu    max(z + dz, 0) - max(z, 0)  =  max(dz, -z) - max(0, -z)
    tanh    tanh(z + dz) - tanh(z)      =  tanh(dz) (1 - tanh(z) tanh(z + dz))
    gelu    x Phi(x)                    :  dz Phi(z + dz) + z (Phi(z + dz) - Phi(z))

Only gelu's last bracket still cancels, with an absolute error of 1e-16. A change of 1e-20 keeps all its digits:

>>> z, dz = torch.tensor([0.5], dtype=torch.float64), torch.tensor([1e-20], dtype=torch.float64)
>>> exact = PHI["tanh"].change(z, torch.tanh(z), dz)
>>> f"{float(exact):.3e}", float(torch.tanh(z + dz) - torch.tanh(z))
('7.864e-21', 0.0)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

_ROOT_HALF = math.sqrt(0.5)


@dataclass(frozen=True)
class Phi:
    """An activation h = phi(z): its value, its derivative, and the changes of both from z to z + dz, entry by entry."""

    value: Callable[[Tensor], Tensor]
    """phi(z), from z."""
    slope: Callable[[Tensor, Tensor], Tensor]
    """phi'(z), from z and h."""
    change: Callable[[Tensor, Tensor, Tensor], Tensor]
    """dh = phi(z + dz) - phi(z), from z, h and dz."""
    slope_after: Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
    """phi'(z + dz) and phi'(z + dz) - phi'(z), from z, h, dz and dh."""
    gain: float
    """1 / sqrt(E phi(u)^2) for u ~ N(0, 1): weights of scale gain / sqrt(fan_in) behind phi keep preactivations at unit
    variance. No exponent depends on it."""


def _relu_slope(z: Tensor, _: Tensor) -> Tensor:
    return (z > 0).to(z.dtype)


def _relu_change(z: Tensor, h: Tensor, dz: Tensor) -> Tensor:
    return torch.maximum(dz, -z).sub_(h - z)


def _relu_slope_after(z: Tensor, h: Tensor, dz: Tensor, dh: Tensor) -> tuple[Tensor, Tensor]:
    after = _relu_slope(z + dz, dh)
    return after, after - _relu_slope(z, h)


def _tanh_slope(_: Tensor, h: Tensor) -> Tensor:
    return 1 - h**2


def _tanh_change(z: Tensor, h: Tensor, dz: Tensor) -> Tensor:
    return torch.tanh(dz) * (1 - h * torch.tanh(z + dz))


def _tanh_slope_after(z: Tensor, h: Tensor, _dz: Tensor, dh: Tensor) -> tuple[Tensor, Tensor]:
    change = -dh * (2 * h + dh)
    return _tanh_slope(z, h) + change, change


def _normal_cdf(z: Tensor) -> Tensor:
    tail: Tensor = torch.special.erfc(-_ROOT_HALF * z)
    return 0.5 * tail


def _gelu_slope(z: Tensor, _: Tensor) -> Tensor:
    return _normal_cdf(z) + z * torch.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)


def _gelu_change(z: Tensor, _: Tensor, dz: Tensor) -> Tensor:
    after = _normal_cdf(z + dz)
    return dz * after + z * (after - _normal_cdf(z))


def _gelu_slope_after(z: Tensor, h: Tensor, dz: Tensor, dh: Tensor) -> tuple[Tensor, Tensor]:
    after = _gelu_slope(z + dz, dh)
    return after, after - _gelu_slope(z, h)


PHI: dict[str, Phi] = {
    "relu": Phi(torch.relu, _relu_slope, _relu_change, _relu_slope_after, 2**0.5),
    "tanh": Phi(torch.tanh, _tanh_slope, _tanh_change, _tanh_slope_after, 1.5925374197228312),
    "gelu": Phi(lambda z: z * _normal_cdf(z), _gelu_slope, _gelu_change, _gelu_slope_after, 1.5335304412500158),
    "linear": Phi(
        lambda z: z,
        lambda z, _: torch.ones_like(z),
        lambda _z, _h, dz: dz,
        lambda z, _h, _dz, _dh: (torch.ones_like(z), torch.zeros_like(z)),
        1.0,
    ),
}
