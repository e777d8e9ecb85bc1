"""The report of `freedom`, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from rich.console import RenderableType
from rich.text import Text

from scalings.reports.documents import SCHEMA_VERSION, Document, solved_document
from scalings.reports.tables import empty_table, verdict_text
from scalings.results.experiments import Limit
from scalings.studies.freedom import FreedomAgreement


def freedom_report(agreement: FreedomAgreement) -> Iterator[RenderableType]:
    """The text of `freedom`: the Jacobian beside the derived one, its singular values, and its null direction."""
    measured = agreement.measured
    names = [hyperparameter for _, hyperparameter in measured.entries]
    hyperparameters = list(dict.fromkeys(names))
    yield Text("Percent by which left / right of a criterion changes with a percent of a hyperparameter, as n grows:\n")
    columns = empty_table("criterion", "", *map(str, hyperparameters))
    for condition in map(str, measured.conditions):
        places = [(condition, hyperparameter) for hyperparameter in hyperparameters]
        limits = [measured.entries[place] for place in places]
        columns.add_row(condition, "measured", *(f"{one.value:+.3f}" for one in limits))
        columns.add_row("", "+- (95 %)", *(f"{(one.high - one.low) / 2:.3f}" for one in limits))
        columns.add_row("", "derived", *(str(agreement.derived[place]) for place in places))
        columns.add_section()
    yield columns
    widths = list(measured.seeds)
    yield Text(f"\nGauges change no criterion: {measured.gauges:.1g} at most. Singular values without them (g = 1):\n")
    values = empty_table("", *(f"n = {width}" for width in widths[::2]), "limit", "95 % interval")
    for number, one in enumerate(measured.singular_values, start=1):
        at = {width: f"{mean:.4f} +- {2 * error:.4f}" for width, mean, error in one.points}
        values.add_row(
            str(number), *(at[n] for n in widths[::2]), f"{one.value:.4f}", f"[{one.low:.4f}, {one.high:.4f}]"
        )
    yield values
    yield Text("\nThe direction of the last one, and that of the richness in the derived family:\n")
    direction = empty_table("", *map(str, measured.direction))
    direction.add_row("measured", *(f"{mean:+.3f} +- {2 * error:.3f}" for mean, error in measured.direction.values()))
    direction.add_row("derived", *(f"{agreement.direction[key]:+.3f}" for key in measured.direction))
    yield direction
    yield verdict_text(agreement.verdict, agreement.reason)


def freedom_document(agreement: FreedomAgreement) -> Document:
    """The JSON document of `freedom`."""
    measured = agreement.measured
    least, most = measured.freedoms(float(agreement.delta))
    return {
        "schema_version": SCHEMA_VERSION,
        "training": asdict(measured.training),
        **solved_document(measured, agreement),
        "degrees_of_freedom": least if least == most else None,
        "entries": [
            {
                "criterion": condition,
                "layer": hyperparameter.layer,
                "hyperparameter": hyperparameter.which,
                **_limit(limit),
                "predicted": [str(entry.low), str(entry.high)],
                "verdict": agreement.entry_verdict((condition, hyperparameter)),
            }
            for ((condition, hyperparameter), limit) in measured.entries.items()
            for entry in (agreement.derived[condition, hyperparameter],)
        ],
        "singular_values": [_limit(one) for one in measured.singular_values],
        "direction": [
            {
                "layer": key.layer,
                "hyperparameter": key.which,
                "component": mean,
                "standard_error": error,
                "predicted": agreement.direction[key],
            }
            for key, (mean, error) in measured.direction.items()
        ],
        "gauges": measured.gauges,
    }


def _limit(limit: Limit) -> Document:
    points = [{"width": width, "mean": mean, "standard_error": error} for width, mean, error in limit.points]
    return {"limit": limit.value, "low": limit.low, "high": limit.high, "points": points}
