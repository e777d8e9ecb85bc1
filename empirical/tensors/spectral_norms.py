"""Spectral norms: the largest singular value of a batch of matrices, given in full or as a product of factors.

Matrices with a side of at most 128 have it from their Gram matrix. An update by gradients has no more dimensions than
there were examples: its range is that of a few products with it, where its spectral norm is exact if its Frobenius norm
is all there (Halko, Martinsson, Tropp, 0909.4061). Others have it by restarted block Lanczos: the largest Ritz value of
A^T A on the Krylov space of V, (A^T A) V, (A^T A)^2 V, ... converges to |A|_2^2 from below, also for random matrices,
whose largest singular values lie close together. After some powers the best Ritz vectors start another round, until the
value grows no more (Golub and Van Loan, Matrix Computations, section 10.3).

>>> spectral_norm(torch.diag(torch.tensor([3.0, -5.0], dtype=torch.float64))[None])
tensor([5.], dtype=torch.float64)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_LOW_RANK = 64
"""The largest rank that is looked for."""
_MISSING = 1e-12
"""The share of |A|_F^2 outside the range found, above which it is not the range. |A|_2^2 is less wrong than by it."""
_EXACT_SIDE = 128
"""The largest smaller side of a matrix whose spectral norm is taken from its Gram matrix."""
_BLOCK, _DEPTH, _MOST_ROUNDS = 8, 5, 40
_SETTLED = 1e-9
"""The relative growth of |A|_2^2 in a round below which it is the last: the error is then about as small."""


def spectral_norm(matrix: Tensor) -> Tensor:
    """|A|_2 of a batch of matrices, (seeds, rows, columns) to (seeds,); nan where one is not finite."""
    rows, columns = matrix.shape[1:]
    if min(rows, columns) <= _EXACT_SIDE:
        gram = matrix @ matrix.mT if rows <= columns else matrix.mT @ matrix
        return _largest_eigenvalue(gram).sqrt()
    if (found := _spectral_norm_of_low_rank(matrix)) is not None:
        return found
    basis, found = _any_block(columns, _BLOCK, matrix).expand(len(matrix), -1, -1), matrix.new_zeros(len(matrix))
    for _ in range(_MOST_ROUNDS):
        before = found
        found, basis = _round(matrix, basis)
        if not (found > before * (1 + _SETTLED)).any():
            break
    return found.sqrt()


def _spectral_norm_of_low_rank(matrix: Tensor) -> Tensor | None:
    """None where one of the matrices has a rank of more than `_LOW_RANK`."""
    basis = torch.linalg.qr(matrix @ _any_block(matrix.shape[2], _LOW_RANK, matrix))[0]
    within = basis.mT @ matrix
    gram = within @ within.mT
    size = (matrix**2).sum(dim=(1, 2))
    missing = size - gram.diagonal(dim1=1, dim2=2).sum(dim=1)
    return _largest_eigenvalue(gram).sqrt() if (missing <= _MISSING * size).all() else None


def _round(matrix: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
    """The largest Ritz value of A^T A on the Krylov space of this block, and the Ritz vectors of the largest ones."""
    basis = torch.linalg.qr(start)[0]
    image = matrix @ basis
    for _ in range(_DEPTH - 1):
        new = matrix.mT @ image[:, :, -_BLOCK:]
        new = new - basis @ (basis.mT @ new)
        # Where the Krylov space is exhausted only rounding is left: orthogonalised once more, it does no harm.
        new = torch.linalg.qr(new)[0]
        new = torch.linalg.qr(new - basis @ (basis.mT @ new))[0]
        basis, image = torch.cat([basis, new], dim=2), torch.cat([image, matrix @ new], dim=2)
    gram = image.mT @ image
    finite = gram.isfinite().all(dim=(1, 2))
    values, vectors = torch.linalg.eigh(torch.where(finite[:, None, None], gram, 0.0))
    best = torch.where(finite[:, None, None], basis @ vectors[:, :, -_BLOCK:], 0.0)
    return torch.where(finite, values[:, -1].clamp(min=0), math.nan), best


def spectral_norm_of_factors(left: Tensor, right: Tensor) -> Tensor:
    """|U^T V|_2 from the Gram matrices U U^T (`left`) and V V^T (`right`), (seeds, k, k) to (seeds,).

    Its square is the largest eigenvalue of their product, which a Cholesky factor of the first makes symmetric.
    """
    size = left.diagonal(dim1=1, dim2=2).sum(dim=1)
    scale = torch.where(size > 0, size, 1.0)[:, None, None]
    # Gradients of successive steps are nearly parallel, and the Gram matrix is singular in float64: a ridge of 1e-14 of
    # its trace makes it positive definite and changes the norm by less than 1e-11 of itself.
    ridge = 1e-14 * torch.eye(left.shape[1], dtype=left.dtype, device=left.device)
    root = torch.linalg.cholesky_ex(left / scale + ridge)[0]
    return _largest_eigenvalue(root.mT @ right @ root).clamp(min=0).sqrt() * scale[:, 0, 0].sqrt() * (size > 0)


def _any_block(rows: int, columns: int, like: Tensor) -> Tensor:
    """Fixed vectors in no special directions, the same in every run: (rows, columns)."""
    count = torch.arange(rows * columns, dtype=like.dtype, device=like.device)
    return torch.sin(1 + count * math.sqrt(2) + count**2 / 7).reshape(rows, columns)


def _largest_eigenvalue(gram: Tensor) -> Tensor:
    """The largest eigenvalue of symmetric matrices, (seeds,); nan where one is not finite, for which LAPACK raises."""
    finite = gram.isfinite().all(dim=(1, 2))
    safe = torch.where(finite[:, None, None], gram, 0.0)
    return torch.where(finite, torch.linalg.eigvalsh(safe)[:, -1].clamp(min=0), math.nan)
