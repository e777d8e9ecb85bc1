"""Parameterizations of the literature."""

from __future__ import annotations

from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import Exponent, parse_exponent
from scalings.hyperparameters.parameterizations import Parameterization

# Named inputs for SGD: multiplier; init; lr, each for the input, every hidden and the output layer.
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
    """A parameterization of the literature, for SGD, at this depth. Raises ArgumentError, naming those there are."""
    if name not in _PRESETS:
        raise ArgumentError("preset", f"expected one of {', '.join(PRESETS)} or family:R, but got {name!r}")
    if depth < 2:
        raise ArgumentError("depth", f"expected at least 2 weight matrices, but got {depth}")
    multiplier, init, lr = (_stretch(column, depth) for column in _PRESETS[name])
    return Parameterization.of(multiplier=multiplier, init=init, lr=lr, name=name)


def _stretch(column: str, depth: int) -> tuple[Exponent, ...]:
    first, hidden, last = map(parse_exponent, column.split(","))
    return (first, *[hidden] * (depth - 2), last)
