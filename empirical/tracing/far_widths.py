"""The shapes of a module's parameters at widths that no memory could hold, from the meta device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from empirical.tracing.functions import Function, name_of
from empirical.tracing.state import seeded
from scalings.tapes.tape import Parameter

FACTORS = (2**12, 2**14)
"""How much wider than the widest: both far from where a constant or rounding matters."""
Shapes = dict[str, tuple[int, ...]]
_RANDOM = {"randn": torch.empty, "rand": torch.empty}


class _Shapes(TorchFunctionMode):
    """Only shapes matter: what would be written to a tensor is left out. (It would load a compiler, for seconds.)"""

    def __torch_function__(
        self, func: Function, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name, kwargs = name_of(func), dict(kwargs or {})
        written = next(iter((*args, *kwargs.values())), None)
        if name.endswith("_") and not name.endswith("__") and isinstance(written, Tensor) and written.is_meta:
            return written
        if name in _RANDOM:
            kwargs.pop("generator", None)
            return _RANDOM[name](*args, **kwargs)
        return func(*args, **kwargs)


def far_shapes(
    build: Callable[[int], nn.Module], widest: int, parameters: Sequence[Parameter[int]]
) -> list[tuple[int, Shapes]]:
    """Two very large widths, each with the shapes of the parameters there, by first name.

    Nothing if the module cannot be built on the meta device, or has other parameters there: its code may ask for
    another device, or look at weights.
    """
    axes = {parameter.names[0]: len(parameter.shape) for parameter in parameters}
    found = []
    for factor in (1, *FACTORS):  # a build that does not respect the device shows so where it is small
        try:
            module = without_memory(build, factor * widest)
            shapes = {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}
        except Exception:  # of the user's own code, about a device that it never asked for
            return []
        same = {name: len(shape) for name, shape in shapes.items()} == axes
        if not same or not all(parameter.is_meta for parameter in module.parameters()):
            return []
        found.append((factor * widest, shapes))
    return found[1:]


def without_memory(build: Callable[[int], nn.Module], width: int) -> nn.Module:
    """The module on the meta device: it has shapes, and no numbers."""
    with seeded(), torch.device("meta"), _Shapes():
        return build(width)
