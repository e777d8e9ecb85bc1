"""The program: its commands (`python -m scalings derive | check | measure | verify | ...`), errors and exit codes.

Exit codes: 0 yes, 1 no (a check failed, a run diverged, a family is empty), 2 unusable arguments, 3 inconclusive,
74 an answer or a file that cannot be written, 130 interrupted, 141 the reader of a pipe has left. With `--format json`
one JSON document goes to stdout and nothing else; progress and warnings go to stderr.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, UnusedCliTokensError

from scalings import __version__
from scalings.command_line import calibrate, check, derive, freedom, law, measure, network, richness, transfer, verify
from scalings.command_line.console import BROKEN_PIPE, CANNOT_WRITE, INTERRUPTED, UNUSABLE, YES
from scalings.errors import ArgumentError

_GARBAGE = 100_000
"""The threshold of the garbage collector, raised since a command leaves little garbage: saves a tenth of its time."""

app = App(
    name="scalings",
    version=__version__,
    help="Which powers of the width may init scales and learning rates be? Derive it, check it, measure it.",
    help_format="plaintext",
    exit_on_error=False,
    print_error=False,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
for command in (
    *(derive.derive, check.check, derive.certify, check.predict, network.network),
    *(measure.measure, verify.verify, richness.richness),
    *(calibrate.calibrate, freedom.freedom, transfer.transfer, law.law),
):
    app.command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    gc.set_threshold(_GARBAGE)
    # Python has None for a stream that was closed before it started, as by `>&-`.
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123 - for as long as the process lives
    try:
        return _run(arguments)
    except ArgumentError as error:
        # What is given by its place, not by a name, is named as its help names it, in capitals.
        name = error.argument if error.argument.isupper() else f"--{error.argument.replace('_', '-')}"
        code, message = UNUSABLE, f"{name}: {error.message}"
    except UnusedCliTokensError as error:
        extra = (error.unused_tokens or [""])[0]
        code, message = UNUSABLE, f"expected nothing more than options such as --format, but got {extra!r}"
    except CycloptsError as error:
        code, message = UNUSABLE, " ".join(str(error).split())
    except BrokenPipeError:
        # The reader closed the pipe, as `... | head` does. With stdout redirected, Python reports no second error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        code, message = CANNOT_WRITE, f"cannot write: {error.strerror or error}"
    except KeyboardInterrupt:
        code, message = INTERRUPTED, "interrupted; nothing was written"
    print(f"scalings: {message}", file=sys.stderr)
    return code


def _run(arguments: Sequence[str] | None) -> int:
    if sys.stdout is None:
        raise OSError("standard output is closed")
    code = app(arguments)
    sys.stdout.flush()
    return code if isinstance(code, int) else YES
