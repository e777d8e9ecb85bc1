"""Answers as a session, a printed page and a notebook show them: a line, and the tables that the commands print.

>>> from scalings.hyperparameters.presets import preset
>>> preset("mup-lr", 3)
Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="1,0,-1", name="mup-lr")
>>> from symbolic.evaluation.check import check
>>> check("mlp", "standard")
Check(unstable: the output explodes)
>>> print(check("mlp", "mup").regime, html_of_table(empty_table("a<b")))
rich <table><tr><th>a&lt;b</th></tr></table>
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from html import escape
from io import StringIO

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from scalings.hyperparameters.exponents import MINUS_INFINITY, Affine, Exponent, format_exponent, format_power
from scalings.hyperparameters.gauges import names_of
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.reports import checks, derivations
from scalings.reports.tables import empty_table, exponent_cells, layers_table
from scalings.reports.traces import trace_report, trace_summary
from scalings.results.checks import Check, Forbidden, Repair
from scalings.results.derivations import Derivation, Family, format_range
from scalings.results.monomials import Monomials
from scalings.results.phases import PhaseDiagram, phase_of
from scalings.results.predictions import Prediction
from scalings.results.rules import Rule
from scalings.tapes.network import TracedNetwork

_WIDTH = 100
"""The columns of a printed table."""


def line(answer: object) -> str:
    """The answer in one line."""
    name = type(answer).__name__
    return _built(answer) if isinstance(answer, Parameterization) else f"{name}({'; '.join(_said(answer))})"


def text(answer: object) -> str:
    """The answer as a command prints it, without colours."""
    page = StringIO()
    console = Console(file=page, width=_WIDTH, highlight=False, markup=False, color_system=None)
    for part in report(answer):
        console.print(part, soft_wrap=isinstance(part, Text))
    return "\n".join(row.rstrip() for row in page.getvalue().strip("\n").splitlines())


def html(answer: object) -> str:
    """The answer as HTML for a notebook, everything in it escaped."""
    return "".join(html_of_table(part) if isinstance(part, Table) else _paragraph(str(part)) for part in report(answer))


def json_text(answer: object) -> str:
    """The answer as a command writes it with --format json, of those that have a method for it."""
    from scalings.reports.model_checks import model_check_document
    from scalings.reports.prescriptions import prescription_document
    from scalings.reports.rules import rule_document
    from scalings.studies.model_checks import ModelCheck
    from scalings.studies.prescribed_models import Parameterized

    match answer:
        case ModelCheck():
            return json.dumps(model_check_document(answer), indent=2)
        case Rule():
            return json.dumps(rule_document(answer), indent=2)
        case Parameterized():
            return json.dumps(prescription_document(answer), indent=2)
    raise TypeError(f"nothing says how to write a {type(answer).__name__}")


def html_of_table(table: Table) -> str:
    """A table of strings and texts."""
    header = "".join(f"<th>{raised_powers(str(column.header))}</th>" for column in table.columns)
    rows = zip(*([str(cell) for cell in column.cells] for column in table.columns), strict=True)
    body = ("<tr>" + "".join(f"<td>{raised_powers(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{header}</tr>{''.join(body)}</table>"


def report(answer: object) -> Iterator[RenderableType]:
    """What of the answer is shown: its most important lines and tables."""
    match answer:
        case Derivation():
            yield from derivations.summary(answer)
        case Family():
            yield from _family(answer)
        case Monomials():
            from scalings.reports.monomials import monomials_report

            yield from monomials_report(answer)
        case Check():
            yield from checks.verdict_report(answer)
        case Repair():
            yield Text(f"{answer.verdict.regime}, r = {answer.richness}", style="bold")
            yield from (Text(change) for change in checks.changes(answer))
            yield _exponents(answer.parameterization)
        case Forbidden():
            yield Text(_forbidden(answer))
        case Parameterization():
            yield Text(_named(answer), style="bold")
            yield _exponents(answer)
        case Prediction():
            yield from checks.prediction_report(answer.problem, answer.parameterization, answer)
        case PhaseDiagram():
            yield Text(_phase(answer), style="bold")
            yield _phases(answer)
        case TracedNetwork():
            yield from trace_report(answer)
        case Rule():
            from scalings.reports.rules import rule_report

            yield from rule_report(answer)
        case _:
            yield from _of_training(answer)


def _of_training(answer: object) -> Iterator[RenderableType]:
    """Of what training has measured; last, since it loads torch."""
    from empirical.sweeps.measurement import Measurement
    from scalings.reports import measurements, model_checks, prescriptions, verification
    from scalings.studies.comparisons import Agreement
    from scalings.studies.model_checks import ModelCheck
    from scalings.studies.prescribed_models import Parameterized
    from scalings.studies.verification import Verification

    match answer:
        case ModelCheck():
            yield from model_checks.model_check_report(answer)
        case Parameterized():
            yield from prescriptions.prescription_report(answer)
        case Measurement():
            yield Text("; ".join(_said(answer)), style="bold")
            yield measurements.fits_table(answer.fits, answer.training.steps)
        case Agreement():
            yield Text(f"{answer.verdict}, {answer.reason}", style="bold")
            last = max((one.of.step for one in answer.comparisons), default=0)
            yield measurements.agreement_table([("", answer)], last)
        case Verification():
            yield from verification.verification_report(answer, None)
        case _:
            raise TypeError(f"nothing says how to show a {type(answer).__name__}")


def _said(answer: object) -> Iterator[str]:
    """What the line of an answer says."""
    match answer:
        case Derivation():
            free, family = answer.degrees_of_freedom, answer.family
            yield _setting(answer.network.depth, answer.law.name)
            yield "no solution" if free is None else f"{free} degree{'' if free == 1 else 's'} of freedom"
            yield from _of_pieces(answer) if family is None else [_range(family)]
        case Family():
            yield _setting(answer.network.depth, answer.law.name)
            yield from (_range(answer), answer.gauge)
        case Monomials():
            yield _setting(answer.network.depth, answer.law.name)
            yield f"in {', '.join(one.scale for one in answer.derivations)}"
        case Check():
            yield _verdict(answer)
        case Repair():
            yield f"{answer.verdict.regime}, r = {answer.richness}"
            yield from checks.changes(answer)
        case Forbidden():
            yield _forbidden(answer)
        case Prediction():
            yield answer.parameterization.name
            yield f"{len(answer)} orders, to update {max(observable.step for observable in answer)}"
        case PhaseDiagram():
            yield _phase(answer)
        case TracedNetwork():
            yield trace_summary(answer)
        case Rule():
            yield f"{answer.network}, {answer.optimizer}"
            yield f"from width {answer.prescription.base_width} to {answer.width}"
        case _:
            yield from _said_of_training(answer)


def _of_pieces(answer: Derivation) -> Iterator[str]:
    """What is said of an answer that is no family."""
    if answer.contradiction:
        yield f"contradictory: {', '.join(answer.contradiction)}"
    elif len(answer.polyhedra) == 1 and answer.polyhedra[0].richness:
        yield format_range(answer.polyhedra[0].ends)
    else:
        yield f"pieces: {len(answer.polyhedra)}"


def _said_of_training(answer: object) -> Iterator[str]:
    from empirical.sweeps.measurement import Measurement
    from scalings.studies.comparisons import Agreement
    from scalings.studies.model_checks import ModelCheck
    from scalings.studies.prescribed_models import Parameterized
    from scalings.studies.verification import Verification

    match answer:
        case ModelCheck():
            yield f"{answer.verdict}, {answer.reason}"
        case Parameterized():
            yield f"as it is at width {answer.prescription.base_width}"
            yield f"{len(answer.prescription.rules)} parameters"
        case Measurement():
            widths, training, runs = answer.widths, answer.training, sum(answer.seeds.values())
            yield f"{answer.parameterization.name} on {training.data}"
            yield f"{runs} runs of {training.steps} updates at widths {widths[0]} to {widths[-1]}"
        case Agreement():
            yield f"{answer.verdict}, {answer.reason}"
        case Verification():
            yield f"{answer.verdict}, {len(answer.members)} members"


def _setting(depth: int, law: str) -> str:
    return f"{depth} layers, {law}"


def _range(family: Family) -> str:
    return f"{family.low} <= r <= {family.high}"


def _verdict(check: Check) -> str:
    richness = "" if check.richness is None else f", r = {format_exponent(check.richness)}"
    reason = phase_of(check).reason
    return f"{check.regime}{richness}{': ' if reason else ''}{reason}"


def _forbidden(answer: Forbidden) -> str:
    wished = "any richness" if answer.richness is None else f"r = {answer.richness}"
    return f"nothing with {wished}: {', '.join(answer.criteria)} exclude it"


def _phase(diagram: PhaseDiagram) -> str:
    phase = diagram.given
    return f"{diagram.name} is {phase.regime}{': ' if phase.reason else ''}{phase.reason}"


def _named(given: Parameterization) -> str:
    return given.name if given.gamma == 1 else f"{given.name}, gamma {given.gamma}"


def _built(given: Parameterization) -> str:
    """The call that makes it; a gamma is no argument of it, and follows."""
    columns = {
        which: ",".join(format_exponent(layer.named.get(which, MINUS_INFINITY)) for layer in given.layers)
        for which in names_of(given.layers)
    }
    if given.scales:
        columns["scales"] = ",".join(map(format_exponent, given.scales))
    arguments = ", ".join(
        [*(f'{which}="{column}"' for which, column in columns.items()), f"name={_quoted(given.name)}"]
    )
    return f"Parameterization.of({arguments}){'' if given.gamma == 1 else f' with gamma {given.gamma}'}"


def _quoted(name: str) -> str:
    return f'"{name}"' if name.isprintable() and not set('"\\') & set(name) else repr(name)


def _exponents(given: Parameterization) -> Table:
    """The exponents of layers by number: a parameterization does not know their names."""
    names = names_of(given.layers)
    table = empty_table("layer", *names)
    for number, layer in enumerate(given.layers, start=1):
        table.add_row(str(number), *exponent_cells(layer, names, _power))
    for number, scale in enumerate(given.scales, start=1):
        table.add_row(f"multiplier {number}", _power(scale))
    return table


def _power(exponent: Affine | Exponent) -> str:
    return format_power(exponent)


def _family(family: Family) -> Iterator[RenderableType]:
    yield Text(f"{_setting(family.network.depth, family.law.name)}: {_range(family)}, {family.gauge}", style="bold")
    yield layers_table(family.network, family.layers, family.scales, laws=family.laws)


def _phases(diagram: PhaseDiagram) -> Table:
    table = empty_table("phase", "because", "areas", "borders", "corners")
    for phase in dict.fromkeys(cell.phase for cell in diagram.cells):
        sizes = [min(len(cell.corners), 3) for cell in diagram.cells if cell.phase == phase]
        table.add_row(phase.regime, phase.reason, *(str(sizes.count(size)) for size in (3, 2, 1)))
    return table


_POWER = re.compile(r"(\w+)\^(?:\(([^()]*(?:\([^()]*\))?[^()]*)\)|(-?\w+))")


def raised_powers(words: str) -> str:
    """The words as HTML, escaped, with powers such as n^(1/2) raised."""
    return _POWER.sub(lambda power: f"{power[1]}<sup>{power[2] or power[3]}</sup>", escape(words))


def _paragraph(words: str) -> str:
    lines: Iterable[str] = (line for line in words.splitlines() if line.strip())
    found = "<br>".join(map(raised_powers, lines))
    return f"<p>{found}</p>" if found else ""
