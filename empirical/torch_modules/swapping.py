"""Swapping: `matrix_free` replaces the wide Gaussian layers of a torch model by matrix-free ones.

A wide model is built on the meta device, where weights take no memory, then swapped and trained as usual:

>>> import torch
>>> from scalings import factored, matrix_free
>>> with torch.device("meta"):
...     wide = torch.nn.Sequential(torch.nn.Linear(2**14, 2**14), torch.nn.Tanh(), torch.nn.Linear(2**14, 1))
>>> wide = matrix_free(wide.double(), std=2**-7, seed=0)
>>> optimizer = factored(torch.optim.SGD(wide.parameters(), lr=0.1, momentum=0.9))
>>> wide(torch.ones(1, 2**14, dtype=torch.float64)).square().sum().backward()
>>> optimizer.step()
>>> wide[0]
GaussianLinear(16384, 16384, std=0.00781, bias=True)

The output layer above, which has one unit, stays dense: a few examples would reveal all of it.

Layers that are not Gaussian, or whose weight is used elsewhere too, are refused with their name and the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import nn

from empirical.tensors.random_numbers import Stream
from empirical.torch_modules.eligibility import SWAPPABLE, Swappable, fans, not_gaussian, reason_against, rms
from empirical.torch_modules.layers import GaussianConv, GaussianLinear
from empirical.torch_modules.operator_parameters import OperatorParameter
from scalings.errors import ArgumentError

Std = float | Mapping[str, float] | Callable[[str, nn.Module], float] | None


def matrix_free(
    model: nn.Module,
    std: Std = None,
    *,
    seed: int | None = None,
    narrow: int = 64,
    keep_dense: bool = False,
    device: str = "cpu",
) -> nn.Module:
    """The model, changed in place: its linear layers and convolutions become matrix-free, exact in law.

    - `std`: that of the initial weights, a number for all layers, a mapping from names (other layers are kept), or a
      function of name and layer. By default that of the present weights, which must pass a test of being i.i.d.
      Gaussian. Layers that are swapped get new weights in any case.
    - `seed`: of the new weights; by default they follow torch.manual_seed.
    - `narrow`: layers with a fan of at most this are kept dense, with new Gaussian weights if `std` is given.
    - `keep_dense`: keep layers that cannot be swapped instead of raising an error.
    - `device`: where parameters on the meta device are initialised, by their module's reset_parameters.

    Biases are kept. Raises ArgumentError with the layer and the reason, before anything is changed, for layers that are
    not float64, not Gaussian, of a subclass, shared, with hooks, grouped or padded unusually, or within an attention
    that reads the weight itself.
    """
    chosen = {name: layer for name, layer in _weighted(model) if not isinstance(std, Mapping) or name in std}
    if isinstance(std, Mapping) and (unknown := sorted(set(std) - set(chosen))):
        names = ", ".join(name for name, _ in _weighted(model))
        raise ArgumentError("std", f"expected names of linear layers or convolutions ({names}), but got {unknown[0]!r}")
    swaps: dict[str, tuple[Swappable, float | None]] = {}
    for name, layer in chosen.items():
        reason = reason_against(model, layer)
        given = None if reason else _given(std, name, layer)
        reason = reason or (not_gaussian(layer.weight) if given is None else None)
        if reason is None:
            assert isinstance(layer, SWAPPABLE)
            swaps[name] = (layer, given)
        elif not keep_dense:
            raise ArgumentError("model", f"layer {name!r} {reason} (keep_dense=True leaves it as it is)")
    wide = {name for name, (layer, _) in swaps.items() if min(fans(layer)) > narrow}
    _check_can_materialise(model, {swaps[name][0] for name in wide})
    for index, (name, (layer, given)) in enumerate(swaps.items()):
        at = rms(layer.weight) if given is None else given
        key = None if seed is None else (seed, index)
        if name in wide:
            model = _replace(model, name, _swapped(layer, name, at, key, device))
        elif given is not None:
            _draw(layer, at, key, device)
    _materialise(model, device)
    return model


def _weighted(model: nn.Module) -> Iterator[tuple[str, nn.Linear | nn.modules.conv._ConvNd]]:
    for name, module in model.named_modules():
        if isinstance(module, (nn.Linear, nn.modules.conv._ConvNd)):
            yield name, module


def _given(std: Std, name: str, layer: nn.Module) -> float | None:
    value = std.get(name) if isinstance(std, Mapping) else std(name, layer) if callable(std) else std
    if value is not None and not 0 <= value < math.inf:
        raise ArgumentError("std", f"expected a finite number of at least 0 for layer {name!r}, but got {value}")
    return value


def _swapped(layer: Swappable, name: str, std: float, seed: tuple[int, int] | None, device: str) -> nn.Module:
    new: GaussianLinear | GaussianConv
    if isinstance(layer, nn.Linear):
        bias = layer.bias is not None
        new = GaussianLinear(layer.in_features, layer.out_features, bias, std=std, seed=seed, device=device, name=name)
    else:
        new = GaussianConv(layer, std=std, seed=seed, device=device, name=name)
    if layer.bias is not None and not layer.bias.is_meta:
        # The same parameter object, which an optimizer made before the swap refers to.
        new.bias = layer.bias
    new.weight.requires_grad_(layer.weight.requires_grad)
    return new.train(layer.training)


def _replace(model: nn.Module, name: str, layer: nn.Module) -> nn.Module:
    if not name:
        return layer
    parent, _, attribute = name.rpartition(".")
    setattr(model.get_submodule(parent), attribute, layer)
    return model


def _draw(layer: Swappable, std: float, seed: tuple[int, int] | None, device: str) -> None:
    if layer.weight.is_meta:
        layer.to_empty(device=device)
        layer.reset_parameters()
    with torch.no_grad():
        numbers = Stream.of(seed, layer.weight.device.type).normal(*fans(layer)).mul_(std)
        layer.weight.copy_(numbers.reshape(layer.weight.shape))


def _check_can_materialise(model: nn.Module, swapped: set[Swappable]) -> None:
    for name, module in model.named_modules():
        if _has_meta(module) and module not in swapped and not callable(getattr(module, "reset_parameters", None)):
            raise ArgumentError(
                "model",
                f"module {name!r}, a {type(module).__name__}, has parameters or buffers on the meta device, and no"
                " reset_parameters to initialise them: build it on a real device",
            )


def _materialise(model: nn.Module, device: str) -> None:
    for module in model.modules():
        if _has_meta(module):
            module.to_empty(device=device, recurse=False)
            module.reset_parameters()  # type: ignore[operator]


def _has_meta(module: nn.Module) -> bool:
    own = [*module._parameters.values(), *module._buffers.values()]
    return any(tensor is not None and tensor.is_meta and not isinstance(tensor, OperatorParameter) for tensor in own)
