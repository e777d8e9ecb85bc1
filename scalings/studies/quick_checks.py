"""Quick checks: what a short training is asked for, whose intervals are too wide for a verdict of their own.

Theory has its full say, and training is asked for contradictions alone: an asserted exponent contradicts theory if it
lies outside the margin, and its interval does not reach the derived one. A gradient that is off by a power of the width
is seen by that, too.
"""

from __future__ import annotations

from scalings.criteria.observables import Observable
from scalings.results.checks import Check
from scalings.results.fits import Fit, Verdict
from scalings.studies.comparisons import Agreement
from scalings.studies.equivalence import Comparison


def quick_verdict(check: Check, agreement: Agreement) -> tuple[Verdict, str]:
    """The verdict where theory finds nothing wrong, and training is inconclusive."""
    asserted = [one for one in agreement.comparisons if one.role == "asserted"]
    if agreement.hindrance:
        return "INCONCLUSIVE", agreement.reason
    if off := [one for one in asserted if _contradicts(one, float(agreement.delta))]:
        others = f" and {len(off) - 1} more" if len(off) > 1 else ""
        why = f"a quick training is further from theory than it can tell in {off[0]}{others}"
        return "INCONCLUSIVE", f"{why}: check it without quick, with more seeds and larger widths"
    near = f"a quick training contradicts none of {len(asserted)} orders"
    return "PASS", f"it is {check.regime}, r = {check.richness}; {near}"


def _contradicts(one: Comparison[Observable], delta: float) -> bool:
    if not isinstance(one.fit, Fit):
        return True
    return abs(one.fit.exponent - float(one.derived)) > max(delta, one.fit.half_width)
