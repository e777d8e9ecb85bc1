"""What docs/tutorial/richness.md shows of experiments, from one run: `python -m tests.whole.tutorial` writes it anew.

That is ten minutes on two cores: `reproduce --full`, its table into the page, its numbers beside it, and a figure of
each claim. The tests compare what the page shows with the numbers, and the slow ones these with another run.
"""

from __future__ import annotations

import io
import json
import re
from contextlib import redirect_stdout
from pathlib import Path

from scalings.command_line.console import print_tables, progress_bar
from scalings.figures.reproduction import claim_figure
from scalings.figures.style import save
from scalings.reports.reproduction import reproduction_document, reproduction_report
from scalings.studies.reproduction.claims import Settings
from scalings.studies.reproduction.plan import Reproduction, plan

FOLDER = Path(__file__).parents[2] / "docs" / "tutorial"
PAGE, NUMBERS = FOLDER / "richness.md", FOLDER / "reproduction.json"
COMMAND = "$ python -m scalings reproduce --full --output tutorial"
BLOCK = re.compile(rf"```text\n{re.escape(COMMAND)}\n((?:.|\n)*?)```")


def table(found: Reproduction) -> str:
    """What the command prints."""
    out = io.StringIO()
    with redirect_stdout(out):
        print_tables(reproduction_report(found, "tutorial"))
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def write(found: Reproduction) -> None:
    """The table, the numbers and the figures."""
    for finding in found.findings:
        save(claim_figure(finding), FOLDER / f"{finding.name}.png")
    NUMBERS.write_text(json.dumps(reproduction_document(found), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(BLOCK.sub(lambda _: f"```text\n{COMMAND}\n{table(found)}```", page), encoding="utf-8")


if __name__ == "__main__":
    with progress_bar() as progress:
        write(plan(Settings(data="mnist"), full=True).carry_out(progress))
