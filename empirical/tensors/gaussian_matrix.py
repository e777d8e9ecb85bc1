"""Matrix-free Gaussian matrices: only the part that products with vectors depend on is drawn.

An n x n matrix W of i.i.d. N(0, sigma^2) entries has n^2 of them, yet its products with k vectors depend only on its
restriction to their span. `GaussianMatrix` draws that part when it is needed, and nothing else. It keeps

    Q, rows orthonormal, spanning all that W was applied to,       and  Y, row i being  W q_i;
    P, rows orthonormal, spanning all that W^T was applied to,     and  X, row i being  W^T p_i.

**One more direction.** Let q be a unit vector orthogonal to the rows of Q. The components of a Gaussian matrix along
orthogonal directions, on either side, are independent. So the part of W q along P is known and the rest is fresh:

    W q  =  P^T (X q)  +  (I - P^T P) g,        g ~ N(0, sigma^2 I).

The first term is known because p_i . W q = (W^T p_i) . q. Any W v then follows by linearity, v = Q^T (Q v).
W^T is the same with (P, X) and (Q, Y) exchanged. At every finite n the products have jointly the law that they have for
a matrix drawn in full, also if vectors depend on earlier products, as in training (Lu, Householder dice, arXiv
2101.07464). Memory is O(nk), time O(nk^2); k never exceeds n, where W is known and nothing is drawn any more.

**The norm** |W|_F^2 = sigma^2 S, with S one chi-square number of fan_out fan_in degrees of freedom, is drawn first, so
that it is one number throughout a run. Given S, the part not revealed yet is uniform on a sphere. So a fresh block G of
a degrees of freedom out of N takes its share of S: with R a chi-square number of N - a degrees of freedom,

    G  <-  G sqrt(S / (|G|^2 + R)),        S  <-  S R / (|G|^2 + R),        N  <-  N - a.

Marginally G is Gaussian again, and once all is revealed the entries have exactly this norm.

A matrix of 2^32 entries, of which two products draw 2^17; <u, W v> = <W^T u, v> as for any matrix:

>>> W = GaussianMatrix((2**16, 2**16), 2**-8, Stream((0,)))
>>> u, v = Stream((1,)).normal(2, 2**16).split(1)
>>> image, image_of_transpose = W.apply(v), W.apply_transpose(u)
>>> torch.allclose((u * image).sum(), (image_of_transpose * v).sum()), W.ranks
(True, (1, 1))
>>> f"{float(image.norm() / v.norm()):.2f}"
'1.00'
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from empirical.tensors.buffers import BufferPool
from empirical.tensors.orthonormal_bases import Revealed, extend
from empirical.tensors.random_numbers import Stream


class GaussianMatrix:
    """An i.i.d. N(0, scale^2) matrix W of shape (fan_out, fan_in); blocks of vectors are (k, fan), of the pool's dtype.

    `inputs` holds Q and Y, `outputs` holds P and X. All users of one `GaussianMatrix` see the same W, whatever products
    they ask for and in whatever order. `room` is the number of directions on either side that memory is reserved for.
    """

    def __init__(
        self, shape: tuple[int, int], scale: float, stream: Stream, *, room: int = 0, pool: BufferPool | None = None
    ) -> None:
        fan_out, fan_in = self.shape = shape
        self.scale, self.device, self._stream = scale, stream.device, stream
        self._pool = pool or BufferPool(stream.device)
        self.inputs = Revealed(fan_in, fan_out, self._pool, min(room, fan_in))
        self.outputs = Revealed(fan_out, fan_in, self._pool, min(room, fan_out))
        self._unseen_degrees = fan_out * fan_in
        self._unseen = stream.chi_square(self._unseen_degrees)
        self.frobenius = scale * math.sqrt(self._unseen)

    def apply(self, block: Tensor) -> Tensor:
        """W v for every row v: (k, fan_in) to (k, fan_out)."""
        return self._multiply(block, self.inputs, self.outputs)

    def apply_transpose(self, block: Tensor) -> Tensor:
        """W^T v for every row v: (k, fan_out) to (k, fan_in)."""
        return self._multiply(block, self.outputs, self.inputs)

    def reveal(self, block: Tensor) -> Tensor | None:
        """Extend Q until it spans the rows; their coordinates along it, (k, count), or None if one is not finite."""
        return self._coordinates(block, self.inputs, self.outputs)

    def reveal_transpose(self, block: Tensor) -> Tensor | None:
        """Extend P until it spans the rows; their coordinates along it, (k, count), or None if one is not finite."""
        return self._coordinates(block, self.outputs, self.inputs)

    @property
    def ranks(self) -> tuple[int, int]:
        """The number of directions that W, and that its transpose, have been applied to."""
        return self.inputs.count, self.outputs.count

    def _multiply(self, block: Tensor, side: Revealed, other: Revealed) -> Tensor:
        coordinates = self._coordinates(block, side, other) if self.scale else None
        found = self._pool.empty(len(block), other.dimension)
        if coordinates is None:
            # As with an explicit matrix, a run that diverged goes on with nan and raises nothing.
            return found.fill_(math.nan if self.scale else 0.0)
        return torch.mm(coordinates, side.image, out=found)

    def _coordinates(self, block: Tensor, side: Revealed, other: Revealed) -> Tensor | None:
        sizes = torch.linalg.vector_norm(block, dim=1)
        if not sizes.isfinite().all():
            return None
        coordinates = block @ side.basis.mT
        directions = extend(side, block, sizes, coordinates, self._pool)
        if len(directions):
            if self.scale:
                self._reveal(directions, other, side.extend_image(len(directions)))
            coordinates = torch.cat([coordinates, block @ directions.mT], dim=1)
        return coordinates

    def _reveal(self, directions: Tensor, other: Revealed, images: Tensor) -> None:
        """Write W q into `images` for the rows q of `directions`, orthonormal and orthogonal to earlier ones."""
        known = self._known(directions, other)
        degrees = len(directions) * (other.dimension - other.count)
        if degrees == 0:
            torch.mm(known, other.basis, out=images)
            return
        fresh = self._stream.fill(images)
        seen = self._seen(fresh, other)
        # The squared norm of (I - P^T P) g, which is not formed on its own.
        squared = float(torch.linalg.vector_norm(fresh)) ** 2 - float(torch.linalg.vector_norm(seen)) ** 2
        scale = self.scale * self._share(squared, degrees)
        fresh.addmm_(known - scale * seen, other.basis, beta=scale)

    def _known(self, directions: Tensor, other: Revealed) -> Tensor:
        """X q: the coordinates of W q along P, known from products with the transpose."""
        return directions @ other.image.mT

    def _seen(self, fresh: Tensor, other: Revealed) -> Tensor:
        """P g: the coordinates of fresh numbers along P, which are replaced by the known ones."""
        return fresh @ other.basis.mT

    def _share(self, squared: float, degrees: int) -> float:
        """The factor on a fresh block of this squared norm that leaves |W|_F as it was drawn."""
        self._unseen_degrees -= degrees
        rest = self._stream.chi_square(self._unseen_degrees)
        factor = self._unseen / (squared + rest)
        self._unseen = rest * factor
        return math.sqrt(factor)
