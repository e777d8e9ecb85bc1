"""The report of `verify`, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from scalings.reports.derivations import derivation_document
from scalings.reports.documents import SCHEMA_VERSION, Document, regime_document
from scalings.reports.measurements import agreement_table, measurement_document
from scalings.reports.tables import AGREES, STYLES, in_theory, layers_table, verdict_line

if TYPE_CHECKING:
    from scalings.studies.verification import Verification


def verification_report(verification: Verification, figure: str | None) -> Iterator[RenderableType]:
    """The text of `verify`: derived and measured exponents in one table, the verdict of each member and of all."""
    derivation, members = verification.derivation, verification.members
    assert derivation.family is not None
    yield Text(
        f"Derived: 1 degree of freedom, {derivation.family.low} <= r <= {derivation.family.high}.\n", style="bold"
    )
    yield layers_table(derivation.network, derivation.family.layers, laws=derivation.laws)
    yield Text("")
    yield in_theory([(member.name, member.check) for member in members], AGREES)
    training, widths = members[0].measurement.training, members[0].measurement.widths
    yield Text(
        f"Measured: {len(members)} members on {training.data}, {training.batch} examples, {training.steps} updates, "
        f"centered output f - f_0, {len(widths)} widths from {widths[0]} to {widths[-1]}, "
        f"{sum(len(list(m.measurement.trials())) for m in members)} runs.\n"
        "After the last update (verdicts in brackets decide nothing; <= is an upper bound, and fails if exceeded;\n"
        "each row is judged by itself, the whole fails only after Holm's correction for the number of rows):\n"
    )
    agreements = [(member.name, member.agreement) for member in members]
    yield agreement_table(agreements, training.steps, everything=False)
    yield Text("Every other observable, every step and every point: --format json.\n", style="dim")
    yield from (verdict_line(member.name, member.agreement) for member in members)
    written = f"; figure: {figure}" if figure else ""
    yield Text.assemble("\nverdict: ", (verification.verdict, STYLES[verification.verdict]), written)


def verification_document(verification: Verification, figure: str | None) -> Document:
    """The JSON document of `verify`: the derivation, and the measurement of each member."""
    members = [
        {
            "name": member.name,
            **regime_document(member.check),
            **measurement_document(member.measurement, member.agreement),
        }
        for member in verification.members
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": verification.verdict,
        "interrupted": verification.interrupted,
        "figure": figure,
        "derivation": derivation_document(verification.derivation, "unit-multiplier"),
        "members": members,
    }
