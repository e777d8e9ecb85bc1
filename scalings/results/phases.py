"""The result of `phases`: a plane of parameterizations, divided exactly into cells of one verdict each."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from scalings.criteria.criterion import Criterion
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import SIGNAL_PROPAGATION, STABILITY, TUTORIAL
from scalings.displays import Displayed
from scalings.hyperparameters.exponents import Affine
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.results.checks import Change, Check, Regime
from scalings.results.derivations import PARAMETER

Corner = tuple[Fraction, Fraction]
ACROSS = "t"
"""The name of a plane's second coordinate; the first is the richness of the derived family."""


@dataclass(frozen=True)
class Phase:
    """A regime, and what is wrong in it: what explodes first if it is unstable, else what of the tutorial's criteria
    is not met. Nothing (an empty string) for a member of the family."""

    regime: Regime
    reason: str = ""


def phase_of(check: Check) -> Phase:
    """The verdict in short."""
    if not check.stable:
        broken = [one for one in check.findings if one.criterion in STABILITY and not one.satisfied]
        if not broken:
            return Phase("unstable", "orders grow with every update")
        first = min(broken, key=lambda one: (one.step, gravity(one.criterion)))
        return Phase("unstable", explosion(first.criterion, first.step, vanishes=first.found < first.required))
    if not check.nontrivial:
        return Phase("trivial", "the output does not move")
    missed = [one.criterion.name for one in check.findings if one.criterion in TUTORIAL and not one.satisfied]
    return Phase(check.regime, _not_met(list(dict.fromkeys(missed))))


def _not_met(names: list[str]) -> str:
    return f"{', '.join(names)} {'are' if len(names) > 1 else 'is'} not met" if names else ""


def gravity(criterion: Criterion) -> int:
    """Of what explodes at the same step, the output is named before hidden representations, and these before scores."""
    return {"output": 0, "hidden": 1}.get(criterion.where, 2)


def explosion(criterion: Criterion, step: int, *, vanishes: bool) -> str:
    """What happens where a criterion of stability is not met after so many updates, because its left side is smaller
    than it should be (`vanishes`) or larger."""
    what = ("the output explodes", "features explode", "attention scores explode")[gravity(criterion)]
    if step:
        return what
    if criterion == SIGNAL_PROPAGATION:
        what = "signals vanish" if vanishes else "signals explode"
    return f"{what} at initialization"


@dataclass(frozen=True)
class Plane:
    """Parameterizations whose exponents are affine in the richness r and in a second coordinate t.

    At t = 0 lies the derived family, for low <= r <= high. At t = 1 lies what was given (`across` is "given", and
    `point` is (r, 1) with r the richness of its repair). Or t is a common power of n of all learning rates (`across` is
    "rates", and `point` is (r, 0), since what was given is a member).
    """

    layers: tuple[LayerExponents[Affine], ...]
    scales: tuple[Affine, ...]
    low: Fraction
    high: Fraction
    point: Corner
    across: Literal["given", "rates"]
    changes: tuple[Change, ...] = ()
    """What its repair changes."""

    def at(self, r: Fraction, t: Fraction) -> Parameterization:
        """The parameterization at this point."""
        values = {PARAMETER: r, ACROSS: t}
        layers = tuple(layer.each(lambda exponent: exponent.at(**values)) for layer in self.layers)
        return Parameterization(layers, f"r = {r}, t = {t}", scales=tuple(scale.at(**values) for scale in self.scales))


@dataclass(frozen=True)
class PhaseCell:
    """A polygon, a segment or a point, without its border, and the phase everywhere on it."""

    corners: tuple[Corner, ...]
    phase: Phase


@dataclass(frozen=True, repr=False)
class PhaseDiagram(Displayed):
    """A rectangle in a plane, as cells: every point of it lies in one of them, and has its phase."""

    name: str
    """Of what was given."""
    problem: Problem
    plane: Plane
    window: tuple[Corner, Corner]
    """Its lower left and upper right corner."""
    cells: tuple[PhaseCell, ...]

    @property
    def given(self) -> Phase:
        """The phase of what was given."""
        return self.at(*self.plane.point)

    def at(self, r: Fraction | int, t: Fraction | int) -> Phase:
        """The phase of this point. Raises ValueError outside the window."""
        for cell in self.cells:
            if contains(cell.corners, (Fraction(r), Fraction(t))):
                return cell.phase
        raise ValueError(f"expected a point of the window, but got ({r}, {t})")


def contains(corners: tuple[Corner, ...], point: Corner) -> bool:
    """Whether a point lies inside a polygon that is listed counterclockwise, a segment or a point."""
    if len(corners) == 1:
        return corners[0] == point
    turns = [
        (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])
        for start, end in zip(corners, (*corners[1:], corners[0]), strict=True)
    ]
    if len(corners) == 2:
        return turns == [0, 0] and min(corners) < point < max(corners)
    return all(turn > 0 for turn in turns)
