"""What a check of a model is asked: at which widths, how long and how often to train, and what should come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from scalings.errors import ArgumentError
from scalings.studies.default_widths import QUICK
from scalings.studies.wishes import Wish, WishedRegime, wish_of

if TYPE_CHECKING:
    from empirical.tracing.trace import Build

STEPS, SEEDS, MORE_SEEDS = 3, 3, 12
"""Where nobody says how many seeds, there are a few, and more where these leave an order open."""
_CAP, _ENOUGH = 2, 3
"""Small widths have at most so many times the seeds, unless these are enough."""


@dataclass(frozen=True)
class Asked:
    """How a model is to be trained, and what is asked of it."""

    widths: Sequence[int] | None
    """None for those that training has by default."""
    steps: int
    seeds: int | None
    """None for as many as it takes, within bounds."""
    clip: float | None
    quick: bool
    device: object
    regime: WishedRegime | None
    richness: Fraction | int | str | None

    @classmethod
    def of(cls, build: Build, **options: Any) -> Asked:
        """The same as arguments; a quick check has one seed, two steps and small widths, unless others are given.

        Raises ArgumentError for what is no number, no regime and no richness.
        """
        asked = cls(**options)
        wish_of(asked.regime, asked.richness)
        check_numbers(asked.widths, asked.steps, SEEDS if asked.seeds is None else asked.seeds)
        if not asked.quick:
            return asked
        widths = asked.widths or (None if isinstance(build, Mapping) else QUICK)
        return cls(**{**vars(asked), "widths": widths, "steps": min(asked.steps, 2), "seeds": 1})

    @property
    def wish(self) -> Wish | None:
        """What it should come out as; None for any in which training is stable and moves the output."""
        return wish_of(self.regime, self.richness)

    @property
    def looks(self) -> tuple[int, ...]:
        """Numbers of seeds: those after the first are drawn where the ones before leave something open."""
        return (SEEDS, MORE_SEEDS) if self.seeds is None else (self.seeds,)

    @property
    def cap(self) -> int:
        """How many times the seeds small widths have at most."""
        return _CAP if self.looks[0] < _ENOUGH and not self.quick else 1

    def traced_widths(self, build: Build) -> Sequence[int] | None:
        """The ends and the middle of the widths of training; None where there are too few, or none are given."""
        given = sorted(set(build if isinstance(build, Mapping) and self.widths is None else self.widths or ()))
        return [given[0], given[len(given) // 2], given[-1]] if len(given) > 2 else None


def check_numbers(widths: object, steps: object, seeds: object) -> None:
    """Raises ArgumentError for what are no whole numbers."""
    for name, number in (("steps", steps), ("seeds", seeds)):
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise ArgumentError(name, f"expected a whole number of at least 1, but got {number!r:.60}")
    if widths is not None and not (isinstance(widths, Sequence) and all(isinstance(one, int) for one in widths)):
        raise ArgumentError("widths", f"expected whole numbers, but got {widths!r:.60}")
