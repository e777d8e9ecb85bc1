"""Comparing the two witnesses: derived exponents with fitted ones.

The verdict on one observable is an equivalence test. With e the derived exponent and delta the margin:

    PASS          the 95 % interval lies within [e - delta, e + delta]
    FAIL          the interval misses that band
    INCONCLUSIVE  neither: more seeds or more width would settle it

Some observables approach their order more slowly than a fit can resolve at finite width: a sum of terms whose
orders are close, and the interaction on its way from the generic to the aligned order (at r = 1/2 too, where the
overlap is a small constant, that n^(-1/2) only falls below at large widths). For those the theory is an upper
bound: PASS if the interval lies below e + delta, FAIL if above. So it is with everything in a network that is not
centered and whose initial output, of order n^(-r) with 0 < r < 1/2, fades from the residual as slowly as that.

The whole passes if every asserted observable passes; this needs no correction for their number, since it is an
intersection-union test (Berger 1982). It fails if some asserted exponent or upper bound is refuted after Holm's
correction over all of these (Holm 1979). Other observables are reported and decide nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from scalings.exponents import MINUS_INFINITY, Exponent, format_exponent
from scalings.fits import Diverged, Fit, Verdict
from scalings.networks import Network
from scalings.observables import Observable, Quantity

DELTA = Fraction(1, 20)
HALF = Fraction(1, 2)
WIDTHS_FOR_A_VERDICT = 8
LEVEL = 0.05

Role = Literal["asserted", "upper bound", "reported"]
_ASSERTED: frozenset[Quantity] = frozenset({"layer", "passthrough", "dW_frobenius", "dW_spectral"})


@dataclass(frozen=True)
class Comparison:
    """One observable: what was derived, what was fitted, and what follows."""

    observable: Observable
    role: Role
    derived: Exponent
    fit: Fit | Diverged
    verdict: Verdict
    p_value: float
    """Of the exponent being within the margin (or below the upper bound)."""


@dataclass(frozen=True)
class Agreement:
    """The verdict of the whole with its reason, and the comparisons that it comes from."""

    comparisons: tuple[Comparison, ...]
    verdict: Verdict
    reason: str


def compare(
    network: Network,
    derived: Mapping[Observable, Exponent],
    measured: Mapping[Observable, Fit | Diverged],
    delta: Fraction = DELTA,
    *,
    centered: bool = True,
) -> Agreement:
    """Whether the fitted exponents are the derived ones, within delta; `centered` as in the training.

    Observables that were not derived, or not measured, are left out; one that the theory says is zero and
    that was measured not to be is a FAIL.
    """
    fading = not centered and -HALF < derived[Observable("z", network.output.name, 0)] < 0

    def role(observable: Observable) -> Role:
        return "upper bound" if fading else _role(observable, network, derived)

    comparisons = tuple(
        _compare(observable, role(observable), derived[observable], fit, delta)
        for observable, fit in sorted(measured.items())
        if observable in derived
    )
    unmeasured = [
        observable
        for observable, exponent in derived.items()
        if role(observable) == "asserted"
        and exponent != MINUS_INFINITY
        and observable not in measured
        and observable.step <= max((o.step for o in measured), default=0)
    ]
    return Agreement(comparisons, *_whole(comparisons, unmeasured, delta))


def _compare(observable: Observable, role: Role, derived: Exponent, fit: Fit | Diverged, delta: Fraction) -> Comparison:
    from empirical.regression import p_value

    if isinstance(fit, Diverged) or derived == MINUS_INFINITY:
        return Comparison(observable, role, derived, fit, "FAIL", 0.0)
    low, high = float(derived - delta), float(derived + delta)
    verdict: Verdict = "INCONCLUSIVE"
    if fit.high <= high and (fit.low >= low or role == "upper bound"):
        verdict = "PASS"
    elif fit.low > high or (fit.high < low and role != "upper bound"):
        verdict = "FAIL"
    below = role == "upper bound" and fit.exponent <= high
    p = 1.0 if below else p_value(fit, float(derived), float(delta))
    return Comparison(observable, role, derived, fit, verdict, p)


def _role(observable: Observable, network: Network, derived: Mapping[Observable, Exponent]) -> Role:
    if observable.quantity in _ASSERTED:
        return "asserted"
    if observable.quantity == "dz" and observable.layer == network.output.name:
        return "asserted"
    return "upper bound" if _is_slow(observable, derived) else "reported"


def _is_slow(observable: Observable, derived: Mapping[Observable, Exponent]) -> bool:
    """Whether terms within n^1 of each other compete, so that no 1/n correction tells the order of their sum."""
    if observable.step == 0:
        return False

    def order(quantity: Quantity, step: int = observable.step) -> Exponent:
        return derived.get(Observable(quantity, observable.layer, step), MINUS_INFINITY)

    gap = max(order("layer"), order("passthrough")) - order("interaction")
    if observable.quantity == "dz":
        return 0 < gap < 1
    if observable.quantity == "interaction":  # generic and aligned overlap are of one order only where the gap is 1
        return gap < 1
    if observable.quantity == "z":
        larger, smaller = sorted((order("z", 0), order("dz")), reverse=True)
        return 0 < larger - smaller < 1
    return observable.quantity == "dd"


def _whole(comparisons: tuple[Comparison, ...], unmeasured: list[Observable], delta: Fraction) -> tuple[Verdict, str]:
    deciding = [comparison for comparison in comparisons if comparison.role != "reported"]
    if refuted := _refuted(deciding):
        return "FAIL", f"{len(refuted)} of {len(deciding)} exponents are refuted, first of all {_described(refuted[0])}"
    asserted = [comparison for comparison in deciding if comparison.role == "asserted"]
    if unmeasured:
        return "INCONCLUSIVE", f"{unmeasured[0]} was exactly zero in some run"
    if not asserted:
        return "INCONCLUSIVE", "no order shows at finite width, only upper bounds; train the centered output"
    fits = [(comparison, comparison.fit) for comparison in asserted if isinstance(comparison.fit, Fit)]
    widths = min(len(fit.points) for _, fit in fits)
    if widths < WIDTHS_FOR_A_VERDICT:
        return "INCONCLUSIVE", f"a verdict needs at least {WIDTHS_FOR_A_VERDICT} widths, but got {widths}"
    unsettled = [(comparison, fit) for comparison, fit in fits if comparison.verdict != "PASS"]
    if unsettled:
        comparison, fit = max(unsettled, key=lambda pair: abs(pair[1].exponent - pair[0].derived) + pair[1].half_width)
        remedy = _remedy(comparison.derived, fit, delta)
        return "INCONCLUSIVE", f"{len(unsettled)} of {len(fits)} are open, most {_described(comparison)}: {remedy}"
    widest = max(fit.half_width for _, fit in fits)
    return "PASS", (
        f"all {len(fits)} asserted exponents are within {float(delta):g} of the derived ones; "
        f"the widest 95 % interval has half-width {widest:.3f}"
    )


def _refuted(comparisons: list[Comparison]) -> list[Comparison]:
    """Those whose p-value survives Holm's correction, the smallest first."""
    ordered = sorted(comparisons, key=lambda comparison: comparison.p_value)
    refuted: list[Comparison] = []
    for remaining, comparison in zip(range(len(ordered), 0, -1), ordered, strict=True):
        if comparison.p_value * remaining >= LEVEL:
            break
        refuted.append(comparison)
    return refuted


def _described(comparison: Comparison) -> str:
    derived, fit = format_exponent(comparison.derived), comparison.fit
    if isinstance(fit, Diverged):
        return f"{comparison.observable} (derived {derived}, but training diverged at width {fit.width})"
    return f"{comparison.observable} (derived {derived}, measured {fit.exponent:.3f} +- {fit.half_width:.3f})"


def _remedy(derived: Exponent, fit: Fit, delta: Fraction) -> str:
    """What would settle it: seeds, if the estimate is well within the margin or well outside, else width."""
    from empirical.regression import needed

    room = abs(float(delta) - abs(fit.exponent - derived))
    if room < 0.2 * float(delta):
        return "the estimate lies at the margin's edge, where larger widths would tell more than seeds"
    return f"{needed(fit, room):.1f} times the seeds would settle it"
