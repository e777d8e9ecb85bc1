"""Checks of models as assertions: of a wished regime, in a test or on the command line."""

from __future__ import annotations

import unittest
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from scalings.errors import unknown_name
from scalings.results.checks import Repair
from scalings.studies.model_checks import ModelCheck, check_model
from scalings.studies.model_findings import ModelFinding, of_changes

if TYPE_CHECKING:
    from empirical.tracing.batches import Loss
    from empirical.tracing.trace import Build

Wished = Literal["rich", "lazy"]
RICHNESS: dict[Wished, Fraction] = {"rich": Fraction(1, 2), "lazy": Fraction(0)}
"""The richness that is repaired for: hidden units, of which there are n, move by order 1, or the least."""


def assert_scaling(
    build: Build,
    optimizer: Any,
    data: object,
    loss: Loss | None = None,
    *,
    regime: Wished | None = "rich",
    **options: Any,
) -> ModelCheck:
    """Assert that a model and its optimizer scale as they should, and return the check; the rest as `check_model`.

    - `regime`: "rich" or "lazy", which it has to be; None for any in which training is stable and moves the output.

    Raises AssertionError, whose message is the report, if the verdict is FAIL, and unittest.SkipTest, which pytest too
    takes for a skip, if it is INCONCLUSIVE. Raises ArgumentError as `check_model` does.
    """
    __tracebackhide__ = True  # pytest shows the report, and not how it came to be
    check_regime(regime)
    found = asked_for(check_model(build, optimizer, data, loss, **options), regime)
    if found.verdict == "FAIL":
        raise AssertionError(f"\n{found}")
    if found.verdict == "INCONCLUSIVE":
        raise unittest.SkipTest(f"INCONCLUSIVE: {found.reason}")
    return found


def check_regime(regime: object) -> None:
    """Raises ArgumentError for a regime that nobody wishes for."""
    if regime is not None and (not isinstance(regime, str) or regime not in RICHNESS):
        raise unknown_name("regime", str(regime), RICHNESS)


def asked_for(found: ModelCheck, regime: Wished | None) -> ModelCheck:
    """The check, as a FAIL if it is in another regime, with the repair that leads to the wished one."""
    if regime is None or found.verdict == "FAIL" or found.regime == regime:
        return found
    from scalings.studies.prescribed_models import repaired_model
    from symbolic.evaluation.repair import repair_of

    remedy = repair_of(found.problem, found.parameterization, RICHNESS[regime])
    reason = f"it is {found.regime}, but {regime} was asked for: {_first_change(found, remedy)}"
    return replace(found, verdict="FAIL", reason=reason, repair=remedy, repaired=repaired_model(found.reading, remedy))


def _first_change(found: ModelCheck, remedy: object) -> str:
    changes: list[ModelFinding] = []
    if isinstance(remedy, Repair):
        changes += of_changes(remedy.changes, found.settings, found.reading.traced.translation.reading)
    if not changes:
        return "no init scales and learning rates make it so"
    more = f" (and {len(changes) - 1} more)" if len(changes) > 1 else ""
    return f"{changes[0].sentence}{more}"
