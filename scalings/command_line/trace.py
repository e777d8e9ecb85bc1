"""The command that shows a torch module of the user's own on orders of magnitude: trace."""

from __future__ import annotations

from scalings.command_line.console import YES, print_tables, print_text
from scalings.command_line.options import Format
from scalings.command_line.parsing import parse_widths
from scalings.command_line.user_modules import traced


def trace(
    build: str,
    *,
    data: str = "data",
    loss: str | None = None,
    widths: str | None = None,
    format: Format = "text",
) -> int:
    """Run a torch module of your own at several widths, and show how its parameters grow and what reads them.

    Example: scalings trace mymodule:build

    This imports your module from the current folder and runs its code. Name only what you would run yourself.

    Parameters
    ----------
    build
        MODULE:NAME of a function of the width that makes the torch module, or of a dict of such functions by width.
    data
        MODULE:NAME, or a NAME in the same module, of what it is given: a tensor, a tuple of arguments, a dict of
        keyword arguments, or a function of the width.
    loss
        The same of a function of its output; default the loss that the output brings, or the mean squared error of its
        first tensor against ones.
    widths
        Three or more, increasing; default 64,128,256.
    format
        Of the answer.
    """
    from scalings.reports.traces import trace_report

    network = traced("BUILD", build, data=data, loss=loss, widths=parse_widths(widths)).traced
    if format == "json":
        print_text(network.to_json())
    else:
        print_tables(trace_report(network))
    return YES
