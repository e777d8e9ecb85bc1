"""Parts that the texts of commands share: tables of exponents, and lines with a verdict (rich)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TypeVar

from rich.table import Table
from rich.text import Text

from scalings.hyperparameters.exponents import Affine, Exponent, format_power
from scalings.hyperparameters.gauges import LayerExponents, names_of
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.splits import differ, owners
from scalings.hyperparameters.update_laws import UpdateLaw
from scalings.networks.network import Network
from scalings.results.checks import Check
from scalings.results.fits import Verdict
from scalings.studies.comparisons import Agreement

T = TypeVar("T")


def verdict_text(verdict: Verdict, reason: str) -> Text:
    """The last line of a report: the verdict and its reason."""
    return Text.assemble("\nverdict: ", (verdict, STYLES[verdict]), f", {reason}")


def in_theory(members: Iterable[tuple[str, Check]], question: str) -> Text:
    """What parameterizations themselves are, by name, before what training says of the theory: one is no praise of the
    other. The `question` is what the rest of the report answers."""
    named = list(members)
    if len(named) == 1:
        [(name, check)] = named
        about = f", r = {check.richness}" if check.nontrivial else "".join(f": {one}" for one in check.reasons()[:1])
        return Text(f"In theory {name} is {check.regime}{about}.\n{question}\n", style="bold")
    regimes = dict.fromkeys(check.regime for _, check in named)
    lines = (f"  {regime}: {'; '.join(n for n, check in named if check.regime == regime)}" for regime in regimes)
    return Text("\n".join(["In theory", *lines, f"{question}\n"]), style="bold")


AGREES = "Does training agree with the theory?"


def glossary() -> Text:
    """What the symbols of observables stand for, for below a table that has them."""
    return Text(_GLOSSARY)


_GLOSSARY = """
|z|, |dz|: preactivations z = g W h of weights W, a multiplier g and inputs h, and their change since initialization
|g dW h|, |g W dh|, |g dW dh|: the terms of dz: of the layer's own update, of the change of its input, of both at once
|d|, |dd|, |G|_F: the gradient of the loss by z, its change, and the gradient by W; decay: the share of W that decayed
|W|_F, |dW|_F, |W|_2, |dW|_2: Frobenius and spectral norms; |dK|/|K|: the relative change of the tangent kernel
|dW h|/(|dW||h|) and the like: alignments. Norms of vectors are over units, in the root mean square over examples."""
LONGEST_RUN = 4
"""The most consecutive layers with equal cells that get a row each; more are merged into one row."""
STYLES = {"PASS": "green", "FAIL": "bold red", "INCONCLUSIVE": "yellow"}


HEADINGS = {
    "multiplier": "multiplier g",
    "init": "init scale sigma",
    "lr": "learning rate eta",
    "decay": "decay lambda",
    "epsilon": "largest epsilon",
}
"""Of columns of exponents, by their names."""


def layers_table(
    network: Network,
    layers: Sequence[LayerExponents[Affine | Exponent]],
    scales: Sequence[Affine | Exponent] = (),
    symbol: str = "n",
    *,
    laws: Sequence[UpdateLaw] = (),
) -> Table:
    """A row for each layer: multiplier, init scale, learning rate and decay; then one for each other multiplier.

    Where the `laws` of layers differ, each layer's is named.
    """
    names = names_of(layers)
    named = ["law"] if differ(laws) else []
    table = empty_table("layer", "role", *named, *(HEADINGS[name] for name in names))
    rows = (
        (node.name, (node.role, *law, *exponent_cells(layer, names, lambda exponent: format_power(exponent, symbol))))
        for node, layer, law in zip(network.layers, layers, law_cells(network, laws), strict=True)
    )
    for name, cells in in_runs(rows):
        table.add_row(name, *cells)
    for multiplier, exponent in zip(network.multipliers, scales, strict=False):
        table.add_row(multiplier.name, "", *("" for _ in named), format_power(exponent, symbol))
    return table


def exponent_cells(layer: LayerExponents[T], names: Sequence[str], write: Callable[[T], str]) -> tuple[str, ...]:
    """The exponents of these names as written, with nothing for those that the layer has not."""
    return tuple(write(layer.named[name]) if name in layer.named else "" for name in names)


def law_cells(network: Network, laws: Sequence[UpdateLaw]) -> list[tuple[str, ...]]:
    """For each layer the name of its law, where they differ; else nothing, since the heading says it."""
    return [(law.name,) for law in laws] if differ(laws) else [()] * network.depth


def split_report(network: Network, laws: Sequence[UpdateLaw]) -> Iterator[Text]:
    """Which layers have which law, where they differ."""
    if differ(laws):
        said = (f"{law.name} of {names}" for law, names in owners(network.layers, laws).items())
        yield Text(f"update laws: {'; '.join(said)}")


def choice_report(parameterization: Parameterization) -> Iterator[Text]:
    """Why it is this parameterization, where others have the richness that was asked for too."""
    if parameterization.choice:
        yield Text(f"{parameterization.name}: {parameterization.choice}")


def in_runs(rows: Iterable[tuple[str, tuple[str, ...]]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The rows (a layer's name and its cells), with more than LONGEST_RUN consecutive equal ones merged into one."""
    for cells, run in groupby(rows, key=itemgetter(1)):
        names = [name for name, _ in run]
        if len(names) > LONGEST_RUN:
            names = [f"{names[0]} to {names[-1]}"]
        yield from ((name, cells) for name in names)


def verdict_line(name: str, agreement: Agreement) -> Text:
    """One measurement's verdict and reason."""
    return Text.assemble(f"{name}: ", (agreement.verdict, STYLES[agreement.verdict]), f", {agreement.reason}")


def empty_table(*columns: str) -> Table:
    """A table without rows or borders."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
