"""What docs/tutorial/richness.md shows of experiments, from one run that is stored beside it.

- `python -m tests.whole.tutorial` carries it out anew: `reproduce --full`, its numbers, and what follows.
- `python -m tests.whole.tutorial --stored` writes what follows from the stored numbers: the table into the page, and a
  figure of each claim.

The tests compare the page with the stored numbers, and the slow ones these with another run.
"""

from __future__ import annotations

import io
import json
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from scalings.command_line.console import print_tables, progress_bar
from scalings.figures.reproduction import claim_figure
from scalings.figures.style import save
from scalings.reports.reproduction import reproduction_document, reproduction_report
from scalings.results.fits import Fit
from scalings.results.reproduction import Estimate, RateCurves
from scalings.studies.reproduction.claims import Finding, Settings
from scalings.studies.reproduction.five_curves import FiveCurvesFinding
from scalings.studies.reproduction.learning_rates import RatesFinding, TransientFinding
from scalings.studies.reproduction.plan import Reproduction, plan
from scalings.studies.reproduction.rich_ends_lower import CnnFinding, EndsLowerFinding
from scalings.studies.reproduction.update_sizes import UpdateSizesFinding

FOLDER = Path(__file__).parents[2] / "docs" / "tutorial"
PAGE, NUMBERS = FOLDER / "richness.md", FOLDER / "reproduction.json"
COMMAND = "$ python -m scalings reproduce --full --output tutorial"
BLOCK = re.compile(rf"```text\n{re.escape(COMMAND)}\n((?:.|\n)*?)```")


def stored() -> Reproduction:
    """The run whose numbers are stored."""
    document = json.loads(NUMBERS.read_text(encoding="utf-8"))
    settings = Settings(**{name: document[name] for name in ("data", "device", "first_seed")})
    findings = tuple(_finding(claim) for claim in document["claims"])
    return Reproduction(settings, findings, document["interrupted"], document["seconds"])


def _finding(claim: dict[str, Any]) -> Finding:
    match claim["name"]:
        case FiveCurvesFinding.name:
            errors = {name: tuple(values) for name, values in claim["test_errors"].items()}
            numbers = (claim[name] for name in ("width", "steps", "differences", "broken_gauge"))
            return FiveCurvesFinding(*numbers, errors)
        case EndsLowerFinding.name | CnnFinding.name as name:
            kind = CnnFinding if name == CnnFinding.name else EndsLowerFinding
            return kind(
                claim["width"], {name: np.array(one, np.float32).T for name, one in claim["test_errors"].items()}
            )
        case UpdateSizesFinding.name:
            fits = {name: _fit(**fit) for name, fit in claim["fits"].items()}
            return UpdateSizesFinding(fits, tuple(claim["widths"]), claim["seeds"])
        case RatesFinding.name:
            return RatesFinding({name: _curves(name, claim[name]) for name in ("ntp", "mup")}, claim["seeds"])
        case TransientFinding.name:
            narrow, wide = (_curves("ntp", claim[name]) for name in ("narrow", "wide"))
            return TransientFinding(narrow, wide, claim["seeds"])
        case name:
            raise ValueError(f"expected the name of a claim, but got {name!r}")


def _fit(exponent: float, low: float, high: float, points: list[Any]) -> Fit:
    """The verdict needs its interval alone; of its distribution no more is stored."""
    components = ((exponent, (high - low) / 4, 1.0),)
    return Fit(exponent, low, high, 10, exponent, points=tuple(map(tuple, points)), components=components)


def _curves(name: str, given: dict[str, Any]) -> RateCurves:
    drift, regret = Estimate(**given["drift"]), Estimate(**given["log_regret"])
    curves = {int(width): tuple(map(tuple, curve)) for width, curve in given["curves"].items()}
    best = {int(width): tuple(one) for width, one in given["log2_best"].items()}
    return RateCurves(name, curves, best, drift, regret, tuple(given["edges"]))


def table(found: Reproduction) -> str:
    """What the command prints."""
    out = io.StringIO()
    with redirect_stdout(out):
        print_tables(reproduction_report(found, "tutorial"))
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def show(found: Reproduction) -> None:
    """The table and the figures."""
    for finding in found.findings:
        save(claim_figure(finding), FOLDER / f"{finding.name}.png")
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(BLOCK.sub(lambda _: f"```text\n{COMMAND}\n{table(found)}```", page), encoding="utf-8")


if __name__ == "__main__":
    if "--stored" not in sys.argv:
        with progress_bar() as progress:
            found = plan(Settings(data="mnist"), full=True).carry_out(progress)
        document = json.dumps(reproduction_document(found), indent=1, allow_nan=False)
        NUMBERS.write_text(f"{document}\n", encoding="utf-8")
    show(stored())
