"""Matrix-free weights: a Gaussian matrix that is revealed only where it is touched.

An n x n matrix W of i.i.d. N(0, sigma^2) entries has n^2 of them, yet k products with vectors depend on a
k-dimensional part. `GaussianMatrix` draws that part when it is asked for, and nothing else. It keeps

    Q, rows orthonormal, spanning all that W was applied to,       and  Y, row i being  W q_i;
    P, rows orthonormal, spanning all that W^T was applied to,     and  X, row i being  W^T p_i.

**One more direction.** Let q be a unit vector orthogonal to the rows of Q. A Gaussian matrix is independent
of itself in orthogonal directions, on either side, so the part of W q along P is known, the rest is fresh:

    W q  =  P^T (X q)  +  (I - P^T P) g,        g ~ N(0, sigma^2 I).

The first term is known because p_i . W q = (W^T p_i) . q. Any W v then follows by linearity, v = Q^T (Q v).
W^T is the same with (P, X) and (Q, Y) exchanged. At every finite n, and for queries that depend on earlier
answers as those of a training run do, all answers have jointly the law that they have for a matrix drawn in
full (Lu, Householder dice, arXiv 2101.07464). Memory is O(nk), time O(nk^2).

**The norm** |W|_F^2 = sigma^2 S, with S one chi-square number of fan_out fan_in degrees of freedom, is drawn
before anything else. What is yet unseen is then no longer Gaussian but uniform on a sphere, so a fresh block G of
a degrees of freedom out of N takes its share of S: with R a chi-square number of N - a,

    G  <-  G sqrt(S / (|G|^2 + R)),        S  <-  S R / (|G|^2 + R),        N  <-  N - a.

Marginally G is Gaussian again, and |W|_F is one number throughout a run and fits all that is revealed: once
nothing is left unseen, exactly.

k never exceeds the dimension, where all is known and nothing drawn.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from empirical.tensors.buffers import BufferPool
from empirical.tensors.orthonormal_bases import Revealed, extend
from empirical.tensors.random_numbers import Stream


class GaussianMatrix:
    """W, an i.i.d. N(0, scale^2) matrix of shape (fan_out, fan_in); blocks of vectors are (k, fan), of the pool's kind.

    `inputs` holds Q and Y, `outputs` holds P and X. What is asked for only decides what is drawn when, never
    what W is: two that share one `GaussianMatrix` share one matrix. `room` is how many directions on either side
    there is memory for to begin with.
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
        """Coordinates along Q of every row, (k, count), once Q spans them all; None if one is not finite."""
        return self._coordinates(block, self.inputs, self.outputs)

    def reveal_transpose(self, block: Tensor) -> Tensor | None:
        """Coordinates along P of every row, (k, count), once P spans them all; None if one is not finite."""
        return self._coordinates(block, self.outputs, self.inputs)

    @property
    def ranks(self) -> tuple[int, int]:
        """How many directions W and its transpose have been applied to."""
        return self.inputs.count, self.outputs.count

    def _multiply(self, block: Tensor, side: Revealed, other: Revealed) -> Tensor:
        coordinates = self._coordinates(block, side, other) if self.scale else None
        found = self._pool.empty(len(block), other.dimension)
        if coordinates is None:
            # A run that diverged is no reason to raise: it goes on with nan, as with an explicit matrix.
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
        """Into `images`: W q for every row q of `directions`, orthonormal and outside of all that W was applied to."""
        known = self._known(directions, other)
        degrees = len(directions) * (other.dimension - other.count)
        if degrees == 0:
            torch.mm(known, other.basis, out=images)
            return
        fresh = self._stream.fill(images)
        seen = self._seen(fresh, other)
        # Of (I - P^T P) g, which is not formed on its own.
        squared = float(torch.linalg.vector_norm(fresh)) ** 2 - float(torch.linalg.vector_norm(seen)) ** 2
        scale = self.scale * self._share(squared, degrees)
        fresh.addmm_(known - scale * seen, other.basis, beta=scale)

    def _known(self, directions: Tensor, other: Revealed) -> Tensor:
        """X q: the coordinates along P of W q, which the transpose has revealed."""
        return directions @ other.image.mT

    def _seen(self, fresh: Tensor, other: Revealed) -> Tensor:
        """P g: the coordinates along P of fresh numbers, where nothing is fresh."""
        return fresh @ other.basis.mT

    def _share(self, squared: float, degrees: int) -> float:
        """The factor that brings a fresh block of this squared norm on the sphere of what is unseen."""
        self._unseen_degrees -= degrees
        rest = self._stream.chi_square(self._unseen_degrees)
        factor = self._unseen / (squared + rest)
        self._unseen = rest * factor
        return math.sqrt(factor)
