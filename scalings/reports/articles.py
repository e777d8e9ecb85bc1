"""Derivations as Markdown, as LaTeX, and as a notebook displays it in LaTeX.

Statements are affine in unknowns with known names, so that regular expressions turn them into LaTeX:

>>> to_latex("eta_1 = -2*sigma_3 - 1/2")
'\\\\eta_{1} = -2 \\\\sigma_{3} - \\\\tfrac{1}{2}'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from scalings.hyperparameters.exponents import Affine, format_power
from scalings.hyperparameters.gauges import Gauge, LayerExponents, names_of
from scalings.hyperparameters.splits import differ
from scalings.hyperparameters.unknowns import PATTERN, SYMBOLS
from scalings.hyperparameters.update_laws import UpdateLaw
from scalings.reports.conflicts import contradiction_sentences
from scalings.reports.inductions import INSERTED, concluded, determined
from scalings.reports.pieces import numbering, richness_of
from scalings.reports.tables import HEADINGS, exponent_cells, law_cells
from scalings.results.derivations import Derivation, Point, Polytope


def markdown(derivation: Derivation, gauge: Gauge) -> str:
    """The derivation as a Markdown document."""
    lines = [f"# {derivation.network.depth} layers, {derivation.law.name}", "", "Assuming that", ""]
    lines += [f"- {assumption}" for assumption in derivation.assumptions]
    lines += ["", f"Numbers: {numbers}."] if (numbers := numbering(derivation.network)) else []
    lines += ["", *markdown_table(("step", "criterion", "layer", "gives", "freedoms left"), _step_rows(derivation))]
    lines += [*_markdown_answer(derivation, gauge), *_markdown_polytopes(derivation)]
    return "\n".join([*lines, *_markdown_induction(derivation)])


def _markdown_answer(derivation: Derivation, gauge: Gauge) -> list[str]:
    """The family, the pieces or the contradiction."""
    lines: list[str] = []
    if derivation.family is None:
        lines += [line for said in contradiction_sentences(derivation) for line in ("", said)]
        for polyhedron in derivation.polyhedra:
            relations = [f"{e} = 0" for e in polyhedron.equations] + [f"{i} >= 0" for i in polyhedron.inequalities]
            lines += ["", f"A piece of dimension {polyhedron.dimension}; the gauge is {gauge}.", ""]
            lines += _markdown_layers(derivation, polyhedron.in_gauge(gauge, derivation.laws), polyhedron.scales)
            lines += ["", *([said] if (said := richness_of(derivation, polyhedron)) else []), ""]
            lines += ["In the gauge g = 1:", "", *(f"- `{one}`" for one in relations)]
        return lines
    low, high = derivation.family.low, derivation.family.high
    lines += ["", f"One degree of freedom, {low} <= r <= {high}; the gauge is {gauge}.", ""]
    return [*lines, *_markdown_layers(derivation, derivation.family.layers, derivation.family.scales)]


def _markdown_layers(
    derivation: Derivation, layers: Sequence[LayerExponents[Affine]], scales: Sequence[Affine]
) -> list[str]:
    """A row for each layer and multiplier."""
    network, symbol, names = derivation.network, derivation.symbol, names_of(layers)
    rows: list[tuple[str, ...]] = [
        (node.name, node.role, *law, *exponent_cells(layer, names, lambda exponent: format_power(exponent, symbol)))
        for node, layer, law in zip(network.layers, layers, law_cells(network, derivation.laws), strict=True)
    ]
    blank = ("",) * (1 + differ(derivation.laws))
    rows += [
        (node.name, *blank, format_power(scale, symbol))
        for node, scale in zip(network.multipliers, scales, strict=True)
    ]
    return markdown_table(header(names, derivation.laws), rows)


def _markdown_induction(derivation: Derivation) -> list[str]:
    """The proof for every depth, if it was asked for."""
    induction = derivation.induction
    if induction is None:
        return []
    rows: list[tuple[str, ...]] = [
        (str(k), step.criterion, step.layer, step.gives) for k, step in enumerate(induction.steps, start=1)
    ]
    table = markdown_table(("step", "criterion", "layer", "gives"), rows)
    return ["", "## At every depth", "", INSERTED, "", *table, "", determined(induction), *concluded(induction)]


def _markdown_polytopes(derivation: Derivation) -> list[str]:
    """Each polytope's facets with the criteria they come from, and its vertices, rays and lines."""
    lines: list[str] = []
    for polytope in derivation.polytopes:
        facets: list[tuple[str, ...]] = [
            (f"`{facet.relation}`", ", ".join(facet.criteria)) for facet in polytope.facets
        ]
        lines += ["", *markdown_table(("relation", "comes from"), facets)]
        spanning = [*_spanning(polytope)]
        if spanning:
            rows: list[tuple[str, ...]] = [(kind, *map(str, point.values())) for kind, point in spanning]
            lines += ["", *markdown_table(("", *spanning[0][1]), rows)]
    return lines


def _spanning(polytope: Polytope) -> Iterator[tuple[str, Point]]:
    """The vertices, rays and lines of a polytope, each with its kind."""
    for kind, points in (("vertex", polytope.vertices or ()), ("ray", polytope.rays), ("line", polytope.lines)):
        yield from ((kind, point) for point in points)


def latex(derivation: Derivation, gauge: Gauge) -> str:
    """The derivation as LaTeX for an article that loads amsmath: a list, then align environments."""
    lines = ["\\begin{itemize}", *(f"\\item {plain(a)}" for a in derivation.assumptions), "\\end{itemize}"]
    lines += [f"Numbers: {plain(numbers)}."] if (numbers := numbering(derivation.network)) else []
    lines += align(f"{to_latex(s.statement)} && \\text{{{plain(s.title)}}}" for s in derivation.steps if s.statement)
    lines += map(plain, contradiction_sentences(derivation))
    lines += [*_latex_answer(derivation, gauge), *_latex_polytopes(derivation), *_latex_induction(derivation)]
    return "\n".join(lines)


def _latex_answer(derivation: Derivation, gauge: Gauge) -> list[str]:
    """The family or the pieces."""
    lines: list[str] = []
    if derivation.family is None:
        for polyhedron in derivation.polyhedra:
            relations = [f"{e} = 0" for e in polyhedron.equations] + [f"{i} >= 0" for i in polyhedron.inequalities]
            rows = _rows(polyhedron.in_gauge(gauge, derivation.laws), polyhedron.scales, derivation.symbol)
            lines += [f"A piece of dimension {polyhedron.dimension}, in the gauge {plain(gauge)}:", *align(rows)]
            lines += ["In the gauge $g = 1$:", *align(to_latex(one) for one in relations)]
        return lines
    low, high = (to_latex(str(end)) for end in (derivation.family.low, derivation.family.high))
    lines.append(f"One degree of freedom is left, ${low} \\le r \\le {high}$, in the gauge {plain(gauge)}:")
    return [*lines, *align(_rows(derivation.family.layers, derivation.family.scales, derivation.symbol))]


def _latex_induction(derivation: Derivation) -> list[str]:
    """The proof for every depth, if it was asked for."""
    induction = derivation.induction
    if induction is None:
        return []
    steps = (f"{to_latex(s.statement)} && \\text{{{plain(s.title)}}}" for s in induction.steps if s.statement)
    said = plain(INSERTED).replace("b\\_t", "$b_t$").replace("|d|", "$|d|$")
    own = f"Its own unknowns are ${', '.join(map(to_latex, induction.unknowns))}$, determined by"
    equations = align(map(to_latex, induction.equations))
    return [f"At every depth. {said}", *align(steps), own, *equations, *map(plain, concluded(induction))]


def _latex_polytopes(derivation: Derivation) -> list[str]:
    """Each polytope's facets with the criteria they come from, then its vertices, rays and lines."""
    lines: list[str] = []
    for polytope in derivation.polytopes:
        lines.append("What bounds the answer, and where it comes from:")
        lines += align(f"{to_latex(f.relation)} && \\text{{{plain(', '.join(f.criteria))}}}" for f in polytope.facets)
        spanning = [*_spanning(polytope)]
        if spanning:
            names = ", ".join(to_latex(name) for name in spanning[0][1])
            lines.append(f"It is spanned, in ${names}$, by")
            points = ((kind, ", ".join(to_latex(str(value)) for value in point.values())) for kind, point in spanning)
            lines += align(f"\\text{{{kind}}} &\\quad ({point})" for kind, point in points)
    return lines


def display_latex(derivation: Derivation) -> str:
    """The family as one LaTeX display for a notebook; the statements of the steps if there is no family."""
    if derivation.family is None:
        if len(derivation.polyhedra) == 1:
            [piece] = derivation.polyhedra
            lines = " \\\\ ".join(_rows(piece.layers, piece.scales, derivation.symbol))
            return f"$\\displaystyle \\begin{{aligned}} {lines} \\end{{aligned}}$"
        statements = " \\\\ ".join(to_latex(step.statement) for step in derivation.steps if step.statement)
        return f"$\\displaystyle \\begin{{array}}{{l}} {statements} \\end{{array}}$"
    rows = " \\\\ ".join(_rows(derivation.family.layers, derivation.family.scales, derivation.symbol))
    low, high = (to_latex(str(end)) for end in (derivation.family.low, derivation.family.high))
    return f"$\\displaystyle \\begin{{aligned}} {rows} \\end{{aligned}} \\qquad {low} \\le r \\le {high}$"


def to_latex(statement: str) -> str:
    """An affine statement such as "eta_1 = -2*sigma_3 - 1/2" in LaTeX."""
    statement = re.sub(rf"\b{PATTERN}\b", r"\\\1_{\2}", statement)
    # Unknowns that are free in several scale variables have the variable's letter as a second subscript.
    statement = re.sub(rf"\b{PATTERN}_(\w+)", lambda x: f"\\{x[1]}_{{{x[2]},{base(x[3])}}}", statement)
    statement = re.sub(r"\br_(\w+)", lambda x: f"r_{{{base(x[1])}}}", statement)
    statement = re.sub(r"\bb_(\d+)", r"b_{\1}", statement)
    statement = re.sub(r"(\d+)/(\d+)", r"\\tfrac{\1}{\2}", statement)
    statement = statement.replace("*", " ").replace(">=", "\\ge").replace("<=", "\\le")
    return re.sub(r"\|dz\| ~ (\w+)\^r at every hidden layer", r"|\\Delta z_l| \\sim \1^r", statement)


def base(symbol: str) -> str:
    """A scale variable in LaTeX: its letter, or its name in roman type."""
    return symbol if len(symbol) == 1 else f"\\mathrm{{{plain(symbol)}}}"


def latex_symbol(kind: str) -> str:
    """What stands for a layer's hyperparameter: a Roman letter or a Greek one."""
    symbol = SYMBOLS[kind]
    return symbol if len(symbol) == 1 else f"\\{symbol}"


def _power(exponent: Affine, symbol: str) -> str:
    return "0" if str(exponent) == "-oo" else f"{base(symbol)}^{{{to_latex(str(exponent)).replace(' ', '')}}}"


def _rows(layers: Sequence[LayerExponents[Affine]], scales: Sequence[Affine], symbol: str) -> list[str]:
    """A line of an align environment for the exponents of each layer, then one for each multiplier without a weight."""
    rows = [
        ", & ".join(f"{latex_symbol(name)}_{{{number}}} &\\sim {_power(e, symbol)}" for name, e in layer.named.items())
        for number, layer in enumerate(layers, start=1)
    ]
    return rows + [f"g'_{{{number}}} &\\sim {_power(e, symbol)}" for number, e in enumerate(scales, start=1)]


def header(names: Sequence[str], laws: Sequence[UpdateLaw]) -> tuple[str, ...]:
    """Of a table of layers, with columns for the exponents of these names, and for laws that differ."""
    return ("layer", "role", *(("law",) if differ(laws) else ()), *(HEADINGS[name] for name in names))


def plain(words: str) -> str:
    """Text with LaTeX's special characters escaped and powers such as n^(1/2) in math mode."""
    escaped = re.sub(r"([_&%#])", r"\\\1", words)
    return re.sub(r"(\w)\^\(?(-?[\w/-]+)\)?", lambda power: f"${power[1]}^{{{to_latex(power[2])}}}$", escaped)


def align(rows: Iterable[str]) -> list[str]:
    """The lines of an align* environment with these rows; none without rows."""
    rows = list(rows)
    return [] if not rows else ["\\begin{align*}", " \\\\\n".join(rows), "\\end{align*}"]


def _step_rows(derivation: Derivation) -> list[tuple[str, ...]]:
    return [
        (str(number), step.criterion, step.layer, step.gives, str(step.freedoms))
        for number, step in enumerate(derivation.steps, start=1)
    ]


def markdown_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """The lines of a Markdown table."""
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *escaped)]
