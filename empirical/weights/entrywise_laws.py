"""Laws that act on the entries of a gradient, or on its rows and columns, and destroy its low rank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from empirical.weights import decay
from empirical.weights.law import Law, Size, trust_ratio

_EPS_2 = 1e-3


class Sign:
    local: ClassVar[bool] = True
    moments: ClassVar[int] = 0

    def __call__(self, gradient: Tensor, _moments: Sequence[Tensor], _step: int, _size: Size) -> Tensor:
        return gradient.sign_()


@dataclass(frozen=True)
class Lion:
    local: ClassVar[bool] = True
    moments: ClassVar[int] = 1
    beta: tuple[float, float] = (0.9, 0.99)

    def __call__(self, gradient: Tensor, moments: Sequence[Tensor], _step: int, _size: Size) -> Tensor:
        (moment,) = moments
        step = torch.lerp(moment, gradient, 1 - self.beta[0]).sign_()
        moment.lerp_(gradient, 1 - self.beta[1])
        return step


@dataclass(frozen=True)
class Adam:
    """0/0 is read as no step. Moments are averages, weighted by beta^age: corrected for bias."""

    local: ClassVar[bool] = True
    moments: ClassVar[int] = 2
    beta: tuple[float, float] = (0.9, 0.999)
    eps: float = 0.0

    def __call__(self, gradient: Tensor, moments: Sequence[Tensor], step: int, _size: Size) -> Tensor:
        first, second = moments
        new, squared = ((1 - b) / (1 - b**step) for b in self.beta)
        first.lerp_(gradient, new)
        second.mul_(1 - squared).addcmul_(gradient, gradient, value=squared)
        # Where all gradients were zero so is the first moment, and the step; those whose square is 0 make a small one.
        root = torch.sqrt(second, out=gradient).clamp_(min=torch.finfo(second.dtype).tiny ** 0.5)
        if self.eps:
            root.add_(self.eps)
        return torch.div(first, root, out=root)


@dataclass(frozen=True)
class Lamb:
    local: ClassVar[bool] = False
    moments: ClassVar[int] = Adam.moments
    plain: Adam = Adam()
    """Its step before that is scaled to the size of the weights."""

    def __call__(self, gradient: Tensor, moments: Sequence[Tensor], step: int, size: Size) -> Tensor:
        plain = self.plain(gradient, moments, step, size)
        return plain * trust_ratio(size(), torch.linalg.vector_norm(plain, dim=(1, 2)))[:, None, None]


@dataclass
class Adafactor:
    """Relative steps: times the root mean square of W, after clipping the update's own at 1. Zero weights, which would
    never move, take eps_2 = 1e-3 in its place, as the paper's code does; larger ones are not compared with it."""

    local: ClassVar[bool] = False
    moments: ClassVar[int] = 0
    _rows: Tensor | None = None
    _columns: Tensor | None = None

    def __call__(self, gradient: Tensor, _moments: Sequence[Tensor], step: int, size: Size) -> Tensor:
        rows, columns = (gradient.square().mean(dim=dim, keepdim=True) for dim in (2, 1))
        if self._rows is not None and self._columns is not None:
            share = step**-0.8
            rows, columns = torch.lerp(self._rows, rows, share), torch.lerp(self._columns, columns, share)
        self._rows, self._columns = rows, columns
        mean = rows.mean(dim=1, keepdim=True)
        scaled = torch.where((rows == 0) | (columns == 0), 0.0, gradient * (mean / rows).sqrt() / columns.sqrt())
        entries = gradient.shape[1] * gradient.shape[2]
        spread = torch.linalg.vector_norm(scaled, dim=(1, 2))[:, None, None] / entries**0.5
        weight = size()[:, None, None] / entries**0.5
        relative: Tensor = scaled / spread.clamp(min=1.0) * torch.where(weight == 0, _EPS_2, weight)
        return relative


ENTRYWISE: dict[str, Callable[[], Law]] = {
    "sign": Sign,
    "lion": Lion,
    "adam": Adam,
    "lamb": Lamb,
    "adafactor": Adafactor,
}
"""Laws that need the matrix itself, by their names."""
_MATRICES: dict[str, int] = {"sign": 4, "lion": 5, "adam": 6, "lamb": 7, "adafactor": 6}


def matrices(optimizer: str) -> int:
    """How many matrices of a layer's size the dense engine holds at a time, W(0) among them."""
    name, kind = decay.plain(optimizer), decay.kind(optimizer)
    if kind == "l2" and name != "sgd":  # W, G + lambda W and its direction; factors are no longer enough
        return _MATRICES.get(name, 4) + 2
    return _MATRICES.get(name, 1)
