"""Results of `check` and `repair`: a verdict on a parameterization with its findings, and the nearest valid one."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from scalings.criteria.criterion import Criterion
from scalings.criteria.tutorial import MOVING_OUTPUT, STABILITY
from scalings.displays import Displayed
from scalings.hyperparameters.exponents import Exponent, format_power
from scalings.hyperparameters.parameterizations import Parameterization

Regime = Literal["unstable", "trivial", "lazy", "rich"]
Changed = Literal["lr", "init", "decay", "scale"]
Change = tuple[str, Changed, Exponent, Exponent]
"""What a repair changes: (layer, "lr", "init", "decay" or "scale", old exponent, new exponent)."""


@dataclass(frozen=True)
class Finding:
    """The exponents of a criterion's two sides at one layer after `step` updates: `found` left, `required` right.

    If the criterion is violated, `step` is the first step at which it is.
    """

    criterion: Criterion
    layer: str
    step: int
    found: Exponent
    required: Exponent
    symbol: str = "n"
    """The letter of the scale variable that the exponents are powers of."""

    @property
    def satisfied(self) -> bool:
        """Whether `found` and `required` are in the criterion's relation, = for ~ and <= for <=."""
        return self.found == self.required if self.criterion.sign == "~" else self.found <= self.required

    @property
    def reason(self) -> str:
        """The finding as a sentence."""
        when = "at initialization" if self.step == 0 else f"after {self.step} update{'s' if self.step > 1 else ''}"
        verb = "is" if self.satisfied else "is not"
        found, required = format_power(self.found, self.symbol), format_power(self.required, self.symbol)
        relation = f"{found} {verb} {self.criterion.sign} {required}"
        return f"{self.criterion.name} at {self.layer} {when}: {relation} ({self.criterion.sentence})"


@dataclass(frozen=True, repr=False)
class Check(Displayed):
    """The verdict on a parameterization, as properties of its findings.

    - `findings`: of the criteria of stability, of a moving output, of the tutorial, and of others that were asked for.
    - `largest_change`: the largest order of |dz_l| over hidden layers and steps.
    - `growing`: orders still grow with each update, so that training explodes after some number of updates.
    - `relative_change`: the largest order of |dz_l| / units_l^(1/2) over hidden layers. Where it is 0, the units of
      some hidden layer change by order 1: features are learned.
    - `notes`: remarks, such as that an optimizer follows another law for some layers.
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
        """The largest order of |dz| over hidden layers and steps; None unless `nontrivial`."""
        return self.largest_change if self.nontrivial else None

    @property
    def feature_learning(self) -> bool:
        """Whether it is nontrivial and units of some hidden layer change by order 1."""
        return self.nontrivial and self.relative_change == 0

    @property
    def regime(self) -> Regime:
        """Unstable; trivial (the output does not move); rich (features are learned); or lazy."""
        if not self.stable:
            return "unstable"
        if not self.nontrivial:
            return "trivial"
        return "rich" if self.feature_learning else "lazy"

    def reasons(self, *criteria: Criterion) -> tuple[str, ...]:
        """The findings that violate stability; if there are none, a moving output and these criteria. As sentences."""
        wanted = (MOVING_OUTPUT, *criteria) if self.stable else STABILITY
        violated = tuple(f.reason for f in self.findings if f.criterion in wanted and not f.satisfied)
        return violated or (("orders grow with every further update",) if self.growing else ())

    def meets(self, *criteria: Criterion) -> bool:
        """Whether every layer satisfies these criteria, all of which must have been checked."""
        return all(finding.satisfied for finding in self.findings if finding.criterion in criteria)


@dataclass(frozen=True, repr=False)
class Repair(Displayed):
    """The nearest parameterization that meets the tutorial's criteria, which differs in the fewest layers.

    `changes` are in the multipliers of the original.
    """

    parameterization: Parameterization
    verdict: Check
    changes: tuple[Change, ...]

    @property
    def richness(self) -> Fraction:
        """That of the repaired parameterization, which meets the criteria and so has one."""
        assert isinstance(self.verdict.richness, Fraction)
        return self.verdict.richness


@dataclass(frozen=True, repr=False)
class Forbidden(Displayed):
    """No parameterization of the wished richness meets the criteria: these exclude it."""

    criteria: tuple[str, ...]
    richness: Fraction | None
