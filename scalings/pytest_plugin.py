"""The pytest plugin: `assert_scaling` as a fixture. It is loaded whenever pytest starts, so it imports nothing heavy.

>>> from scalings.pytest_plugin import assert_scaling
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from scalings.studies.model_checks import ModelCheck


@pytest.fixture
def assert_scaling(
    request: pytest.FixtureRequest, record_testsuite_property: Callable[[str, object], None]
) -> Callable[..., ModelCheck]:
    """`scalings.assert_scaling`, which adds the exponents to pytest's own JUnit report, too, by the test's name, be the
    verdict what it may: where a test fails they are what is looked for."""

    def record(found: ModelCheck) -> None:
        from scalings.reports.model_check_files import properties

        for name, value in properties(found):
            record_testsuite_property(f"{request.node.name} {name}", value)

    def assert_it(*arguments: Any, **options: Any) -> ModelCheck:
        __tracebackhide__ = True
        from scalings.studies.model_assertions import assert_scaling

        return assert_scaling(*arguments, record=record, **options)

    return assert_it
