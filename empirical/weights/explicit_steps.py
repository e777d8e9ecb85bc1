"""Steps of weights that are explicit matrices, by any optimizer: W = (1 - s) W(0) + dW."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from empirical.weights import decay as decays
from empirical.weights.entrywise_laws import ENTRYWISE, Adam, Lamb
from empirical.weights.law import Law, divided, trust_ratio
from empirical.weights.low_rank_laws import Momentum, plain_law

EVERYTHING = slice(None)


class ExplicitSteps:
    """The steps of one layer's weights, W(0) and dW of shape (seeds, fan_out, fan_in): dW moves on in place.

    A vector is a matrix of one column. `decay` is lambda, where the optimizer's name says how it acts, and `epsilon` is
    Adam's.
    """

    def __init__(
        self,
        optimizer: str,
        initial: Tensor,
        update: Tensor,
        *,
        lr: float,
        decay: float = 0.0,
        epsilon: float = 0.0,
        empty: Callable[..., Tensor] | None = None,
    ) -> None:
        self._initial, self._update, self._lr, self._decay = initial, update, lr, decay
        self._law, self._kind = _law(decays.plain(optimizer), epsilon), decays.kind(optimizer)
        self._fraction = decays.constant_fraction(optimizer, lr, decay) or 0.0
        self._moments = [
            torch.zeros_like(update) if empty is None else empty(*update.shape).zero_()
            for _ in range(self._law.moments)
        ]
        self._of_initial = [update.new_zeros(len(update), 1, 1) for _ in self._moments]
        """The moments' share of W(0), where the loss has a term of it."""
        self._steps = 0
        self.shrunk = None if self._kind == "none" else update.new_zeros(len(update), 1, 1)
        """s, (seeds, 1, 1); moves on in place."""

    @property
    def by_rows(self) -> bool:
        """Whether rows may be stepped one after the other."""
        return self._law.local and self._kind in ("none", "coupled", "independent")

    @property
    def penalty(self) -> Tensor | None:
        """The gradient lambda W of the loss's term of the weights, if it has one."""
        return self._decay * self._weight() if self._kind == "l2" else None

    def step(self, gradients: Iterable[tuple[slice, Tensor]]) -> None:
        """One step from G, given in slabs of rows, all of it if not `by_rows`. May overwrite it."""
        self._steps += 1
        lost: Tensor | float = 0.0
        for rows, gradient in gradients:
            lost = self._move(rows, gradient)
        if self.shrunk is not None:
            self.shrunk += lost

    def _move(self, rows: slice, gradient: Tensor) -> Tensor | float:
        """Step dW; returns the increase of s."""
        update, moments = self._update[:, rows], [moment[:, rows] for moment in self._moments]
        if self._kind == "l2":
            linear = isinstance(self._law, Momentum)
            return self._move_linearly(gradient, moments) if linear else self._move_along_both(gradient, moments)
        if self._kind == "inside":
            return self._move_inside(gradient, moments)
        direction = self._law(gradient, moments, self._steps, self.size)
        if self.shrunk is None:
            update.add_(direction, alpha=-self._lr)
            return 0.0
        update.mul_(1 - self._fraction).add_(direction, alpha=-self._lr)
        return self._fraction * (1 - self.shrunk)

    def _move_linearly(self, gradient: Tensor, moments: list[Tensor]) -> Tensor:
        """The law of G + lambda dW, and the same one of lambda (1 - s), the number beside W(0)."""
        assert self.shrunk is not None
        gradient.add_(self._update, alpha=self._decay)
        self._update.add_(self._law(gradient, moments, self._steps, self.size), alpha=-self._lr)
        kept = self._decay * (1 - self.shrunk)
        return self._lr * self._law(kept, self._of_initial, self._steps, self.size)

    def _move_along_both(self, gradient: Tensor, moments: list[Tensor]) -> Tensor:
        """The law of G + lambda W, and its share along that."""
        assert self.shrunk is not None
        gradient.add_(self._weight(), alpha=self._decay)
        direction = self._law(gradient.clone(), moments, self._steps, self.size)
        along, squared = ((block * gradient).sum(dim=(1, 2), keepdim=True) for block in (direction, gradient))
        lost = self._lr * self._decay * divided(along, squared) * (1 - self.shrunk)
        self._update.add_(direction, alpha=-self._lr).add_(lost * self._initial)
        return lost

    def _move_inside(self, gradient: Tensor, moments: list[Tensor]) -> Tensor:
        """LAMB's: u + lambda W, scaled to |W|."""
        assert isinstance(self._law, Lamb)
        assert self.shrunk is not None
        direction = self._law.plain(gradient, moments, self._steps, self.size)
        both = torch.linalg.vector_norm(direction + self._decay * self._weight(), dim=(1, 2))
        rate = self._lr * trust_ratio(self.size(), both)[:, None, None]
        fraction = self._decay * rate
        self._update.mul_(1 - fraction).sub_(rate * direction)
        return fraction * (1 - self.shrunk)

    def _weight(self) -> Tensor:
        kept = self._initial if self.shrunk is None else (1 - self.shrunk) * self._initial
        return kept + self._update

    def size(self) -> Tensor:
        """|W(t)|_F, (seeds,)."""
        norm: Tensor = torch.linalg.vector_norm(self._weight(), dim=(1, 2))
        return norm


def _law(name: str, epsilon: float) -> Law:
    if name == "adam" and epsilon:
        return Adam(eps=epsilon)
    return ENTRYWISE[name]() if name in ENTRYWISE else plain_law(name)
