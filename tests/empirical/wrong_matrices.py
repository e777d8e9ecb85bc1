"""Gaussian matrices that are revealed wrongly: what every test of their law must catch."""

from __future__ import annotations

import torch
from torch import Tensor

from empirical.tensors.gaussian_matrix import GaussianMatrix
from empirical.tensors.orthonormal_bases import Revealed


class ForgetsTheTranspose(GaussianMatrix):
    """Without the term P^T X q."""

    def _known(self, directions: Tensor, other: Revealed) -> Tensor:
        return torch.zeros_like(super()._known(directions, other))


class ForgetsToProject(GaussianMatrix):
    """g instead of (I - P^T P) g."""

    def _seen(self, fresh: Tensor, other: Revealed) -> Tensor:
        return torch.zeros_like(super()._seen(fresh, other))


MISTAKES = [ForgetsTheTranspose, ForgetsToProject]
