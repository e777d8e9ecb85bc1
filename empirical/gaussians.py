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

**Rounding.** New directions come from Gram-Schmidt against the basis and Cholesky-QR among themselves, both
repeated until the block was orthonormal to a digit before its last pass. A vector that lies in the span of earlier ones
up to 1e-12 of its length adds no direction. k so never exceeds the dimension, where all is known and nothing drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from empirical.chains import Chain
from empirical.normals import Stream
from empirical.rows import Rows
from empirical.weights import DenseWeights, Weights

_NEGLIGIBLE = 1e-12
"""A direction shorter than this share of the vector that it comes from is rounding."""
_SHIFT = 1e-13
"""Added to a Gram matrix of unit rows it makes any of them positive definite (Fukaya et al., arXiv 1809.11085)."""
_MOST_PASSES = 5


class GaussianMatrix:
    """W, an i.i.d. N(0, scale^2) matrix of shape (fan_out, fan_in), float64; blocks of vectors are (k, fan).

    `inputs` holds Q and Y, `outputs` holds P and X. What is asked for only decides what is drawn when, never
    what W is: two that share one `GaussianMatrix` share one matrix.
    """

    def __init__(self, shape: tuple[int, int], scale: float, stream: Stream) -> None:
        fan_out, fan_in = self.shape = shape
        self.scale, self.device, self._stream = scale, stream.device, stream
        self.inputs = Revealed(fan_in, fan_out, stream.device)
        self.outputs = Revealed(fan_out, fan_in, stream.device)
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
        if self.scale == 0:
            return block.new_zeros(len(block), other.dimension)
        coordinates = self._coordinates(block, side, other)
        if coordinates is None:
            # A run that diverged is no reason to raise: it goes on with nan, as with an explicit matrix.
            return block.new_full((len(block), other.dimension), math.nan)
        return coordinates @ side.image

    def _coordinates(self, block: Tensor, side: Revealed, other: Revealed) -> Tensor | None:
        sizes = torch.linalg.vector_norm(block, dim=1)
        if not sizes.isfinite().all():
            return None
        coordinates = block @ side.basis.mT
        directions = _new_directions(block, sizes, coordinates, side.basis)
        if len(directions):
            side.append(directions, self._reveal(directions, other) if self.scale else None)
            coordinates = torch.cat([coordinates, block @ directions.mT], dim=1)
        return coordinates

    def _reveal(self, directions: Tensor, other: Revealed) -> Tensor:
        """W q for every row q of `directions`, orthonormal and outside of all that W was applied to."""
        known = self._known(directions, other)
        degrees = len(directions) * (other.dimension - other.count)
        if degrees == 0:
            return known @ other.basis
        fresh = self._stream.normal(len(directions), other.dimension)
        seen = self._seen(fresh, other)
        # Of (I - P^T P) g, which is not formed on its own.
        squared = float(torch.linalg.vector_norm(fresh)) ** 2 - float(torch.linalg.vector_norm(seen)) ** 2
        scale = self.scale * self._share(squared, degrees)
        return fresh.mul_(scale).addmm_(known - scale * seen, other.basis)

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


class Revealed:
    """An orthonormal basis of the vectors multiplied with, and its image, a row each."""

    def __init__(self, dimension: int, image_dimension: int, device: torch.device) -> None:
        self.dimension = dimension
        self._basis = Rows(torch.empty(0, dimension, dtype=torch.float64, device=device))
        self._image = Rows(torch.empty(0, image_dimension, dtype=torch.float64, device=device))

    @property
    def count(self) -> int:
        return self._basis.count

    @property
    def basis(self) -> Tensor:
        return self._basis.all

    @property
    def image(self) -> Tensor:
        return self._image.all

    def append(self, directions: Tensor, images: Tensor | None) -> None:
        """`images` is None where all of them are zero: they are not stored."""
        self._basis.append(directions)
        if images is not None:
            self._image.append(images)


def _new_directions(block: Tensor, sizes: Tensor, coordinates: Tensor, basis: Tensor) -> Tensor:
    """Orthonormal rows that span what the block has outside of the basis; `coordinates` are those along it.

    In the order of the block: a row is dropped if nothing but rounding is left of it after those before it.
    """
    outside = torch.addmm(block, coordinates, basis, alpha=-1)
    kept = torch.ones(len(block), dtype=torch.bool, device=block.device)
    while True:
        rows, new = _orthonormalised(outside[kept], 1 / sizes[kept], basis)
        if new.all():
            return rows
        # Once more without the others: made unit vectors they were noise, which those after them were rid of too.
        kept[kept.clone()] = new


def _orthonormalised(rows: Tensor, left: Tensor, basis: Tensor) -> tuple[Tensor, Tensor]:
    """Orthonormal rows of the same span, and which of the given rows are new: the former hold if all of them are.

    `rows` are orthogonal to the basis but for rounding; `left` are the reciprocals of their lengths before.
    """
    new = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
    for _ in range(_MOST_PASSES):
        gram = rows @ rows.mT
        size = gram.diagonal().sqrt()
        left = left * size
        # Rows of length 0, to which nothing is new, have left = nan here, which compares as False.
        new = left > _NEGLIGIBLE
        if not new.all() or not len(rows):
            break
        unit = gram / size / size[:, None]
        identity = torch.eye(len(unit), dtype=unit.dtype, device=unit.device)
        settled = float((unit - identity).abs().max()) < 0.1
        root = torch.linalg.cholesky(unit if settled else unit + _SHIFT * identity)
        rows = torch.linalg.solve_triangular(root, torch.diag(1 / size), upper=False) @ rows
        if settled:
            break
        left = left * root.diagonal()
        rows.addmm_(rows @ basis.mT, basis, alpha=-1)
    return rows, new


@dataclass(frozen=True)
class MatrixFreeWeights:
    """W(0) of one layer, a `GaussianMatrix` for each seed."""

    matrices: tuple[GaussianMatrix, ...]

    def apply(self, block: Tensor) -> Tensor:
        return _stack([matrix.apply(rows) for matrix, rows in zip(self.matrices, block, strict=True)])

    def apply_transpose(self, block: Tensor) -> Tensor:
        return _stack([matrix.apply_transpose(rows) for matrix, rows in zip(self.matrices, block, strict=True)])

    def frobenius(self) -> Tensor:
        norms = [matrix.frobenius for matrix in self.matrices]
        return torch.tensor(norms, dtype=torch.float64, device=self.matrices[0].device)


def draw(chain: Chain, seeds: Sequence[int], device: str) -> tuple[Weights, ...]:
    """W(0) of every layer for these seeds, float64, none of it yet revealed but the output layer.

    The numbers are a function of (width, seed) and of the kind of device, others than the dense engine's.
    """
    layers: list[Weights] = []
    for number, layer in enumerate(chain.layers):
        streams = [Stream((seed, chain.width, number), device) for seed in seeds]
        if layer.role == "output":
            # n numbers for each output unit: fewer than the batch has directions.
            matrices = torch.stack([stream.normal(*layer.shape) for stream in streams])
            layers.append(DenseWeights(matrices.mul_(layer.scale)))
        else:
            layers.append(MatrixFreeWeights(tuple(GaussianMatrix(layer.shape, layer.scale, s) for s in streams)))
    return tuple(layers)


def _stack(blocks: list[Tensor]) -> Tensor:
    # At large widths there is one seed, whose block is worth not copying.
    return blocks[0][None] if len(blocks) == 1 else torch.stack(blocks)
