"""Solved hyperparameters against derived ones."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from scalings.hyperparameters.parameterizations import Hyperparameter
from scalings.results.derivations import Family
from scalings.results.experiments import Calibration
from scalings.results.fits import Verdict
from scalings.studies.equivalence import Comparison, Judged, compare_one, judge, too_few


@dataclass(frozen=True)
class CalibrationAgreement(Judged):
    """Whether a calibration found the member of the family of this richness."""

    calibration: Calibration
    family: Family
    richness: Fraction
    delta: Fraction

    @cached_property
    def solved(self) -> dict[Hyperparameter, Comparison[Hyperparameter]]:
        """Each hyperparameter's exponent, the one that was solved for beside the derived one."""
        member = self.family.in_gauge("unit-multiplier").member(self.richness)
        layers = dict(zip((node.name for node in self.calibration.network.layers), member.layers, strict=True))
        return {
            key: compare_one(key, layers[key.layer].named[key.which], fit, self.delta)
            for key, fit in self.calibration.fits.items()
        }

    @cached_property
    def judged(self) -> tuple[Verdict, str]:
        for width, seeds in self.calibration.unsolved.items():
            return "INCONCLUSIVE", f"no hyperparameters meet the criteria for {seeds} seeds at width {width}"
        if few := too_few(len(self.calibration.seeds)):
            return "INCONCLUSIVE", few
        return judge(list(self.solved.values()), self.delta)
