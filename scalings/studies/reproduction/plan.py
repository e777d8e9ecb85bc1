"""Plans: which experiments are carried out, in what order, what they cost, and what an interrupt leaves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from scalings.errors import unknown_name
from scalings.results.fits import Verdict
from scalings.studies.reproduction.claims import Experiment, Finding, Progress, Settings
from scalings.studies.reproduction.five_curves import FiveCurves
from scalings.studies.reproduction.learning_rates import LearningRates, Transient
from scalings.studies.reproduction.rich_ends_lower import ConvolutionalNetwork, RichEndsLower
from scalings.studies.reproduction.update_sizes import UpdateSizes

if TYPE_CHECKING:
    from empirical.sweeps.costs import Cost

WIDE = tuple(2**k for k in range(7, 21))


@dataclass(frozen=True)
class Reproduction:
    """What was found of each claim; if `interrupted`, only of those that were done by then."""

    settings: Settings
    findings: tuple[Finding, ...]
    interrupted: bool
    seconds: float

    @property
    def verdict(self) -> Verdict:
        """PASS if every claim held, FAIL if one did not, and INCONCLUSIVE otherwise."""
        verdicts = {finding.verdict for finding in self.findings}
        return "FAIL" if "FAIL" in verdicts else "PASS" if verdicts == {"PASS"} else "INCONCLUSIVE"


@dataclass(frozen=True)
class ReproductionPlan:
    """What `carry_out` trains; `cost` says before how long that takes."""

    settings: Settings
    experiments: tuple[Experiment, ...]

    @cached_property
    def _costs(self) -> tuple[Cost, ...]:
        return tuple(one.cost() for one in self.experiments)

    def cost(self) -> Cost:
        """Estimated from a fraction of a second of training."""
        from empirical.sweeps.costs import Cost

        return Cost(sum(one.seconds for one in self._costs), max(one.bytes for one in self._costs))

    def carry_out(self, progress: Progress | None = None) -> Reproduction:
        """Train. An interrupt keeps the claims that are done; without any it is raised.

        `progress` is called with a fraction from 0 to 1, and with what was done and how long the rest will take.
        """
        begin, found, total, before = time.perf_counter(), list[Finding](), self.cost().seconds, 0.0

        def report(name: str, share: float, done: float, what: str) -> None:
            fraction = min(1.0, (before + done * share) / total)
            left = (time.perf_counter() - begin) * (1 / max(fraction, 1e-3) - 1)
            if progress:
                progress(fraction, f"{name}: {what}, {_duration(left)} left")

        try:
            for one, cost in zip(self.experiments, self._costs, strict=True):

                def within(done: float, what: str, name: str = one.name, share: float = cost.seconds) -> None:
                    report(name, share, done, what)

                found.append(one.carry_out(within))
                before += cost.seconds
        except KeyboardInterrupt:
            if not found:
                raise
        interrupted = len(found) < len(self.experiments)
        return Reproduction(self.settings, tuple(found), interrupted, time.perf_counter() - begin)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def plan(settings: Settings, *, only: Sequence[str] = (), full: bool = False) -> ReproductionPlan:
    """The experiments of these names, or all; `full` adds what takes many minutes: widths up to 2^20, and the end of
    ntp's drift. Raises ArgumentError for a name that is none."""
    every: tuple[Experiment, ...] = (
        FiveCurves(settings),
        RichEndsLower(settings),
        UpdateSizes(settings, widths=WIDE, seeds=1) if full else UpdateSizes(settings),
        LearningRates(settings),
        ConvolutionalNetwork(settings),
        Transient(settings),
    )
    named = {one.name: one for one in every}
    for name in only:
        if name not in named:
            raise unknown_name("only", name, tuple(named))
    asked = [name for name in named if name in only] or [name for name in named if full or name != Transient.name]
    return ReproductionPlan(settings, tuple(named[name] for name in asked))


def choose_data(given: str | None) -> str:
    """The data that was asked for; without one the tutorial's, or the digits where it is not installed."""
    from empirical.data.examples import is_installed

    return given or ("mnist" if is_installed("mnist") else "digits")
