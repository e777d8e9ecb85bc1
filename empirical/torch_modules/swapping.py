"""Modules: any torch network, with its wide Gaussian layers made matrix-free.

A network of width n is built on the meta device, where its weights cost nothing, then swapped and trained as ever:

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

The output layer above, which has one unit, is a dense Gaussian: a narrow side is revealed by a few examples anyway.

What is not Gaussian, or would not notice that its weight was swapped, is refused by name and reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import nn

from empirical.tensors.random_numbers import Stream
from empirical.torch_modules.eligibility import SWAPPABLE, Swappable, fans, not_gaussian, obstacle, rms
from empirical.torch_modules.handles import Handle
from empirical.torch_modules.layers import GaussianConv, GaussianLinear
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
    """The model, changed in place: its linear layers and convolutions are matrix-free, exact in law.

    `std` is that of the weights: one for all layers, by name (other layers then stay as they are), or a function of
    name and layer. Without it it is taken from the weights, which are tested to be i.i.d. Gaussian. New ones are
    drawn from `seed`, or follow torch.manual_seed. Layers with a fan of at most `narrow` get an explicit Gaussian
    weight. Biases stay as they are. What the model has on the meta device is initialised on `device` by its
    own reset_parameters.

    Raises ArgumentError, before anything is changed, naming the layer and the reason: not float64, not Gaussian, a
    subclass, shared, with hooks, grouped or padded unusually, within an attention that reads the weight itself.
    `keep_dense` leaves such layers as they are.
    """
    chosen = {name: layer for name, layer in _weighted(model) if not isinstance(std, Mapping) or name in std}
    if isinstance(std, Mapping) and (unknown := sorted(set(std) - set(chosen))):
        names = ", ".join(name for name, _ in _weighted(model))
        raise ArgumentError("std", f"expected names of linear layers or convolutions ({names}), but got {unknown[0]!r}")
    swaps: dict[str, tuple[Swappable, float | None]] = {}
    for name, layer in chosen.items():
        reason = obstacle(model, layer)
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
        # The same parameter: an optimizer that was made before knows it.
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
    return any(tensor is not None and tensor.is_meta and not isinstance(tensor, Handle) for tensor in own)
