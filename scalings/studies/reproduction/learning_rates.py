"""The learning rate transfers under mup alone: how the best rate moves with the width, after one epoch.

The tutorial's figure is right at its widths, 32 to 512, and theory derives no drift under ntp either: at r = 0 the
best rate goes like n^0, too. Both are true, since ntp's drift is a transient: features still move by
|dz|/|z| ~ n^(-1/2), which is not little at n = 32, and it ends near n = 512 (`Transient`). Under mup features move
alike at every width, so that narrow networks are like wide ones already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import exp
from typing import TYPE_CHECKING, Any

import numpy as np

from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.results.fits import LARGEST_MARGIN, Verdict
from scalings.results.reproduction import Estimate, RateCurves
from scalings.studies.reproduction.claims import ANSWERS, Finding, Progress, Settings

if TYPE_CHECKING:
    from empirical.experiments.reproduction import Run
    from empirical.sweeps.costs import Cost

RATES = {"ntp": (3.0, 8.0), "mup": (1.0, 6.0)}
"""The ends of the rates that are tried, as powers of 2: those that the notebook sweeps. (It draws both over mup's.)"""
MARGIN = float(LARGEST_MARGIN)
"""A best rate that goes like n^(+-1/4) moves by an octave over 16 times the width."""
_AN_OCTAVE = 2
_EXAMPLES = 2000
_TOGETHER = 96 * 2**20
"""Bytes of members that are trained as one batch."""


def stays(drift: Estimate) -> Verdict:
    """The equivalence test of no drift."""
    if drift.low >= -MARGIN and drift.high <= MARGIN:
        return "PASS"
    return "FAIL" if drift.low > MARGIN or drift.high < -MARGIN else "INCONCLUSIVE"


@dataclass(frozen=True)
class RatesFinding(Finding):
    """The curves of both."""

    name = "learning-rates"
    claim = "The best learning rate transfers under mup alone"
    null = f"ntp's drift 0, or mup's beyond {MARGIN:g}"
    found_of: Mapping[str, RateCurves]
    seeds: int

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(self.found_of["mup"].curves)

    @property
    def statistic(self) -> str:
        range_ = f"widths {self.widths[0]} to {self.widths[-1]}, {self.seeds} seeds"
        return f"slope of log best rate against log n, after one epoch, {range_}"

    @property
    def found(self) -> str:
        return f"{self._drifts}, derived: 0, {self.regrets}"

    @property
    def _drifts(self) -> str:
        return ", ".join(f"{name}: {one.drift}" for name, one in self.found_of.items())

    @property
    def regrets(self) -> str:
        """What it costs to carry the best rate from the narrowest to the widest."""
        costs = " and ".join(f"x {exp(one.regret.value):.2f} ({name})" for name, one in self.found_of.items())
        return f"error at n = {self.widths[-1]} with the best rate of n = {self.widths[0]}: {costs}"

    @property
    def control(self) -> str:
        return f"mup's test on ntp: {ANSWERS[stays(self.found_of['ntp'].drift)]}"

    @cached_property
    def judged(self) -> tuple[Verdict, str]:
        if edges := [f"{name} at width {one.edges[0]}" for name, one in self.found_of.items() if one.edges]:
            return "INCONCLUSIVE", f"the best rate lies at an end of those that were tried: {', '.join(edges)}"
        lazy, rich = (self.found_of[name].drift for name in ("ntp", "mup"))
        if stays(rich) == "FAIL":
            return "FAIL", f"mup's best rate drifts: {rich}"
        if stays(lazy) == "PASS" and lazy.low <= 0:
            return "FAIL", f"ntp's best rate stays, too: {lazy}"
        if stays(rich) != "PASS" or stays(lazy) == "PASS" or lazy.low <= 0:
            return "INCONCLUSIVE", f"drifts are not told from what is claimed, {self._drifts}"
        return "PASS", (
            f"drifts are {self._drifts} at widths {self.widths[0]} to {self.widths[-1]}; theory derives 0 for both, "
            "and ntp's is a transient (--full)"
        )

    @property
    def numbers(self) -> dict[str, Any]:
        return {"seeds": self.seeds, **{name: numbers_of(one) for name, one in self.found_of.items()}}


@dataclass(frozen=True)
class TransientFinding(Finding):
    """The curves of ntp at large widths, beside those of small ones."""

    name = "transient"
    claim = "ntp's drift is a transient: beyond n = 512 its best learning rate transfers, too"
    null = f"a drift beyond {MARGIN:g}"
    narrow: RateCurves
    wide: RateCurves
    seeds: int

    @property
    def statistic(self) -> str:
        widths = tuple(self.wide.curves)
        return f"slope of log best rate against log n, ntp, widths {widths[0]} to {widths[-1]}, {self.seeds} seeds"

    @property
    def found(self) -> str:
        return str(self.wide.drift)

    @property
    def control(self) -> str:
        widths = tuple(self.narrow.curves)
        return f"at widths {widths[0]} to {widths[-1]}: {self.narrow.drift}"

    @cached_property
    def judged(self) -> tuple[Verdict, str]:
        if edges := self.wide.edges or self.narrow.edges:
            return "INCONCLUSIVE", f"the best rate at width {edges[0]} lies at an end of those that were tried"
        if (verdict := stays(self.wide.drift)) == "FAIL":
            return "FAIL", f"it drifts on: {self.found}"
        if verdict != "PASS" or self.narrow.drift.low <= 0:
            return "INCONCLUSIVE", f"not told from a drift: {self.found}; {self.control}"
        return "PASS", f"the drift is {self.found}, and {self.control}"

    @property
    def numbers(self) -> dict[str, Any]:
        return {"seeds": self.seeds, "narrow": numbers_of(self.narrow), "wide": numbers_of(self.wide)}


def numbers_of(curves: RateCurves) -> dict[str, Any]:
    """As JSON types."""
    return {
        "drift": curves.drift.__dict__,
        "log_regret": curves.regret.__dict__,
        "edges": list(curves.edges),
        "log2_best": {str(width): list(best) for width, best in curves.best.items()},
        "curves": {str(width): [list(point) for point in curve] for width, curve in curves.curves.items()},
    }


@dataclass(frozen=True)
class _Swept:
    """Runs that together try all rates at all widths, and what they give."""

    given: Parameterization
    widths: tuple[int, ...]
    seeds: tuple[int, ...]
    ends: tuple[float, float]
    data: str

    @cached_property
    def grid(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.arange(self.ends[0], self.ends[1] + 0.01, 1 / _AN_OCTAVE)

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        from empirical.experiments.epochs import Schedule
        from empirical.experiments.reproduction import Run

        members = [(seed, 2.0**power) for power in self.grid for seed in self.seeds]
        found = []
        for width in self.widths:
            one = Run(self.given, width, self.seeds[:1], Schedule(1), self.data, examples=_EXAMPLES)
            size = max(1, _TOGETHER // one.bytes)
            for start in range(0, len(members), size):
                seeds, factors = zip(*members[start : start + size], strict=True)
                found.append(Run(self.given, width, seeds, Schedule(1), self.data, factors, examples=_EXAMPLES))
        return tuple(found)

    def curves(self, errors: Mapping[int, Sequence[float]]) -> RateCurves:
        """From the errors of all members at each width."""
        from empirical.data.examples import CLASSES
        from empirical.statistics import curve_minima

        # Whoever answers 0 has the error 1 / CLASSES: what is worse, or diverged, has learned no more than that.
        shape = len(self.grid), len(self.seeds)
        logs = {
            width: np.log(np.minimum(np.array(values).reshape(shape), 1 / CLASSES)).T
            for width, values in errors.items()
        }
        lowest = {width: curve_minima.lowest(each) for width, each in logs.items()}
        return RateCurves(
            self.given.name,
            {
                width: tuple(zip((2.0**self.grid).tolist(), np.exp(each.mean(axis=0)).tolist(), strict=True))
                for width, each in logs.items()
            },
            {width: curve_minima.minimum_with_error(self.grid, each) for width, each in logs.items()},
            curve_minima.drift(self.grid, logs),
            curve_minima.regret(self.grid, logs),
            tuple(width for width, at in lowest.items() if at in (0, len(self.grid) - 1)),
        )


def _sweep(swept: Sequence[_Swept], device: str, progress: Progress | None) -> list[RateCurves]:
    from empirical.experiments import reproduction

    runs = [run for one in swept for run in one.runs]
    trained = iter(reproduction.carry_out(runs, device, progress))
    found = []
    for one in swept:
        errors: dict[int, list[float]] = {}
        for run in one.runs:
            errors.setdefault(run.width, []).extend(next(trained).errors[-1].tolist())
        found.append(one.curves(errors))
    return found


@dataclass(frozen=True)
class LearningRates:
    """Both at octaves of the width; `planted` is trained in place of mup: a negative control of the verdict."""

    settings: Settings
    widths: tuple[int, ...] = (32, 64, 128, 256, 512)
    seeds: int = 8
    planted: Parameterization | None = None
    rates: Mapping[str, tuple[float, float]] = field(default_factory=lambda: RATES)
    name = RatesFinding.name

    @cached_property
    def swept(self) -> tuple[_Swept, ...]:
        given = {"ntp": preset("ntp", 3), "mup": self.planted or preset("mup", 3)}
        seeds = self.settings.seeds(self.seeds, 5)
        return tuple(
            _Swept(one, self.widths, seeds, self.rates[name], self.settings.data) for name, one in given.items()
        )

    def cost(self) -> Cost:
        from empirical.experiments import reproduction

        return reproduction.cost([run for one in self.swept for run in one.runs], self.settings.device)

    def carry_out(self, progress: Progress | None = None) -> RatesFinding:
        curves = _sweep(self.swept, self.settings.device, progress)
        return RatesFinding(dict(zip(RATES, curves, strict=True)), self.seeds)


@dataclass(frozen=True)
class Transient:
    """ntp at the widths of the tutorial's figure, and beyond."""

    settings: Settings
    narrow: tuple[int, ...] = (32, 64, 128, 256, 512)
    wide: tuple[int, ...] = (512, 1024, 2048)
    seeds: int = 8
    name = TransientFinding.name

    @cached_property
    def swept(self) -> tuple[_Swept, ...]:
        seeds = self.settings.seeds(self.seeds, 6)
        return tuple(
            _Swept(preset("ntp", 3), widths, seeds, RATES["ntp"], self.settings.data)
            for widths in (self.narrow, self.wide)
        )

    def cost(self) -> Cost:
        from empirical.experiments import reproduction

        return reproduction.cost([run for one in self.swept for run in one.runs], self.settings.device)

    def carry_out(self, progress: Progress | None = None) -> TransientFinding:
        narrow, wide = _sweep(self.swept, self.settings.device, progress)
        return TransientFinding(narrow, wide, self.seeds)
