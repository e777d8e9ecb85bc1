"""How the parameters of a module start: what is read off the tensors that it draws itself, at several widths.

One draw of a tensor with N entries tells its root mean square to 1/sqrt(2N). So a module is drawn again only for the
sake of tensors with few entries.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from torch import Tensor, nn

from empirical.statistics.regression import fit_means
from empirical.tensors.sizes import size_of
from empirical.tracing.trace import Build, built
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.networks.nodes import Start
from scalings.results.fits import Fit

_ENTRIES = 200
"""So many entries of a parameter in all draws tell its size to 5 %, and its power over two octaves to 0.05."""
_DRAWS = 64
"""The most draws of a module at each width."""
_DENOMINATORS = (2, 4)
_SAME = 1e-6
"""Logarithms of sizes that differ by less are of the same start."""


@dataclass(frozen=True)
class Drawn:
    """One tensor at initialization."""

    size: float
    """The root mean square of its entries."""
    entries: int
    constant: float | None
    """The value of all entries, if they are the same."""


Draws: TypeAlias = Mapping[str, Mapping[int, Sequence[Drawn]]]
"""By the name of a parameter and by width, what was drawn of it."""


def drawn(parameter: Tensor) -> Drawn:
    """What a parameter holds now.

    >>> import torch
    >>> drawn(torch.tensor([3.0, 4.0, 0.0, 0.0])), drawn(torch.ones(2, 2))
    (Drawn(size=2.5, entries=4, constant=None), Drawn(size=1.0, entries=4, constant=1.0))
    """
    held, entries = parameter.detach(), parameter.numel()
    if not held.is_floating_point() or not entries:
        return Drawn(0.0, entries, 0.0)
    low, high = (float(bound) for bound in held.aminmax())
    if low == high:
        return Drawn(abs(low), entries, low)
    return Drawn(size_of(held) / math.sqrt(entries), entries, None)


def all_drawn(module: nn.Module) -> dict[str, Drawn]:
    """By name, what each parameter of a module that has just been made holds."""
    return {name: drawn(parameter) for name, parameter in module.named_parameters()}


def draws(build: Build, widths: Sequence[int], first: Mapping[int, Mapping[str, Drawn]] | None = None) -> Draws:
    """What a module draws at these widths, by as many seeds as its smallest tensors need.

    `first`: what it drew from seed 0, by width, where that is known.
    """
    found: dict[str, dict[int, list[Drawn]]] = defaultdict(dict)
    for width in widths:
        seen = first[width] if first and width in first else all_drawn(built(build, width))
        small = {name for name, one in seen.items() if one.constant is None and one.entries < _ENTRIES}
        fewest = min((seen[name].entries for name in small), default=_ENTRIES)
        for name, one in seen.items():
            found[name][width] = [one]
        for seed in range(1, min(-(-_ENTRIES // fewest), _DRAWS)):
            again = dict(built(build, width, seed).named_parameters())
            for name in small:
                found[name][width].append(drawn(again[name]))
    return found


def kind_of(seen: Mapping[int, Sequence[Drawn]]) -> Start:
    """Whether a parameter starts at zero, at one, or at random."""
    constants = {one.constant for starts in seen.values() for one in starts}
    return "zero" if constants == {0.0} else "one" if constants == {1.0} else "random"


def power_of(seen: Mapping[int, Sequence[Drawn]]) -> tuple[Exponent, Fit | None]:
    """The power of the width that the size of a parameter is, and its fit; None where it is zero, or always the same.

    >>> exact = {n: [Drawn(n**-0.5, n, None)] for n in (64, 128, 256)}
    >>> power_of(exact)[0]
    Fraction(-1, 2)
    """
    widths = sorted(seen)
    logs = [[math.log(one.size) for one in seen[width] if one.size] for width in widths]
    if not all(logs):
        return MINUS_INFINITY, None
    means = np.array([float(np.mean(each)) for each in logs])
    if np.ptp(means) < _SAME:
        return Fraction(0), None
    errors = np.array([1 / math.sqrt(2 * sum(one.entries for one in seen[width])) for width in widths])
    fit = fit_means(widths, means, errors, sum(one.entries for one in seen[widths[0]]) - 1)
    return simplest(fit), fit


def simplest(fit: Fit) -> Fraction:
    """The nearest half in the interval, or else quarter; if there is none, the nearest hundredth."""
    for denominator in _DENOMINATORS:
        near = Fraction(round(fit.exponent * denominator), denominator)
        if fit.low <= near <= fit.high:
            return near
    return Fraction(round(100 * fit.exponent), 100)


def root_mean_square(of_one_width: Sequence[Drawn]) -> float:
    """Of all entries that were drawn."""
    return math.sqrt(sum(one.size**2 for one in of_one_width) / len(of_one_width))
