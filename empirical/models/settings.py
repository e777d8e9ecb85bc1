"""How a model is set: how its parameters start and what their learning rates are, as powers of the width.

Starts are read off the tensors that the model itself draws, at several widths and seeds. Learning rates and decay are
numbers in the optimizer's groups, and have to be powers of the width exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from torch import nn

from empirical.engines.module.starts import (
    Drawn,
    Pattern,
    all_drawn,
    draws,
    kind_of,
    moments_of,
    pattern_in,
    powers_of,
    root_mean_square,
)
from empirical.models.optimizers import Options, options_of
from empirical.tracing.trace import Build
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.networks.nodes import Start
from scalings.results.fits import Fit
from scalings.tapes.arguments import Power
from scalings.tapes.powers import DIGITS, NoPower, Sizes


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
    mean: Exponent = MINUS_INFINITY
    """Of the mean of its entries; -oo where that is zero, or chance."""
    deviation: Exponent = MINUS_INFINITY
    """Of the standard deviation of its entries; -oo where they are the same."""
    pattern: Pattern = ""
    """What is told of it beside its size."""


@dataclass(frozen=True)
class Seen:
    """A model as it is made at one width: what its parameters start at, and how its optimizers train them."""

    starts: Mapping[str, Drawn]
    options: Mapping[str, Options]
    frozen: frozenset[str]
    """The names of what asks for no gradient."""
    gradients: Mapping[str, float] = field(default_factory=dict)
    """The root mean square of the entries of a gradient in the first steps; 0 where that is rounding."""


def seen_in(model: nn.Module, made: Any) -> Seen:
    """A model that has just been made, with its optimizers. Raises ArgumentError for optimizers without laws."""
    frozen = frozenset(name for name, parameter in model.named_parameters() if not parameter.requires_grad)
    options = {
        name: replace(option, lr=0.0, decay=0.0) if name in frozen else option
        for name, option in options_of(made, model).items()
    }
    return Seen(all_drawn(model), options, frozen)


def settings(build: Build, by_width: Mapping[int, Seen]) -> dict[str, Setting]:
    """By name, how each parameter is set. Raises ArgumentError for a number that is no power of the width."""
    widths = sorted(by_width)
    starts = draws(build, widths, {width: seen.starts for width, seen in by_width.items()})
    last = by_width[widths[-1]]

    def options(name: str) -> dict[int, Options]:
        return {width: seen.options[name] for width, seen in by_width.items() if name in seen.options}

    powers = powers_of(starts)
    found = (_setting(name, seen, powers[name], options(name), widths) for name, seen in starts.items())
    return {
        one.name: replace(
            _with_moments(one, starts[one.name]),
            frozen=one.name in last.frozen,
            gradients=_by_width(by_width, one.name),
        )
        for one in found
    }


def _with_moments(one: Setting, seen: Mapping[int, Sequence[Drawn]]) -> Setting:
    mean, deviation = moments_of(seen, one.init)
    return replace(one, mean=mean, deviation=deviation, pattern=pattern_in(seen))


def _by_width(seen: Mapping[int, Seen], name: str) -> dict[int, float]:
    return {width: at.gradients[name] for width, at in seen.items() if name in at.gradients}


def _setting(
    name: str,
    seen: Mapping[int, Sequence[Drawn]],
    power: tuple[Exponent, Fit | None],
    options: Mapping[int, Options],
    widths: Sequence[int],
) -> Setting:
    start, (init, fit) = kind_of(seen), power
    given, size = [options.get(width) for width in widths], root_mean_square(seen[widths[-1]])
    if any(one is None for one in given) and any(given):
        missing = next(width for width in widths if width not in options)
        raise ArgumentError("optimizer", f"it has {name} at some widths, but not at {missing}")
    if not any(given):
        return Setting(name, start, init, fit, size, MINUS_INFINITY, MINUS_INFINITY, MINUS_INFINITY, None)
    present = [one for one in given if one is not None]

    def order(what: str) -> Exponent:
        return _order(f"{what} of {name}", [getattr(one, what) for one in present], widths)

    return Setting(name, start, init, fit, size, order("lr"), order("decay"), order("epsilon"), present[-1])


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
