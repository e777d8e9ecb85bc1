"""What a person sees in the terminal: tables of exponents, reasons and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from rich.table import Table
from rich.text import Text

from scalings.hyperparameters.exponents import Affine, Exponent, format_power
from scalings.hyperparameters.gauges import LayerExponents
from scalings.networks.network import Network
from scalings.results.fits import Verdict
from scalings.studies.comparisons import Agreement


def verdict_text(verdict: Verdict, reason: str) -> Text:
    """The last line of a report."""
    return Text.assemble("\nverdict: ", (verdict, STYLES[verdict]), f", {reason}")


LONGEST_RUN = 4
"""More layers in a row that say the same are one row of a table."""
STYLES = {"PASS": "green", "FAIL": "bold red", "INCONCLUSIVE": "yellow"}


def layers_table(
    network: Network,
    layers: Sequence[LayerExponents[Affine | Exponent]],
    scales: Sequence[Affine | Exponent] = (),
    symbol: str = "n",
) -> Table:
    """Multiplier, init scale, learning rate and decay of each layer, then multipliers without a weight."""
    decays = ["decay lambda"] if any(layer.decay is not None for layer in layers) else []
    table = empty_table("layer", "role", "multiplier g", "init scale sigma", "learning rate eta", *decays)
    rows = (
        (node.name, (node.role, *(format_power(exponent, symbol) for exponent in layer.named.values())))
        for node, layer in zip(network.layers, layers, strict=True)
    )
    for name, cells in in_runs(rows):
        table.add_row(name, *cells)
    for multiplier, exponent in zip(network.multipliers, scales, strict=False):
        table.add_row(multiplier.name, "", format_power(exponent, symbol))
    return table


def in_runs(rows: Iterable[tuple[str, tuple[str, ...]]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The rows (a layer's name and the cells), of which many layers in a row that say the same become one."""
    for cells, run in groupby(rows, key=itemgetter(1)):
        names = [name for name, _ in run]
        if len(names) > LONGEST_RUN:
            names = [f"{names[0]} to {names[-1]}"]
        yield from ((name, cells) for name in names)


def verdict_line(name: str, agreement: Agreement) -> Text:
    """The verdict of one measurement and its reason."""
    return Text.assemble(f"{name}: ", (agreement.verdict, STYLES[agreement.verdict]), f", {agreement.reason}")


def empty_table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
