"""Checks of models as assertions, in a test of the user's own."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from scalings.studies.model_checks import ModelCheck, check_model
from scalings.studies.wishes import WishedRegime

if TYPE_CHECKING:
    from empirical.tracing.batches import Loss
    from empirical.tracing.trace import Build


def assert_scaling(
    build: Build,
    optimizer: Any,
    data: object,
    loss: Loss | None = None,
    *,
    regime: WishedRegime | None = "rich",
    record: Callable[[ModelCheck], object] | None = None,
    **options: Any,
) -> ModelCheck:
    """Assert that a model and its optimizer scale as they should, and return the check; the rest as `check_model`.

    - `regime`: "rich" or "lazy", which it has to be; None for any in which training is stable and moves the output.
    - `record`: is given the check before it is judged, whatever its verdict is.

    Raises AssertionError if the verdict is FAIL, whose message is the report, what is to be changed in its first line.
    Raises unittest.SkipTest, which pytest too takes for a skip, if it is INCONCLUSIVE, and ArgumentError as
    `check_model` does.
    """
    __tracebackhide__ = True  # pytest shows the report, and not how it came to be
    found = check_model(build, optimizer, data, loss, regime=regime, **options)
    if record:
        record(found)
    if found.verdict == "FAIL":
        raise AssertionError(str(found))
    if found.verdict == "INCONCLUSIVE":
        raise unittest.SkipTest(f"INCONCLUSIVE: {found.reason}")
    return found
