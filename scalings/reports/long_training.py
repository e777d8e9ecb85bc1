"""The report of `measure --long`, as text and JSON: alignments measured beside those that theory assumes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from rich.console import RenderableType
from rich.text import Text

from scalings.criteria.problem import Problem
from scalings.reports.documents import SCHEMA_VERSION, Document, layers_document
from scalings.reports.tables import empty_table, verdict_text
from scalings.studies.long_training import Alignment, LongTraining, Share


def long_report(problem: Problem, found: LongTraining) -> Iterator[RenderableType]:
    """A row for each layer's alpha, or omega, and a column for each checkpoint."""
    measurement = found.measurement
    widths = ", ".join(map(str, measurement.widths))
    yield Text(
        f"Alignments in {measurement.training.steps} updates by {problem.law.name}, "
        f"{measurement.parameterization.name}, at {problem.scale}s {widths}:\n"
        "1 of full alignment, 0 of none; alpha of updates with what a layer reads, omega of the readout's initial "
        "weights with its change.\n"
    )
    steps = measurement.training.checkpoints
    table = empty_table("layer", "alignment", "assumed", *(f"update {step}" for step in steps))
    for one in found.alignments:
        cells = (_cell(one, step, found.margin) for step in steps)
        table.add_row(one.layer, one.kind, str(one.assumed), *cells)
    yield table
    yield verdict_text(found.verdict, found.reason)


def _cell(one: Alignment, step: int, margin: float) -> Text:
    if step not in one.measured:
        return Text("")
    share = one.measured[step]
    left = one.left_at(margin)
    style = "bold red" if left and step >= left else ""
    return Text(f"{share.value:.2f} +- {_half(share):.2f}" if share else "diverged", style=style)


def _half(share: Share) -> float:
    return (share.high - share.low) / 2


def long_document(problem: Problem, found: LongTraining) -> Document:
    """The JSON document of `measure --long`."""
    measurement = found.measurement
    given = measurement.parameterization
    return {
        "schema_version": SCHEMA_VERSION,
        "parameterization": given.name,
        "layers": layers_document(measurement.network, given.layers, tuple(problem.laws.values())),
        "training": asdict(measurement.training),
        "seeds": {str(width): seeds for width, seeds in measurement.seeds.items()},
        "engine": measurement.engine,
        "seconds": measurement.seconds,
        "verdict": found.verdict,
        "reason": found.reason,
        "margin": found.margin,
        "alignments": [
            {
                "layer": one.layer,
                "alignment": one.kind,
                "assumed": str(one.assumed),
                "left_at": one.left_at(found.margin),
                "measured": [
                    {"step": step, **({"diverged": True} if share is None else asdict(share))}
                    for step, share in one.measured.items()
                ],
            }
            for one in found.alignments
        ],
    }
