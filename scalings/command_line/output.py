"""The output of commands: the answer as text or JSON, and files.

Files are checked before the work, so that a wrong path costs no time, and are written completely or not at all.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from scalings.command_line.console import note_written, print_json, print_tables
from scalings.command_line.options import Format
from scalings.command_line.parsing import File
from scalings.errors import ArgumentError
from scalings.files import check_writable, replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.text import Text

FIGURES = (".png", ".pdf", ".svg")
CERTIFICATES = (".json",)
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
"""What no other argument would help against: the disk is full, or broken."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Output:
    """How the answer of an experiment is given, and a figure of it."""

    output: File | None = None
    """A figure to write (.png, .pdf or .svg)."""
    overwrite: bool = False
    """Replace the figure if it exists."""
    format: Format = "text"
    """Of the answer."""

    def check(self) -> None:
        """Raises ArgumentError if the figure cannot be written."""
        if self.output:
            check_output("output", self.output, overwrite=self.overwrite)

    def give(self, report: Iterable[object], document: dict[str, Any], draw: Callable[[], Figure]) -> None:
        """Print the report or the document, as `format` says, and draw the figure if `output` is given."""
        try:
            if self.format == "json":
                print_json(document)
            else:
                print_tables(report)
        finally:  # a reader of stdout who has left shall not cost the figure
            if self.output:
                write_figure(self.output, draw)


def write_figure(path: Path, draw: Callable[[], Figure]) -> None:
    """Draw a figure and write it, completely or not at all."""
    from scalings.figures.style import save

    with replacing(path) as partial:
        save(draw(), partial)
    note_written(f"'{path}'")


def write_certificate(path: Path, certificate: object) -> None:
    """Write a certificate, completely or not at all."""
    from scalings.certificates import files

    files.write_certificate(path, certificate)
    note_written(f"'{path}'")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Explained:
    """How much a text explains of itself."""

    quiet: Annotated[bool, Parameter(negative="")] = False
    """Leave out the glossary below the table."""

    def glossary(self) -> list[Text]:
        """What the symbols of observables stand for, unless quiet."""
        from scalings.reports import tables

        return [] if self.quiet else [tables.glossary()]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ExplainedOutput(Output, Explained):
    """The same of an answer whose text has the symbols of observables."""

    def give(self, report: Iterable[object], document: dict[str, Any], draw: Callable[[], Figure]) -> None:
        """With the glossary of symbols, unless quiet, above the last line of the report, its verdict."""
        *body, verdict = report
        super().give([*body, *self.glossary(), verdict], document, draw)


def check_output(argument: str, path: Path, *, overwrite: bool, endings: Sequence[str] = FIGURES) -> None:
    """Raises ArgumentError if `path` cannot be written, has another ending, or exists and `overwrite` is not set;
    OSError if the disk is full."""
    if path.suffix.lower() not in endings:
        raise ArgumentError(argument, f"expected a file that ends in {', '.join(endings)}, but got '{path}'")
    try:
        if not path.parent.is_dir():
            raise ArgumentError(argument, f"expected a file in an existing folder, but there is no '{path.parent}'")
        if path.is_dir():
            raise ArgumentError(argument, f"expected a file that can be written, but got '{path}': it is a folder")
        if os.path.lexists(path) and not overwrite:
            raise ArgumentError(argument, f"'{path}' exists; give another name, or --overwrite")
        check_writable(path)
    except OSError as error:
        if error.errno in _DISK:
            raise
        expected = f"expected a file that can be written, but got '{path}'"
        raise ArgumentError(argument, f"{expected}: {error.strerror}") from None
