"""Reports of `measure`, `verify` and `richness`, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from scalings.criteria.observables import QUANTITIES, SYMBOLS, TERMS, Observable
from scalings.hyperparameters.exponents import format_exponent
from scalings.reports.derivations import derivation_document
from scalings.reports.documents import (
    SCHEMA_VERSION,
    Document,
    finite_or_none,
    fit_numbers,
    layers_document,
    observable_document,
)
from scalings.reports.tables import STYLES, empty_table, layers_table, verdict_line
from scalings.results.checks import Check
from scalings.results.fits import Diverged, Fit
from scalings.studies.comparisons import Agreement
from scalings.studies.equivalence import Comparison

if TYPE_CHECKING:
    from empirical.sweeps.measurement import Measurement
    from scalings.studies.richness import Courses
    from scalings.studies.verification import Verification


def regime_line(name: str, check: Check) -> Text:
    """What the parameterization itself is, in theory: praise of the theory in the table below is none of it."""
    about = f", r = {check.richness}" if check.nontrivial else "".join(f": {one}" for one in check.reasons()[:1])
    return Text(f"In theory {name} is {check.regime}{about}.\nDoes training agree with the theory?\n", style="bold")


def regime_document(check: Check) -> Document:
    """The same for JSON."""
    return {
        "regime": check.regime,
        "richness": None if check.richness is None else format_exponent(check.richness),
    }


def measurement_document(measurement: Measurement, agreement: Agreement) -> Document:
    """The JSON document of `measure`: does training agree with theory? It has `gamma` where that is not 1."""
    given = measurement.parameterization
    return {
        "schema_version": SCHEMA_VERSION,
        "parameterization": given.name,
        **({"gamma": str(given.gamma)} if given.gamma != 1 else {}),
        "layers": layers_document(measurement.network, given.layers),
        "training": asdict(measurement.training),
        "seeds": {str(width): seeds for width, seeds in measurement.seeds.items()},
        "engine": measurement.engine,
        "device": measurement.device,
        "seconds": measurement.seconds,
        "verdict": agreement.verdict,
        "reason": agreement.reason,
        "fits": [_fit(comparison) for comparison in agreement.comparisons],
    }


def verification_document(verification: Verification, figure: str | None) -> Document:
    """The JSON document of `verify`: the derivation, and the measurement of each member."""
    members = [
        {
            "name": member.name,
            "richness": str(member.richness),
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


def _fit(comparison: Comparison[Observable]) -> Document:
    return {
        **observable_document(comparison.of),
        **fit_numbers(comparison.fit),
        "predicted": format_exponent(comparison.derived),
        "role": comparison.role,
        "verdict": comparison.verdict,
    }


def verification_report(verification: Verification, figure: str | None) -> Iterator[RenderableType]:
    """The text of `verify`: derived and measured exponents in one table, the verdict of each member and of all."""
    derivation, members = verification.derivation, verification.members
    assert derivation.family is not None
    yield Text(
        f"Derived: 1 degree of freedom, {derivation.family.low} <= r <= {derivation.family.high}.\n", style="bold"
    )
    yield layers_table(derivation.network, derivation.family.layers)
    training, widths = members[0].measurement.training, members[0].measurement.widths
    yield Text(
        f"\nMeasured: {len(members)} members on {training.data}, {training.batch} examples, {training.steps} updates, "
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


def agreement_table(agreements: Iterable[tuple[str, Agreement]], step: int, *, everything: bool = True) -> Table:
    """A table of derived and measured exponents after `step` updates, asserted ones first in each agreement.

    Without `everything`, of the observables that are only reported |dz| and its three terms alone are shown.
    """
    table = empty_table("member", "observable", "layer", "derived", "measured", "95 % interval", "verdict")
    order = {"asserted": 0, "upper bound": 1, "reported": 2}
    for name, agreement in agreements:
        shown = [one for one in agreement.comparisons if one.of.step == step and _is_shown(one, everything)]
        shown.sort(key=lambda one: (order[one.role], QUANTITIES.index(one.of.quantity)))
        for number, comparison in enumerate(shown):
            table.add_row(name if number == 0 else "", *_agreement_row(comparison))
        table.add_section()
    return table


def _is_shown(comparison: Comparison[Observable], everything: bool) -> bool:
    return everything or comparison.role != "reported" or comparison.of.quantity in ("dz", *TERMS)


def _agreement_row(comparison: Comparison[Observable]) -> list[RenderableType]:
    fit, bound = comparison.fit, comparison.role == "upper bound"
    derived = ("<= " if bound else "") + format_exponent(comparison.derived)
    if isinstance(fit, Diverged):
        measured, interval = "diverged", f"from width {fit.width} on"
    else:
        measured, interval = f"{fit.exponent:+.3f}", f"[{fit.low:+.3f}, {fit.high:+.3f}]"
    verdict = Text(comparison.verdict, style=STYLES[comparison.verdict])
    if comparison.role == "reported" or (bound and comparison.verdict != "FAIL"):
        verdict = Text(f"({comparison.verdict})", style="dim")
    observable = comparison.of
    return [SYMBOLS[observable.quantity], observable.layer, derived, measured, interval, verdict]
