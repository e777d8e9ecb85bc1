"""The report of `richness`, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from scalings.hyperparameters.exponents import format_exponent
from scalings.reports.documents import SCHEMA_VERSION, Document, finite_or_none, regime_document
from scalings.reports.tables import empty_table, in_theory, verdict_text
from scalings.results.fits import Fit

if TYPE_CHECKING:
    from scalings.studies.richness import LazyToRich


def richness_report(found: LazyToRich) -> Iterator[RenderableType]:
    """The text of `richness`: each member after training, and the exponent of its distance from the linearization."""
    training, widths = found.training, found.widths
    named = [(f"r = {member.richness}", member.check) for member in found.members]
    yield in_theory(named, "Does training follow its linearization where it is lazy, and leave it where it is rich?")
    yield Text(
        f"{training.steps} updates on {training.batch} examples of {training.data}, widths {widths[0]} to {widths[-1]}."
        f" At width {widths[-1]}, and the exponent of the distance from the linearized network on other examples:\n"
    )
    table = empty_table("r", "loss", "|dz|/|z|", "|dK|/|K|", "distance", "derived", "measured", "95 % interval")
    for member in found.members:
        run, fit = member.run, member.run.fit
        distance = f"{float(run.distances[run.width].mean()):.4f}"
        ended = [f"{run.loss[-1]:.4f}", f"{run.movement[-1]:.4f}", f"{run.kernel_change[-1]:.4f}", distance]
        fitted = (
            [f"{fit.exponent:+.3f}", f"[{fit.low:+.3f}, {fit.high:+.3f}]"] if isinstance(fit, Fit) else ["none", ""]
        )
        table.add_row(str(member.richness), *ended, f"<= {format_exponent(member.derived)}", *fitted)
    yield table
    yield verdict_text(found.verdict, found.reason)


def richness_document(found: LazyToRich) -> Document:
    """The JSON document of `richness`: every step at the largest width, and the distances at every width."""
    members = []
    for member in found.members:
        run, fit = member.run, member.run.fit
        numbers = asdict(fit) if isinstance(fit, Fit) else None
        members.append(
            {
                **regime_document(member.check),
                "loss": list(run.loss),
                "movement": list(run.movement),
                "ntk_change": list(run.kernel_change),
                "distance": {str(width): values.tolist() for width, values in run.distances.items()},
                "derived_bound": format_exponent(member.derived),
                "exponent": None if numbers is None else numbers["exponent"],
                "low": None if numbers is None else finite_or_none(numbers["low"]),
                "high": None if numbers is None else finite_or_none(numbers["high"]),
            }
        )
    return {
        "schema_version": SCHEMA_VERSION,
        "training": asdict(found.training),
        "widths": list(found.widths),
        "verdict": found.verdict,
        "interrupted": found.interrupted,
        "members": members,
    }
