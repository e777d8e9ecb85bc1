"""Commands as a user runs them, each a process of its own: beside `import sympy`, and with the figure that it saves.

The figure of a command that trains is drawn of what has been measured, at the smallest size that is drawn alike.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from scalings.command_line.console import INCONCLUSIVE, NO, YES

COMMANDS = ("derive", "check --preset standard", "predict --preset mup")
TRAINING = ("measure --preset mup --widths 64,91,128,181,256,362,512,724 --seeds 2",)
PEER = ("-c", "import sympy")


@dataclass(frozen=True)
class Cost:
    """Seconds of CPU of a command, alone and with its figure; the least of some rounds."""

    command: str
    seconds: float
    with_figure: float | None = None


def costs(commands: Sequence[str], rounds: int) -> Iterator[Cost]:
    """First that of `import sympy`, then those of the commands."""
    yield Cost("import sympy", min(_seconds(PEER) for _ in range(rounds)))
    with TemporaryDirectory() as folder:
        for command in commands:
            alone = ("-m", "scalings", *command.split())
            drawn = (*alone, "--output", str(Path(folder) / "figure.png"), "--overwrite")
            yield Cost(command, *(min(_seconds(each) for _ in range(rounds)) for each in (alone, drawn)))


def _seconds(arguments: Sequence[str]) -> float:
    """User and system time of one process; no, and undecided, are answers too."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
    if done.returncode not in (YES, NO, INCONCLUSIVE):
        raise RuntimeError(f"{' '.join(arguments)} exits with {done.returncode}: {done.stderr.decode()[:300]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
