"""Five curves are two: parameterizations that differ by gauges train the same networks.

ntp and ntp-lr are the family at r = 0 in two gauges; mup, mup-lr and mfp are it at r = 1/2 in three. From equal draws
in double precision, what differs after training is rounding. Outputs are compared, since the mean over images in a
loss hides what differs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.results.fits import Verdict
from scalings.studies.reproduction.claims import Finding, Progress, Settings

if TYPE_CHECKING:
    from empirical.experiments.reproduction import Run
    from empirical.sweeps.costs import Cost

GROUPS = (("ntp", "ntp-lr"), ("mup", "mup-lr", "mfp"))
EQUAL, DIFFERENT = 1e-6, 1e-2
"""Rounding is 1e-16 a step, and networks that are not the same differ in the first or second digit."""
BROKEN = "broken gauge"
"""ntp-lr with learning rates that go by n^-t, where a gauge takes n^-2t."""


def broken() -> Parameterization:
    """The control."""
    return Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1/2", lr="0,-1/2,-1/2", name=BROKEN)


@dataclass(frozen=True)
class FiveCurvesFinding(Finding):
    """Outputs after training, as the largest difference over their root mean square, and the errors on the way."""

    name = "five-curves"
    claim = "Five curves are two: ntp = ntp-lr, and mup = mup-lr = mfp"
    null = f"outputs of different networks, which differ by over {DIFFERENT:g}"
    width: int
    steps: int
    differences: dict[str, float]
    """Of each parameterization from the first of its group."""
    broken: float
    errors: dict[str, tuple[float, ...]]
    """The test error before the first and after every epoch."""

    @property
    def statistic(self) -> str:
        return f"largest difference of outputs over their rms, n = {self.width}, float64, after {self.steps} updates"

    @property
    def found(self) -> str:
        return ", ".join(f"{name}: {value:.0e}" for name, value in self.differences.items())

    @property
    def control(self) -> str:
        return f"{BROKEN}: {self.broken:.1g}"

    @cached_property
    def judged(self) -> tuple[Verdict, str]:
        worst = max(self.differences, key=lambda name: self.differences[name])
        differs = f"outputs of {worst} differ by {self.differences[worst]:.0e}"
        if self.differences[worst] > DIFFERENT:
            return "FAIL", f"{differs}, as other networks do"
        if not self.broken > DIFFERENT:
            return "INCONCLUSIVE", f"a broken gauge shows no difference either ({self.broken:.0e})"
        if self.differences[worst] > EQUAL:
            return "INCONCLUSIVE", f"{differs}, which is more than rounding and less than other networks do"
        return "PASS", f"{differs}, which is rounding; those of a broken gauge by {self.broken:.1g}"

    @property
    def numbers(self) -> dict[str, Any]:
        return {
            "width": self.width,
            "steps": self.steps,
            "differences": self.differences,
            "broken_gauge": self.broken,
            "test_errors": {name: list(values) for name, values in self.errors.items()},
        }


@dataclass(frozen=True)
class FiveCurves:
    """All five and the broken gauge, from one seed."""

    settings: Settings
    width: int = 512
    epochs: int = 8
    planted: Parameterization | None = None
    """In place of ntp-lr: a negative control of the verdict."""
    name = FiveCurvesFinding.name

    @cached_property
    def runs(self) -> dict[str, Run]:
        from empirical.experiments.epochs import Schedule
        from empirical.experiments.reproduction import Run

        asked = {name: preset(name, 3) for group in GROUPS for name in group} | {BROKEN: broken()}
        if self.planted:
            asked["ntp-lr"] = replace(self.planted, name="ntp-lr")
        schedule = Schedule(self.epochs, every_epoch=True)
        return {
            name: Run(given, self.width, self.settings.seeds(1), schedule, self.settings.data, double=True)
            for name, given in asked.items()
        }

    def cost(self) -> Cost:
        from empirical.experiments import reproduction

        return reproduction.cost(tuple(self.runs.values()), self.settings.device)

    def carry_out(self, progress: Progress | None = None) -> FiveCurvesFinding:
        from empirical.experiments import reproduction

        results = reproduction.carry_out(tuple(self.runs.values()), self.settings.device, progress)
        trained = dict(zip(self.runs, results, strict=True))
        outputs = {name: one.outputs for name, one in trained.items()}

        def apart(one: str, other: str) -> float:
            size = float(np.sqrt((outputs[one] ** 2).mean()))
            largest = float(np.abs(outputs[one] - outputs[other]).max())
            return largest / size if np.isfinite(largest) else float("inf")

        return FiveCurvesFinding(
            self.width,
            self.runs["ntp"].steps,
            {other: apart(group[0], other) for group in GROUPS for other in group[1:]},
            apart("ntp", BROKEN),
            {name: tuple(one.errors[:, 0].tolist()) for name, one in trained.items()},
        )
