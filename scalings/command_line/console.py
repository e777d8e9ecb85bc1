"""The console: tables and JSON to stdout, progress and warnings to stderr, and what exit codes mean."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager

from scalings.results.fits import Verdict

YES, NO, UNUSABLE, INCONCLUSIVE = 0, 1, 2, 3
NOT_COMPARED = 4  # a certificate that nobody compared with its statement
INTERNAL_ERROR, CANNOT_WRITE = 70, 74  # EX_SOFTWARE and EX_IOERR of sysexits.h
BROKEN_PIPE, INTERRUPTED = 141, 130  # as a shell reports a process that these signals ended
PIPED_WIDTH = 120
"""The width of tables in a pipe or a file, where the environment variable COLUMNS gives no other."""
EXIT: dict[Verdict, int] = {"PASS": YES, "FAIL": NO, "INCONCLUSIVE": INCONCLUSIVE}
_written: list[str] = []
"""What the command has written by now, in words: an interrupt reports it."""


def forget_written() -> None:
    """A command starts: nothing is written yet."""
    _written.clear()


def note_written(what: str) -> None:
    """Note for an interrupt that this was written."""
    _written.append(what)


def written() -> str:
    """What was written by now, as the end of a sentence."""
    return f"written by then: {', '.join(_written)}" if _written else "nothing was written"


@contextmanager
def _answering() -> Iterator[None]:
    """Stdout while an answer is printed; what a buffer holds back is written at the end."""
    _written.append("a part of the answer")
    yield
    sys.stdout.flush()
    _written[-1] = "the answer"


def print_text(text: str) -> None:
    """Print a text to stdout as it is."""
    with _answering():
        print(text)


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
    with _answering():
        for renderable in renderables:
            # Tables fold; a sentence stays one line, so that it can be searched for.
            console.print(renderable, soft_wrap=isinstance(renderable, str | Text))


def print_json(document: object) -> None:
    """Print one JSON document to stdout. Raises ValueError for numbers that are not finite."""
    print_text(json.dumps(document, indent=2, allow_nan=False))


def warn(message: str) -> None:
    """Print one line to stderr; where nobody reads it any more, nowhere, since an answer may still follow on stdout."""
    try:
        print(message, file=sys.stderr, flush=True)
    except OSError:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - for as long as the process lives


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
