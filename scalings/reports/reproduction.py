"""The report of `reproduce`, as text and JSON: the table of claims."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from scalings.reports.documents import SCHEMA_VERSION, Document, finite_or_none
from scalings.reports.tables import STYLES, empty_table, verdict_text
from scalings.studies.reproduction.plan import Reproduction


def reproduction_report(found: Reproduction, written: str | None = None) -> Iterator[RenderableType]:
    """The text of `reproduce`: each claim with its statistic, what was found, null and control, and whether it held."""
    yield Text("The tutorial's experiments (Karkada, arXiv 2404.19719). Do its claims hold?\n", style="bold")
    yield Text(
        "Perceptrons with two hidden layers of n relus (cnn: a convolutional network), mean squared error, SGD,\n"
        f"on {found.settings.data}. Intervals are 95 % ones, over seeds. The null is what would be found if a claim "
        "were false.\n"
    )
    table = empty_table("claim", "found", "null", "control", "")
    for column, width in zip(table.columns, (40, 27, 22, None, None), strict=True):
        column.width, column.overflow = width, "fold"
    for finding in found.findings:
        claim = Text.assemble((finding.claim, "bold"), f"\n{finding.statistic}")
        answer = Text(finding.answer, style=STYLES[finding.verdict])
        table.add_row(claim, finding.found.replace(", ", "\n"), finding.null, finding.control, answer)
        table.add_row("")
    yield table
    for finding in found.findings:
        if finding.verdict != "PASS":
            yield Text.assemble((finding.answer, STYLES[finding.verdict]), f" {finding.name}: {finding.reason}")
    held = sum(finding.verdict == "PASS" for finding in found.findings)
    figure = f"; figure: {written}" if written else ""
    yield verdict_text(found.verdict, f"{held} of {len(found.findings)} claims held{figure}")


def _finite(value: Any) -> Any:
    """With null for every number that is not finite, as of training that diverged."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return finite_or_none(value) if isinstance(value, float) else value


def reproduction_document(found: Reproduction, written: str | None = None) -> Document:
    """The JSON document of `reproduce`: of each claim all numbers that it rests on."""
    return {
        "schema_version": SCHEMA_VERSION,
        "data": found.settings.data,
        "first_seed": found.settings.first_seed,
        "device": found.settings.device,
        "verdict": found.verdict,
        "interrupted": found.interrupted,
        "seconds": found.seconds,
        "figure": written,
        "claims": [
            {
                "name": finding.name,
                "claim": finding.claim,
                "statistic": finding.statistic,
                "null": finding.null,
                "found": finding.found,
                "control": finding.control,
                "verdict": finding.answer,
                "reason": finding.reason,
                **_finite(finding.numbers),
            }
            for finding in found.findings
        ],
    }
