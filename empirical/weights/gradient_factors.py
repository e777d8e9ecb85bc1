"""Gradients in their factors: G_s = U_s^T V_s of every step so far, and the Gram matrices of these rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from empirical.tensors.growing_rows import Rows


class Factor:
    """U or V, and its Gram matrix, to which only what is new is added."""

    def __init__(self, rows: Tensor) -> None:
        self._rows, self._gram = Rows(rows), rows.new_empty(len(rows), 0, 0)

    @property
    def rows(self) -> Tensor:
        return self._rows.all

    def append(self, rows: Tensor) -> None:
        self._rows.append(rows)

    def gram(self) -> Tensor:
        """The inner products of all rows, of shape (seeds, k, k)."""
        known = self._gram.shape[1]
        new = self.rows[:, known:] @ self.rows.mT
        self._gram = torch.cat([torch.cat([self._gram, new[:, :, :known].mT], dim=2), new], dim=1)
        return self._gram


@dataclass(frozen=True)
class Past:
    """All gradients so far in their factors, the last `batch` rows being this step's."""

    outputs: Factor
    inputs: Factor
    multiplier: float
    batch: int
    shape: tuple[int, int]
    """(fan_out, fan_in)"""
    weight: Callable[[], Tensor]
    """|W(t)|_F, (seeds,)"""

    @property
    def left(self) -> Tensor:
        """U U^T, (seeds, k, k), of U with the multiplier in it."""
        return self.multiplier**2 * self.outputs.gram()

    @property
    def right(self) -> Tensor:
        """V V^T, (seeds, k, k)."""
        return self.inputs.gram()

    @property
    def ages(self) -> Tensor:
        """How many steps ago each row was added, 0 for this step's: (k,)."""
        rows = self.outputs.rows
        order = torch.arange(rows.shape[1] // self.batch - 1, -1, -1, dtype=rows.dtype, device=rows.device)
        return order.repeat_interleave(self.batch)

    @property
    def same_step(self) -> Tensor:
        """1 for pairs of rows of one step, else 0: (k, k)."""
        return (self.ages[:, None] == self.ages).to(self.outputs.rows.dtype)

    @property
    def size(self) -> Tensor:
        """|G|_F of this step, (seeds,)."""
        left, right = (grams[:, -self.batch :, -self.batch :] for grams in (self.left, self.right))
        return (left * right).sum(dim=(1, 2)).clamp(min=0).sqrt()
