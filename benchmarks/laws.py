"""Laws: what `scalings law` finds for optimizers that people use, as the table of docs/reference/optimizers.md.

    python -m benchmarks laws

measures every one and writes the page's table anew, about three minutes on an idle core. A row is a regime: the five
powers of |dW|_F, the half of the widest of their 95 % intervals, and the optimizers of the theory's own table with the
same law.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from benchmarks.optimizers import entrywise, preconditioned
from empirical.experiments.optimizer_laws import DEFAULT_POINTS, DEFAULT_STEPS, measure_law
from empirical.experiments.probes import Factory
from scalings.hyperparameters.update_laws import law_text
from scalings.results.measured_laws import POWERS, Axis, LawMeasurement, LawRegime

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "optimizers.md"
_BEGIN, _END = "<!-- measured laws: begin -->", "<!-- measured laws: end -->"
HEADER = ("optimizer", "p", "q_in", "q_out", "m", "s", "+-", "the law of", "where")
_OF: dict[Axis, str] = {"gradient": "entries of G", "weight": "entries of W", "lr": "rates"}


@dataclass(frozen=True)
class Subject:
    """An optimizer under study, as it comes, and the paper that it is made after, if it is not torch's."""

    factory: Factory
    source: str = ""


_MUON = torch.optim.Muon
SUBJECTS: dict[str, Subject] = {
    "SGD": Subject(torch.optim.SGD),
    "Adam": Subject(torch.optim.Adam),
    "AdamW": Subject(torch.optim.AdamW),
    "NAdam": Subject(torch.optim.NAdam),
    "RAdam": Subject(torch.optim.RAdam),
    "Adamax": Subject(torch.optim.Adamax),
    "RMSprop": Subject(torch.optim.RMSprop),
    "Adagrad": Subject(torch.optim.Adagrad),
    "Adadelta": Subject(torch.optim.Adadelta),
    "Rprop": Subject(torch.optim.Rprop),
    "Adafactor": Subject(torch.optim.Adafactor),
    "Lion": Subject(entrywise.Lion, "2302.06675"),
    "Adan": Subject(entrywise.Adan, "2208.06677"),
    "AdEMAMix": Subject(entrywise.AdEMAMix, "2409.03137"),
    "schedule-free AdamW": Subject(entrywise.ScheduleFree, "2405.15682"),
    "Prodigy": Subject(entrywise.Prodigy, "2306.06101"),
    "Sophia": Subject(entrywise.Sophia, "2305.14342"),
    "LAMB": Subject(entrywise.Lamb, "1904.00962"),
    "LARS": Subject(entrywise.Lars, "1708.03888"),
    "Muon": Subject(_MUON),
    "Muon, match_rms_adamw": Subject(partial(_MUON, adjust_lr_fn="match_rms_adamw")),
    "NorMuon": Subject(preconditioned.NorMuon, "2510.05491"),
    "Scion": Subject(preconditioned.Scion, "2502.07529"),
    "Dion": Subject(preconditioned.Dion, "2504.05295"),
    "Shampoo, 1/4": Subject(preconditioned.Shampoo, "1802.09568"),
    "Shampoo, 1/2": Subject(partial(preconditioned.Shampoo, exponent=0.5), "2406.17748"),
    "SOAP": Subject(preconditioned.Soap, "2409.11321"),
    "PSGD": Subject(preconditioned.Psgd, "2402.04553"),
    "GaLore": Subject(preconditioned.GaLore, "2403.03507"),
}


def measured(name: str, points: int = DEFAULT_POINTS, steps: int = DEFAULT_STEPS) -> LawMeasurement:
    """The law of one of the `SUBJECTS`, as `scalings law` measures it."""
    return measure_law(SUBJECTS[name].factory, name, points=points, steps=steps)


def rows(measurement: LawMeasurement) -> Iterator[tuple[str, ...]]:
    """A row of the `HEADER`'s columns for each regime, first the one that was asked about."""
    name, asked = _linked(measurement.name), measurement.regime
    if asked is None:
        yield (name, *[""] * 6, "none", measurement.reason())
    elif measurement.meets() == "FAIL":
        yield (name, *_powers(asked), "none", measurement.reason())
    else:
        yield (name, *_powers(asked), _named(asked), "")
    for regime in measurement.others:
        yield ("", *_powers(regime), _named(regime), _where(measurement, regime))


def _linked(name: str) -> str:
    source = SUBJECTS[name].source
    return f"{name} ([{source}](https://arxiv.org/abs/{source}))" if source else name


def _powers(regime: LawRegime) -> tuple[str, ...]:
    """The five powers, as fractions where an interval is about one alone, and the widest interval's half."""
    five = [regime.powers[power] for power in POWERS[1:]]
    written = (f"{one.value:.2f}" if one.exact is None else str(one.exact) for one in five)
    return (*written, f"{max(one.high - one.low for one in regime.powers.values()) / 2:.3f}")


def _named(regime: LawRegime) -> str:
    if regime.law is None:
        return "not settled" if regime.is_open else "none"
    return ", ".join(regime.names) or f"`{law_text(regime.law)}`"


def _where(measurement: LawMeasurement, regime: LawRegime) -> str:
    """Along which axis a regime lies beside the point that was asked about."""

    def away(axis: Axis) -> float:
        low, high = regime.ranges[axis]
        return abs(math.log(low * high / measurement.base[axis] ** 2))

    axis = max(regime.ranges, key=away)
    low, high = regime.ranges[axis]
    return f"{_OF[axis]} from {low:.0e} to {high:.0e}"


def write(found: Sequence[LawMeasurement]) -> None:
    """The table, between its marks on the page."""
    before, rest = PAGE.read_text().split(_BEGIN)
    _, after = rest.split(_END)
    table = [HEADER, ("---",) * len(HEADER), *(row for one in found for row in rows(one))]
    cells = ((cell.replace("|", r"\|") for cell in row) for row in table)
    lines = "\n".join(f"| {' | '.join(row)} |" for row in cells)
    PAGE.write_text(f"{before}{_BEGIN}\n{lines}\n{_END}{after}")
