"""The update dW = W(t) - W(0) of a layer as an explicit matrix."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor

from empirical.tensors.buffers import SLAB, Terms, total
from empirical.tensors.norms import inner
from empirical.tensors.spectral_norms import spectral_norm
from empirical.weights import decay as decays
from empirical.weights.dense import DenseWeights
from empirical.weights.explicit_steps import ExplicitSteps


class MatrixUpdate:
    """dW as a matrix, of any law.

    A law that looks at no more than an entry's own past is carried out on a slab of rows at a time: what is computed on
    the way stays in the cache.
    """

    def __init__(
        self,
        optimizer: str,
        weights: DenseWeights,
        *,
        lr: float,
        multiplier: float,
        decay: float = 0.0,
        epsilon: float = 0.0,
    ) -> None:
        self._initial, self._lr, self._multiplier = weights.matrix, lr, multiplier
        self.matrix = weights.pool.empty(*weights.matrix.shape).zero_()
        self._steps = ExplicitSteps(
            optimizer, self._initial, self.matrix, lr=lr, decay=decay, epsilon=epsilon, empty=weights.pool.empty
        )
        self._applied = DenseWeights(self.matrix, weights.pool)
        self._is_sgd = decays.plain(optimizer) == "sgd"
        self._fraction = decays.constant_fraction(optimizer, lr, decay) or 0.0
        self.shrunk = self._steps.shrunk

    def step(self, d: Terms, h: Terms, image: Terms) -> None:  # noqa: ARG002 - only factors need the image
        scale = self._multiplier / d[0].shape[1]
        if self._is_sgd:
            self._add_factors(d, h, -self._lr * scale)
        else:
            self._steps.step(self._gradients(d, h, scale))

    def _add_factors(self, d: Terms, h: Terms, scale: float) -> None:
        """A step of SGD, whose gradient need not be formed."""
        if self.shrunk is not None:
            self.matrix.mul_(1 - self._fraction)
            self.shrunk += self._fraction * (1 - self.shrunk)
        for left, right in itertools.product(d, h):
            self.matrix.baddbmm_(left.mT, right, alpha=scale)

    def _gradients(self, d: Terms, h: Terms, scale: float) -> Iterator[tuple[slice, Tensor]]:
        """G in slabs of rows, each in the memory of the one before."""
        signals, right = (total(d) * scale).mT, total(h)
        fan_out, rows = signals.shape[1], self._slab()
        scratch = torch.empty_like(self.matrix[:, :rows])
        for start in range(0, fan_out, rows):
            left = signals[:, start : start + rows]
            yield slice(start, start + rows), torch.bmm(left, right, out=scratch[:, : left.shape[1]])

    def _slab(self) -> int:
        """The number of rows that are stepped at a time."""
        seeds, fan_out, fan_in = self.matrix.shape
        whole = not self._steps.by_rows or self.matrix.device.type != "cpu"
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
