"""Fitted exponents with confidence intervals, and the verdicts of comparing them with theory."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from scalings.errors import ArgumentError

Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]
LARGEST_MARGIN = Fraction(1, 4)
"""Of an equivalence test: within a larger one theories would agree that are a whole regime apart."""


def wrong_margin(given: str) -> ArgumentError:
    """The error for a margin that is none."""
    return ArgumentError("delta", f"expected a number above 0, at most {LARGEST_MARGIN}, such as 0.05, but got {given}")


@dataclass(frozen=True)
class Fit:
    """A fitted exponent of n with its confidence interval (all dimensionless).

    `exponent`, `low` and `high` are of the fit of the mean over seeds of log(observable) against log n, with
    finite-width corrections of unknown size: a mixture of t distributions, `components` being the (center, error,
    weight) of each, with the same `degrees_of_freedom`; `leading` is how many times larger than others the correction
    n^(-1/2) was taken to be. `plain` is the slope without corrections, `local` the slopes
    between neighbouring widths. `points` are (width, mean log value, its standard error over seeds, smoothed over
    widths).
    """

    exponent: float
    low: float
    high: float
    degrees_of_freedom: int
    plain: float
    leading: float = 1.0
    local: tuple[float, ...] = ()
    points: tuple[tuple[int, float, float], ...] = field(default=(), repr=False)
    components: tuple[tuple[float, float, float], ...] = field(default=(), repr=False)

    def times(self, power: float) -> Fit:
        """The fit of the same observable, times n^power."""
        if not power:
            return self
        return replace(
            self,
            exponent=self.exponent + power,
            low=self.low + power,
            high=self.high + power,
            plain=self.plain + power,
            local=tuple(slope + power for slope in self.local),
            points=tuple((width, mean + power * math.log(width), error) for width, mean, error in self.points),
            components=tuple((center + power, error, weight) for center, error, weight in self.components),
        )

    @property
    def half_width(self) -> float:
        """Half of the interval's length."""
        return (self.high - self.low) / 2

    def shown(self, digits: int = 2) -> str:
        """The exponent with its interval, if it has one: one seed at few widths bounds nothing.

        >>> Fit(0.5, 0.25, 0.75, 5, 0.5).shown(), Fit(0.5, -math.inf, math.inf, 0, 0.5).shown()
        ('0.50 +- 0.25', '0.50 (without an interval, of so few widths)')
        """
        found = f"{self.exponent:.{digits}f}"
        if not math.isfinite(self.half_width):
            return f"{found} (without an interval, of so few widths)"
        return f"{found} +- {self.half_width:.{digits}f}"


@dataclass(frozen=True)
class Diverged:
    """The result instead of a `Fit` if an observable was inf or nan in some run."""

    width: int
    """The smallest width at which it happened."""
    seeds: int
    """The number of runs, over all widths, in which it happened."""
