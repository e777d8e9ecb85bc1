"""What the reproduction of the tutorial's experiments measures, as plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of the interval's length."""
        return (self.high - self.low) / 2

    def __str__(self) -> str:
        return f"{self.value:+.2f} +- {self.half_width:.2f}"


@dataclass(frozen=True)
class RateCurves:
    """The test error against the learning rate, at several widths, and what follows of the best rate.

    `curves` are by width (learning rate, mean error over seeds), and `best` by width log2 of the best rate with its
    standard error.
    """

    name: str
    curves: dict[int, tuple[tuple[float, float], ...]]
    best: dict[int, tuple[float, float]]
    drift: Estimate
    """d log(best rate) / d log n over these widths."""
    regret: Estimate
    """log of the error at the largest width with the best rate of the smallest, over the error with its own."""
    edges: tuple[int, ...]
    """Widths whose best rate lies at an end of the rates that were tried: of them nothing is known."""
