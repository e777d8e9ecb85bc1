"""Claims: what an experiment of the tutorial shows, as a statistic with an interval, its null and a control.

HELD       the interval excludes the null, and the control comes out as it must
NOT HELD   the interval excludes the claim
OPEN       neither, or the control fails
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from scalings.results.fits import Verdict
from scalings.studies.equivalence import Judged

if TYPE_CHECKING:
    from empirical.sweeps.costs import Cost

Progress = Callable[[float, str], None]
Answer = Literal["HELD", "NOT HELD", "OPEN"]
ANSWERS: dict[Verdict, Answer] = {"PASS": "HELD", "FAIL": "NOT HELD", "INCONCLUSIVE": "OPEN"}


class Finding(Judged):
    """What came out of an experiment, in words and in numbers; `verdict` and `reason` say whether the claim holds."""

    name: ClassVar[str]
    claim: ClassVar[str]
    null: ClassVar[str]
    """What the statistic would be if the claim were false."""

    @property
    @abstractmethod
    def statistic(self) -> str:
        """What is measured, in words."""

    @property
    def answer(self) -> Answer:
        return ANSWERS[self.verdict]

    @property
    @abstractmethod
    def found(self) -> str:
        """The statistic, with its interval."""

    @property
    @abstractmethod
    def control(self) -> str:
        """What the same statistic says where the claim is known to be false."""

    @property
    @abstractmethod
    def numbers(self) -> dict[str, Any]:
        """All that was measured, as JSON types."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What all experiments of a reproduction have in common."""

    data: str = "digits"
    device: str = "cpu"
    first_seed: int = 0

    def seeds(self, number: int, group: int = 0) -> tuple[int, ...]:
        """So many seeds, which no other group has."""
        first = self.first_seed + group * _GROUP
        return tuple(range(first, first + number))


_GROUP = 10_000


class Experiment(Protocol):
    """One experiment, ready to be trained."""

    @property
    def name(self) -> str: ...

    def cost(self) -> Cost:
        """What it will take."""
        ...

    def carry_out(self, progress: Progress | None = None) -> Finding:
        """Train. Raises KeyboardInterrupt soon after an interrupt."""
        ...
