"""Copies of a block, which are one in theory: whether a model and its optimizer treat them alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from empirical.models.building import Starts
from empirical.models.settings import Seen

_PARTS = 2
"""Powers of the width are told apart by halves: a start that is drawn once tells no more."""


def treated_alike(starts: Starts, ends: tuple[int, int], copies: Iterable[Sequence[str]]) -> bool:
    """Whether the copies of each parameter, by their names, are set alike at these two widths, but for constants.

    They are not where some are frozen, in no group or in another optimizer, have a rate of 0 or are moved twice, and
    where their starts, learning rates or decays are other powers of the width.
    """
    small, large = (_how_set(starts.at(width).seen) for width in ends)
    widening = math.log(ends[1] / ends[0])

    def kind(name: str) -> tuple[object, ...]:
        (how, numbers), (_, others) = small[name], large[name]
        pairs = zip(numbers, others, strict=True)
        return *how, *(round(_PARTS * math.log(b / a) / widening) if a and b else bool(a) for a, b in pairs)

    return all(len({kind(name) for name in names}) == 1 for names in copies)


_Set = tuple[tuple[object, ...], tuple[float, ...]]
"""How a parameter is trained, and the numbers that may be powers of the width."""


def _how_set(seen: Seen) -> dict[str, _Set]:
    def one(name: str) -> _Set:
        is_frozen, size, options = name in seen.frozen, seen.starts[name].size, seen.options.get(name)
        if options is None:
            return (is_frozen,), (size, 0.0, 0.0)
        return (is_frozen, options.optimizer, options.law, options.others), (size, options.lr, options.decay)

    return {name: one(name) for name in seen.starts}
