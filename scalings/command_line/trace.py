"""The command that shows a torch module of the user's own on orders of magnitude: trace."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from scalings.command_line.console import YES, print_tables, print_text
from scalings.command_line.options import Format
from scalings.command_line.parsing import parse_widths
from scalings.errors import ArgumentError


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
    from empirical.tracing.trace import trace
    from scalings.reports.traces import trace_report

    chosen = parse_widths(widths)
    with _importable(), redirect_stdout(sys.stderr):
        module, _, name = build.partition(":")
        made = _named("BUILD", module, name)
        given = _named("data", *_place(data, module))
        judged = None if loss is None else _named("loss", *_place(loss, module))
        try:
            network = trace(made, given, chosen, judged)
        except ArgumentError as error:
            raise ArgumentError({"build": "BUILD"}.get(error.argument, error.argument), error.message) from error
    if format == "json":
        print_text(network.to_json())
    else:
        print_tables(trace_report(network))
    return YES


def _place(text: str, module: str) -> tuple[str, str]:
    """The module and the name in MODULE:NAME, or in a NAME of the same module."""
    before, colon, name = text.rpartition(":")
    return before if colon else module, name


def _named(argument: str, module: str, name: str) -> Any:
    """What has the name in the module. Raises ArgumentError, also for whatever the module's own code raises."""
    from empirical.tracing.user_code import user_code

    given = f"{module}:{name}"
    if not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
        raise ArgumentError(argument, f"expected MODULE:NAME, as in mymodule:build, but got {given!r:.100}")
    with user_code(argument, f"{module} cannot be imported"):
        found: Any = importlib.import_module(module)
    for part in name.split("."):
        if not hasattr(found, part):
            raise ArgumentError(argument, f"expected a name in {module}, but there is no {name!r:.100}")
        found = getattr(found, part)
    return found


@contextmanager
def _importable() -> Iterator[None]:
    """Meanwhile modules are imported from the current folder first, as `python -m` does by itself."""
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
