"""Functions that act unit by unit, by how they grow: all that orders of magnitude know of one.

>>> FUNCTIONS["sigmoid"]
Growth(bounded=True, offset=True, flat=False, kink=False, linear=False, stops=False)
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
    flat: bool = False
    """phi'(0) = 0, as torch has it: nothing comes back through a z that is zero."""
    kink: bool = False
    """phi' jumps somewhere."""
    linear: bool = False
    """phi(z) = z."""
    stops: bool = False
    """Nothing comes back through it, as through torch's detach."""


FUNCTIONS: dict[str, Growth] = {
    "relu": Growth(flat=True, kink=True),
    "tanh": Growth(bounded=True),
    **dict.fromkeys(("gelu", "silu", "elu", "mish"), Growth()),
    "linear": Growth(linear=True),
    "detach": Growth(linear=True, stops=True),
    **dict.fromkeys(("selu", "leaky_relu"), Growth(kink=True)),
    "abs": Growth(flat=True, kink=True),
    **dict.fromkeys(("erf", "sin", "atan", "softsign"), Growth(bounded=True)),
    "sigmoid": Growth(bounded=True, offset=True),
    "cos": Growth(bounded=True, offset=True, flat=True),
    **dict.fromkeys(("softplus", "exp"), Growth(offset=True)),
}
"""By torch's names. `exp` is here as it is for z of order 1: no power of n holds of what an exploding z makes of it."""
