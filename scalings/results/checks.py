"""What a check of a parameterization answers: the verdict, and the reasons from which it follows."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from scalings.criteria.criterion import Criterion
from scalings.criteria.tutorial import MOVING_OUTPUT, STABILITY
from scalings.hyperparameters.exponents import Exponent, format_power
from scalings.hyperparameters.parameterizations import Parameterization

Regime = Literal["unstable", "trivial", "lazy", "rich"]


@dataclass(frozen=True)
class Finding:
    """What one criterion found at one layer: the exponents of its two sides, after `step` updates.

    Where the criterion is violated, `step` is the first at which it is.
    """

    criterion: Criterion
    layer: str
    step: int
    found: Exponent
    required: Exponent
    symbol: str = "n"
    """What the exponents are powers of."""

    @property
    def satisfied(self) -> bool:
        return self.found == self.required if self.criterion.sign == "~" else self.found <= self.required

    @property
    def reason(self) -> str:
        """The finding as a sentence."""
        when = "at initialization" if self.step == 0 else f"after {self.step} update{'s' if self.step > 1 else ''}"
        verb = "is" if self.satisfied else "is not"
        found, required = format_power(self.found, self.symbol), format_power(self.required, self.symbol)
        relation = f"{found} {verb} {self.criterion.sign} {required}"
        return f"{self.criterion.name} at {self.layer} {when}: {relation} ({self.criterion.sentence})"


@dataclass(frozen=True)
class Check:
    """The verdict on a parameterization.

    `findings` are those of stability, of a moving output, and of the tutorial's criteria; the properties
    are derived from them. `richness` is the largest order of |dz| over hidden layers and steps, None unless
    the parameterization is stable and the output moves. `growing` says that orders still grow with each
    update, so that some number of updates explodes. `relative_change` is the largest order of |dz_l| / units_l^(1/2)
    over hidden layers, each beside its own number of units: where it is 0, units of some hidden layer move by order 1,
    and features are learned there. `notes` are what else is worth knowing, such as a law that changes.
    """

    findings: tuple[Finding, ...]
    largest_change: Exponent
    growing: bool
    relative_change: Exponent
    notes: tuple[str, ...] = ()

    @property
    def stable(self) -> bool:
        """Whether signals neither explode, at any step, nor vanish at initialization."""
        return not self.growing and self.meets(*STABILITY)

    @property
    def nontrivial(self) -> bool:
        """Whether it is stable and the output moves by order 1."""
        return self.stable and self.meets(MOVING_OUTPUT)

    @property
    def richness(self) -> Exponent | None:
        return self.largest_change if self.nontrivial else None

    @property
    def feature_learning(self) -> bool:
        return self.nontrivial and self.relative_change == 0

    @property
    def regime(self) -> Regime:
        if not self.stable:
            return "unstable"
        if not self.nontrivial:
            return "trivial"
        return "rich" if self.feature_learning else "lazy"

    def reasons(self, *criteria: Criterion) -> tuple[str, ...]:
        """Why it is refused: what violates stability; else a moving output, or these criteria. Empty if nothing."""
        wanted = (MOVING_OUTPUT, *criteria) if self.stable else STABILITY
        violated = tuple(f.reason for f in self.findings if f.criterion in wanted and not f.satisfied)
        return violated or (("orders grow with every further update",) if self.growing else ())

    def meets(self, *criteria: Criterion) -> bool:
        """Whether every layer satisfies these criteria, all of which must have been checked."""
        return all(finding.satisfied for finding in self.findings if finding.criterion in criteria)


@dataclass(frozen=True)
class Repair:
    """The nearest parameterization that meets the tutorial's criteria, which differs in the fewest layers.

    `changes` are (layer, "lr", "init", "decay" or "scale", old exponent, new exponent), in the multipliers of the
    original.
    """

    parameterization: Parameterization
    verdict: Check
    changes: tuple[tuple[str, str, Exponent, Exponent], ...]

    @property
    def richness(self) -> Fraction:
        """That of the repaired parameterization, which meets the criteria and so has one."""
        assert isinstance(self.verdict.richness, Fraction)
        return self.verdict.richness


@dataclass(frozen=True)
class Forbidden:
    """No parameterization of the wished richness meets the criteria: these exclude it."""

    criteria: tuple[str, ...]
    richness: Fraction | None
