"""DW as a matrix."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from empirical.tensors.buffers import SLAB, Terms, total
from empirical.tensors.norms import inner
from empirical.tensors.spectral_norms import spectral_norm
from empirical.weights.dense import DenseWeights
from empirical.weights.entrywise_laws import EntryLaw


class MatrixUpdate:
    """dW as a matrix: of a law that acts on the entries of G, or of SGD (None).

    A law that looks at no more than an entry's own past is carried out on a slab of rows at a time: what is computed on
    the way stays in the cache.
    """

    def __init__(self, law: Callable[[], EntryLaw] | None, weights: DenseWeights, lr: float, multiplier: float) -> None:
        self._initial, self._lr, self._multiplier = weights.matrix, lr, multiplier
        self._law, self._steps = law() if law else None, 0
        moments = self._law.moments if self._law else 0
        self.matrix, *self._moments = (weights.pool.empty(*weights.matrix.shape).zero_() for _ in range(1 + moments))
        self._applied = DenseWeights(self.matrix, weights.pool)

    def step(self, d: Terms, h: Terms, image: Terms) -> None:  # noqa: ARG002 - only factors need the image
        scale = self._multiplier / d[0].shape[1]
        if self._law is None:
            for left, right in itertools.product(d, h):
                self.matrix.baddbmm_(left.mT, right, alpha=-self._lr * scale)
            return
        self._steps += 1
        rows = self._slab(self._law)
        signals, right = (total(d) * scale).mT, total(h)
        scratch = torch.empty_like(self.matrix[:, :rows])
        pieces = zip(
            *(torch.split(whole, rows, dim=1) for whole in (signals, self.matrix, *self._moments)), strict=True
        )
        for left, matrix, *moments in pieces:
            gradient = torch.bmm(left, right, out=scratch[:, : left.shape[1]])
            matrix.add_(self._law(gradient, moments, self._steps, self._weight), alpha=-self._lr)

    def _slab(self, law: EntryLaw) -> int:
        """The rows that the law is carried out on at a time."""
        seeds, fan_out, fan_in = self.matrix.shape
        whole = not law.local or self.matrix.device.type != "cpu"
        return fan_out if whole else max(1, 2 * SLAB // (seeds * fan_in))

    def apply(self, h: Terms) -> Tensor:
        return self._applied.apply(total(h))

    def apply_transpose(self, d: Terms) -> Tensor:
        return self._applied.apply_transpose(total(d))

    def frobenius(self) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(self.matrix, dim=(1, 2))
        return norm

    def spectral(self) -> Tensor:
        return spectral_norm(self.matrix)

    def inner(self) -> Tensor:
        return inner((self._initial,), (self.matrix,))

    def _weight(self) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(self._initial + self.matrix, dim=(1, 2))
        return norm
