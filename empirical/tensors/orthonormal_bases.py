"""Bases: orthonormal rows that span all vectors a matrix was multiplied with, and their images.

New directions come from Gram-Schmidt against the basis and Cholesky-QR among themselves, both repeated until what
rounding has left of them along others is small. A pass that takes most of a vector's length away magnifies what is left
of it, and that of a basis whose own directions are not quite orthogonal too: from block to block it would grow
geometrically. So a basis knows how far from orthonormal it is, E, and a pass with the coefficients c of the new
directions in vectors of length b, of which it took away a, is the last if

    E |c a|  +  u |c b|^2,        u the unit of rounding,

which is then how far the new directions are from it, stays within 1000 u.

A vector that lies in the span of earlier ones up to 1e-12 of its length (1e-4 in single precision) adds no direction.
They are worked out in the place where they are kept.
"""

from __future__ import annotations

import torch
from torch import Tensor

from empirical.tensors.buffers import BufferPool
from empirical.tensors.growing_rows import Rows

_NEGLIGIBLE = {torch.float64: 1e-12, torch.float32: 1e-4}
"""A direction shorter than this share of the vector that it comes from is rounding."""
_SHIFT = {torch.float64: 1e-13, torch.float32: 1e-5}
"""Added to a Gram matrix of unit rows it makes any of them positive definite (Fukaya et al., arXiv 1809.11085)."""
_TOLERATED = 1e3
"""Units of rounding that a basis may be away from orthonormal."""
_MOST_PASSES = 5


class Revealed:
    """An orthonormal basis of the vectors multiplied with, and its image, a row each; `room` is memory for so many.

    Of the pool's kind, on its device.
    """

    def __init__(self, dimension: int, image_dimension: int, pool: BufferPool, room: int) -> None:
        self.dimension = dimension
        self.rounding = torch.finfo(pool.kind).eps
        """How far the basis is from orthonormal."""
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
        """Of the rows of the basis; nothing if the matrix is zero."""
        return self._image.all

    def extend_basis(self, number: int) -> Tensor:
        """So many more rows, to be written to."""
        return self._basis.extend(number)

    def extend_image(self, number: int) -> Tensor:
        return self._image.extend(number)


def extend(revealed: Revealed, block: Tensor, sizes: Tensor, coordinates: Tensor, pool: BufferPool) -> Tensor:
    """Extend the basis until it spans the block, whose rows have these `sizes` and `coordinates` along it so far.

    Returns the new rows: as many as there are rows of which more than rounding is left after those before them.
    """
    start = revealed.count
    kept = _extend(revealed, block, sizes, coordinates, pool)
    # What is left of a row was measured against others that went too: those that were kept need not span it.
    while kept.any() and not kept.all():
        block, sizes = block[~kept], sizes[~kept]
        kept = _extend(revealed, block, sizes, block @ revealed.basis.mT, pool)
    return revealed.basis[start:]


def _extend(revealed: Revealed, block: Tensor, sizes: Tensor, coordinates: Tensor, pool: BufferPool) -> Tensor:
    """Extend the basis by directions of those rows of which all have one, and say which these are."""
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
        # Once more without the others: made unit vectors they were noise, which those after them were rid of too.
        kept[kept.clone()] = new


def _orthonormalise(
    rows: Tensor, before: Tensor, basis: Tensor, rounding: float, pool: BufferPool
) -> tuple[Tensor, Tensor, Tensor, float]:
    """A square matrix and rows whose product is orthonormal, which of the given rows are new, and the rounding.

    All but the third hold if all are. `rows` are orthogonal to the basis, itself known up to `rounding`; `before` are
    their lengths before they were.
    """
    left, unit_of_rounding = torch.ones_like(before), torch.finfo(rows.dtype).eps
    for _ in range(_MOST_PASSES):
        gram = rows @ rows.mT
        size = gram.diagonal().sqrt()
        kept = size / before
        left = left * kept
        # Rows that were 0, to which nothing is new, have left = nan here, which compares as False.
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
    """The core of the same matrix in bases that have grown since."""
    return torch.nn.functional.pad(core, (0, columns - core.shape[1], 0, rows - core.shape[0]))
