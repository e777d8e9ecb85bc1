"""Widths to train at where none are given, also for models that are not made at every one.

Heads of a fixed size need widths that are multiples of it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from scalings.errors import ArgumentError

if TYPE_CHECKING:
    from empirical.tracing.batches import Loss
    from empirical.tracing.trace import Build

QUICK = (64, 80, 96, 128, 160, 192, 224, 256)
"""Widths of a quick check."""
_OF_HEADS: dict[bool, tuple[tuple[int, ...], ...]] = {
    True: ((64, 96, 128, 160, 192, 224, 256, 288), (64, 128, 192, 256, 320, 384, 448, 512)),
    False: ((64, 128, 192, 256, 384, 512, 640, 768),),
}
"""Multiples of 32 and of 64, for a quick check and for others, whose usual widths are multiples of 32 already."""


def widths_it_takes(build: Build, data: object, loss: Loss | None, *, quick: bool) -> tuple[int, ...] | None:
    """The first of further default widths at all of which the model can be traced; None if there are none."""
    from empirical.tracing.trace import trace

    for widths in _OF_HEADS[quick]:
        with suppress(ArgumentError):
            trace(build, data, widths, loss)
            return widths
    return None
