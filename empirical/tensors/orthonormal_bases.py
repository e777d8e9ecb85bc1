"""Orthonormal bases that grow: rows that span all vectors a matrix was multiplied with, and their images.

New rows come from block Gram-Schmidt against the basis and Cholesky-QR among themselves. A pass that removes most of a
vector's length magnifies the rounding in the rest, and the loss of orthogonality of the basis with it; unchecked, the
loss would grow geometrically from block to block. So a basis knows its loss E, and passes are repeated until the loss
of the new rows is at most 1000 u, u the unit roundoff. With c the coefficients of the new rows in vectors of length b,
of which the pass removed a, it is

    E |c a|  +  u |c b|^2.

A vector in the span of earlier ones up to 1e-12 of its length (1e-4 in single precision) adds no row:

>>> pool = BufferPool()
>>> revealed = Revealed(3, 3, pool, room=0)
>>> block = torch.tensor([[2.0, 0, 0], [1, 1, 0], [3, 1, 0]], dtype=torch.float64)
>>> new = extend(revealed, block, torch.linalg.vector_norm(block, dim=1), block @ revealed.basis.mT, pool)
>>> new.round().tolist(), revealed.count
([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], 2)
"""

from __future__ import annotations

import torch
from torch import Tensor

from empirical.tensors.buffers import BufferPool
from empirical.tensors.growing_rows import Rows

_NEGLIGIBLE = {torch.float64: 1e-12, torch.float32: 1e-4}
"""The share of a vector's length below which what is left of it is rounding, and no new direction."""
_SHIFT = {torch.float64: 1e-13, torch.float32: 1e-5}
"""Added to the diagonal, it makes any Gram matrix of unit rows positive definite (Fukaya et al., arXiv 1809.11085)."""
_TOLERATED = 1e3
"""The largest loss of orthogonality of a basis, in units of rounding."""
_MOST_PASSES = 5


class Revealed:
    """An orthonormal basis of the vectors that a matrix was multiplied with, and the images of its rows.

    `basis` is (count, dimension), `image` (count, image_dimension), both of the pool's dtype and on its device. `room`
    is the number of rows that memory is reserved for.
    """

    def __init__(self, dimension: int, image_dimension: int, pool: BufferPool, room: int) -> None:
        self.dimension = dimension
        self.rounding = torch.finfo(pool.kind).eps
        """A bound on the basis' loss of orthogonality."""
        self._basis = Rows(pool.empty(0, dimension), room)
        self._image = Rows(pool.empty(0, image_dimension), room)

    @property
    def count(self) -> int:
        return self._basis.count

    @property
    def basis(self) -> Tensor:
        return self._basis.all

    @property
    def image(self) -> Tensor:
        """The products of the matrix with the rows of the basis; empty if the matrix is zero."""
        return self._image.all

    def extend_basis(self, number: int) -> Tensor:
        """Add `number` rows to the basis, and return a view to write them to."""
        return self._basis.extend(number)

    def extend_image(self, number: int) -> Tensor:
        """Add `number` rows to the image, and return a view to write them to."""
        return self._image.extend(number)


def extend(revealed: Revealed, block: Tensor, sizes: Tensor, coordinates: Tensor, pool: BufferPool) -> Tensor:
    """Extend the basis until it spans the rows of `block`; returns the rows that were added.

    `sizes` are the norms of the block's rows, `coordinates` those along the basis so far, (k, count).
    """
    start = revealed.count
    kept = _extend(revealed, block, sizes, coordinates, pool)
    # A dropped row lay in the span of rows before it, some of which were dropped too: the kept ones need not span it.
    while kept.any() and not kept.all():
        block, sizes = block[~kept], sizes[~kept]
        kept = _extend(revealed, block, sizes, block @ revealed.basis.mT, pool)
    return revealed.basis[start:]


def _extend(revealed: Revealed, block: Tensor, sizes: Tensor, coordinates: Tensor, pool: BufferPool) -> Tensor:
    """Extend the basis by rows of the block that are linearly independent of it and of each other; returns which."""
    basis = revealed.basis
    outside = torch.addmm(block, coordinates, basis, alpha=-1, out=pool.empty(*block.shape))
    kept = torch.ones(len(block), dtype=torch.bool, device=block.device)
    while True:
        rows = outside if kept.all() else outside[kept]
        combine, found, new, rounding = _orthonormalise(rows, sizes[kept], basis, revealed.rounding, pool)
        if new.all():
            revealed.rounding = max(revealed.rounding, rounding)
            torch.mm(combine, found, out=revealed.extend_basis(len(combine)))
            return kept
        # Once more without the others: at unit length they were noise, and later rows were made orthogonal to it.
        kept[kept.clone()] = new


def _orthonormalise(
    rows: Tensor, before: Tensor, basis: Tensor, rounding: float, pool: BufferPool
) -> tuple[Tensor, Tensor, Tensor, float]:
    """A square matrix and rows whose product is orthonormal, which of the given rows are new, and the loss.

    Only the third is valid unless all rows are new. `rows` are orthogonal to the basis, whose loss of orthogonality is
    `rounding`; `before` are their lengths before they were made so.
    """
    left, unit_of_rounding = torch.ones_like(before), torch.finfo(rows.dtype).eps
    for _ in range(_MOST_PASSES):
        gram = rows @ rows.mT
        size = gram.diagonal().sqrt()
        kept = size / before
        left = left * kept
        # Rows that were 0 have left = nan here, which compares as False: they are not new.
        new = left > _NEGLIGIBLE[rows.dtype]
        if not new.all() or not len(rows):
            return gram, rows, new, rounding
        unit = gram / size / size[:, None]
        identity = torch.eye(len(unit), dtype=unit.dtype, device=unit.device)
        root, failed = torch.linalg.cholesky_ex(unit)
        combine = torch.linalg.solve_triangular(root, torch.diag(1 / size), upper=False)
        taken = before * (1 - kept**2).clamp(min=0).sqrt()
        magnified, spread = (torch.linalg.vector_norm(combine * lengths, dim=1) for lengths in (taken, before))
        after = float((rounding * magnified + unit_of_rounding * spread**2).max())
        if not failed and after <= _TOLERATED * unit_of_rounding:
            break
        root = torch.linalg.cholesky(unit + _SHIFT[rows.dtype] * identity)
        combine = torch.linalg.solve_triangular(root, torch.diag(1 / size), upper=False)
        left, before = left * root.diagonal(), torch.ones_like(before)
        rows = torch.mm(combine, rows, out=pool.empty(*rows.shape))
        rows.addmm_(rows @ basis.mT, basis, alpha=-1)
    else:
        combine = identity
    return combine, rows, new, after


def padded(core: Tensor, rows: int, columns: int) -> Tensor:
    """The core C of a matrix P^T C Q, padded with zeros to bases that have grown to `rows` and `columns` rows."""
    return torch.nn.functional.pad(core, (0, columns - core.shape[1], 0, rows - core.shape[0]))
