"""Copies of a block, which are one in theory: whether a model and its optimizer treat them alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from torch import nn

from empirical.models.settings import seen_in
from empirical.tracing.state import seeded
from empirical.tracing.trace import Build, built
from empirical.tracing.user_code import user_code

_PARTS = 2
"""Powers of the width are told apart by halves: a start that is drawn once tells no more."""


def treated_alike(
    build: Build, optimizer: Callable[[nn.Module], Any], ends: tuple[int, int], copies: Iterable[Sequence[str]]
) -> bool:
    """Whether the copies of each parameter, by their names, are set alike at these two widths, but for constants.

    They are not where some are frozen, in no group or in another optimizer, have a rate of 0 or are moved twice, and
    where their starts, learning rates or decays are other powers of the width.
    """
    small, large = (_seen(build, optimizer, width) for width in ends)
    widening = math.log(ends[1] / ends[0])

    def kind(name: str) -> tuple[object, ...]:
        (how, numbers), (_, others) = small[name], large[name]
        pairs = zip(numbers, others, strict=True)
        return *how, *(round(_PARTS * math.log(b / a) / widening) if a and b else bool(a) for a, b in pairs)

    return all(len({kind(name) for name in names}) == 1 for names in copies)


_Seen = tuple[tuple[object, ...], tuple[float, ...]]
"""How a parameter is trained, and the numbers that may be powers of the width."""


def _seen(build: Build, optimizer: Callable[[nn.Module], Any], width: int) -> dict[str, _Seen]:
    model = built(build, width)
    with user_code("optimizer", f"it fails at width {width}"), seeded():
        seen = seen_in(model, optimizer(model))

    def one(name: str) -> _Seen:
        is_frozen, size, options = name in seen.frozen, seen.starts[name].size, seen.options.get(name)
        if options is None:
            return (is_frozen,), (size, 0.0, 0.0)
        return (is_frozen, options.optimizer, options.law, options.others), (size, options.lr, options.decay)

    return {name: one(name) for name in seen.starts}
