"""Standard normal numbers that are the same on any number of threads.

A `Stream` gives one block after another. Block c is cut into pieces of 2^18 numbers, and piece p has its own generator,
seeded by (key, c, p). So threads can fill pieces in any order, and a block depends neither on their number nor on other
streams:

>>> torch.equal(Stream((0, 1)).normal(2, 3), Stream((0, 1)).normal(2, 3))
True
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

_PIECE = 2**18


class Stream:
    """The random numbers of one matrix: a function of `key`, of the type of the device and of the precision."""

    def __init__(self, key: Sequence[int], device: str = "cpu") -> None:
        self._key, self._count = tuple(key), 0
        self.device = torch.device(device)

    @classmethod
    def of(cls, seed: int | tuple[int, ...] | None, device: str = "cpu") -> Stream:
        """The stream of a seed; without one, of a seed from torch's generator, which follows torch.manual_seed."""
        if seed is None:
            seed = int(torch.randint(2**62, (1,)))
        return cls((seed,) if isinstance(seed, int) else seed, device)

    def normal(self, rows: int, columns: int) -> Tensor:
        """The next block, of shape (rows, columns) and in float64."""
        return self.fill(torch.empty(rows, columns, dtype=torch.float64, device=self.device))

    def fill(self, block: Tensor) -> Tensor:
        """Write the next block into this one, which must be contiguous, and return it."""
        sequences = self._sequences(math.ceil(block.numel() / _PIECE))
        tasks = list(zip(torch.split(block.view(-1), _PIECE), sequences, strict=True))
        threads = min(torch.get_num_threads(), len(tasks)) if self.device.type == "cpu" else 1
        if threads == 1:
            for polyhedron, sequence in tasks:
                _fill(polyhedron, sequence)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(_fill, *zip(*tasks, strict=True)))
        return block

    def chi_square(self, degrees: int) -> float:
        """One chi-square number; 0 for 0 degrees of freedom."""
        (sequence,) = self._sequences(1)
        return 2 * float(np.random.Generator(np.random.SFC64(sequence)).standard_gamma(degrees / 2))

    def _sequences(self, polyhedra: int) -> list[np.random.SeedSequence]:
        self._count += 1
        return [
            np.random.SeedSequence(self._key, spawn_key=(self._count, polyhedron)) for polyhedron in range(polyhedra)
        ]


def _fill(polyhedron: Tensor, sequence: np.random.SeedSequence) -> None:
    filler(sequence, polyhedron.dtype, polyhedron.device)(polyhedron)


def filler(sequence: np.random.SeedSequence, kind: torch.dtype, device: torch.device) -> Callable[[Tensor], object]:
    """A function that fills one contiguous block after another with the standard normal numbers of a seed sequence."""
    if device.type == "cpu" and kind == torch.float64:
        # numpy's ziggurat fills float64 at 80 million numbers a second and core, torch's normal_ at 30; float32 at 170.
        generator = np.random.Generator(np.random.SFC64(sequence))
        return lambda block: generator.standard_normal(out=block.numpy())
    own = torch.Generator(device).manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> 1))
    return lambda block: block.normal_(generator=own)
