"""Functions of singular values, for a batch of matrices."""

from __future__ import annotations

import torch
from torch import Tensor

_NEGLIGIBLE = 1e-13
"""Eigenvalues of a Gram matrix below this share of its largest are rounding."""


def newton_schulz(
    matrix: Tensor, coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315), iterations: int = 5
) -> Tensor:
    """X <- a X + (b X X^T + c (X X^T)^2) X, from an X of singular values up to 1 (Jordan et al., Muon, 2024).

    Those that are not tiny end between about 0.7 and 1.2, those that are rounding stay rounding.
    """
    a, b, c = coefficients
    # On singular values the same, and cheaper, for the transpose of a tall matrix.
    is_tall = matrix.shape[-2] > matrix.shape[-1]
    found = matrix.mT if is_tall else matrix
    for _ in range(iterations):
        square = found @ found.mT
        found = a * found + (b * square + c * square @ square) @ found
    return found.mT if is_tall else found


def root(gram: Tensor) -> tuple[Tensor, Tensor]:
    """A with A A^T = gram, and A^+; what is only rounding is zero in both."""
    finite = gram.isfinite().all(dim=(1, 2), keepdim=True)
    values, vectors = torch.linalg.eigh(torch.where(finite, gram, 0.0))
    kept = values > _NEGLIGIBLE * values[:, -1:]
    sizes = torch.where(kept, values, 0.0).sqrt()
    inverse = torch.where(kept, 1 / sizes, 0.0)
    unit = torch.where(finite, vectors, torch.nan)
    return unit * sizes[:, None, :], (unit * inverse[:, None, :]).mT


def power(gram: Tensor, exponent: float) -> Tensor:
    """A power of a Gram matrix on its range; what is only rounding is zero."""
    finite = gram.isfinite().all(dim=(1, 2), keepdim=True)
    values, vectors = torch.linalg.eigh(torch.where(finite, gram, 0.0))
    kept = values > _NEGLIGIBLE * values[:, -1:]
    powers = torch.where(kept, values.clamp(min=0) ** exponent, 0.0)
    unit = torch.where(finite, vectors, torch.nan)
    found: Tensor = (unit * powers[:, None, :]) @ unit.mT
    return found
