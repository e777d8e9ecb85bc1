"""The terms of the change of what a weight makes, by the very call in which the module applies it:

    W h - W(0) h(0)  =  dW h(0)  +  W(0) dh  +  dW dh
                        layer       passthrough  interaction

They are sums over a few rows of the batch: a weight is read from memory for each of them, which is what they cost.

>>> layer, h = nn.Linear(2, 1, bias=False), torch.tensor([[3.0, 4.0]])
>>> start = torch.zeros(1, 2)
>>> with torch.no_grad():
...     _ = layer.weight.fill_(1.0)
>>> first = Use.of(nn.functional.linear, (torch.zeros(1, 2), layer.weight), {}, layer.weight)
>>> now = Use.of(nn.functional.linear, (h, layer.weight), {}, layer.weight)
>>> {name: float(size) for name, size in terms(first, now, start).items()}
{'layer': 0.0, 'passthrough': 0.0, 'interaction': 7.0}
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from empirical.tensors.sizes import beyond_roundings, sizes_of
from empirical.tracing.functions import Function, name_of
from scalings.criteria.observables import Quantity

_ROWS = 16
"""Of so many inputs: their mean square is that of all of them, up to a constant."""
_PLACES = {
    "linear": (0, 1),
    "matmul": (0, 1),
    "mm": (0, 1),
    "embedding": (1, 0),
    "conv1d": (0, 1),
    "conv2d": (0, 1),
    "conv3d": (0, 1),
}
"""Where these functions are given what a weight reads, and the weight; what follows is a bias, or says how."""


@dataclass(frozen=True)
class Use:
    """A call of a function that is linear in a weight, and in what the weight reads, if this is no index."""

    function: Function
    arguments: tuple[Any, ...]
    read: Tensor
    """The first rows of it; all, if these are indices."""
    weight: Tensor
    transposed: bool = False
    """Whether it is given the weight's transpose."""

    @classmethod
    def of(
        cls, function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any], weight: nn.Parameter
    ) -> Use | None:
        """The call without its bias; None if it is of another kind, or if it is given something made of the weight."""
        name = name_of(function)
        if name not in _PLACES or kwargs.keys() - {"bias"} or len(args) < 2:
            return None
        where, other = _PLACES[name]
        read, applied = args[where], args[other]
        transposed = applied is not weight
        if not isinstance(read, Tensor) or (transposed and not _is_transpose(applied, weight)):
            return None
        rows = _rows(name, read.detach())
        if rows is None or (name in ("matmul", "mm") and weight.dim() != 2):
            return None
        further = args[2:] if name == "embedding" else (None, *args[3:])
        return cls(function, further if len(args) > 2 else (), rows.clone(), weight.detach(), transposed)

    def made(self, read: Tensor, weight: Tensor) -> Tensor:
        """What the function makes of something else, without a bias."""
        where, _ = _PLACES[name_of(self.function)]
        applied = weight.t() if self.transposed else weight
        result: Tensor = self.function(*((read, applied) if where == 0 else (applied, read)), *self.arguments)
        return result

    @property
    def units(self) -> int:
        """How many units a result has."""
        is_last = name_of(self.function) in ("matmul", "mm", "embedding")
        return self.weight.shape[1 if is_last != self.transposed else 0]

    @property
    def reads_indices(self) -> bool:
        return not self.read.is_floating_point()

    def reads_as(self, other: Use) -> bool:
        """Whether it reads as many rows as another use, and if it reads indices, the same ones."""
        if self.read.shape != other.read.shape:
            return False
        return not self.reads_indices or torch.equal(self.read, other.read)


class Moving(Protocol):
    """A parameter that is trained."""

    @property
    def initial(self) -> Tensor: ...
    @property
    def start(self) -> float:
        """|W(0)|"""
        ...

    @property
    def kept(self) -> float:
        """What decay has left of W(0)."""
        ...

    @property
    def sizes(self) -> Mapping[Quantity, float]:
        """|dW|, of what updates did without what decay took, and |W| where it is observed."""
        ...


class Uses:
    """What weights make in the first pass of a training and in a later one, and its terms."""

    def __init__(self, weights: Mapping[str, tuple[str, nn.Parameter, Moving]]) -> None:
        """By name of the value that a call makes: the name of the layer, its weight, and how this has moved."""
        self._weights = weights
        self._first: dict[str, Use] = {}
        self.found: dict[tuple[Quantity, str], float] = {}
        self.reread: set[str] = set()
        """The values that are made of other rows of their weight than at first, as the nearest codes of a codebook."""

    def begin(self, value: str, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A call in the first pass."""
        if value in self._weights and (use := Use.of(function, args, kwargs, self._weights[value][1])):
            self._first[value] = use

    def end(self, value: str, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A call in the later pass."""
        if value not in self._first:
            return
        name, weight, moving = self._weights[value]
        first, use = self._first[value], Use.of(function, args, kwargs, weight)
        if use and not use.reads_as(first):
            self.reread.add(value)
        elif use:
            sizes = terms(first, use, moving.initial, moving.kept)
            self.found |= {(term, name): size for term, size in sizes.items()}


def terms(first: Use, now: Use, start: Tensor, kept: float = 1.0) -> dict[Quantity, float]:
    """The root mean square over rows of the norm of each term, of uses before any update and now that read alike, and
    of the weight as it started, of which decay has `kept` so much."""
    rows = first.read[:_ROWS] if now.reads_indices else torch.cat([first.read, now.read - first.read])
    with torch.no_grad():
        after, before = now.made(rows, now.weight), now.made(rows, start)
        moved = torch.sub(after, before, alpha=kept)
    number = min(len(first.read), _ROWS)
    known = [moved[:number], before[:number]]
    if not now.reads_indices:
        known += [moved[number:], before[number:]]
    layer, whole, *others = (size / math.sqrt(max(known[0].numel() // now.units, 1)) for size in sizes_of(known))
    found: dict[Quantity, float] = {"layer": beyond_roundings(layer, kept, whole, moved.dtype)}
    if others:
        interaction, passthrough = others
        found["passthrough"] = passthrough
        found["interaction"] = beyond_roundings(interaction, kept, passthrough, moved.dtype)
    return found


def _is_transpose(applied: object, weight: Tensor) -> bool:
    """Whether it is a view of a matrix with its rows as columns."""
    if not isinstance(applied, Tensor) or applied._base is not weight or weight.dim() != 2:
        return False
    return applied.shape == weight.shape[::-1] and applied.stride() == weight.stride()[::-1]


def _rows(name: str, read: Tensor) -> Tensor | None:
    """The first inputs of a weight, of indices all, which are few; None if there is but one without an axis for it."""
    if name == "embedding":
        return read.reshape(-1)
    if name.startswith("conv"):
        return read[:_ROWS] if read.dim() == int(name[4]) + 2 else None
    return read.reshape(-1, read.shape[-1])[:_ROWS] if read.dim() else None
