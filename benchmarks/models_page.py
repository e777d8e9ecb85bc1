"""The page of the models: its table and totals, written between two markers; the prose around them is left as it is.

The counts that the table is made from stand beside the page, model by model. So those of a few models can be made anew
where the trainings of the rest, hours of them, are not at hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

from benchmarks.models import NAMES, RULES, Trained
from scalings.errors import ArgumentError

BEGIN, END = "<!-- made by python -m benchmarks models --page -->", "<!-- end of what is made -->"
COLUMNS = {"standard": "standard", "0": "r = 0", "1/2": "r = 1/2", "mup": "muP"}
"""Each parameterization's heading."""
TOTALS = {"derived members": ("0", "1/2"), "muP": ("mup",), "the standard parameterization": ("standard",)}


@dataclass(frozen=True)
class Count:
    """How many values of a model under one parameterization, by all optimizers, and how many of them agree."""

    values: int = 0
    agreeing: tuple[int, ...] = (0,) * len(RULES)
    """By each rule."""
    stable: bool = True

    def __add__(self, other: Count) -> Count:
        agreeing = tuple(a + b for a, b in zip(self.agreeing, other.agreeing, strict=True))
        return Count(self.values + other.values, agreeing, self.stable and other.stable)

    def __str__(self) -> str:
        """Values: percentages of those that agree; a star where training is unstable."""
        if not self.values:
            return ""
        shares = ", ".join(f"{100 * one / self.values:.0f}" for one in self.agreeing)
        return f"{self.values}{'' if self.stable else '*'}: {shares}"


Counts: TypeAlias = dict[str, dict[str, Count]]
"""Model -> parameterization -> its count."""


def counted(trained: Iterable[Trained]) -> Counts:
    """The counts of these trainings; all of a model's, or they are not those of its row."""
    counts: Counts = {}
    for one in trained:
        of = counts.setdefault(one.model, {})
        if one.counted:
            agreeing = tuple(sum(map(rule, one.counted)) for rule in RULES.values())
            of[one.given] = of.get(one.given, Count()) + Count(len(one.counted), agreeing, one.stable)
    return counts


def written(trained: Iterable[Trained], page: Path) -> None:
    """Put these models' counts in place of those beside the page, and make its table anew.

    Raises ArgumentError for a page without the two markers.
    """
    store = page.with_suffix(".json")
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ArgumentError("--page", f"expected the lines {BEGIN} and {END} in {page}")
    counts = (read(store) if store.exists() else {}) | counted(trained)
    save(counts, store)
    page.write_text(f"{before}{BEGIN}\n\n{made(counts)}\n\n{END}{after}")


def save(counts: Counts, store: Path) -> None:
    """A line a model, so that what has changed is seen in a diff."""
    lines = (f"{json.dumps(name)}: {json.dumps(counts[name], default=asdict)}" for name in NAMES if name in counts)
    store.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def read(store: Path) -> Counts:
    """The counts of a file."""
    return {
        model: {given: Count(one["values"], tuple(one["agreeing"]), one["stable"]) for given, one in of.items()}
        for model, of in json.loads(store.read_text()).items()
    }


def made(counts: Mapping[str, Mapping[str, Count]]) -> str:
    """The table, in the order of the zoo, and the totals."""
    rows = [["model", *COLUMNS.values()], ["---"] * (1 + len(COLUMNS))]
    rows += [[name, *(str(counts[name].get(given, "")) for given in COLUMNS)] for name in NAMES if name in counts]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    totals = "\n".join(_total(counts.values(), name, of) for name, of in TOTALS.items())
    return f"{table}\n\nAll together, in percent:\n\n{totals}"


def _total(counts: Iterable[Mapping[str, Count]], name: str, parameterizations: Sequence[str]) -> str:
    total = sum((model[given] for model in counts for given in parameterizations if given in model), Count())
    agreeing = zip(RULES, total.agreeing, strict=True) if total.values else ()
    return ", ".join(
        [f"- {name}: {total.values} values", *(f"{100 * n / total.values:.1f} {rule}" for rule, n in agreeing)]
    )
