"""The update dW = W(t) - W(0) of a layer, kept as a product of factors of low rank."""

from __future__ import annotations

import torch
from torch import Tensor

from empirical.tensors.buffers import Terms, total
from empirical.tensors.spectral_norms import spectral_norm, spectral_norm_of_factors
from empirical.weights.decay import ConstantDecay, norm_now
from empirical.weights.dense import Weights
from empirical.weights.gradient_factors import Factor, Past
from empirical.weights.low_rank_laws import LowRankLaw


class FactoredUpdate:
    """dW = -eta g U^T S V of a law that keeps the low rank of gradients, with rows d/B in U and h in V."""

    def __init__(
        self, law: LowRankLaw, weights: Weights, *, lr: float, multiplier: float, fraction: float | None = None
    ) -> None:
        self._law, self._weights, self._lr, self._multiplier = law, weights, lr, multiplier
        self._decay = ConstantDecay(fraction)
        self._left: Factor | None = None
        self._right: Factor | None = None
        self._mix = torch.empty(0)
        # <W(0), g d h^T> = d . g W(0) h, and the forward pass has just computed g W(0) h.
        self._images: list[Tensor] = []
        self._inner: list[Tensor] = []

    def step(self, d: Terms, h: Terms, image: Terms) -> None:
        batch, shape = d[0].shape[1], (d[0].shape[2], h[0].shape[2])
        left, right = total(d) / batch, total(h)
        if self._left is None or self._right is None:
            self._left, self._right = Factor(left), Factor(right)
        else:
            self._left.append(left)
            self._right.append(right)
            self._mix = torch.nn.functional.pad(self._mix, (0, batch) * (self._mix.dim() - 1))
        self._images.append(total(image))
        self._inner.append((left * self._images[-1]).sum(dim=2))
        new = self._law.coefficients(Past(self._left, self._right, self._multiplier, batch, shape, self._weight))
        self._decay.step(self._mix)
        self._mix = self._mix + new if self._mix.numel() else new
        if new.dim() == 2:
            self._images.clear()  # of a diagonal S only the products within a row are needed

    @property
    def shrunk(self) -> Tensor | None:
        return self._decay.shrunk

    @property
    def factors(self) -> tuple[Tensor, Tensor]:
        """U and V, of shapes (seeds, k, fan_out) and (seeds, k, fan_in)."""
        left, right = self._factors
        return left.rows, right.rows

    @property
    def _factors(self) -> tuple[Factor, Factor]:
        assert self._left is not None
        assert self._right is not None
        return self._left, self._right

    @property
    def _grams(self) -> tuple[Tensor, Tensor]:
        left, right = self._factors
        return left.gram(), right.gram()

    def apply(self, h: Terms) -> Tensor:
        left, right = self.factors
        return self._mixed(total(h) @ right.mT, transpose=True) @ left

    def apply_transpose(self, d: Terms) -> Tensor:
        left, right = self.factors
        return self._mixed(total(d) @ left.mT) @ right

    def _mixed(self, coordinates: Tensor, *, transpose: bool = False) -> Tensor:
        """-eta g times coordinates (seeds, rows, k) times S or S^T."""
        scale = -self._lr * self._multiplier
        if self._mix.dim() == 2:
            return coordinates.mul_(scale * self._mix[:, None])
        return coordinates @ (scale * (self._mix.mT if transpose else self._mix))

    def frobenius(self) -> Tensor:
        if self._is_full:
            norm: Tensor = torch.linalg.vector_norm(self._dense(), dim=(1, 2))
            return norm
        over_outputs, over_inputs = self._grams
        squared = (over_outputs * self._sandwiched(over_inputs)).sum(dim=(1, 2))
        return squared.clamp(min=0).sqrt()

    def spectral(self) -> Tensor:
        if self._is_full:
            return spectral_norm(self._dense())
        over_outputs, over_inputs = self._grams
        return spectral_norm_of_factors(over_outputs, self._sandwiched(over_inputs))

    def _sandwiched(self, over_inputs: Tensor) -> Tensor:
        """(eta g)^2 S V V^T S^T."""
        scaled = self._lr * self._multiplier * self._mix
        if scaled.dim() == 2:
            return over_inputs * scaled[:, :, None] * scaled[:, None]
        return scaled @ over_inputs @ scaled.mT

    @property
    def _is_full(self) -> bool:
        """Whether dW is no larger than the Gram matrices of its factors."""
        left, right = self.factors
        return min(left.shape[2], right.shape[2]) <= left.shape[1]

    def inner(self) -> Tensor:
        if self._mix.dim() == 2:
            return -self._lr * (self._mix * torch.cat(self._inner, dim=1)).sum(dim=1)
        pairs = self.factors[0] @ torch.cat(self._images, dim=1).mT
        return -self._lr * (self._mix * pairs).sum(dim=(1, 2))

    def _dense(self) -> Tensor:
        left, right = self.factors
        return self._mixed(left.mT.clone()) @ right

    def _weight(self) -> Tensor:
        """|W(t)|_F, while a step is made: its own rows have no part in dW yet."""
        initial = self._weights.frobenius()
        if not self._mix.numel():
            return initial
        return norm_now(initial, self.inner(), self.frobenius(), self.shrunk)
