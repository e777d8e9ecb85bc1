"""The console: tables and JSON to stdout, progress and warnings to stderr, and what exit codes mean."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager

from scalings.results.fits import Verdict

YES, NO, UNUSABLE, INCONCLUSIVE = 0, 1, 2, 3
CANNOT_WRITE = 74  # EX_IOERR of sysexits.h
BROKEN_PIPE, INTERRUPTED = 141, 130  # as a shell reports a process that these signals ended
PIPED_WIDTH = 120
"""The width of tables in a pipe or a file, where the environment variable COLUMNS gives no other."""
EXIT: dict[Verdict, int] = {"PASS": YES, "FAIL": NO, "INCONCLUSIVE": INCONCLUSIVE}


def print_tables(renderables: Iterable[object]) -> None:
    """Print rich renderables to stdout."""
    from rich.console import Console
    from rich.text import Text

    class Printer(Console):
        def on_broken_pipe(self) -> None:
            """Unlike rich's, which exits with 1 here: that means "no"."""
            raise BrokenPipeError

    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal() else PIPED_WIDTH
    console = Printer(width=width, highlight=False)
    for renderable in renderables:
        # Tables fold; a sentence stays one line, so that it can be searched for.
        console.print(renderable, soft_wrap=isinstance(renderable, str | Text))


def print_json(document: object) -> None:
    """Print one JSON document to stdout. Raises ValueError for numbers that are not finite."""
    print(json.dumps(document, indent=2, allow_nan=False))


def warn(message: str) -> None:
    """Print one line to stderr."""
    print(message, file=sys.stderr)


def exit_code(verdict: Verdict, done: Collection[int | str], *, interrupted: bool, variable: str = "width") -> int:
    """The exit code of an experiment. One that an interrupt ended early is reported on stderr, with the widths (values
    of the scale `variable`) that it was done at."""
    if not interrupted:
        return EXIT[verdict]
    warn(f"scalings: interrupted; the answer is of the {variable}s measured by then: {', '.join(map(str, done))}")
    return INTERRUPTED


@contextmanager
def progress_bar() -> Iterator[Callable[[float, str], None]]:
    """A progress bar on stderr, or a line at every tenth if stderr is no terminal; yields what reports the progress."""
    if not sys.stderr.isatty():
        yield _progress_lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda fraction, what: bar.update(task, completed=fraction, description=what)


def _progress_lines() -> Callable[[float, str], None]:
    tenths = iter(range(1, 11))
    following = next(tenths)

    def report(fraction: float, what: str) -> None:
        nonlocal following
        if fraction * 10 >= following - 1e-9:
            warn(f"{fraction:.0%} {what}")
            following = next((tenth for tenth in tenths if tenth > fraction * 10), 11)

    return report
