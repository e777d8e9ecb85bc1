"""Representations: the results of a network that criteria apply to, and what criteria have to know of them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

from scalings.networks.dimensions import Dimension

Kind: TypeAlias = Literal["layer", "stream", "scores", "output"]
Part: TypeAlias = Literal["hidden", "readout", "output", "gate", "matrix"]


@dataclass(frozen=True)
class Representation:
    """A result that criteria apply to: of a layer with a weight, of a sum, attention scores, or the output f."""

    name: str
    kind: Kind
    units: Dimension
    copies: Dimension
    """How often the block that contains it is repeated."""
    read_at: str
    """The operation whose result is all that others read of it: itself, or the last number of the code that it is
    multiplied by. How large it is to be is asked of this, as of z = g W h of a layer."""
    factor: Fraction
    """The power of the width that these numbers are."""
    first_update: int = 1
    """The update from which on equations are asked of its changes: 2 for queries and keys, whose first gradient has
    another order, since queries, keys and values have not moved yet, and later for what waits for more
    (`first_updates.waits`)."""
    is_matrix: bool = False
    """Whether it is the result of a weight matrix, on which weight decay acts."""
    is_trained: bool = True
    """Whether it is not the result of a weight that is frozen, or `unheard`."""
    part: Part = "hidden"
    """Output: the function f itself. Readout: what only contributes to f. Gate: a fixed number of units that multiply
    growing ones, as those of a router do. Matrix: a weight that is a value, to be multiplied with, or a value that
    is used so alone (`generated_matrices`). Hidden: all else."""
    is_reached: bool = True
    """Whether changes of other operations reach it: not a weight that is a value."""
    starts_small: bool = False
    """Whether nothing is lost if it starts smaller than of order 1 (`first_updates`)."""
    reads_small: bool = False
    """Whether its weights multiply such a value."""

    @property
    def is_output(self) -> bool:
        return self.part == "output"

    @property
    def is_hidden(self) -> bool:
        """Whether it is a hidden preactivation, or a residual stream."""
        return self.part == "hidden" and self.kind != "scores"

    @property
    def is_generated(self) -> bool:
        """Whether it is the result of a layer, and used as a matrix alone."""
        return self.part == "matrix" and self.is_reached

    @property
    def is_score(self) -> bool:
        """Whether it says how much of other values counts, and is asked only not to grow."""
        return self.kind == "scores" or self.part == "gate"
