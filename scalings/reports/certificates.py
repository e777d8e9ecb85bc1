"""Reports of `certify`: what a certificate is about and what it proves, as text and JSON.

All of it comes from what was read of a statement and compared with the program, and from what the verifier returns of a
proof (`scalings.studies.rechecking`). Names are a file's own; they are escaped, and no markup is read in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import cached_property
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from scalings.certificates.conclusions import Part, freedoms_at_every_depth
from scalings.certificates.monomials import Monomial, Run
from scalings.certificates.schema import escaped
from scalings.certificates.statements import statement_to_json
from scalings.criteria.parsing import format_relation
from scalings.hyperparameters.exponents import MINUS_INFINITY, Affine, format_exponent, format_power
from scalings.hyperparameters.splits import owners
from scalings.hyperparameters.update_laws import UpdateLaw
from scalings.networks.nodes import Elementwise, Node, Repeat, sources
from scalings.networks.serialization import KINDS
from scalings.studies.rechecking import NOT_COMPARED, SAME, Recheck

SCHEMA_VERSION = 1
_LETTERS = "order "
"""The beginning of the names of intermediate orders, which mean nothing to a reader."""
_LONGEST_FORMULA = 300
"""An intermediate order whose formula is longer is named."""


def certificate_document(checked: Recheck) -> dict[str, Any]:
    """The JSON document of `certify`: what was proved, or the reason for the refusal.

    It is valid if the proof is and was compared with what it is about; null if it could not be compared.
    """
    valid = False if checked.refusal else checked.compared or None
    document: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "valid": valid, "reason": checked.refusal}
    shown = {name: _shown(part, _run(checked, name)) for name, part in checked.parts.items()}
    depths = {"freedoms_at_every_depth": freedoms_at_every_depth(checked.parts)} if len(shown) > 1 else {}
    return {**document, **shown.get("", {"parts": shown} if shown else {}), **depths}


def _run(checked: Recheck, name: str) -> Run:
    """The program of a part with what is given in it."""
    return Run(checked.programs[name], dict(checked.parts[name].statement.given))


def _shown(part: Part, run: Run) -> dict[str, Any]:
    proved = part.proved
    return {
        "about": statement_to_json(part.statement),
        "unknowns": list(proved.unknowns),
        "criteria": [dict(zip(("criterion", "left", "sign", "right"), one, strict=True)) for one in proved.criteria],
        "implied": sorted(proved.implied),
        "answer": [
            {
                "freedoms": len(proved.unknowns) - len(solved),
                "solved": {name: _coefficients(_affine(form)) for name, form in solved.items()},
                "inequalities": [_coefficients(_affine(form)) for form in bounds],
            }
            for solved, bounds in proved.pieces
        ],
        "monomials": [
            {"of": one.of, "monomial": _coefficients(one.form), "value": str(one.value), "path": dict(one.path)}
            for one in _monomials(part, run)
        ],
    }


def certificate_report(checked: Recheck) -> Iterator[RenderableType]:
    """The text of `certify`: what a certificate is about and what it proves, or the reason for the refusal."""
    if checked.refusal is not None:
        yield Text(f"refused: {escaped(checked.refusal)}", style="bold red")
        return
    if not checked.compared:
        yield Text(f"not compared: {NOT_COMPARED}", style="bold")
        return
    yield Text("valid", style="bold green")
    yield Text(SAME)
    for name, part in checked.parts.items():
        if name:
            yield Text(f"\n{escaped(name).capitalize()}", style="bold")
        yield from _part_report(part, _run(checked, name))
    depths = freedoms_at_every_depth(checked.parts) if len(checked.parts) > 1 else None
    if depths is not None:
        yield Text(f"\nSo at every depth from 2 on exactly {_freedoms(depths)} is left, by induction.", style="bold")


_SUBJECTS = {
    "derivation": "Which exponents meet the criteria",
    "family": "Which exponents meet the criteria",
    "parameterization": "Whether given exponents meet the criteria",
    "growth": "Whether orders settle under given exponents",
    "layer inserted": "What the criteria imply if a hidden layer is inserted behind the input layer",
    "layer removed": "What implies the criteria if a hidden layer is inserted behind the input layer",
}


def _part_report(part: Part, run: Run) -> Iterator[RenderableType]:
    statement, proved = part.statement, part.proved
    problem = statement.problem
    yield Text(
        f"{_SUBJECTS[statement.kind]}: {problem.network.depth} weights trained with {escaped(problem.law.name)} "
        f"({problem.loss}), powers of the {escaped(problem.scale)} {escaped(problem.symbol)}, in the gauge g = 1."
    )
    for law, names in owners(problem.network.layers, tuple(problem.laws.values())).items():
        yield Text(f"Update law{f' of {escaped(names)}' if names else ''}: {_law(law, problem.symbol)}.")
    yield _network_table(problem.network.nodes)
    if statement.given:
        yield Text(f"Given: {', '.join(f'{name} = {format_exponent(value)}' for name, value in statement.given)}.")
    if proved.unknowns:
        yield Text(f"Unknown exponents: {', '.join(map(escaped, proved.unknowns))}.")
    yield _criteria_table(part, _Formulas(run.program, proved.unknowns, problem.symbol))
    if not proved.pieces:
        yield Text("\nNothing meets all of this.", style="bold")
    for number, (solved, bounds) in enumerate(proved.pieces, start=1):
        several = len(proved.pieces) > 1
        title = f"Piece {number} of {len(proved.pieces)} of what does" if several else "Exactly this does"
        yield Text(f"\n{title}, of {_freedoms(len(proved.unknowns) - len(solved))}:", style="bold")
        yield from (Text(f"    {escaped(name)} = {escaped(_affine(form))}") for name, form in solved.items())
        yield from (Text(f"    {escaped(_affine(form))} >= 0") for form in bounds)
    for monomial in _monomials(part, run):
        yield Text(f"\n{escaped(monomial.of)} has the exponent {escaped(monomial.form)} = {monomial.value}")
        formulas = _Formulas(run.program, proved.unknowns, problem.symbol, monomial.path)
        yield from (Text(f"    {escaped(line)}") for line in _path(monomial, formulas))


def _law(law: UpdateLaw, symbol: str) -> str:
    """An update law by its exponents, with all that is assumed beside them."""
    sizes = {
        "|G|_F": law.gradient,
        "fan_in": law.fan_in / 2,
        "fan_out": law.fan_out / 2,
        "max(fan_in, fan_out)": law.larger_fan,
        "|W|_F": law.weight,
        "|h|": law.input,
    }
    powers = " ".join(
        ["eta", *(format_power(power, size).removesuffix("^1") for size, power in sizes.items() if power)]
    )
    more = [f"alpha = {law.alpha}", f"omega = {law.omega}"]
    if law.decay != "none":
        more.append(f"decay {law.decay}")
    if law.epsilon != MINUS_INFINITY:
        more.append(f"epsilon = {format_power(law.epsilon, escaped(symbol))}")
    if law.clip != "none":
        more.append("gradients divided by max(1, |G|_F of all weights)")
    if law.at_zero != "alike":
        more.append(f"a first step from zero weights by {law.at_zero}")
    return f"|dW|_F = {powers}, {', '.join(more)}"


def _network_table(nodes: Sequence[Node]) -> Table:
    """A row for each operation, with all that it says of itself."""
    table = Table("operation", "kind", "reads", "sizes", box=None, pad_edge=False, header_style="dim")
    for indent, row in _operations(nodes):
        name, *others = map(escaped, row)
        table.add_row(*map(Text, (f"{indent}{name}", *others)))
    return table


_READ = ("source", "sources", "query", "key", "scores", "values", "left", "right")


def _operations(nodes: Sequence[Node], indent: str = "") -> Iterator[tuple[str, tuple[str, str, str, str]]]:
    """Name, kind, what is read, and all else that an operation says of itself; those of a block are indented."""
    names = {kind: name for name, kind in KINDS.items()}
    for node in nodes:
        values = {one.name: getattr(node, one.name) for one in fields(node)}
        kind = values.pop("activation") if isinstance(node, Elementwise) else names[type(node)]
        told = {name: value for name, value in values.items() if name not in ("name", "nodes", *_READ)}
        sizes = [name if value is True else f"{name} {value}" for name, value in told.items() if value is not False]
        yield indent, (node.name, kind, ", ".join(sources(node)), ", ".join(sizes))
        if isinstance(node, Repeat):
            yield from _operations(node.nodes, indent + "  ")


def _criteria_table(part: Part, formulas: _Formulas) -> Table:
    """A row for each criterion, with its relation, layers and steps; then one for each other relation asked for."""
    asks: dict[str, list[str]] = {}
    for criterion in part.statement.criteria:
        asks.setdefault(criterion.name, []).append(format_relation(criterion))
    where: dict[tuple[str, str], list[tuple[str, str]]] = {}
    others: list[tuple[str, str, str]] = []
    implied = part.proved.implied
    for name, left, sign, right in part.proved.criteria:
        role = "follows" if name in implied else "asked"
        place = re.fullmatch(r"(without it: )?(.*) \((.*)\), step ([0-9]+)(, last copy)*", name)
        if place and place[2] in asks:
            where.setdefault((f"{place[1] or ''}{place[2]}", role), []).append((place[3], place[4]))
        elif not name.startswith("given: "):
            others.append((name, f"{formulas.spelled(left)} {sign} {formulas.spelled(right)}", role))
    table = Table("rechecked", "what", "where", box=None, pad_edge=False, header_style="dim")
    if implied:
        table.add_column("", style="dim")
    rows = [
        (name, "; ".join(asks[name.removeprefix("without it: ")]), _places(at), r) for (name, r), at in where.items()
    ]
    for row in [*rows, *((name, relation, "", role) for name, relation, role in others)]:
        table.add_row(*(Text(escaped(cell)) for cell in (row if implied else row[:3])))
    return table


def _places(places: Sequence[tuple[str, str]]) -> str:
    layers, steps = (", ".join(dict.fromkeys(one[k] for one in places)) for k in (0, 1))
    return f"{layers}; step {steps}"


def _path(monomial: Monomial, formulas: _Formulas) -> Iterator[str]:
    """How a monomial was computed: each order on the way from those before it, and of each sum one term."""
    reached, seen = [monomial.of], {monomial.of}
    for name in reached:
        if name in formulas.lines:
            sources = [monomial.path[name]] if name in monomial.path else formulas.lines[name]["of"]
            new = [source for source in dict.fromkeys(sources) if source not in seen]
            reached += new
            seen.update(new)
            if not name.startswith(_LETTERS):
                yield f"{name} ~ {formulas.terms(name)}"


@dataclass(frozen=True)
class _Formulas:
    """The orders of a program as formulas; of each sum on `path` only the term that the path takes."""

    program: Sequence[Mapping[str, Any]]
    unknowns: Sequence[str]
    symbol: str
    path: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def lines(self) -> dict[str, Any]:
        return {line["order"]: line for line in self.program}

    @cached_property
    def _formulas(self) -> dict[str, str]:
        """What each order is called: an intermediate one by the formula it stands for, if that is short."""
        found: dict[str, str] = {}
        for name, line in self.lines.items():
            formula = self._terms(line, found) if name.startswith(_LETTERS) else name
            found[name] = formula if len(formula) <= _LONGEST_FORMULA else name
        return found

    def spelled(self, name: str) -> str:
        """The name of an order; for an intermediate one the formula it stands for, for an exponent its power."""
        return self._spelled(name, self._formulas)

    def terms(self, name: str) -> str:
        """The formula by which an order is computed."""
        return self._terms(self.lines[name], self._formulas)

    def _spelled(self, name: str, formulas: Mapping[str, str]) -> str:
        if name in self.lines:
            return formulas[name]
        exponent = Affine(Fraction(0), {name: Fraction(1)}) if name in self.unknowns else Fraction(name)
        return format_power(exponent, self.symbol)

    def _terms(self, line: Mapping[str, Any], formulas: Mapping[str, str]) -> str:
        if line["is"] == "power":
            return f"({self._spelled(line['of'][0], formulas)})^({line['exponent']})"
        if line["order"] in self.path:
            return self._spelled(self.path[line["order"]], formulas)
        joint = {"product": " * ", "ratio": " / "}.get(line["is"], " + ")
        return joint.join(self._spelled(one, formulas) for one in line["of"])


def _freedoms(number: int) -> str:
    return "1 degree of freedom" if number == 1 else f"{number} degrees of freedom"


def _monomials(part: Part, run: Run) -> list[Monomial]:
    """Those of a refusal."""
    refuses = part.statement.kind in ("parameterization", "growth") and not part.proved.pieces
    return list(run.violations(part.proved)) if refuses else []


def _affine(form: Mapping[str, Fraction]) -> Affine:
    return Affine(form.get("constant", Fraction(0)), {name: one for name, one in form.items() if name != "constant"})


def _coefficients(form: Affine) -> dict[str, str]:
    constant = {"constant": str(form.constant)} if form.constant else {}
    return {**{name: str(one) for name, one in form.coefficients.items()}, **constant}
