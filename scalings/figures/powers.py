"""Powers of the scale variable as figures write them, and layers that are alike written once."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from scalings.figures.texts import shortened
from scalings.hyperparameters.exponents import Affine, Exponent, is_zero

_LONGEST: Final = 12
"""Letters of an exponent."""


def power(exponent: Affine | Exponent, symbol: str = "n") -> str:
    """A power as it is read aloud: 1, n, 1/n, or with its exponent.

    >>> power(Fraction(0)), power(Fraction(-1)), power(Affine(Fraction(-1), {"r": Fraction(2)}))
    ('1', '$1/n$', '$n^{2r-1}$')
    """
    known = {"0": "1", "1": f"${_base(symbol)}$", "-1": f"$1/{_base(symbol)}$"}
    return known.get(str(exponent), raised(exponent, symbol))


def raised(exponent: Affine | Exponent, symbol: str = "n") -> str:
    """A power with its exponent, whatever that is: the slope of a line.

    >>> raised(Fraction(0)), raised(Fraction(-1, 2)), raised(float("-inf"))
    ('$n^{0}$', '$n^{-1/2}$', '0')
    """
    if is_zero(exponent):
        return "0"
    return f"${_base(symbol)}^{{{_short(exponent)}}}$"


def _short(exponent: Affine | Exponent) -> str:
    """As it is written in a formula; a fraction of many digits as a decimal."""
    text = str(exponent).replace("*", "").replace(" ", "")
    return text if len(text) <= _LONGEST or isinstance(exponent, Affine) else f"{float(exponent):.4g}"


def _base(symbol: str) -> str:
    return symbol if len(symbol) == 1 else rf"\mathrm{{{symbol}}}"


def signed(exponent: Fraction) -> str:
    """A number along an axis, with a minus sign and not a hyphen; one of many digits as a decimal.

    >>> signed(Fraction(1, 2)), signed(Fraction("0.33333333333"))
    ('1/2', '0.3333')
    """
    return _short(exponent).replace("-", "\u2212")


def together(names: Sequence[str], every: Sequence[str]) -> str:
    """Some of all layers, in few words; long names are shortened.

    >>> layers = [f"layer{k}" for k in range(1, 8)]
    >>> together(layers[1:3], layers), together(layers[1:6], layers), together(layers[::2], layers)
    ('layer2, layer3', 'layer2 to layer6', 'layer1 and 3 more')
    """
    if len(names) <= 2:
        return ", ".join(map(shortened, names))
    start = every.index(names[0])
    if list(every[start : start + len(names)]) == list(names):
        return f"{shortened(names[0])} to {shortened(names[-1])}"
    return f"{shortened(names[0])} and {len(names) - 1} more"
