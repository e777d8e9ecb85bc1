"""Comparing the two witnesses: derived exponents with fitted ones.

The verdict on one observable is an equivalence test. With e the derived exponent and delta the margin:

    PASS          the 95 % interval lies within [e - delta, e + delta]
    FAIL          the interval misses that band
    INCONCLUSIVE  neither: more seeds or more width would settle it

Some observables approach their order more slowly than a fit can resolve at finite width: a sum of terms whose
orders are close, and the interaction on its way from the generic to the aligned order (at r = 1/2 too, where the
overlap is a small constant, that n^(-1/2) only falls below at large widths). For those the theory is an upper
bound: PASS if the interval lies below e + delta, FAIL if above. So it is with everything in a network that is
unstable, and in one that is not centered and whose initial output, of order n^(-r) with 0 < r < 1/2, fades from the
residual as slowly as that.

The whole passes if every asserted observable passes; this needs no correction for their number, since it is an
intersection-union test (Berger 1982). It fails if some asserted exponent is refuted after Holm's correction over all of
these (Holm 1979), or if training diverged. Upper bounds and other observables are reported and decide nothing: where
two terms first cancel, a sum can for a while grow faster than its order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
_ASSERTED: frozenset[Quantity] = frozenset({"layer", "passthrough", "dz", "dW_frobenius", "dW_spectral"})


@dataclass(frozen=True)
class Comparison:
    """One observable: what was derived, what was fitted, and what follows."""

    observable: Observable
    role: Role
    derived: Exponent
    fit: Fit | Diverged
    verdict: Verdict
    p_value: float
    """Of the exponent being within the margin; only asserted ones are judged by it."""


@dataclass(frozen=True)
class Agreement:
    """The verdict of the whole with its reason, and the comparisons that it comes from.

    `unmeasured` should have been asserted, but was exactly zero in some run.
    """

    comparisons: tuple[Comparison, ...]
    unmeasured: tuple[Observable, ...]
    verdict: Verdict
    reason: str


def compare(
    network: Network,
    derived: Mapping[Observable, Exponent],
    measured: Mapping[Observable, Fit | Diverged],
    delta: Fraction = DELTA,
    *,
    only_bounds: str = "",
) -> Agreement:
    """Whether the fitted exponents are the derived ones, within delta.

    Observables that were not derived, or not measured, are left out; one that the theory says is zero and
    that was measured not to be is a FAIL. `only_bounds` is a reason, if there is one (`no_slopes`), why no
    derived order shows as a slope at finite width; all of them then are upper bounds.
    """

    def role(observable: Observable) -> Role:
        return "upper bound" if only_bounds else _role(observable, network, derived)

    comparisons = tuple(
        _compare(observable, role(observable), derived[observable], fit, delta)
        for observable, fit in sorted(measured.items())
        if observable in derived
    )
    last = max((observable.step for observable in measured), default=0)
    zero = [o for o in derived if o not in measured and role(o) == "asserted" and o.step <= last]
    unmeasured = tuple(observable for observable in zero if derived[observable] != MINUS_INFINITY)
    return Agreement(comparisons, unmeasured, *judge(comparisons, unmeasured, delta, only_bounds))


def no_slopes(network: Network, derived: Mapping[Observable, Exponent], *, stable: bool, centered: bool) -> str:
    """Why no derived order shows as a slope at finite width; empty if they do."""
    if not stable:
        return "it is unstable: what explodes has no slope until it has"
    if not centered and -HALF < derived[Observable("z", network.function.name, 0)] < 0:
        return "its initial output fades too slowly from the residual: train the centered output"
    return ""


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
    return Comparison(observable, role, derived, fit, verdict, p_value(fit, float(derived), float(delta)))


def _role(observable: Observable, network: Network, derived: Mapping[Observable, Exponent]) -> Role:
    if observable.step and _is_slow(observable, network, derived):
        return "upper bound"
    return "asserted" if observable.quantity in _ASSERTED and observable.step else "reported"


def _is_slow(observable: Observable, network: Network, derived: Mapping[Observable, Exponent]) -> bool:
    """Whether terms within n^1 of each other compete, so that no 1/n correction tells the order of their sum."""

    def order(quantity: Quantity, step: int = observable.step) -> Exponent:
        return derived.get(Observable(quantity, observable.layer, step), MINUS_INFINITY)

    names = [layer.name for layer in network.layers]
    position = names.index(observable.layer) if observable.layer else 0
    own = max(order("layer"), order("passthrough"))
    match observable.quantity:
        case "dz":
            # At the readout the interaction is small enough not to matter at the widths of a laptop: measured.
            hidden = position < len(names) - 1
            return _is_mixed(position, observable.step, names, derived) or (
                hidden and 0 < own - order("interaction") < 1
            )
        case "passthrough":
            return position > 0 and _is_mixed(position - 1, observable.step, names, derived)
        case (
            "interaction" | "interaction_alignment"
        ):  # generic and aligned overlap are of one order only where the gap is 1
            return own - order("interaction") < 1
        case "z":
            larger, smaller = sorted((order("z", 0), order("dz")), reverse=True)
            return 0 < larger - smaller < 1
        case quantity:
            return quantity in ("dd", "ntk_change")


def _is_mixed(position: int, step: int, names: Sequence[str], derived: Mapping[Observable, Exponent]) -> bool:
    """Whether a layer's own update and the changes that reach it compete in its change, or do so in one below."""
    own = derived[Observable("layer", names[position], step)]
    reaching = derived[Observable("passthrough", names[position], step)]
    if 0 < max(own, reaching) - min(own, reaching) < 1:
        return True
    return position > 0 and reaching > own - 1 and _is_mixed(position - 1, step, names, derived)


def judge(
    comparisons: Sequence[Comparison],
    unmeasured: Sequence[Observable] = (),
    delta: Fraction = DELTA,
    only_bounds: str = "",
) -> tuple[Verdict, str]:
    """The verdict of the whole and its reason, of one measurement or of several together."""
    diverged = [comparison for comparison in comparisons if isinstance(comparison.fit, Diverged)]
    if diverged:
        return "FAIL", f"training diverged, first of all {_described(diverged[0])}"
    widths = min((len(one.fit.points) for one in comparisons if isinstance(one.fit, Fit)), default=0)
    if widths < WIDTHS_FOR_A_VERDICT:
        return "INCONCLUSIVE", f"a verdict needs at least {WIDTHS_FOR_A_VERDICT} widths, but got {widths}"
    asserted = [(one, one.fit) for one in comparisons if one.role == "asserted" and isinstance(one.fit, Fit)]
    if refuted := _refuted([comparison for comparison, _ in asserted]):
        return "FAIL", f"{len(refuted)} of {len(asserted)} exponents are refuted, first of all {_described(refuted[0])}"
    if only_bounds or unmeasured or not asserted:
        zero = f"{unmeasured[0]} was exactly zero in some run" if unmeasured else ""
        return "INCONCLUSIVE", only_bounds or zero or "nothing moved that has an order to assert"
    unsettled = [(comparison, fit) for comparison, fit in asserted if comparison.verdict != "PASS"]
    if unsettled:
        comparison, fit = max(unsettled, key=lambda pair: abs(pair[1].exponent - pair[0].derived) + pair[1].half_width)
        remedy = _remedy(comparison.derived, fit, delta)
        return "INCONCLUSIVE", f"{len(unsettled)} of {len(asserted)} are open, most {_described(comparison)}: {remedy}"
    widest = max(fit.half_width for _, fit in asserted)
    return "PASS", (
        f"all {len(asserted)} asserted exponents are within {float(delta):g} of the derived ones; "
        f"the widest 95 % interval has half-width {widest:.3f}"
    )


def _refuted(comparisons: Sequence[Comparison]) -> list[Comparison]:
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
    """What would settle it with a probability of 0.8, if the estimate stays where it is: seeds, or width."""
    from empirical.regression import octaves_needed, seeds_needed

    room = abs(float(delta) - abs(fit.exponent - derived))
    if room < 0.2 * float(delta):
        return "the estimate lies at the margin's edge, where larger widths would tell more than seeds"
    seeds, octaves = max(2.0, seeds_needed(fit, room)), octaves_needed(fit, room)
    width = f" or {octaves} more octave{'s' * (octaves > 1)} of width" if octaves else ""
    return f"about {seeds:.0f} times the seeds{width} would settle it"
