"""Plans: at which widths to train, and from how many seeds at each.

The variance over seeds of a log observable falls like 1/n (it is an average over n units), and a run's time grows
like n^2 where matrices are drawn in full, and like n elsewhere. For the variance of the 1/n-corrected slope in a given
time,

    seeds(n) = seeds * min(32, n_max / n)

is within 3 % of the best of all powers of n_max / n and caps that were tried. It makes the standard errors of all
widths about equal. Which widths there are, if nobody says, is each engine's own (`empirical.engines`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from scalings.errors import ArgumentError

LEAST_WIDTHS = 3
"""That a slope with an interval can be fitted to."""
CAP = 32
_FAR = 10_000
"""How far from a width that has no network those that have one are looked for."""


def allocate(widths: Sequence[int], seeds: int, cap: int = CAP) -> dict[int, int]:
    """The number of seeds at each width, `seeds` at the largest; see the module's docstring for the rule."""
    return {width: round(seeds * min(cap, widths[-1] / width)) for width in widths}


def check_widths(widths: Sequence[int]) -> None:
    """Raises ArgumentError for widths that no slope can be fitted to."""
    increasing = all(a < b for a, b in itertools.pairwise(widths))
    if len(widths) < LEAST_WIDTHS or not increasing or widths[0] < 2:
        listed = ", ".join(map(str, widths))
        raise ArgumentError(
            "widths", f"expected at least {LEAST_WIDTHS} widths, strictly increasing from 2, but got {listed}"
        )


def check_plan(
    widths: Sequence[int], seeds: int, first_seed: int, refusal_at: Callable[[int], ArgumentError | None]
) -> None:
    """Raises ArgumentError for widths that no slope can be fitted to or that have no network, and for seeds that are
    none."""
    check_widths(widths)
    for what, number, least in (("seeds", seeds, 1), ("first_seed", first_seed, 0)):
        if number < least:
            raise ArgumentError(what, f"expected at least {least}, but got {number}")
    for width in widths:
        if error := refusal_at(width):
            raise _without_network(width, error, refusal_at)


def _without_network(
    width: int, error: ArgumentError, refusal_at: Callable[[int], ArgumentError | None]
) -> ArgumentError:
    """With the nearest widths on either side that have a network; if there are none, it is the network's fault."""
    near = range(1, min(width, _FAR))
    sides = ((width - d for d in near if width - d > 1), (width + d for d in near))
    found = [next((n for n in side if not refusal_at(n)), None) for side in sides]
    nearest = " and ".join(str(n) for n in found if n)
    if not nearest:
        return error
    return ArgumentError("widths", f"at {width}, {error.message}; the nearest that can be are {nearest}")
