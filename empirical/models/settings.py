"""How a model is set: how its parameters start and what their learning rates are, as powers of the width.

Starts are read off the tensors that the model itself draws, at several widths and seeds. Learning rates and decay are
numbers in the optimizer's groups, and have to be powers of the width exactly.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from empirical.models.optimizers import Options, options_of
from empirical.statistics.regression import fit_means
from empirical.tracing.state import seeded
from empirical.tracing.trace import Build, built
from empirical.tracing.user_code import user_code
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.networks.nodes import Start
from scalings.results.fits import Fit
from scalings.tapes.arguments import Power
from scalings.tapes.powers import DIGITS, NoPower, Sizes

_DRAWS = (8, 64)
"""At least and at most so many draws of the model at each width, from which its starts are read."""
_ENTRIES = 200
"""So many entries of a parameter in all draws tell its size to 5 %, and its power over two octaves to 0.05."""
_DENOMINATORS = (2, 4)


@dataclass(frozen=True)
class Setting:
    """How one parameter is set; exponents are powers of the width."""

    name: str
    start: Start
    init: Exponent
    """Of the root mean square of its entries at initialization."""
    init_fit: Fit | None
    """What was measured of it; None where it starts at zero, or is the same at every width."""
    size: float
    """That root mean square at the largest width."""
    lr: Exponent
    """-oo if nothing trains it."""
    decay: Exponent
    epsilon: Exponent
    """Of what is added to the size of a gradient's entries; -oo if nothing is."""
    options: Options | None
    """Those at the largest width; None if no optimizer has it."""
    frozen: bool = False
    """Whether it asks for no gradient."""
    gradients: Mapping[int, float] = field(default_factory=dict)
    """By width, the root mean square of its gradient's entries in the first steps; 0 where that is rounding,
    empty where it has none."""


def settings(build: Build, optimizer: Callable[[nn.Module], Any], widths: Sequence[int]) -> dict[str, Setting]:
    """By name, how each parameter is set. Raises ArgumentError for a number that is no power of the width."""
    first = [_start(parameter) for parameter in built(build, widths[0]).parameters()]
    fewest = min((one.entries for one in first if one.constant is None and one.entries), default=_ENTRIES)
    seeds = min(max(_DRAWS[0], -(-_ENTRIES // fewest)), _DRAWS[1])
    starts: dict[str, dict[int, list[_Start]]] = defaultdict(lambda: defaultdict(list))
    options: dict[str, dict[int, Options]] = defaultdict(dict)
    for width in widths:
        for seed in range(seeds):
            model = built(build, width, seed)
            for name, parameter in model.named_parameters():
                starts[name][width].append(_start(parameter))
        with user_code("optimizer", f"it fails at width {width}"), seeded():
            made = optimizer(model)
            given = options_of(made, model)
        frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
        for name, option in given.items():
            options[name][width] = replace(option, lr=0.0, decay=0.0) if name in frozen else option
    found = (_setting(name, seen, options.get(name, {}), widths) for name, seen in starts.items())
    return {one.name: replace(one, frozen=one.name in frozen) for one in found}


@dataclass(frozen=True)
class _Start:
    """One tensor at initialization."""

    size: float
    """The root mean square of its entries."""
    entries: int
    constant: float | None
    """The value of all entries, if they are the same."""


def _start(parameter: Tensor) -> _Start:
    values = parameter.detach().to(torch.float64)
    first = float(values.flatten()[0]) if values.numel() else 0.0
    same = first if bool((values == first).all()) else None
    return _Start(float(values.square().mean().sqrt()), values.numel(), same)


def _setting(
    name: str, seen: Mapping[int, Sequence[_Start]], options: Mapping[int, Options], widths: Sequence[int]
) -> Setting:
    constants = {one.constant for starts in seen.values() for one in starts}
    start: Start = "zero" if constants == {0.0} else "one" if constants == {1.0} else "random"
    init, fit = (MINUS_INFINITY, None) if start == "zero" else _init(seen)
    given, last = [options.get(width) for width in widths], seen[widths[-1]]
    size = math.sqrt(sum(one.size**2 for one in last) / len(last))
    if any(one is None for one in given) and any(given):
        missing = next(width for width in widths if width not in options)
        raise ArgumentError("optimizer", f"it has {name} at some widths, but not at {missing}")
    if not any(given):
        return Setting(name, start, init, fit, size, MINUS_INFINITY, MINUS_INFINITY, MINUS_INFINITY, None)
    present = [one for one in given if one is not None]

    def order(what: str) -> Exponent:
        return _order(f"{what} of {name}", [getattr(one, what) for one in present], widths)

    return Setting(name, start, init, fit, size, order("lr"), order("decay"), order("epsilon"), present[-1])


def _init(seen: Mapping[int, Sequence[_Start]]) -> tuple[Exponent, Fit | None]:
    """The power of the width that a start is, and its fit."""
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


_SAME = 1e-6
"""Logarithms of sizes that differ by less are of the same start."""


def simplest(fit: Fit) -> Fraction:
    """The nearest half in the interval, or else quarter; if there is none, the nearest hundredth."""
    for denominator in _DENOMINATORS:
        near = Fraction(round(fit.exponent * denominator), denominator)
        if fit.low <= near <= fit.high:
            return near
    return Fraction(round(100 * fit.exponent), 100)


def _order(what: str, seen: Sequence[float], widths: Sequence[int]) -> Exponent:
    """The power of the width that a number of the optimizer is."""
    if not any(seen):
        return MINUS_INFINITY
    if (exact := _exact(seen, widths)) is not None:
        return exact
    try:
        found = Sizes(widths).number(list(seen))
    except NoPower as error:
        raise ArgumentError("optimizer", f"{what} {error}") from error
    return found.order if isinstance(found, Power) else Fraction(0)


def _exact(seen: Sequence[float], widths: Sequence[int]) -> Fraction | None:
    """The power that numbers are exactly, such as a quarter; None if they are none."""
    if min(seen) <= 0:
        return None
    slopes = [
        math.log(b / a) / math.log(n / m) for (a, b), (m, n) in zip(pairwise(seen), pairwise(widths), strict=True)
    ]
    near = Fraction(slopes[0]).limit_denominator(_SMALLEST)
    return near if all(abs(slope - near) < DIGITS for slope in slopes) else None


_SMALLEST = 12
"""The largest denominator of an exponent that is meant."""
