"""Equivalence tests: what fits say of the exponents that were derived.

With e the derived exponent, and delta the margin:

    PASS          the 95 % interval lies within [e - delta, e + delta]
    FAIL          the interval misses that band
    INCONCLUSIVE  neither: more seeds or more width would settle it

Claims hold together if each does, which needs no correction for their number (an intersection-union test, Berger
1982); they are refuted if one of them is after Holm's correction over all of them (Holm 1979).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from scalings.hyperparameters.exponents import Exponent, format_exponent
from scalings.results.fits import Fit, Verdict

WIDTHS_FOR_A_VERDICT = 8
LEVEL = 0.05


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


@dataclass(frozen=True)
class Claim:
    """One exponent: what was derived, what was fitted, and what follows."""

    name: str
    derived: Exponent
    fit: Fit
    verdict: Verdict
    p_value: float
    """Of the exponent being within the margin."""

    def __str__(self) -> str:
        measured = f"{self.fit.exponent:.3f} +- {self.fit.half_width:.3f}"
        return f"{self.name} (derived {format_exponent(self.derived)}, measured {measured})"


def claim(name: str, derived: Exponent, fit: Fit, delta: Fraction, *, is_bound: bool = False) -> Claim:
    """The test of one exponent; a bound has no lower side."""
    from empirical.statistics.regression import p_value

    low, high = float(derived - delta), float(derived + delta)
    verdict: Verdict = "INCONCLUSIVE"
    if fit.high <= high and (fit.low >= low or is_bound):
        verdict = "PASS"
    elif fit.low > high or (fit.high < low and not is_bound):
        verdict = "FAIL"
    return Claim(name, derived, fit, verdict, p_value(fit, float(derived), float(delta)))


def too_few(widths: int) -> str:
    """Why there is no verdict from so many widths; empty if there is."""
    if widths >= WIDTHS_FOR_A_VERDICT:
        return ""
    return f"a verdict needs at least {WIDTHS_FOR_A_VERDICT} widths, but got {widths}"


def judge_claims(claims: Sequence[Claim], delta: Fraction, *, unasked: str = "") -> tuple[Verdict, str]:
    """The verdict on all of them and its reason; `unasked` is one, if there is any, why they cannot pass."""
    if wrong := refuted(claims):
        return "FAIL", f"{len(wrong)} of {len(claims)} exponents are refuted, first of all {wrong[0]}"
    if unasked:
        return "INCONCLUSIVE", unasked
    if unsettled := [one for one in claims if one.verdict != "PASS"]:
        worst = most_open(unsettled)
        return (
            "INCONCLUSIVE",
            f"{len(unsettled)} of {len(claims)} are open, most {worst}: {remedy(worst, delta)}",
        )
    widest = max(one.fit.half_width for one in claims)
    return "PASS", (
        f"all {len(claims)} asserted exponents are within {float(delta):g} of the derived ones; "
        f"the widest 95 % interval has half-width {widest:.3f}"
    )


def refuted(claims: Sequence[Claim]) -> list[Claim]:
    """Those whose p-value survives Holm's correction, the smallest first."""
    ordered, found = sorted(claims, key=lambda one: one.p_value), []
    for remaining, one in zip(range(len(ordered), 0, -1), ordered, strict=True):
        if one.p_value * remaining >= LEVEL:
            break
        found.append(one)
    return found


def most_open(claims: Sequence[Claim]) -> Claim:
    """The one whose interval reaches furthest from what was derived."""
    return max(claims, key=lambda one: abs(one.fit.exponent - one.derived) + one.fit.half_width)


def remedy(one: Claim, delta: Fraction) -> str:
    """What would settle it with a probability of 0.8, if the estimate stays where it is: seeds, or width."""
    from empirical.statistics.regression import octaves_needed, seeds_needed

    room = abs(float(delta) - abs(one.fit.exponent - one.derived))
    if room < 0.2 * float(delta):
        return "the estimate lies at the margin's edge, where larger widths would tell more than seeds"
    seeds, octaves = max(2.0, seeds_needed(one.fit, room)), octaves_needed(one.fit, room)
    width = f" or {octaves} more octave{'s' * (octaves > 1)} of width" if octaves else ""
    return f"about {seeds:.0f} times the seeds{width} would settle it"
