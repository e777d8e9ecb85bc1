"""An audit of optimizers: what goes wrong silently, since it raises no error and shows in no curve.

Each remark names its parameters: one that nothing trains, or two optimizers do, a matrix that Muon leaves to another
optimizer, a learning rate that is scaled twice, decay of vectors, an epsilon beside which a gradient counts for
nothing, and where a schedule starts. The first four change orders, and show in the verdict as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent, format_power

if TYPE_CHECKING:
    from empirical.models.settings import Setting

MUON = "muon"
_ADAMS_HIDDEN = Fraction(-1)
"""The power of n of a hidden matrix' learning rate under Adam at maximal update."""
_FAR = 100_000
"""The largest width that is looked ahead to."""


class Row(Protocol):
    """How one weight is set, as `ParameterSetting` has it."""

    @property
    def weight(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def lr(self) -> Exponent: ...
    @property
    def decay(self) -> Exponent: ...
    @property
    def law(self) -> str: ...
    @property
    def untrained(self) -> str: ...
    @property
    def moved_twice(self) -> str: ...
    @property
    def is_vector(self) -> bool: ...


def untrained(setting: Setting) -> str:
    """Why nothing moves a parameter, in words; empty if something does."""
    if setting.frozen:
        return "is frozen: it asks for no gradient"
    if setting.options is None:
        return "is in no group of the optimizer"
    return "is trained at a rate of 0" if setting.lr == MINUS_INFINITY else ""


def moved_twice(settings: Sequence[Setting]) -> str:
    """By what the copies of a weight are moved more than once in each step, in words; empty if none is."""
    for one in settings:
        if one.options and one.options.others:
            names = [one.options.optimizer, *one.options.others]
            return f"each time by {names[0]}" if len(set(names)) == 1 else f"by {', '.join(names[:-1])} and {names[-1]}"
    return ""


def drowns(setting: Setting) -> bool:
    """Whether the epsilon of its optimizer is larger than the entries of its gradient, at the largest width."""
    size = _gradient(setting)
    return bool(size and setting.options and setting.options.epsilon > size)


def is_rounding(setting: Setting) -> bool:
    """Whether all gradients of a parameter are but the rounding of larger ones: no value depends on it."""
    return bool(setting.gradients) and not any(setting.gradients.values())


def audit(rows: Sequence[Row], settings: Sequence[Setting]) -> Iterator[str]:
    """Remarks on how weights are trained; of each weight a row, and the setting of its last copy."""
    for by, twice in groupby(sorted(rows, key=_twice), key=_twice):
        if by:
            yield f"moved twice: {_listed([row.weight for row in twice])}, in each step {by}"
    yield from _skipped(rows)
    if names := [row.weight for row in rows if _is_scaled_twice(row)]:
        rate = format_power(_ADAMS_HIDDEN, "n")
        yield (
            f"scaled twice: {_listed(names)}, by a learning rate like {rate}, as Adam needs it, "
            "and by Muon, which gives its steps a size of their own"
        )
    if names := [row.weight for row in rows if row.decay != MINUS_INFINITY and row.is_vector]:
        yield f"decays, too: {_listed(names)}; of a bias or gain decay is rarely meant, and theory leaves it out"
    if names := [row.weight for row, one in zip(rows, settings, strict=True) if is_rounding(one)]:
        yield (
            f"without effect: gradients of {_listed(names)} are rounding, as those of a bias in front of a "
            "normalization are; how far it moves is not judged"
        )
    yield from _epsilons(rows, settings)
    yield from _schedules(settings)


def _twice(row: Row) -> str:
    return row.moved_twice


def _skipped(rows: Sequence[Row]) -> Iterator[str]:
    """Hidden matrices that have another optimizer where others have Muon, which by itself takes no tensor but 2-D."""
    hidden = [row for row in rows if row.role == "hidden" and not row.untrained]
    others = [row for row in hidden if not row.law.startswith(MUON)]
    if others and len(others) < len(hidden):
        names = _listed([row.weight for row in others])
        laws = ", ".join(dict.fromkeys(row.law for row in others))
        yield f"left out by Muon: {names}, hidden like those that it trains, but trained by {laws}"


def _is_scaled_twice(row: Row) -> bool:
    return row.role == "hidden" and row.law.startswith(MUON) and row.lr == _ADAMS_HIDDEN


def _epsilons(rows: Sequence[Row], settings: Sequence[Setting]) -> Iterator[str]:
    drowned = [(row, one) for row, one in zip(rows, settings, strict=True) if drowns(one)]
    if drowned:
        _, one = drowned[0]
        assert one.options
        yield (
            f"drowned: gradients of {_listed([row.weight for row, _ in drowned])} have entries of "
            f"{_gradient(one):.0e} beside an epsilon of {one.options.epsilon:.0e}, and steps are smaller by as much"
        )
    near = [(width, row) for row, one in zip(rows, settings, strict=True) if (width := _drowns_at(one))]
    if near:
        first = min(width for width, _ in near)
        yield (
            f"near their epsilon: gradients of {_listed([row.weight for _, row in near])}, "
            f"which will be smaller than it from a width of about {first:.0e} on"
        )


def _gradient(setting: Setting) -> float:
    """The size of a gradient's entries at the largest width that it was taken at; 0 if it was not."""
    return setting.gradients[max(setting.gradients)] if setting.gradients else 0.0


def _drowns_at(setting: Setting) -> float | None:
    """The width at which the epsilon will be larger than the gradient's entries; None if that is far, or was passed."""
    widths = sorted(setting.gradients)
    if len(widths) < 2 or not setting.options or not setting.options.epsilon or drowns(setting):
        return None
    low, high = widths[0], widths[-1]
    if not setting.gradients[low] or not setting.gradients[high]:
        return None
    slope = math.log(setting.gradients[high] / setting.gradients[low]) / math.log(high / low)
    falls = float(setting.epsilon) - slope
    room = math.log(setting.gradients[high] / setting.options.epsilon)
    return high * math.exp(room / falls) if room < falls * math.log(_FAR / high) else None


def _schedules(settings: Sequence[Setting]) -> Iterator[str]:
    first = [one.options for one in settings if one.options and one.options.first_lr is not None]
    if first:
        start, peak = first[0].first_lr, first[0].lr
        yield f"a schedule starts at {start:.1e}: learning rates are those of its peak, as {peak:.1e}"


def _listed(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
