"""Equivalence tests: what fits say of the exponents that were derived.

With e the derived exponent, and delta the margin:

    PASS          the 95 % interval lies within [e - delta, e + delta]
    FAIL          the interval misses that band
    INCONCLUSIVE  neither: more seeds or more width would settle it

Where theories are known to be further apart than delta, PASS may ask that the interval excludes that error alone. An
upper bound has no lower side: PASS below e + delta, FAIL above. Exponents hold together if each that is asserted
does, which needs no correction for their number (an intersection-union test, Berger 1982). They are refuted if one of
them, or one upper bound, fails by itself and is not e after Holm's correction over all of these (Holm 1979). The margin
says which difference matters, the correction how rarely chance refutes a theory that is right; it is of e itself, since
theory says e, and not something near it.

Where seeds are added to what is open, there are two *looks* at the data, and each may be wrong. p-values are multiplied
by their number (Bonferroni), so that both together refute what is right no more often than one would. An interval of
95 % lies within the band by chance in 2.5 % of cases, were e beyond either end, so that two looks let a wrong exponent
pass in at most 5 %.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, Literal, TypeVar

from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent, format_exponent
from scalings.results.fits import Diverged, Fit, Verdict

WIDTHS_FOR_A_VERDICT = 8
LEVEL = 0.05
_FACTORS = 28
"""Four an octave, up to about a hundred times the seeds."""
NOTHING_ASSERTED = "nothing moved that has an order to assert"
"""Why there is no verdict where no role is to assert."""


class Judged(ABC):
    """A finding that is compared with theory: a verdict, and the reason that it has."""

    @property
    @abstractmethod
    def judged(self) -> tuple[Verdict, str]:
        """Both."""

    @property
    def verdict(self) -> Verdict:
        return self.judged[0]

    @property
    def reason(self) -> str:
        return self.judged[1]


Role = Literal["asserted", "upper bound", "reported"]
Of = TypeVar("Of")


@dataclass(frozen=True)
class Comparison(Generic[Of]):
    """One exponent: what it is of, the role that theory has there, what was derived, what was fitted, what follows."""

    of: Of
    role: Role
    derived: Exponent
    fit: Fit | Diverged
    verdict: Verdict
    p_value: float
    """Of the exponent being the derived one; an upper bound's is 1 below it."""

    def __str__(self) -> str:
        if isinstance(self.fit, Diverged):
            seen = f"but training diverged at width {self.fit.width}"
        else:
            seen = f"measured {self.fit.shown(3)}"
        return f"{self.of} (derived {format_exponent(self.derived)}, {seen})"


def compare_one(
    of: Of,
    derived: Exponent,
    fit: Fit | Diverged,
    delta: Fraction,
    role: Role = "asserted",
    excluded: Fraction | None = None,
    looks: int = 1,
) -> Comparison[Of]:
    """The test of one exponent; an upper bound has no lower side. What is zero in theory or diverges has no exponent
    that could be right.

    `excluded` is an error that PASS excludes, by default delta: where theories are further apart than that, PASS asks
    for no shorter interval than what tells them apart. `looks`: how often the data are looked at, with more seeds each
    time.
    """
    from empirical.statistics.regression import p_value

    if isinstance(fit, Diverged) or derived == MINUS_INFINITY:
        return Comparison(of, role, derived, fit, "FAIL", 0.0)
    low, high = float(derived - delta), float(derived + delta)
    reach = float(delta if excluded is None else excluded)
    is_bound = role == "upper bound"
    below = is_bound and fit.exponent <= derived
    verdict: Verdict = "INCONCLUSIVE"
    if fit.low > high or (fit.high < low and not is_bound):
        verdict = "FAIL"
    elif fit.high <= derived + reach and (fit.low >= derived - reach or is_bound):
        verdict = "PASS"
    chance = 1.0 if below else min(1.0, looks * p_value(fit, float(derived), 0.0))
    return Comparison(of, role, derived, fit, verdict, chance)


def too_few(widths: int) -> str:
    """Why there is no verdict from so many widths; empty if there is."""
    if widths >= WIDTHS_FOR_A_VERDICT:
        return ""
    return f"a verdict needs at least {WIDTHS_FOR_A_VERDICT} widths, but got {widths}"


def judge(comparisons: Sequence[Comparison[Of]], delta: Fraction, *, unasked: str = "") -> tuple[Verdict, str]:
    """The verdict on all of them and its reason; `unasked` is one, if there is any, why they cannot pass."""
    asserted = [one for one in comparisons if one.role == "asserted"]
    judged = [one for one in comparisons if one.role != "reported"]
    if wrong := refuted(judged):
        return "FAIL", f"{len(wrong)} of {len(judged)} exponents are refuted, first of all {wrong[0]}"
    if unasked:
        return "INCONCLUSIVE", unasked
    if not asserted:
        return "INCONCLUSIVE", NOTHING_ASSERTED
    if unsettled := [one for one in asserted if one.verdict != "PASS"]:
        worst = most_open(unsettled)
        return (
            "INCONCLUSIVE",
            f"{len(unsettled)} of {len(asserted)} are open, most {worst}: {remedy(worst, delta)}",
        )
    widest = max(_fit(one).half_width for one in asserted)
    return "PASS", (
        f"all {len(asserted)} asserted exponents are within {float(delta):g} of the derived ones; "
        f"the widest 95 % interval has half-width {widest:.3f}"
    )


def refuted(judged: Sequence[Comparison[Of]]) -> list[Comparison[Of]]:
    """Those that fail, and whose p-value survives Holm's correction over all, the smallest first."""
    ordered, found = sorted(judged, key=lambda one: one.p_value), []
    for remaining, one in zip(range(len(ordered), 0, -1), ordered, strict=True):
        if one.p_value * remaining >= LEVEL:
            break
        found += [one] if one.verdict == "FAIL" else []
    return found


def most_open(unsettled: Sequence[Comparison[Of]]) -> Comparison[Of]:
    """The one whose interval reaches furthest from what was derived."""
    return max(unsettled, key=lambda one: abs(_fit(one).exponent - one.derived) + _fit(one).half_width)


def remedy(one: Comparison[Of], delta: Fraction) -> str:
    """What would settle it with a probability of 0.8: seeds, or width. The estimate is taken to stay where it is; where
    its interval holds the derived exponent, it may be off by chance alone, and is taken to come to that."""
    from empirical.statistics.regression import octaves_needed, seeds_needed

    fit = _fit(one)
    if math.isinf(fit.half_width):
        return f"{len(fit.points)} widths and one seed bound nothing, and more of either would settle it"
    if (room := _room(one, delta)) < 0.2 * float(delta):
        return "the estimate lies at the margin's edge, where larger widths would tell more than seeds"
    seeds, octaves = seeds_needed(fit, room), octaves_needed(fit, room)
    remedies = [f"about {max(2.0, seeds):.0f} times the seeds"] if seeds else []
    remedies += [f"{octaves} more octave{'s' * (octaves > 1)} of width"] if octaves else []
    if not remedies:
        return "finite-width corrections hide it, and larger widths would tell more than seeds"
    return f"{' or '.join(remedies)} would settle it"


def seeds_if_right(open_ones: Sequence[Comparison[Of]], delta: Fraction) -> float | None:
    """The factor on the number of seeds with which all of these would pass, each with a probability of 0.8, if theory
    is right: what chance has put between an estimate and its exponent is then divided by it. None if none would do."""
    factors = [_seeds_if_right(_fit(one), float(one.derived), float(delta)) for one in open_ones]
    known = [factor for factor in factors if factor is not None]
    return max(known) if known and len(known) == len(factors) else None


def _seeds_if_right(fit: Fit, derived: float, delta: float) -> float | None:
    from empirical.statistics.regression import seeds_needed

    for factor in (2 ** (quarter / 4) for quarter in range(_FACTORS)):
        room = delta - abs(fit.exponent - derived) / factor
        needed = seeds_needed(fit, room) if room > 0 else None
        if needed is not None and needed <= factor:
            return factor
    return None


def _room(one: Comparison[Of], delta: Fraction) -> float:
    """How far the ends of an interval may be from its middle."""
    fit = _fit(one)
    is_chance = fit.low <= one.derived <= fit.high
    return float(delta) if is_chance else abs(float(delta) - abs(fit.exponent - one.derived))


def _fit(one: Comparison[Of]) -> Fit:
    assert isinstance(one.fit, Fit), "what diverged is refuted, and neither open nor passed"
    return one.fit
