"""Each value of a model by itself, with its weight: derived orders beside measured ones, and a verdict.

- FAIL: theory says that it breaks a criterion, or it was measured to be of another order than theory says.
- INCONCLUSIVE: an interval is too long to tell, or all of its values are *not yet asymptotic*: theory itself says that
  at these widths, with these sizes of weights and steps, their slopes are not yet their orders.
- PASS: all that is asserted was measured to be of its order.

No rule covers what a function without a rule gives, and all that is computed from it. There measured orders alone
decide, by the local criteria: entries of hidden values are of order 1 at initialization, and neither they nor the
output move by more than that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from scalings.criteria.observables import Observable
from scalings.hyperparameters.exponents import Exponent
from scalings.networks.network import Network, Representation
from scalings.networks.nodes import Node, Repeat, sources
from scalings.results.checks import Check
from scalings.results.fits import Diverged, Fit, Verdict
from scalings.studies.comparisons import Agreement
from scalings.studies.equivalence import refuted
from scalings.tapes.translation.translation import Translation

Fits = Mapping[Observable, Fit | Diverged]
NOT_YET = "not yet asymptotic"


@dataclass(frozen=True)
class TensorVerdict:
    """One value, with the weight that makes it if there is one.

    `derived` and `measured` have its orders, by quantity and step; where no rule covers it, nothing was derived.
    """

    verdict: Verdict
    reason: str
    derived: Mapping[Observable, Exponent]
    measured: Fits


def uncovered(translation: Translation) -> frozenset[str]:
    """The values that no rule covers: those of functions without one, and what is computed from them."""
    found: set[str] = set()

    def reads_one(node: Node) -> bool:
        last = {node.nodes[-1].name} if isinstance(node, Repeat) else set()
        return not found.isdisjoint((*sources(node), *last))

    def is_one(node: Node) -> bool:
        return translation.reading.get(node.name) in translation.unknown or reads_one(node)

    # A repeated block reads what the copy before it gave, so that one pass may not find all.
    while more := {node.name for node in translation.network.flat if is_one(node)} - found:
        found |= more
    return frozenset(found)


def tensors(
    translation: Translation,
    check: Check,
    derived: Mapping[Observable, Exponent],
    measured: Fits,
    agreement: Agreement,
    early: Collection[Observable],
    margin: Fraction,
) -> dict[str, TensorVerdict]:
    """The verdict on every value that criteria speak of and that was measured, by its name."""
    without_rule, network = uncovered(translation), translation.network
    found: dict[str, TensorVerdict] = {}
    for one in network.representations:
        fits = {key: fit for key, fit in measured.items() if key.layer == one.name}
        if not fits:
            continue
        if one.name in without_rule:
            found[one.name] = TensorVerdict(*_locally(one, fits, margin), {}, fits)
        else:
            orders = {key: order for key, order in derived.items() if key.layer == one.name}
            found[one.name] = TensorVerdict(*_judged(one.name, check, agreement, early), orders, fits)
    return found


def _judged(name: str, check: Check, agreement: Agreement, early: Collection[Observable]) -> tuple[Verdict, str]:
    """By the criteria, and by all comparisons of this value."""
    if broken := [one for one in check.findings if one.layer == name and not one.satisfied]:
        return "FAIL", broken[0].reason
    every = [one for one in agreement.comparisons if one.role != "reported"]
    if wrong := [one for one in refuted(every) if one.of.layer == name]:
        return "FAIL", f"theory and training differ: {wrong[0]}"
    own = [one for one in every if one.of.layer == name and one.role == "asserted"]
    if unsettled := [one for one in own if one.verdict != "PASS"]:
        return "INCONCLUSIVE", f"not settled: {unsettled[0]}"
    if not own and (late := [one for one in sorted(early) if one.layer == name]):
        return "INCONCLUSIVE", f"{NOT_YET}: {late[0]}"
    return "PASS", f"{len(own)} measured orders are the derived ones" if own else "nothing is asserted of it"


def local_failures(translation: Translation, measured: Fits, margin: Fraction) -> Iterator[tuple[str, str]]:
    """Of the values that no rule covers, those whose measured orders break a criterion, with the reason."""
    without_rule = uncovered(translation)
    for one in translation.network.representations if without_rule else ():
        verdict, reason = _locally(one, {key: fit for key, fit in measured.items() if key.layer == one.name}, margin)
        if one.name in without_rule and verdict == "FAIL":
            yield one.name, reason


def _locally(one: Representation, fits: Fits, margin: Fraction) -> tuple[Verdict, str]:
    """By the local criteria on measured orders alone."""
    full = one.units.order / 2 - one.factor
    may_vanish = one.starts_small or not one.is_hidden
    relevant = [(key, fit) for key, fit in sorted(fits.items()) if key.quantity in ("z", "dz")]
    for key, fit in relevant:
        if isinstance(fit, Diverged):
            return "FAIL", f"{key} diverged at width {fit.width}"
        too_large = fit.low > full + margin
        if too_large or (not may_vanish and not key.step and fit.high < full - margin):
            what = "larger" if too_large else "smaller"
            return "FAIL", f"{key} is {what} than n^({full}): measured {fit.shown()}"
    open_ones = [key for key, fit in relevant if isinstance(fit, Fit) and fit.high > full + margin]
    if not relevant:
        return "INCONCLUSIVE", "no rule covers it, and its values were not measured"
    if open_ones:
        return "INCONCLUSIVE", f"no rule covers it, and {open_ones[0]} is not settled"
    return "PASS", "no rule covers it; its measured orders meet the criteria"


def measured_richness(network: Network, measured: Fits, sizes: Mapping[str, Fraction]) -> Fit | None:
    """The order of the largest |dz| among hidden values after the last update: of those measured, the one that is most
    surely large, which is the one whose interval reaches least low. None if none of them has an order.

    `sizes` are powers of the width by which values are multiplied to be of size 1, where a norm makes that no matter.
    """
    hidden = {
        one.name: float(one.factor + sizes.get(one.read_at, Fraction(0)))
        for one in network.representations
        if one.is_hidden
    }
    changes = {
        key: fit.times(hidden[key.layer])
        for key, fit in measured.items()
        if key.quantity == "dz" and key.layer in hidden and isinstance(fit, Fit)
    }
    last = max((key.step for key in changes), default=0)
    return max((fit for key, fit in changes.items() if key.step == last), key=lambda fit: fit.low, default=None)
