"""Optimizers as update laws: how large one step's change of a weight matrix is.

    |dW|_F  =  eta |G|_F^p  fan_in^(q_in/2) fan_out^(q_out/2)  max(fan_in, fan_out)^m  |W|_F^s

with eta the layer's learning rate and G the gradient of the raw weight W. Momentum changes no exponent.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from scalings.errors import ArgumentError


@dataclass(frozen=True)
class UpdateLaw:
    """An optimizer, as far as powers of the width can tell: five dimensionless exponents."""

    name: str
    gradient: Fraction
    """p, the power of |G|_F: 1 for SGD, 0 for whatever normalises its gradient."""
    fan_in: Fraction = Fraction(0)
    """q_in, the power of fan_in^(1/2)."""
    fan_out: Fraction = Fraction(0)
    """q_out, the power of fan_out^(1/2)."""
    larger_fan: Fraction = Fraction(0)
    """m, the power of max(fan_in, fan_out)."""
    weight: Fraction = Fraction(0)
    """s, the power of |W|_F."""

    @property
    def gauge_power(self) -> Fraction:
        """1 + p - s: under (g, sigma) -> (n^t g, n^-t sigma), eta -> n^(-t (1 + p - s)) eta."""
        return 1 + self.gradient - self.weight


_ZERO, _ONE = Fraction(0), Fraction(1)

OPTIMIZERS: dict[str, UpdateLaw] = {
    law.name: law
    for law in (
        UpdateLaw("sgd", _ONE),
        UpdateLaw("sign", _ZERO, fan_in=_ONE, fan_out=_ONE),
        # Adam at eps -> 0 moves every entry by about eta, as signSGD does.
        UpdateLaw("adam", _ZERO, fan_in=_ONE, fan_out=_ONE),
        UpdateLaw("normalized-sgd", _ZERO),
        # An orthogonalised rank-O(1) gradient: singular values 1, without any fan adjustment.
        UpdateLaw("muon", _ZERO),
        UpdateLaw("lars", _ZERO, weight=_ONE),
        UpdateLaw("adafactor", _ZERO, weight=_ONE),
    )
}


def optimizer(name: str) -> UpdateLaw:
    """The update law of this name. Raises ArgumentError, naming those there are."""
    try:
        return OPTIMIZERS[name]
    except KeyError:
        raise ArgumentError("optimizer", f"expected one of {', '.join(OPTIMIZERS)}, but got {name!r}") from None
