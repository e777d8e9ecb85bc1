"""The program: its commands (`python -m scalings derive | check | measure | verify | ...`), errors and exit codes.

Exit codes: 0 yes, 1 no (a check failed, a run diverged, a family is empty), 2 unusable arguments, 3 inconclusive, 4 a
certificate that was not compared with its statement (without sympy), 70 an internal error, 74 an answer or a file that
cannot be written, 130 interrupted (by SIGINT or SIGTERM), 141 the reader of a pipe has left. With `--format json` one
JSON document goes to stdout and nothing else; progress and warnings go to stderr. Every error is one line.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cyclopts import App, CycloptsError, Group, UnusedCliTokensError

from scalings import __version__
from scalings.command_line import (
    calibrate,
    check,
    check_model,
    derive,
    freedom,
    law,
    measure,
    network,
    reproduce,
    richness,
    rule,
    trace,
    transfer,
    verify,
)
from scalings.command_line.console import (
    BROKEN_PIPE,
    CANNOT_WRITE,
    INTERNAL_ERROR,
    INTERRUPTED,
    UNUSABLE,
    YES,
    forget_written,
    warn,
    written,
)
from scalings.errors import ArgumentError

_GARBAGE = 100_000
"""The threshold of the garbage collector, raised since a command leaves little garbage: saves a tenth of its time."""

_LONGEST = 1000
"""Characters of a message; what was given may be longer than a screen."""

app = App(
    name="scalings",
    version=__version__,
    help="""Which powers of the width may init scales and learning rates be? Derive it, check it, measure it.

    Start with `derive`, or with `check-model` for a model of your own. `COMMAND --help` has an example of each.""",
    help_format="markdown",
    exit_on_error=False,
    print_error=False,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
for group, commands in {
    "What theory says": (derive.derive, check.check, check.predict, derive.certify, network.network),
    "What training says": (
        *(measure.measure, verify.verify, richness.richness, transfer.transfer),
        *(calibrate.calibrate, freedom.freedom, law.law, reproduce.reproduce),
    ),
    "A model of your own": (check_model.check_model, trace.trace, rule.rule),
}.items():
    shown = Group.create_ordered(group)
    for command in commands:
        app.command(command, group=shown)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    gc.set_threshold(_GARBAGE)
    # Python has None for a stream that was closed before it started, as by `>&-`.
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123 - for as long as the process lives
    forget_written()
    try:
        return _run(arguments)
    except BrokenPipeError:
        _leave_stdout()
        return BROKEN_PIPE
    except (Exception, KeyboardInterrupt) as error:
        code, message = _reported(error)
    if code == CANNOT_WRITE:
        _leave_stdout()
    warn(f"scalings: {message:.{_LONGEST}}")
    return code


def _run(arguments: Sequence[str] | None) -> int:
    if sys.stdout is None:
        raise OSError("standard output is closed")
    code = app(_of_a_model(sys.argv[1:] if arguments is None else arguments))
    sys.stdout.flush()
    return code if isinstance(code, int) else YES


def _of_a_model(arguments: Sequence[str]) -> list[str]:
    """The arguments with `check MODULE:NAME` as what it is short for: `check-model MODULE:NAME`."""
    match list(arguments):
        case ["check", model, *others] if not model.startswith("-"):
            return ["check-model", model, *others]
        case others:
            return others


def _leave_stdout() -> None:
    """What stdout still holds goes nowhere: at its end Python would try once more, and exit with a code of its own."""
    with suppress(OSError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _reported(error: BaseException) -> tuple[int, str]:
    """The exit code of an error that ends a command, and one line for it."""
    match error:
        case ArgumentError():
            # What is given by its place, not by a name, is named as its help names it, in capitals.
            name = error.argument if error.argument.isupper() else f"--{error.argument.replace('_', '-')}"
            return UNUSABLE, f"{name}: {error.message}"
        case UnusedCliTokensError():
            extra = (error.unused_tokens or [""])[0]
            return UNUSABLE, f"expected nothing more than options such as --format, but got {extra!r:.100}"
        case CycloptsError():
            return UNUSABLE, " ".join(str(error).split())
        case OSError():
            what = f"cannot read or write '{error.filename}'" if error.filename else "cannot write"
            return CANNOT_WRITE, f"{what}: {error.strerror or error}"
        case KeyboardInterrupt():
            return INTERRUPTED, f"interrupted; {written()}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    what = "out of memory" if isinstance(error, MemoryError) else " ".join(f"{type(error).__name__}: {error}".split())
    return INTERNAL_ERROR, f"internal error, please report it: {what:.200} ({Path(frame.filename).name}:{frame.lineno})"
