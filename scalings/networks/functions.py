"""Functions that act unit by unit, by how they grow: all that orders of magnitude know of one.

>>> FUNCTIONS["sigmoid"]
Growth(bounded=True, offset=True)
>>> FUNCTIONS["gelu"] == Growth()
True
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Growth:
    """phi(z) is of the order of z, up to constants; its derivative is bounded."""

    bounded: bool = False
    """|phi| <= 1 or so, however large z is."""
    offset: bool = False
    """phi(0) is not 0, so that the result is of order 1 at least."""


FUNCTIONS: dict[str, Growth] = {
    **dict.fromkeys(("linear", "relu", "gelu", "silu", "elu", "selu", "leaky_relu", "mish", "abs"), Growth()),
    **dict.fromkeys(("tanh", "erf", "sin", "atan", "softsign"), Growth(bounded=True)),
    **dict.fromkeys(("sigmoid", "cos"), Growth(bounded=True, offset=True)),
    **dict.fromkeys(("softplus", "exp"), Growth(offset=True)),
}
"""By torch's names. `exp` is here as it is for z of order 1: no power of n holds of what an exploding z makes of it."""
