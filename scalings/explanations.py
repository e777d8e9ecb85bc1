"""Derivations as Markdown and as LaTeX.

Statements are affine in few named unknowns, so turning them into LaTeX is a matter of spelling.

>>> to_latex("eta_1 = -2*sigma_3 - 1/2")
'\\\\eta_{1} = -2 \\\\sigma_{3} - \\\\tfrac{1}{2}'
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from scalings.exponents import Affine, format_power
from scalings.families import Derivation

_HEADER = ("layer", "role", "multiplier g", "init scale sigma", "learning rate eta")
_ROLES = ("multiplier", "init", "lr")


def markdown(derivation: Derivation, gauge: str) -> str:
    """The derivation as a Markdown document."""
    lines = [f"# {derivation.network.depth} layers, {derivation.law.name}", "", "Assuming that", ""]
    lines += [f"- {assumption}" for assumption in derivation.assumptions]
    lines += ["", *_markdown_table(("step", "criterion", "layer", "gives", "freedoms left"), _step_rows(derivation))]
    if derivation.family is None:
        for piece in derivation.pieces:
            relations = [f"{e} = 0" for e in piece.equations] + [f"{i} >= 0" for i in piece.inequalities]
            lines += ["", f"A piece of dimension {piece.dimension}:", "", *(f"- `{one}`" for one in relations)]
        return "\n".join(lines)
    low, high = derivation.family.low, derivation.family.high
    lines += ["", f"One degree of freedom, {low} <= r <= {high}; the gauge is {gauge}.", ""]
    rows = [
        (node.name, node.role, *(format_power(getattr(layer, name)) for name in _ROLES))
        for node, layer in zip(derivation.network.layers, derivation.family.layers, strict=True)
    ]
    return "\n".join([*lines, *_markdown_table(_HEADER, rows)])


def latex(derivation: Derivation, gauge: str) -> str:
    """The derivation as LaTeX for an article that loads amsmath: a list, then align environments."""
    lines = ["\\begin{itemize}", *(f"\\item {_text(a)}" for a in derivation.assumptions), "\\end{itemize}"]
    lines += _align(f"{to_latex(s.statement)} && \\text{{{_text(s.title)}}}" for s in derivation.steps if s.statement)
    if derivation.family is None:
        for piece in derivation.pieces:
            relations = [f"{e} = 0" for e in piece.equations] + [f"{i} >= 0" for i in piece.inequalities]
            lines += [f"A piece of dimension {piece.dimension}:", *_align(to_latex(one) for one in relations)]
        return "\n".join(lines)
    low, high = (to_latex(str(end)) for end in (derivation.family.low, derivation.family.high))
    lines.append(f"One degree of freedom is left, ${low} \\le r \\le {high}$, in the gauge {_text(gauge)}:")
    rows = (
        f"g_{{{number}}} &\\sim {_power(layer.multiplier)}, & "
        f"\\sigma_{{{number}}} &\\sim {_power(layer.init)}, & \\eta_{{{number}}} &\\sim {_power(layer.lr)}"
        for number, layer in enumerate(derivation.family.layers, start=1)
    )
    return "\n".join([*lines, *_align(rows)])


def to_latex(statement: str) -> str:
    """An affine statement such as "eta_1 = -2*sigma_3 - 1/2" in LaTeX."""
    statement = re.sub(r"\b(eta|sigma)_(\d+)", r"\\\1_{\2}", statement)
    statement = re.sub(r"(\d+)/(\d+)", r"\\tfrac{\1}{\2}", statement)
    statement = statement.replace("*", " ").replace(">=", "\\ge").replace("<=", "\\le")
    return statement.replace("|dz| ~ n^r at every hidden layer", "|\\Delta z_l| \\sim n^r")


def _power(exponent: Affine) -> str:
    return f"n^{{{to_latex(str(exponent)).replace(' ', '')}}}"


def _text(words: str) -> str:
    return re.sub(r"([_&%#])", r"\\\1", words)


def _align(rows: Iterable[str]) -> list[str]:
    return ["\\begin{align*}", " \\\\\n".join(rows), "\\end{align*}"]


def _step_rows(derivation: Derivation) -> list[tuple[str, ...]]:
    return [
        (str(number), step.criterion, step.layer, step.gives, str(step.freedoms))
        for number, step in enumerate(derivation.steps, start=1)
    ]


def _markdown_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *escaped)]
