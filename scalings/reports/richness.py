"""The report of `richness`, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from scalings.hyperparameters.exponents import format_exponent
from scalings.reports.documents import (
    SCHEMA_VERSION,
    Document,
    finite_or_none,
)
from scalings.reports.tables import STYLES, empty_table
from scalings.results.fits import Fit

if TYPE_CHECKING:
    from scalings.studies.richness import Courses


def richness_report(courses: Courses) -> Iterator[RenderableType]:
    """The text of `richness`: each member after training, and the exponent of its distance from the linearization."""
    training, widths = courses.training, courses.widths
    yield Text(
        f"{training.steps} updates on {training.batch} examples of {training.data}, widths {widths[0]} to {widths[-1]}."
        f" At width {widths[-1]}, and the exponent of the distance from the linearized network on other examples:\n"
    )
    table = empty_table("r", "loss", "|dz|/|z|", "|dK|/|K|", "distance", "derived", "measured", "95 % interval")
    for member in courses.members:
        path, fit = member.path, member.path.fit
        distance = f"{float(path.distances[path.width].mean()):.4f}"
        ended = [f"{path.loss[-1]:.4f}", f"{path.movement[-1]:.4f}", f"{path.kernel_change[-1]:.4f}", distance]
        found = (f"{fit.exponent:+.3f}", f"[{fit.low:+.3f}, {fit.high:+.3f}]") if isinstance(fit, Fit) else ("none", "")
        table.add_row(str(member.richness), *ended, f"<= {format_exponent(member.derived)}", *found)
    yield table
    verdict = courses.verdict
    yield Text.assemble("\nverdict: ", (verdict, STYLES[verdict]), f", {_RICHNESS_VERDICT[verdict]}")


_RICHNESS_VERDICT = {
    "PASS": "the lazy end converges to the predictor of its own initial kernel, the rich end does not",
    "FAIL": "the two ends do not do what was derived",
    "INCONCLUSIVE": "the intervals do not tell the two ends apart: larger widths or more seeds would",
}


def richness_document(courses: Courses) -> Document:
    """The JSON document of `richness`: every step at the largest width, and the distances at every width."""
    members = []
    for member in courses.members:
        path, fit = member.path, member.path.fit
        numbers = asdict(fit) if isinstance(fit, Fit) else None
        members.append(
            {
                "richness": str(member.richness),
                "loss": list(path.loss),
                "movement": list(path.movement),
                "ntk_change": list(path.kernel_change),
                "distance": {str(width): values.tolist() for width, values in path.distances.items()},
                "derived_bound": format_exponent(member.derived),
                "exponent": None if numbers is None else numbers["exponent"],
                "low": None if numbers is None else finite_or_none(numbers["low"]),
                "high": None if numbers is None else finite_or_none(numbers["high"]),
            }
        )
    return {
        "schema_version": SCHEMA_VERSION,
        "training": asdict(courses.training),
        "widths": list(courses.widths),
        "verdict": courses.verdict,
        "members": members,
    }
