"""Copies of a block, which are one in theory: whether a model and its optimizer treat them alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from empirical.engines.module.starts import Drawn
from empirical.models.building import Starts
from empirical.models.settings import Seen
from scalings.tapes.powers import DIGITS

_SURE = 4.0
"""Starts are of other powers if these differ by so many standard errors, as chance lets one pair of 15,000."""


def treated_alike(starts: Starts, ends: tuple[int, int], copies: Iterable[Sequence[str]]) -> bool:
    """Whether the copies of each parameter, by their names, are set alike at these two widths, but for constants.

    They are not where some are frozen, in no group or in another optimizer, have a rate of 0 or are moved twice, and
    where their starts, learning rates or decays are other powers of the width: rates and decays are numbers, and
    compared as such, starts as well as they are known from one draw.
    """
    small, large = (_how_set(starts.at(width).seen) for width in ends)
    widening = math.log(ends[1] / ends[0])

    def alike(one: str, other: str) -> bool:
        pair = one, other
        if small[one].how != small[other].how:
            return False
        for which in range(len(small[one].rates)):
            first, second = (_power(small[name].rates[which], large[name].rates[which], widening) for name in pair)
            if not _same(first, second, DIGITS):
                return False
        first, second = (_power(small[name].start.size, large[name].start.size, widening) for name in pair)
        error = math.hypot(*(_error(seen[name].start) for name in pair for seen in (small, large))) / widening
        return _same(first, second, DIGITS + _SURE * error)

    return all(alike(first, other) for first, *others in copies for other in others)


def _power(small: float, large: float, widening: float) -> float | None:
    """The power of the width that a number is; None of one that is 0 at either width."""
    return math.log(large / small) / widening if small and large else None


def _same(one: float | None, other: float | None, error: float) -> bool:
    return one is other if one is None or other is None else abs(one - other) <= error


def _error(start: Drawn) -> float:
    """The standard error of the logarithm of its root mean square."""
    return 0.0 if start.constant is not None else 1 / math.sqrt(2 * start.entries)


@dataclass(frozen=True)
class _Set:
    """How a parameter is trained and starts at one width."""

    how: tuple[object, ...]
    rates: tuple[float, float]
    """Its learning rate and decay."""
    start: Drawn


def _how_set(seen: Seen) -> dict[str, _Set]:
    def one(name: str) -> _Set:
        is_frozen, options = name in seen.frozen, seen.options.get(name)
        if options is None:
            return _Set((is_frozen,), (0.0, 0.0), seen.starts[name])
        how = is_frozen, options.optimizer, options.law, options.others, bool(options.lr), bool(options.decay)
        return _Set(how, (options.lr, options.decay), seen.starts[name])

    return {name: one(name) for name in seen.starts}
