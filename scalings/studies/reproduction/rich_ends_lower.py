"""Rich training ends lower: the test error of ntp over that of mup, from equal draws and orders of the examples.

The same for the tutorial's perceptron, and for a convolutional network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from scalings.hyperparameters.presets import preset
from scalings.networks.network import Network
from scalings.results.fits import Verdict
from scalings.results.reproduction import Estimate
from scalings.studies.reproduction.claims import Finding, Progress, Settings

if TYPE_CHECKING:
    from empirical.experiments.reproduction import Run
    from empirical.sweeps.costs import Cost
    from empirical.tensors.arrays import Array
    from scalings.hyperparameters.parameterizations import Parameterization

LAZY, RICH, CONTROL = "ntp", "mup", "ntp, other draws"


@dataclass(frozen=True)
class EndsLowerFinding(Finding):
    """Errors of both, and of a control, before the first and after every epoch: (looks, seeds)."""

    name: ClassVar[str] = "rich-ends-lower"
    claim: ClassVar[str] = "Rich training ends lower than lazy training"
    null = "log ratio 0"
    what: ClassVar[str] = "perceptron"
    width: int
    errors: dict[str, Array] = field(repr=False)

    @property
    def epochs(self) -> int:
        return len(self.errors[LAZY]) - 1

    @property
    def statistic(self) -> str:
        seeds = self.errors[LAZY].shape[1]
        return f"log of the test error of ntp over mup's at epoch {self.epochs}, {seeds} paired seeds, n = {self.width}"

    def _against(self, other: str) -> Estimate:
        from empirical.statistics.over_seeds import mean_over_seeds

        last = self.errors[LAZY][-1], self.errors[other][-1]
        if not np.isfinite(last).all():
            return Estimate(math.nan, -math.inf, math.inf)
        return mean_over_seeds(np.log(last[0] / last[1]))

    @cached_property
    def ratio(self) -> Estimate:
        """log of lazy over rich."""
        return self._against(RICH)

    @cached_property
    def control_ratio(self) -> Estimate:
        """The same of lazy over lazy."""
        return self._against(CONTROL)

    @property
    def found(self) -> str:
        return "diverged" if math.isnan(self.ratio.value) else f"{self.ratio} (x {math.exp(self.ratio.value):.1f})"

    @property
    def control(self) -> str:
        return f"{CONTROL}: {self.control_ratio}"

    @cached_property
    def judged(self) -> tuple[Verdict, str]:
        if math.isnan(self.ratio.value) or math.isnan(self.control_ratio.value):
            return "INCONCLUSIVE", "training diverged"
        if self.ratio.high < 0:
            return "FAIL", f"lazy training ends lower: {self.found}"
        if self.ratio.low <= max(0.0, self.control_ratio.high):
            return "INCONCLUSIVE", f"{self.found} is not told from 0, or from the same network's, {self.control_ratio}"
        return (
            "PASS",
            f"the error of ntp is {math.exp(self.ratio.value):.1f} times mup's, log ratio {self.ratio}; {self.control}",
        )

    @property
    def numbers(self) -> dict[str, Any]:
        return {
            "width": self.width,
            "log_ratio": self.ratio.__dict__,
            "log_ratio_of_control": self.control_ratio.__dict__,
            "test_errors": {name: values.T.tolist() for name, values in self.errors.items()},
        }


@dataclass(frozen=True)
class CnnFinding(EndsLowerFinding):
    """The same of convolutional networks."""

    name = "cnn"
    claim = "Rich training ends lower in a convolutional network, too"
    what = "CNN"


@dataclass(frozen=True)
class RichEndsLower:
    """The tutorial's perceptron; `planted` is trained in place of mup: a negative control of the verdict."""

    settings: Settings
    width: int = 512
    epochs: int = 14
    seeds: int = 3
    planted: Parameterization | None = None
    name: ClassVar[str] = EndsLowerFinding.name

    def _given(self) -> dict[str, Parameterization]:
        return {LAZY: preset("ntp", 3), RICH: self.planted or preset("mup", 3)}

    @cached_property
    def runs(self) -> tuple[tuple[str, Run], ...]:
        """Each with what it is of."""
        given, seeds = self._given(), self.settings.seeds(self.seeds, 1)
        others = self.settings.seeds(self.seeds, 2)
        of = {LAZY: (given[LAZY], seeds), RICH: (given[RICH], seeds)}
        of[CONTROL] = (replace(given[LAZY], name=CONTROL), others)
        # A run for each seed, so that workers share them evenly.
        return tuple((name, self._run(given, seed)) for name, (given, seeds) in of.items() for seed in seeds)

    def _run(self, given: Parameterization, seed: int) -> Run:
        from empirical.experiments.epochs import Schedule
        from empirical.experiments.reproduction import Run

        return Run(given, self.width, (seed,), Schedule(self.epochs, every_epoch=True), self.settings.data)

    def cost(self) -> Cost:
        from empirical.experiments import reproduction

        return reproduction.cost([run for _, run in self.runs], self.settings.device)

    def carry_out(self, progress: Progress | None = None) -> EndsLowerFinding:
        return EndsLowerFinding(self.width, self._errors(progress))

    def _errors(self, progress: Progress | None) -> dict[str, Array]:
        from empirical.experiments import reproduction

        trained = reproduction.carry_out([run for _, run in self.runs], self.settings.device, progress)
        found: dict[str, list[Array]] = {}
        for (name, _), one in zip(self.runs, trained, strict=True):
            found.setdefault(name, []).append(one.errors)
        return {name: np.concatenate(errors, axis=1) for name, errors in found.items()}


@dataclass(frozen=True)
class ConvolutionalNetwork(RichEndsLower):
    """The project's convolutional network with as many layers as the tutorial's Myrtle-5, on images of 4 x 4 positions,
    at both ends of its derived family."""

    width: int = 32
    epochs: int = 10
    seeds: int = 7
    name = CnnFinding.name

    @cached_property
    def _network(self) -> Network:
        from scalings.networks.architectures import cnn

        return cnn(_LAYERS)

    def _given(self) -> dict[str, Parameterization]:
        from scalings.hyperparameters.update_laws import optimizer
        from symbolic.derivation.derive import derive

        family = derive(self._network, optimizer("sgd")).family
        assert family is not None, "the tutorial's criteria leave one segment"
        ends = {LAZY: family.member("0"), RICH: self.planted or family.member("1/2")}
        return {name: replace(given, name=name) for name, given in ends.items()}

    def _run(self, given: Parameterization, seed: int) -> Run:
        run = super()._run(given, seed)
        return replace(run, network=self._network, examples=_EXAMPLES)

    def carry_out(self, progress: Progress | None = None) -> CnnFinding:
        return CnnFinding(self.width, self._errors(progress))


_LAYERS, _EXAMPLES = 5, 2000
