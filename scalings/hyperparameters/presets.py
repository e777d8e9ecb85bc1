"""Parameterizations of the literature, for SGD.

standard, ntp (neural tangent), mup (maximal update) and mfp (mean field) are compared by Yang and Hu, arXiv 2011.14522,
Table 1; ntp-lr and mup-lr are ntp and mup in the gauge without multipliers.
"""

from __future__ import annotations

from scalings.errors import ArgumentError, unknown_name
from scalings.hyperparameters.exponents import Exponent, parse_exponent
from scalings.hyperparameters.parameterizations import Parameterization

# Exponents of multiplier; init; lr, each for the input, every hidden and the output layer.
_PRESETS: dict[str, tuple[str, str, str]] = {
    "standard": ("0,0,0", "0,-1/2,-1/2", "0,0,0"),
    "ntp": ("0,-1/2,-1/2", "0,0,0", "0,0,0"),
    "ntp-lr": ("0,0,0", "0,-1/2,-1/2", "0,-1,-1"),
    "mup": ("1/2,0,-1/2", "-1/2,-1/2,-1/2", "0,0,0"),
    "mup-lr": ("0,0,0", "0,-1/2,-1", "1,0,-1"),
    "mfp": ("0,-1/2,-1", "0,0,0", "1,1,1"),
}
PRESETS: tuple[str, ...] = tuple(_PRESETS)


def preset(name: str, depth: int) -> Parameterization:
    """The parameterization of this name for `depth` weight matrices; the hidden exponents are repeated.

    Raises ArgumentError for an unknown name, and for a depth below 2.

    >>> [str(layer.init) for layer in preset("mup-lr", 4).layers]
    ['0', '-1/2', '-1/2', '-1']
    """
    if name not in _PRESETS:
        raise unknown_name("preset", name, PRESETS, also=" or family:R")
    if depth < 2:
        raise ArgumentError("depth", f"expected at least 2 weight matrices, but got {depth}")
    multiplier, init, lr = (_stretch(column, depth) for column in _PRESETS[name])
    return Parameterization.of(multiplier=multiplier, init=init, lr=lr, name=name)


def _stretch(column: str, depth: int) -> tuple[Exponent, ...]:
    first, hidden, last = map(parse_exponent, column.split(","))
    return (first, *[hidden] * (depth - 2), last)
