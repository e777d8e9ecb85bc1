"""Reports of `derive` in several scale variables, as text, JSON, Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from scalings.hyperparameters.gauges import LayerExponents, names_of
from scalings.hyperparameters.splits import differ
from scalings.reports.articles import align, base, header, latex_symbol, markdown_table, plain, to_latex
from scalings.reports.conflicts import contradiction_sentences
from scalings.reports.derivations import derivation_document, limits_of
from scalings.reports.documents import SCHEMA_VERSION
from scalings.reports.limits import limits_report
from scalings.reports.pieces import facets_table, piece_table
from scalings.reports.tables import empty_table, exponent_cells, law_cells
from scalings.results.derivations import Derivation
from scalings.results.monomials import Monomial, Monomials

_RULE = (
    "Every order is a monomial. Its power of each scale variable is derived with the others held fixed, where a sum is "
    "its largest term; nothing is claimed of limits in which several grow together."
)


def monomials_report(answer: Monomials) -> Iterator[RenderableType]:
    """The text: assumptions, one table of monomials, and for each scale variable the facets of its answer."""
    names = " and the ".join(f"{one.scale} {one.symbol}" for one in answer.derivations)
    yield Text(
        f"Which powers of the {names} meet the criteria, for {answer.network.depth} layers trained with "
        f"{answer.law.name}?\n{_RULE}\n"
    )
    yield Text("Assuming that", style="bold")
    yield from (Text(f"  - {assumption}") for assumption in answer.assumptions)
    yield Text()
    table = empty_table("scale variable", "held fixed", "freedoms", "where")
    for one in answer.derivations:
        table.add_row(*_summary(answer, one))
    yield table
    if answer.layers:
        yield Text(f"\n{answer.gauge}", style="bold")
        table = empty_table(*_header(answer))
        for row in _rows(answer):
            table.add_row(*row)
        yield table
    for one in answer.derivations:
        yield Text(f"\nPowers of the {one.scale} {one.symbol}", style="bold")
        yield from (Text(f"  - {assumption}") for assumption in answer.own_assumptions(one))
        spoken = {
            step.criterion
            for steps in (one.steps, *(polyhedron.steps for polyhedron in one.polyhedra))
            for step in steps
        }
        yield Text(f"criteria: {', '.join(name for name in one.criteria if name in spoken)}")
        if one.contradiction:
            yield from map(Text, contradiction_sentences(one))
        elif one in answer.unanswered:
            yield Text(f"They are a union of {len(one.polyhedra)} pieces, so there is no table of monomials:")
            yield from (piece_table(one, polyhedron, answer.gauge) for polyhedron in one.polyhedra)
        yield from map(facets_table, one.polytopes)
    yield from limits_report(_limits(answer))


def _limits(answer: Monomials) -> tuple[str, ...]:
    """Those of all its derivations, each once."""
    return tuple(dict.fromkeys(sentence for one in answer.derivations for sentence in limits_of(one)))


def monomials_document(answer: Monomials) -> dict[str, Any]:
    """The JSON document: exponents by scale variable, and each derivation as `derive` gives it alone."""
    layers = [
        {
            "name": node.name,
            "role": node.role,
            **({"law": law.name} if differ(answer.laws) else {}),
            **{name: _powers(answer, one) for name, one in layer.named.items()},
        }
        for node, layer, law in zip(answer.network.layers, answer.layers, answer.laws, strict=False)
    ]
    multipliers = zip(answer.network.multipliers, answer.scales, strict=False)
    return {
        "schema_version": SCHEMA_VERSION,
        "optimizer": answer.law.name,
        "depth": answer.network.depth,
        "gauge": answer.gauge,
        "scale": [one.scale for one in answer.derivations],
        "held_fixed": {one.scale: list(answer.held(one)) for one in answer.derivations},
        "degrees_of_freedom": {one.scale: one.degrees_of_freedom for one in answer.derivations},
        "conditions": {one.scale: list(answer.conditions(one)) for one in answer.derivations},
        "layers": layers,
        "scales": [{"name": node.name, "multiplier": _powers(answer, one)} for node, one in multipliers],
        "assumptions": list(answer.assumptions),
        "own_assumptions": {one.scale: list(answer.own_assumptions(one)) for one in answer.derivations},
        "derivations": [derivation_document(one, answer.gauge) for one in answer.derivations],
    }


def monomials_markdown(answer: Monomials) -> str:
    """The assumptions, a summary of each derivation and the table of monomials, as Markdown."""
    summaries: list[tuple[str, ...]] = [_summary(answer, one) for one in answer.derivations]
    lines = [f"# {answer.network.depth} layers, {answer.law.name}", "", _RULE, "", "Assuming that", ""]
    lines += [f"- {assumption}" for assumption in answer.assumptions]
    lines += ["", *markdown_table(("scale variable", "held fixed", "freedoms", "where"), summaries)]
    for one in answer.derivations:
        lines += ["", f"In the {one.scale} {one.symbol}:", "", *(f"- {said}" for said in answer.own_assumptions(one))]
    if answer.layers:
        lines += ["", f"In the gauge {answer.gauge}:", "", *markdown_table(_header(answer), [*_rows(answer)])]
    return "\n".join(lines)


def monomials_latex(answer: Monomials) -> str:
    """The assumptions, the bounds of each derivation and all monomials, as LaTeX for an article that loads amsmath."""
    lines = [
        plain(_RULE),
        "\\begin{itemize}",
        *(f"\\item {plain(one)}" for one in answer.assumptions),
        "\\end{itemize}",
    ]
    for one in answer.derivations:
        scale, held, freedoms, _ = _summary(answer, one)
        said = f"In the {plain(scale)} ({plain(held) or 'nothing else'} held fixed), freedoms left: {freedoms}."
        lines += [said, *align(to_latex(condition) for condition in answer.conditions(one))]
        own = (f"\\item {plain(assumption)}" for assumption in answer.own_assumptions(one))
        lines += ["\\begin{itemize}", *own, "\\end{itemize}"]
    if not answer.layers:
        return "\n".join(lines)
    rows = [
        ", & ".join(f"{latex_symbol(name)}_{{{number}}} &\\sim {_latex(one)}" for name, one in layer.named.items())
        for number, layer in enumerate(answer.layers, start=1)
    ]
    rows += [f"g'_{{{number}}} &\\sim {_latex(one)}" for number, one in enumerate(answer.scales, start=1)]
    return "\n".join([*lines, f"In the gauge {plain(answer.gauge)}:", *align(rows)])


def _summary(answer: Monomials, one: Derivation) -> tuple[str, str, str, str]:
    """The scale variable, those held fixed, the number of degrees of freedom, and the bounds on them."""
    freedoms = "none meets the criteria" if one.degrees_of_freedom is None else str(one.degrees_of_freedom)
    richness = [f"|dz| ~ {one.symbol}^r at the hidden layers"] if one.family else []
    bounds = () if one in answer.unanswered else answer.conditions(one)
    return f"{one.scale} {one.symbol}", ", ".join(answer.held(one)), freedoms, ", ".join([*richness, *bounds])


def _header(answer: Monomials) -> tuple[str, ...]:
    return header(names_of(answer.layers), answer.laws)


def _rows(answer: Monomials) -> Iterator[tuple[str, ...]]:
    layers: tuple[LayerExponents[Monomial], ...] = answer.layers
    names, width = names_of(layers), len(_header(answer))
    for node, layer, law in zip(answer.network.layers, layers, law_cells(answer.network, answer.laws), strict=True):
        yield (node.name, node.role, *law, *exponent_cells(layer, names, str))
    for multiplier, scale in zip(answer.network.multipliers, answer.scales, strict=True):
        found = (multiplier.name, *("",) * (1 + differ(answer.laws)), str(scale))
        yield found + ("",) * (width - len(found))


def _powers(answer: Monomials, monomial: Monomial) -> dict[str, str]:
    """The exponent of each scale variable, as a string that sympy reads."""
    return {one.scale: str(power) for one, (_, power) in zip(answer.derivations, monomial.powers, strict=True)}


def _latex(monomial: Monomial) -> str:
    if monomial.is_zero:
        return "0"
    powers = ((symbol, str(power)) for symbol, power in monomial.powers if str(power) != "0")
    return " ".join(f"{base(symbol)}^{{{to_latex(power).replace(' ', '')}}}" for symbol, power in powers) or "1"
