"""SGD's dW of layers whose W(0) is revealed, as coefficients in the bases that W(0) has anyway.

Q spans all inputs h of the layer and P all its backward signals d, so a step's sum of outer products has a core,

    dW  =  -eta g/B  sum over steps and examples of  d h^T  =  P^T C Q,    C <- C - eta g/B D^T H,

with D and H the coordinates of d and h. The bases are orthonormal: |dW|_F = |C|_F and |dW|_2 = |C|_2. A first layer's
transpose is never applied, so nothing spans its d; its inputs are few, and dW = A^T Q.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from empirical.tensors.buffers import Terms, total
from empirical.tensors.norms import inner
from empirical.tensors.orthonormal_bases import padded
from empirical.tensors.spectral_norms import spectral_norm
from empirical.weights.decay import ConstantDecay
from empirical.weights.revealed import Coordinates, FreeWeights, RevealedSide

Cores = list[Tensor | None]
"""A small matrix for each seed; None once its run has diverged."""


class CoreUpdate:
    """dW = P^T C Q, C of shape (p, q) for the first rows of P and of Q."""

    def __init__(self, weights: FreeWeights, *, lr: float, multiplier: float, fraction: float | None = None) -> None:
        self._weights, self._lr, self._multiplier = weights, lr, multiplier
        self._decay = ConstantDecay(fraction)
        self._cores: Cores = [basis.basis.new_zeros(0, 0) for basis in weights.inputs.bases]
        self._inner: list[Tensor] = []

    @property
    def shrunk(self) -> Tensor | None:
        return self._decay.shrunk

    def step(self, d: Terms, h: Terms, image: Terms) -> None:
        factor = -self._lr / d[0].shape[1]
        self._decay.step(*self._inner, *(core for core in self._cores if core is not None))
        self._inner.append(factor * inner(d, image))
        left, right = _coordinates(self._weights.outputs, d), _coordinates(self._weights.inputs, h)
        for seed, (core, a, b) in enumerate(zip(self._cores, left, right, strict=True)):
            if core is None or a is None or b is None:
                self._cores[seed] = None
            else:
                step = (a.mT @ b).mul_(factor * self._multiplier)
                self._cores[seed] = step.add_(padded(core, *step.shape))

    def apply(self, h: Terms) -> Tensor:
        transposed = [None if core is None else core.mT for core in self._cores]
        return self._multiply(h, self._weights.inputs, transposed, self._weights.outputs)

    def apply_transpose(self, d: Terms) -> Tensor:
        return self._multiply(d, self._weights.outputs, self._cores, self._weights.inputs)

    def _multiply(
        self, block: Terms, side: RevealedSide, cores: Sequence[Tensor | None], other: RevealedSide
    ) -> Tensor:
        found = self._weights.pool.empty(*block[0].shape[:2], other.units)
        for out, rows, core, revealed in zip(found, _coordinates(side, block), cores, other.bases, strict=True):
            if rows is None or core is None:
                out.fill_(math.nan)
            else:
                torch.mm(rows[:, : len(core)] @ core, revealed.basis[: core.shape[1]], out=out)
        return found

    def frobenius(self) -> Tensor:
        return self._of_cores(torch.linalg.vector_norm)

    def spectral(self) -> Tensor:
        return self._of_cores(lambda core: torch.linalg.matrix_norm(core, ord=2))

    def _of_cores(self, norm: Callable[[Tensor], Tensor]) -> Tensor:
        nan = torch.full((), math.nan, dtype=torch.float64, device=self._weights.pool.device)
        return torch.stack([nan if core is None or not core.isfinite().all() else norm(core) for core in self._cores])

    def inner(self) -> Tensor:
        return torch.stack(self._inner).sum(dim=0)


class OneSidedUpdate:
    """dW = A^T Q, A of shape (seeds, q, fan_out) for the first q rows of Q."""

    def __init__(self, weights: FreeWeights, *, lr: float, multiplier: float, fraction: float | None = None) -> None:
        self._weights, self._lr, self._multiplier = weights, lr, multiplier
        self._decay = ConstantDecay(fraction)
        self._images: list[Tensor] = []
        self._inner: list[Tensor] = []

    @property
    def shrunk(self) -> Tensor | None:
        return self._decay.shrunk

    def step(self, d: Terms, h: Terms, image: Terms) -> None:
        factor = -self._lr / d[0].shape[1]
        self._decay.step(*self._inner, *self._images)
        self._inner.append(factor * inner(d, image))
        right = self._rows(h)
        if not self._images:
            self._images = [rows.new_zeros(0, d[0].shape[2]) for rows in right]
        for seed, rows in enumerate(right):
            known = self._images[seed]
            if rows.shape[1] > len(known):
                self._images[seed] = self._weights.pool.empty(rows.shape[1], d[0].shape[2]).zero_()
                self._images[seed][: len(known)] = known
            for term in d:
                self._images[seed].addmm_(rows.mT, term[seed], alpha=factor * self._multiplier)

    def _rows(self, h: Terms) -> list[Tensor]:
        """The coordinates of h along Q; nan if it is not finite."""
        nan = h[0].new_full((h[0].shape[1], 1), math.nan)
        return [nan if rows is None else rows for rows in _coordinates(self._weights.inputs, h)]

    def apply(self, h: Terms) -> Tensor:
        found = self._weights.pool.empty(*h[0].shape[:2], self._weights.outputs.units)
        for out, rows, image in zip(found, self._rows(h), self._images, strict=True):
            torch.mm(rows[:, : len(image)], image, out=out)
        return found

    def apply_transpose(self, d: Terms) -> Tensor:
        bases = [
            basis.basis[: len(image)] for basis, image in zip(self._weights.inputs.bases, self._images, strict=True)
        ]
        parts = zip(total(d), self._images, bases, strict=True)
        return torch.stack([rows @ image.mT @ basis for rows, image, basis in parts])

    def frobenius(self) -> Tensor:
        return torch.stack([torch.linalg.vector_norm(image) for image in self._images])

    def spectral(self) -> Tensor:
        return torch.cat([spectral_norm(image[None]) for image in self._images])

    def inner(self) -> Tensor:
        return torch.stack(self._inner).sum(dim=0)


def _coordinates(side: RevealedSide, block: Terms) -> Coordinates:
    """Of a sum of blocks, along the basis as it is now."""
    found: list[Tensor | None] = []
    for basis, *terms in zip(side.bases, *(side.coordinates(term) for term in block), strict=True):
        whole = [padded(rows, len(rows), basis.count) for rows in terms if rows is not None]
        found.append(total(whole) if len(whole) == len(terms) else None)
    return tuple(found)
