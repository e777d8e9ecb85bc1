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
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from empirical.statistics.regression import fit_means, fits_of_means
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
_ORTHOGONAL = 1e-4
"""Of a matrix that is orthogonal in single precision, so much or less is something else."""
_CANCELLED = 1e-2
"""A difference that is smaller, beside what it is of, is not taken between numbers of single precision."""
_CHANCE = 6.0
"""A mean that is so many times its standard error or less may be chance."""
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
    mean: float = 0.0
    deviation: float = 0.0
    """The standard deviation of its entries; 0 if they are the same."""
    pattern: Pattern = ""


Pattern: TypeAlias = Literal["", "orthogonal", "identity"]
"""What is told of a matrix beside its size: that all its singular values are the same, or that it is the identity."""
Draws: TypeAlias = Mapping[str, Mapping[int, Sequence[Drawn]]]
"""By the name of a parameter and by width, what was drawn of it."""


def drawn(parameter: Tensor) -> Drawn:
    """What a parameter holds now.

    >>> import torch
    >>> seen = drawn(torch.tensor([1.0, 7.0]))
    >>> seen.size, seen.mean, round(seen.deviation, 6), seen.constant, drawn(torch.ones(2, 2)).constant
    (5.0, 4.0, 3.0, None, 1.0)
    """
    held, entries = parameter.detach(), parameter.numel()
    if not held.is_floating_point() or not entries:
        return Drawn(0.0, entries, 0.0)
    low, high = (float(bound) for bound in held.aminmax())
    if low == high:
        return Drawn(abs(low), entries, low, low)
    size = size_of(held) / math.sqrt(entries)
    if type(held) is not Tensor:  # of one that is sharded the rest is not asked
        return Drawn(size, entries, None, 0.0, size)
    mean = float(held.mean())
    rest = 1 - (mean / size) ** 2  # of its size; torch finds the deviation itself ten times as slowly
    deviation = size * math.sqrt(rest) if rest > _CANCELLED else float(held.double().std(correction=0))
    return Drawn(size, entries, None, mean, deviation, pattern_of(held))


def pattern_of(held: Tensor) -> Pattern:
    """Whether a tensor with more than one row, each of all its other entries, is orthogonal or the identity, but for a
    factor: A A^T v is then c v for any v, which of others it is not to 1/sqrt(columns).

    >>> rows = torch.nn.init.orthogonal_(torch.empty(3, 5))
    >>> pattern_of(rows), pattern_of(rows.T), pattern_of(rows + 0.01), pattern_of(torch.eye(3, 5))
    ('orthogonal', 'orthogonal', '', 'identity')
    """
    if held.dim() < 2 or min(held.shape[0], held[0].numel()) < 2:
        return ""
    matrix = held.flatten(1) if held.dtype in (torch.float32, torch.float64) else held.flatten(1).float()
    short = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    probe = torch.arange(len(short), dtype=short.dtype, device=short.device).square().cos()
    seen = short @ (short.T @ probe)
    rest = seen - (seen @ probe) / (probe @ probe) * probe
    if not float(torch.linalg.vector_norm(rest)) < _ORTHOGONAL * float(torch.linalg.vector_norm(seen)):
        return ""
    diagonal = short.diagonal()
    is_one = bool((diagonal == diagonal[0]).all()) and int(short.count_nonzero()) == len(short)
    return "identity" if is_one else "orthogonal"


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


def powers_of(seen: Draws) -> dict[str, tuple[Exponent, Fit | None]]:
    """By name, the power of the width that the size of a parameter is, and its fit; None where it is zero, or always
    the same. All are drawn at the same widths.

    >>> exact = {n: [Drawn(n**-0.5, n, None)] for n in (64, 128, 256)}
    >>> powers_of({"weight": exact})["weight"][0]
    Fraction(-1, 2)
    """
    found: dict[str, tuple[Exponent, Fit | None]] = {}
    fitted: dict[str, tuple[list[float], list[float], int]] = {}
    for name, by_width in seen.items():
        drawn_at = [by_width[width] for width in sorted(by_width)]
        logs = [[math.log(one.size) for one in starts if one.size] for starts in drawn_at]
        means = [math.fsum(each) / len(each) for each in logs if each]
        entries = [sum(one.entries for one in starts) for starts in drawn_at]
        if len(means) < len(logs):
            found[name] = MINUS_INFINITY, None
        elif max(means) - min(means) < _SAME:
            found[name] = Fraction(0), None
        else:
            fitted[name] = means, [1 / math.sqrt(2 * number) for number in entries], entries[0] - 1
    if fitted:
        means_of, errors, known = zip(*fitted.values(), strict=True)
        fits = fits_of_means(sorted(seen[next(iter(fitted))]), np.array(means_of), np.array(errors), known)
        found |= {name: (simplest(fit), fit) for name, fit in zip(fitted, fits, strict=True)}
    return found


def moments_of(seen: Mapping[int, Sequence[Drawn]], of_size: Exponent) -> tuple[Exponent, Exponent]:
    """The powers of the width that the mean of a parameter and its standard deviation are, given that of its size.

    The mean is zero, -oo, where at any width it may be what is left of entries that were drawn around zero; so is the
    deviation of entries that are the same.

    >>> shifted = {n: [Drawn(2 / n, n * n, None, 1 / n, 3**0.5 / n)] for n in (64, 128, 256)}
    >>> [str(one) for one in moments_of(shifted, Fraction(-1))]
    ['-1', '-1']
    """
    widths = sorted(seen)
    means, deviations, errors = [], [], []
    for width in widths:
        entries = sum(one.entries for one in seen[width])
        means.append(sum(one.mean * one.entries for one in seen[width]) / max(entries, 1))
        deviations.append(math.sqrt(sum(one.deviation**2 * one.entries for one in seen[width]) / max(entries, 1)))
        errors.append(1 / math.sqrt(2 * max(entries, 1)))
    chance = [2**0.5 * error * deviation for error, deviation in zip(errors, deviations, strict=True)]
    is_mean = all(abs(mean) > _CHANCE * error for mean, error in zip(means, chance, strict=True))
    if not is_mean or len({mean > 0 for mean in means}) > 1:
        return MINUS_INFINITY, of_size
    of_means = [error + one / abs(mean) for error, one, mean in zip(errors, chance, means, strict=True)]
    freedom = sum(one.entries for one in seen[widths[0]]) - 1
    return (
        _power(widths, [abs(mean) for mean in means], of_means, freedom),
        _power(widths, deviations, errors, freedom) if all(deviations) else MINUS_INFINITY,
    )


def _power(widths: list[int], sizes: Sequence[float], errors: Sequence[float], freedom: int) -> Exponent:
    logs = np.log(np.array(sizes))
    if np.ptp(logs) < _SAME:
        return Fraction(0)
    return simplest(fit_means(widths, logs, np.array(errors), freedom))


def pattern_in(seen: Mapping[int, Sequence[Drawn]]) -> Pattern:
    """The pattern of all draws; empty if they have none in common."""
    patterns = {one.pattern for starts in seen.values() for one in starts}
    return patterns.pop() if len(patterns) == 1 else ""


def simplest(fit: Fit) -> Fraction:
    """The nearest half in the interval, or else quarter; if there is none, the nearest hundredth."""
    for denominator in _DENOMINATORS:
        near = Fraction(round(fit.exponent * denominator), denominator)
        if fit.low <= near <= fit.high:
            return near
    return Fraction(round(100 * fit.exponent), 100)


def root_mean_square(of_one_width: Sequence[Drawn], *, centred: bool = False) -> float:
    """Of all entries that were drawn; without their mean, if they are to be centred and are not all the same."""
    sizes = [(centred and one.deviation) or one.size for one in of_one_width]
    return math.sqrt(sum(size**2 for size in sizes) / len(sizes))
