"""Reports of `certify`: what a certificate is about and what it proves, as text and JSON.

The proof itself is rechecked by `scalings.certificates.verifier`; that its program is the one of the network, law and
criteria that it is about, by `scalings.studies.rechecking`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from scalings.certificates.statements import statement_from_json
from scalings.hyperparameters.exponents import Affine, format_power
from scalings.studies.rechecking import Recheck

SCHEMA_VERSION = 1
_LETTERS = "order "
"""The beginning of the names of intermediate orders, which mean nothing to a reader."""


def certificate_document(checked: Recheck) -> dict[str, Any]:
    """The JSON document of `certify`: what was proved, or the reason for the refusal."""
    document: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "valid": checked.refusal is None}
    document |= {"reason": checked.refusal, "compared": checked.compared}
    if checked.refusal is None:
        shown = {name: _shown(part) for name, part in checked.parts.items()}
        document |= shown.get("", {"parts": shown})
    return document


def _shown(part: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in part.items() if key not in ("program", "proof")}
    return {**kept, "monomials": _monomials(part["proof"])}


def certificate_report(checked: Recheck) -> Iterator[RenderableType]:
    """The text of `certify`: what a certificate is about and what it proves, or the reason for the refusal."""
    if checked.refusal is not None:
        yield Text(f"refused: {checked.refusal}", style="bold red")
        return
    yield Text("valid", style="bold green")
    yield Text(checked.compared)
    for name, part in checked.parts.items():
        if name:
            yield Text(f"\n{name.capitalize()}", style="bold")
        yield from _part_report(part)
    if induction := _induction(checked.parts):
        yield Text(f"\n{induction}", style="bold")


_SUBJECTS = {
    "derivation": "Which exponents meet the criteria",
    "family": "Which exponents meet the criteria",
    "parameterization": "Whether given exponents meet the criteria",
    "growth": "Whether orders settle under given exponents",
    "layer inserted": "What the criteria imply if a hidden layer is inserted behind the input layer",
    "layer removed": "What implies the criteria if a hidden layer is inserted behind the input layer",
}


def _part_report(part: Mapping[str, Any]) -> Iterator[RenderableType]:
    about, answer = part["about"], part["answer"]
    statement = statement_from_json(about)
    problem = statement.problem
    yield Text(
        f"{_SUBJECTS[statement.kind]}: {problem.network.depth} weights trained with {problem.law.name} "
        f"({problem.loss}), powers of the {problem.scale} {problem.symbol}, in the gauge g = 1."
    )
    yield Text(f"Network: {', '.join(_operations(about['network']))}.")
    if statement.given:
        yield Text(f"Given: {', '.join(f'{name} = {value}' for name, value in about['given'].items())}.")
    yield Text(f"Unknown exponents: {', '.join(part['unknowns'])}.")
    yield _criteria_table(part, problem.symbol)
    if not answer:
        yield Text("\nNothing meets all of this.", style="bold")
    for name, polyhedron in answer.items():
        title = "Exactly this does" if len(answer) == 1 else f"Piece {name} of what does"
        yield Text(f"\n{title}, of {_freedoms(polyhedron['freedoms'])}:", style="bold")
        yield from (Text(f"    {unknown} = {_affine(value)}") for unknown, value in polyhedron["solved"].items())
        yield from (Text(f"    {_affine(form)} >= 0") for form in polyhedron["inequalities"])
    for monomial in _monomials(part["proof"]):
        yield Text(f"\n{monomial['of']} has the exponent {_affine(monomial['monomial'])} = {monomial['value']}")
        yield from (Text(f"    {line}") for line in _path(part, monomial, problem.symbol))


def _operations(nodes: Any) -> Iterator[str]:
    """The operations of a network as JSON, in short: name (kind)."""
    for node in nodes:
        inner = f" of {', '.join(_operations(node['nodes']))}" if node["op"] == "repeat" else ""
        yield f"{node['name']} ({node.get('activation', node['op'])}{inner})"


def _criteria_table(part: Mapping[str, Any], symbol: str) -> Table:
    """A row for each criterion, with its relation, layers and steps; then one for each other relation asked for."""
    asks: dict[str, list[str]] = {}
    for criterion in part["about"]["criteria"]:
        asks.setdefault(criterion["name"], []).append(criterion["asks"])
    where: dict[tuple[str, str], list[tuple[str, str]]] = {}
    others: list[tuple[str, str, str]] = []
    implied, program = {*part.get("implied", [])}, _Program(part, symbol)
    for line in part["criteria"]:
        name = line["criterion"]
        role = "follows" if name in implied else "asked"
        place = re.fullmatch(r"(without it: )?(.*) \((.*)\), step ([0-9]+)(, last copy)*", name)
        if place and place[2] in asks:
            where.setdefault((f"{place[1] or ''}{place[2]}", role), []).append((place[3], place[4]))
        elif not name.startswith("given: "):
            sides = program.spelled(line["left"]), program.spelled(line["right"])
            others.append((name, f" {line['sign']} ".join(sides), role))
    table = Table("rechecked", "what", "where", box=None, pad_edge=False, header_style="dim")
    if implied:
        table.add_column("", style="dim")
    for (name, role), places in where.items():
        layers, steps = (", ".join(dict.fromkeys(one[k] for one in places)) for k in (0, 1))
        row = [name, "; ".join(asks[name.removeprefix("without it: ")]), f"{layers}; step {steps}"]
        table.add_row(*row, *([role] if implied else []))
    for name, relation, role in others:
        table.add_row(name, relation, "", *([role] if implied else []))
    return table


def _path(part: Mapping[str, Any], monomial: Mapping[str, Any], symbol: str) -> Iterator[str]:
    """How a monomial was computed: each order on the way from those before it, and of each sum one term."""
    path, program = monomial["path"], _Program(part, symbol, monomial["path"])
    reached = [monomial["of"]]
    for name in reached:
        if name in program.lines:
            sources = [path[name]] if name in path else program.lines[name]["of"]
            reached += [source for source in sources if source not in reached]
            if not name.startswith(_LETTERS):
                yield f"{name} ~ {program.terms(name)}"


@dataclass(frozen=True)
class _Program:
    """The program of a certificate as formulas; of each sum on `path` only the term that the path takes."""

    part: Mapping[str, Any]
    symbol: str
    path: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def lines(self) -> dict[str, Any]:
        return {line["order"]: line for line in self.part["program"]}

    def spelled(self, name: str) -> str:
        """The name of an order; for an intermediate one the formula it stands for, for an exponent its power."""
        if name in self.lines:
            return name if not name.startswith(_LETTERS) else self.terms(name)
        exponent = Affine(Fraction(0), {name: Fraction(1)}) if name in self.part["unknowns"] else Fraction(name)
        return format_power(exponent, self.symbol)

    def terms(self, name: str) -> str:
        line = self.lines[name]
        if line["is"] == "power":
            return f"({self.spelled(line['of'][0])})^({line['exponent']})"
        if name in self.path:
            return self.spelled(self.path[name])
        joint = {"product": " * ", "ratio": " / "}.get(line["is"], " + ")
        return joint.join(map(self.spelled, line["of"]))


def _induction(parts: Mapping[str, Any]) -> str | None:
    """What the parts of an induction prove for every depth; None if they are not an induction."""
    statements = [(statement_from_json(part["about"]), part["answer"]) for part in parts.values()]
    inserted = next((one for one, _ in statements if one.kind == "layer inserted"), None)
    if inserted is None or replace(inserted, kind="layer removed") not in [one for one, _ in statements]:
        return None
    answers = [found for one, found in statements if one == replace(inserted, kind="family")]
    freedoms = [_freedoms(polyhedron["freedoms"]) for found in answers for polyhedron in found.values()]
    return f"So at every depth from 2 on exactly {freedoms[0]} is left, by induction." if len(freedoms) == 1 else None


def _freedoms(number: int) -> str:
    return "1 degree of freedom" if number == 1 else f"{number} degrees of freedom"


def _monomials(lines: Any) -> list[Any]:
    """The lines of a proof that say which monomial an order is."""
    return [line for line in lines if "monomial" in line]


def _affine(form: Mapping[str, str]) -> Affine:
    coefficients = {name: Fraction(value) for name, value in form.items() if name != "constant"}
    return Affine(Fraction(form.get("constant", 0)), coefficients)
