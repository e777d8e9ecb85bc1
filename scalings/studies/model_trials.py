"""Training beside theory: measured orders with the derived ones, and what is to be known of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from scalings.criteria.observables import Observable
from scalings.studies import modules
from scalings.studies.comparisons import Agreement, loss_of_its_own
from scalings.studies.early_orders import comparable, early_note, early_orders
from scalings.studies.equivalence import seeds_if_right
from scalings.studies.model_reading import Reading
from scalings.studies.model_theory import ModelTheory
from scalings.studies.model_words import format_plain
from scalings.studies.norm_epsilons import NormEpsilon, near_an_epsilon, norm_epsilons
from scalings.studies.runaways import runaway
from scalings.studies.stationary_losses import Stationary, stationary_losses

if TYPE_CHECKING:
    from empirical.sweeps.measurement import Measurement

MARGIN, EXCLUDED = Fraction(1, 4), Fraction(1, 2)
"""Where measured orders differ from derived ones by more than the first, theory does not know what the model does. What
is done wrong differs by the second or more, which PASS excludes; what finite widths do, by less than the first."""


@dataclass(frozen=True)
class Trial:
    """Training beside theory."""

    measured: Measurement
    agreement: Agreement
    early: frozenset[Observable]
    """The orders left out, of which theory foretells that these widths show other slopes."""
    stationary: Stationary
    norms: tuple[NormEpsilon, ...]
    runaway: str
    """Whether the loss grew so much that orders are evidence of nothing, in words."""
    sent_back: str
    """Whether gradients are those of another loss, in words."""

    @property
    def is_open(self) -> bool:
        """Whether it is intervals that leave it open, or zeros of some runs, so that more seeds may tell."""
        may_pass = not self.agreement.hindrance or bool(self.agreement.unmeasured)
        return self.agreement.verdict == "INCONCLUSIVE" and may_pass and not self.runaway

    def seeds_to_settle(self, seeds: int) -> int | None:
        """About how many seeds would, if theory is right, given that so many do not; None where seeds do not help."""
        if not self.is_open or self.agreement.hindrance:
            return None
        open_ones = [one for one in self.agreement.comparisons if one.role == "asserted" and one.verdict != "PASS"]
        if any(one.verdict == "FAIL" for one in open_ones):  # by itself, so that it is hardly chance
            return None
        factor = seeds_if_right(open_ones, EXCLUDED)
        return None if factor is None else max(seeds + 1, math.ceil(seeds * factor))

    @property
    def notes(self) -> Iterator[str]:
        """What is to be known of it."""
        names = sorted({name.partition(":")[0] for name in modules.resized_layers(self.measured)})
        if names:
            yield f"rows of {', '.join(names)} are of other examples after a step, so that their change is not compared"
        yield from early_note(self.early - self.stationary.hidden)
        yield from [self.sent_back] if self.sent_back else self.stationary.notes
        yield from near_an_epsilon(self.norms)


def trial_of(read: Reading, theory: ModelTheory, measured: Measurement, looks: int = 1) -> Trial:
    """Measured orders beside derived ones; there may be so many looks at them, with more seeds each time."""
    translation, is_stable = read.traced.translation, theory.check.stable
    orders = comparable(read, theory.predicted, measured.values)

    def compared(early: frozenset[Observable]) -> Agreement:
        asked = orders.keys() - early
        # What the initial output leaves of a slow sum moves exponents by less than MARGIN.
        given = translation, theory.predicted, measured, MARGIN
        return modules.agreement(*given, asked=asked, stable=is_stable, centered=True, excluded=EXCLUDED, looks=looks)

    early, stationary = frozenset[Observable](), Stationary()
    agreement = compared(early)
    if is_stable and agreement.verdict != "PASS":
        stationary = stationary_losses(translation.network, orders, measured.fits)
        foretold = early_orders(read, orders, measured.fits, measured.widths)
        early = foretold | stationary.hidden
        agreement = compared(early)
        if agreement.verdict == "FAIL" and not theory.finds_fault:
            hidden = early | early_orders(read, orders, measured.fits, measured.widths, loosely=True)
            if (again := compared(hidden)).verdict != "FAIL":
                early, agreement = hidden, again
        if agreement.verdict == "FAIL" and stationary.hidden:  # a loss that is stationary would leave nothing wrong
            early, stationary = foretold, Stationary()
            agreement = compared(early)
    norms = tuple(norm_epsilons(read.traced))
    is_foretold = Observable("d", translation.network.function.name, 0) in early
    said = runaway(measured.values), "" if is_foretold else _sent_back(read, theory, measured)
    return Trial(measured, agreement, early, stationary, norms, *said)


def _sent_back(read: Reading, theory: ModelTheory, measured: Measurement) -> str:
    """That the loss sends back what is of another order than derived, and what follows; empty if it does not."""
    network = read.traced.translation.network
    fit = loss_of_its_own(network, theory.predicted, measured.fits, MARGIN)
    if fit is None:
        return ""
    output = network.function.name
    derived = format_plain(theory.predicted[Observable("d", output, 0)])
    return (
        f"the gradient of the loss by {output} goes like n^({fit.shown()}), in theory like {derived}: it is taken for "
        "a loss of its own, or is off by a power of the width right there; gradients are not compared, updates are"
    )
