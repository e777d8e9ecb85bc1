"""Comparing the two witnesses: derived exponents with fitted ones.

The verdict on one observable is that of an equivalence test (`scalings.studies.equivalence`).

Some observables approach their order more slowly than a fit can resolve at finite width: a sum of terms whose
orders are close, and the interaction on its way from the generic to the aligned order (at r = 1/2 too, where the
overlap is a small constant, that n^(-1/2) only falls below at large widths). For those the theory is an upper
bound: PASS if the interval lies below e + delta, FAIL if above. So it is with everything in a network that is
unstable, and in one that is not centered and whose initial output, of order n^(-r) with 0 < r < 1/2, fades from the
residual as slowly as that.

The whole is judged by the asserted observables, and fails too if training diverged. Upper bounds and other observables
are reported and decide nothing: where two terms first cancel, a sum can for a while grow faster than its order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from scalings.criteria.observables import Observable, Quantity
from scalings.errors import wrong_type
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent, format_exponent
from scalings.networks.architectures import as_network
from scalings.networks.network import Network
from scalings.networks.nodes import Mix
from scalings.results.fits import Diverged, Fit, Verdict
from scalings.studies.equivalence import Claim, claim, judge_claims, too_few

if TYPE_CHECKING:
    from empirical.sweeps.measurement import Measurement

DELTA = Fraction(1, 20)
HALF = Fraction(1, 2)

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
    network: Network | str,
    derived: Mapping[Observable, Exponent],
    measured: Mapping[Observable, Fit | Diverged] | Measurement,
    delta: Fraction = DELTA,
    *,
    only_bounds: str = "",
) -> Agreement:
    """Whether the fitted exponents are the derived ones, within delta.

    `measured` is a measurement, or its fits. Observables that were not derived, or not measured, are left out; one that
    the theory says is zero and that was measured not to be is a FAIL. `only_bounds` is a reason, if there is one
    (`no_slopes`), why no derived order shows as a slope at finite width; all of them then are upper bounds.
    """

    network = as_network(network)
    fits = getattr(measured, "fits", measured)
    if not isinstance(fits, Mapping):
        raise wrong_type("measured", "a Measurement or its fits", measured)
    if not isinstance(derived, Mapping):
        raise wrong_type("derived", "orders, as predict gives them", derived)

    def role(observable: Observable) -> Role:
        return "upper bound" if only_bounds else _role(observable, network, derived)

    comparisons = tuple(
        _compare(observable, role(observable), derived[observable], fit, delta)
        for observable, fit in sorted(fits.items())
        if observable in derived
    )
    last = max((observable.step for observable in fits), default=0)
    seen = {observable.quantity for observable in fits}
    missing = [o for o in derived if o not in fits and o.quantity in seen and o.step <= last]
    zero = [observable for observable in missing if role(observable) == "asserted"]
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
    if isinstance(fit, Diverged) or derived == MINUS_INFINITY:
        return Comparison(observable, role, derived, fit, "FAIL", 0.0)
    tested = claim(str(observable), derived, fit, delta, is_bound=role == "upper bound")
    return Comparison(observable, role, derived, fit, tested.verdict, tested.p_value)


def _role(observable: Observable, network: Network, derived: Mapping[Observable, Exponent]) -> Role:
    slow = _is_slow if network.is_chain else _may_be_slow
    if observable.step and slow(observable, network, derived):
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


def _may_be_slow(observable: Observable, network: Network, derived: Mapping[Observable, Exponent]) -> bool:
    """Whether anything before it, or itself, could be slow; of the output, and of what attention has mixed, it is not
    known that they are not."""
    if observable.quantity not in ("dz", "passthrough"):
        return observable.quantity in ("z", "interaction", "interaction_alignment", "dd", "ntk_change")
    names = [node.name for node in network.flat]
    before = names[: names.index(observable.layer) + 1]
    attends = any(isinstance(node, Mix) and node.name in before for node in network.flat)
    return (
        attends
        or observable.layer == network.function.name
        or any(_competes(name, observable.step, derived) for name in before)
    )


def _competes(name: str, step: int, derived: Mapping[Observable, Exponent]) -> bool:
    """Whether the terms of a change are within n^1 of each other, but not of one order."""
    terms: tuple[Quantity, ...] = ("layer", "passthrough", "interaction")
    largest, *others = sorted(derived.get(Observable(term, name, step), MINUS_INFINITY) for term in terms)[::-1]
    return any(0 < largest - other < 1 for other in others if other != MINUS_INFINITY)


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
    for one in comparisons:
        if isinstance(one.fit, Diverged):
            derived, width = format_exponent(one.derived), one.fit.width
            where = f"{one.observable} (derived {derived}, but training diverged at width {width})"
            return "FAIL", f"training diverged, first of all {where}"
    if few := too_few(min((len(one.fit.points) for one in comparisons if isinstance(one.fit, Fit)), default=0)):
        return "INCONCLUSIVE", few
    asserted = [
        Claim(str(one.observable), one.derived, one.fit, one.verdict, one.p_value)
        for one in comparisons
        if one.role == "asserted" and isinstance(one.fit, Fit)
    ]
    zero = f"{unmeasured[0]} was exactly zero in some run" if unmeasured else ""
    nothing = "" if asserted else "nothing moved that has an order to assert"
    return judge_claims(asserted, delta, unasked=only_bounds or zero or nothing)
