"""Reports of `check` and `predict`, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from scalings.criteria.criterion import Criterion
from scalings.criteria.observables import SYMBOLS, Observable
from scalings.criteria.problem import Problem
from scalings.hyperparameters.exponents import Exponent, format_exponent, format_power
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.reports.documents import (
    SCHEMA_VERSION,
    Document,
    layers_document,
    multipliers_document,
    observable_document,
)
from scalings.reports.limits import limits_report, not_covered
from scalings.reports.tables import choice_report, empty_table, in_runs, layers_table
from scalings.results.checks import Check, Finding, Forbidden, Repair


def check_document(
    problem: Problem,
    parameterization: Parameterization,
    check: Check,
    asked: tuple[Criterion, ...],
    repair: Repair | Forbidden | None,
    *,
    satisfied: bool,
) -> Document:
    """The JSON document of `check`; `asked` are the criteria to be met besides being stable and nontrivial."""
    return {
        "schema_version": SCHEMA_VERSION,
        "parameterization": parameterization.name,
        "choice": parameterization.choice or None,
        "layers": layers_document(problem.network, parameterization.layers, tuple(problem.laws.values())),
        "scales": multipliers_document(problem.network, parameterization.scales),
        "stable": check.stable,
        "nontrivial": check.nontrivial,
        "feature_learning": check.feature_learning,
        "regime": check.regime,
        "richness": None if check.richness is None else format_exponent(check.richness),
        "asked": [criterion.name for criterion in asked],
        "satisfied": satisfied,
        "reasons": list(check.reasons(*asked)),
        "notes": list(check.notes),
        "not_covered": list(_limits(problem, check)),
        "criteria": [
            {
                "criterion": finding.criterion.name,
                "layer": finding.layer,
                "step": finding.step,
                "found": format_exponent(finding.found),
                "relation": finding.criterion.sign,
                "required": format_exponent(finding.required),
                "satisfied": finding.satisfied,
            }
            for finding in check.findings
        ],
        "repair": _repair(problem, repair) if isinstance(repair, Repair) else None,
        "forbidden_by": list(repair.criteria) if isinstance(repair, Forbidden) else [],
    }


def _repair(problem: Problem, repair: Repair) -> Document:
    return {
        "richness": str(repair.richness),
        "layers": layers_document(problem.network, repair.parameterization.layers, tuple(problem.laws.values())),
        "scales": multipliers_document(problem.network, repair.parameterization.scales),
        "changes": [
            {"layer": layer, "exponent": which, "from": format_exponent(old), "to": format_exponent(new)}
            for layer, which, old, new in repair.changes
        ],
    }


def prediction_document(
    problem: Problem, parameterization: Parameterization, orders: Mapping[Observable, Exponent]
) -> Document:
    """The JSON document of `predict`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "parameterization": parameterization.name,
        "choice": parameterization.choice or None,
        "layers": layers_document(problem.network, parameterization.layers, tuple(problem.laws.values())),
        "scales": multipliers_document(problem.network, parameterization.scales),
        "observables": [
            {**observable_document(observable), "exponent": format_exponent(exponent)}
            for observable, exponent in sorted(orders.items())
        ],
    }


MOST_REASONS = 12
"""The most reasons, and the most rows of one criterion, that are shown; the others are counted."""


def check_report(
    problem: Problem,
    parameterization: Parameterization,
    check: Check,
    asked: tuple[Criterion, ...],
    repair: Repair | Forbidden | None,
) -> Iterator[RenderableType]:
    """The text of `check`: the verdict, its reasons (also for the criteria in `asked`), and a row for each finding."""
    symbol = problem.symbol
    yield _given_table(problem, parameterization)
    yield from choice_report(parameterization)
    yield Text()
    yield from _verdict(check, asked)
    yield from _remedy(repair, symbol)
    yield Text()
    yield _findings_table(check, symbol)
    yield from limits_report(_limits(problem, check))


def _limits(problem: Problem, check: Check) -> tuple[str, ...]:
    return not_covered(problem.network, problem.laws.values(), problem.scale, answered=check.nontrivial)


def verdict_report(check: Check) -> Iterator[RenderableType]:
    """The verdict, its reasons, and the findings."""
    yield from _verdict(check, ())
    yield _findings_table(check, check.findings[0].symbol if check.findings else "n")


def _verdict(check: Check, asked: tuple[Criterion, ...]) -> Iterator[RenderableType]:
    verdict = Text(f"{check.regime}", style="bold")
    if check.richness is not None:
        verdict.append(f", r = {format_exponent(check.richness)}")
    yield verdict
    reasons = check.reasons(*asked)
    yield from (Text(f"  {reason}") for reason in reasons[:MOST_REASONS])
    if len(reasons) > MOST_REASONS:
        yield Text(f"  and {len(reasons) - MOST_REASONS} more reasons: --format json has them all")
    yield from (Text(f"  note: {note}") for note in check.notes)


def _findings_table(check: Check, symbol: str) -> Table:
    table = empty_table("criterion", "layer", "step", "found", "", "required", "satisfied")
    rows = ((finding.layer, _finding_cells(finding, symbol)) for finding in check.findings)
    for criterion, runs in groupby(in_runs(rows), key=lambda row: row[1][0]):
        layers = list(runs)
        for layer, (_, *cells, satisfied) in layers[:MOST_REASONS]:
            table.add_row(criterion, layer, *cells, Text(satisfied, style="" if satisfied == "yes" else "bold red"))
        if len(layers) > MOST_REASONS:
            table.add_row(criterion, f"and {len(layers) - MOST_REASONS} more")
    return table


def _finding_cells(finding: Finding, symbol: str) -> tuple[str, ...]:
    found, required = format_power(finding.found, symbol), format_power(finding.required, symbol)
    satisfied = "yes" if finding.satisfied else "no"
    return finding.criterion.name, str(finding.step), found, finding.criterion.sign, required, satisfied


def _remedy(repair: Repair | Forbidden | None, symbol: str) -> Iterator[RenderableType]:
    if isinstance(repair, Forbidden):
        wished = "any richness" if repair.richness is None else f"r = {repair.richness}"
        yield Text(f"\nNothing with {wished} meets the tutorial's criteria: {', '.join(repair.criteria)} exclude it")
    elif repair and repair.changes:
        yield Text(f"\nThe nearest member of the derived family, r = {repair.richness}, changes", style="bold")
        yield from (Text(f"  {change}") for change in changes(repair, symbol))


def changes(repair: Repair, symbol: str = "n") -> list[str]:
    """What a repair changes, a sentence for each exponent."""
    return [
        f"{which} of {layer} from {format_power(old, symbol)} to {format_power(new, symbol)}"
        for layer, which, old, new in repair.changes
    ]


def _given_table(problem: Problem, parameterization: Parameterization) -> Table:
    laws = tuple(problem.laws.values())
    return layers_table(problem.network, parameterization.layers, parameterization.scales, problem.symbol, laws=laws)


def prediction_report(
    problem: Problem, parameterization: Parameterization, orders: Mapping[Observable, Exponent]
) -> Iterator[RenderableType]:
    """The text of `predict`: the orders, with a row for each observable and layer and a column for each step."""
    network, symbol = problem.network, problem.symbol
    heading = f"Orders of training with {problem.law.name}, as powers of the {problem.scale} {symbol}"
    yield Text(f"{heading}; 0 for what is zero by structure.\n", style="bold")
    yield _given_table(problem, parameterization)
    yield from choice_report(parameterization)
    yield Text()
    steps = sorted({observable.step for observable in orders})
    table = empty_table("quantity", "layer", *(f"step {step}" for step in steps))
    for quantity, written in SYMBOLS.items():
        for layer in [*(node.name for node in network.flat), ""]:
            found = [orders.get(Observable(quantity, layer, step)) for step in steps]
            if any(order is not None for order in found):
                table.add_row(
                    written, layer, *("" if order is None else format_power(order, symbol) for order in found)
                )
    yield table
