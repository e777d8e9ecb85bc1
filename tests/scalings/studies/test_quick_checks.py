"""Quick checks: what training leaves open is no objection, what contradicts theory or was not asked is one."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from empirical.statistics.regression import fit_means
from scalings.criteria.observables import Observable
from scalings.results.checks import Check
from scalings.results.fits import Fit
from scalings.studies.comparisons import Agreement, hindrance, judge
from scalings.studies.equivalence import NOTHING_ASSERTED, Role, compare_one
from scalings.studies.quick_checks import quick_verdict

QUARTER = Fraction(1, 4)
CHECK = Check((), Fraction(1, 2), False, Fraction(0))
WIDTHS = (64, 80, 96, 128, 160, 192, 224, 256)


def fitted(exponent: float, error: float) -> Fit:
    """A line of so many widths, whose points have this error."""
    return fit_means(WIDTHS, exponent * np.log(WIDTHS), np.full(len(WIDTHS), error), 7)


def agreement(exponent: float, error: float, unasked: str = "", role: Role = "asserted") -> Agreement:
    """Of one change, which is derived to be of order 1."""
    fit = fitted(exponent, error)
    compared = (compare_one(Observable("dz", "one", 1), Fraction(0), fit, QUARTER, role, Fraction(1, 2)),)
    judged = judge(compared, (), QUARTER, unasked)
    return Agreement(compared, (), QUARTER, *judged, hindrance(compared, (), unasked))


OPEN = 0.15
"""Of so large an error the intervals reach further than what PASS excludes."""


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (agreement(0.2, OPEN), "PASS"),  # open, and near
        (agreement(0.3, OPEN), "PASS"),  # further than the margin, but not than the interval
        (agreement(0.4, 0.05), "INCONCLUSIVE"),  # further than both
        (agreement(0.2, OPEN, "its rows: were of other examples"), "INCONCLUSIVE"),
        (agreement(0.2, OPEN, "1 of 1 are open"), "INCONCLUSIVE"),  # words alone are no reason
        (agreement(0.2, OPEN, role="reported"), "INCONCLUSIVE"),
    ],
)
def test_what_is_open_passes_where_nothing_contradicts(found: Agreement, verdict: str) -> None:
    assert found.verdict == "INCONCLUSIVE"
    assert quick_verdict(CHECK, found)[0] == verdict


def test_what_hinders_is_said() -> None:
    assert agreement(0.2, OPEN).hindrance == ""
    assert agreement(0.2, OPEN, role="reported").hindrance == NOTHING_ASSERTED
    (one,) = agreement(0.2, OPEN).comparisons
    assert isinstance(one.fit, Fit)
    few = replace(one, fit=replace(one.fit, points=one.fit.points[:3]))
    assert hindrance([few]) == "a verdict needs at least 8 widths, but got 3"
