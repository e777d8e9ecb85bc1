"""Quick checks: what a short training is asked for, whose intervals are too wide for a verdict of their own.

Theory has its full say, and training contradicts it only by estimates: each asserted exponent has to lie within the
margin, and nothing is asked of its interval. A gradient that is off by a power of the width is seen by that, too.
"""

from __future__ import annotations

from scalings.results.checks import Check
from scalings.results.fits import Fit, Verdict
from scalings.studies import equivalence
from scalings.studies.comparisons import Agreement


def quick_verdict(check: Check, agreement: Agreement) -> tuple[Verdict, str]:
    """The verdict where theory finds nothing wrong, and no interval refutes it, but some are open."""
    asserted = [one for one in agreement.comparisons if one.role == "asserted"]
    off = [
        one
        for one in asserted
        if isinstance(one.fit, Fit) and abs(one.fit.exponent - float(one.derived)) > agreement.delta
    ]
    only_open = agreement.reason == equivalence.judge(agreement.comparisons, agreement.delta)[1]
    if off or not only_open or agreement.verdict != "INCONCLUSIVE":
        return agreement.verdict, agreement.reason
    near = (
        f"all {len(asserted)} asserted exponents were estimated within {float(agreement.delta):g} of the derived ones"
    )
    return "PASS", f"it is {check.regime}, r = {check.richness}; {near}, quickly, and without intervals"
