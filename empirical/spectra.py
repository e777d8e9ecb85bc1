"""Spectra: largest singular values of batches of matrices, given whole or in two factors."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_EXACT_SIDE = 128
"""Up to this many rows or columns a matrix's spectral norm is taken from its Gram matrix, exactly."""
_MOST_ROUNDS = 60


def spectral_norm(matrix: Tensor) -> Tensor:
    """|A|_2 of a batch of matrices: exact where one side is small, else by subspace iteration."""
    rows, columns = matrix.shape[1:]
    if min(rows, columns) <= _EXACT_SIDE:
        gram = matrix @ matrix.mT if rows <= columns else matrix.mT @ matrix
        return _largest_eigenvalue(gram).sqrt()
    # dW of real data has a few large singular values over a bulk smaller by about n^(1/2): a block of 16 that
    # starts anywhere is on them in a few rounds. The values only grow; they are done when they no longer do.
    basis = _any_block(columns, 16, matrix).expand(len(matrix), -1, -1)
    found = matrix.new_zeros(len(matrix))
    for _ in range(_MOST_ROUNDS):
        image = matrix @ torch.linalg.qr(basis)[0]
        before, found = found, _largest_eigenvalue(image.mT @ image)
        if not (found > before * (1 + 1e-10)).any():
            break
        basis = matrix.mT @ image
    return found.sqrt()


def _any_block(rows: int, columns: int, like: Tensor) -> Tensor:
    count = torch.arange(rows * columns, dtype=like.dtype, device=like.device)
    return torch.sin(1 + count * math.sqrt(2) + count**2 / 7).reshape(rows, columns)


def spectral_norm_of_factors(left: Tensor, right: Tensor) -> Tensor:
    """|U^T V|_2 from U U^T and V V^T: the largest eigenvalue of their product, made symmetric by a Cholesky factor."""
    size = left.diagonal(dim1=1, dim2=2).sum(dim=1)
    scale = torch.where(size > 0, size, 1.0)[:, None, None]
    # Later steps nearly repeat earlier ones, so the Gram matrix is singular in float64: a ridge of 1e-14 of
    # its trace makes it positive definite and changes the norm by less than 1e-11 of itself.
    ridge = 1e-14 * torch.eye(left.shape[1], dtype=left.dtype, device=left.device)
    root = torch.linalg.cholesky_ex(left / scale + ridge)[0]
    return _largest_eigenvalue(root.mT @ right @ root).clamp(min=0).sqrt() * scale[:, 0, 0].sqrt() * (size > 0)


def _largest_eigenvalue(gram: Tensor) -> Tensor:
    """Of symmetric matrices, (seeds,); nan where a matrix is not finite, on which LAPACK would raise."""
    finite = gram.isfinite().all(dim=(1, 2))
    safe = torch.where(finite[:, None, None], gram, 0.0)
    return torch.where(finite, torch.linalg.eigvalsh(safe)[:, -1].clamp(min=0), math.nan)
