"""Updates of representations: |dz|/|z| of the second hidden layer after one step goes like n^(-1/2) and n^0.

By the engines of measurements, with the centered output, on 8 examples; each parameterization with seeds of its own,
since with equal ones the two slopes would be one piece of evidence. A relu passes what it passes of z and dz alike, so
that |dh|/|h|, which the tutorial draws, has the same power.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from scalings.criteria.observables import Observable
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.results.fits import Diverged, Fit, Verdict
from scalings.results.trials import Training
from scalings.studies.equivalence import Comparison, compare_one
from scalings.studies.reproduction.claims import Finding, Progress, Settings

if TYPE_CHECKING:
    from empirical.sweeps.costs import Cost
    from empirical.sweeps.sweep import Sweep

DERIVED = {"ntp": Fraction(-1, 2), "mup": Fraction(0)}
"""|dz| ~ n^r and |z| ~ n^(1/2), with r = 0 and 1/2."""
DELTA = Fraction(1, 20)
_LAYER = "layer2"


@dataclass(frozen=True)
class UpdateSizesFinding(Finding):
    """The exponent of |dz|/|z| under each parameterization."""

    name = "update-sizes"
    claim = "|dh|/|h| after one update goes like n^(-1/2) under ntp and like n^0 under mup"
    null = f"an exponent further than {float(DELTA):g} from that"
    fits: dict[str, Fit | Diverged]
    widths: tuple[int, ...]
    seeds: int

    @property
    def statistic(self) -> str:
        return f"exponent of |dz|/|z| of {_LAYER}, widths {self.widths[0]} to {self.widths[-1]}, own seeds for each"

    @cached_property
    def comparisons(self) -> dict[str, Comparison[str]]:
        """With what is derived."""
        return {name: compare_one(name, DERIVED[name], fit, DELTA) for name, fit in self.fits.items()}

    @cached_property
    def swapped(self) -> dict[str, Comparison[str]]:
        """With what is derived for the other."""
        other = dict(zip(DERIVED, reversed(DERIVED.values()), strict=True))
        return {name: compare_one(name, other[name], fit, DELTA) for name, fit in self.fits.items()}

    @property
    def found(self) -> str:
        return ", ".join(
            f"{name}: {fit.exponent:+.3f} +- {fit.half_width:.3f}" if isinstance(fit, Fit) else f"{name}: diverged"
            for name, fit in self.fits.items()
        )

    @property
    def control(self) -> str:
        refused = sum(one.verdict == "FAIL" for one in self.swapped.values())
        return f"each against the other's exponent: {refused} of {len(self.swapped)} refuted"

    @cached_property
    def judged(self) -> tuple[Verdict, str]:
        verdicts = {one.verdict for one in self.comparisons.values()}
        if "FAIL" in verdicts:
            return "FAIL", f"exponents are {self.found}, beyond {float(DELTA):g} from -1/2 and 0"
        if any(one.verdict != "FAIL" for one in self.swapped.values()):
            return "INCONCLUSIVE", f"the two exponents are not told apart: {self.found}"
        if verdicts != {"PASS"}:
            return "INCONCLUSIVE", f"exponents are {self.found}: an interval crosses the margin of {float(DELTA):g}"
        return "PASS", f"exponents are {self.found}, within {float(DELTA):g} of -1/2 and 0"

    @property
    def numbers(self) -> dict[str, Any]:
        return {
            "widths": list(self.widths),
            "seeds": self.seeds,
            "fits": {
                name: {
                    "exponent": fit.exponent,
                    "low": fit.low,
                    "high": fit.high,
                    "points": [list(p) for p in fit.points],
                }
                for name, fit in self.fits.items()
                if isinstance(fit, Fit)
            },
        }


@dataclass(frozen=True)
class UpdateSizes:
    """Both at octaves of the width; `planted` is trained in place of mup: a negative control of the verdict."""

    settings: Settings
    widths: tuple[int, ...] = tuple(2**k for k in range(7, 17))
    seeds: int = 2
    planted: Parameterization | None = None
    name = UpdateSizesFinding.name

    @cached_property
    def sweeps(self) -> dict[str, Sweep]:
        from empirical.data.examples import input_size
        from empirical.sweeps.measure import plan
        from scalings.networks.architectures import mlp

        network = mlp(3, inputs=input_size(self.settings.data))
        training = Training(data=self.settings.data, batch=8, steps=1, kernel=False, observing="coordinates")
        given = {"ntp": preset("ntp", 3), "mup": self.planted or preset("mup", 3)}
        return {
            name: plan(
                network,
                one,
                training,
                widths=self.widths,
                seeds=self.seeds,
                first_seed=self.settings.seeds(1, group)[0],
                device=self.settings.device,
            )
            for group, (name, one) in enumerate(given.items(), start=3)
        }

    def cost(self) -> Cost:
        from empirical.sweeps.costs import Cost

        each = [sweep.cost() for sweep in self.sweeps.values()]
        return Cost(sum(one.seconds for one in each), max(one.bytes for one in each))

    def carry_out(self, progress: Progress | None = None) -> UpdateSizesFinding:
        from empirical.statistics import regression
        from empirical.sweeps.sweep import carry_out

        fits: dict[str, Fit | Diverged] = {}
        for number, (name, sweep) in enumerate(self.sweeps.items()):

            def report(done: float, what: str, number: int = number, name: str = name) -> None:
                if progress:
                    progress((number + done) / len(self.sweeps), f"{name} at {what}")

            seen = carry_out(sweep, report).values
            dz, z = seen[Observable("dz", _LAYER, 1)], seen[Observable("z", _LAYER, 0)]
            fit = regression.fit({width: dz[width] / z[width] for width in dz})
            assert fit is not None, "representations move"
            fits[name] = fit
        return UpdateSizesFinding(fits, self.widths, self.seeds)
