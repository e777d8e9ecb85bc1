"""Long training: how far updates, and the readout's initial weights, stay aligned with what they act on.

Theory takes |g dW h| = g |dW|_F |h| fan_in^(-(1 - alpha)/2) with alpha = 1, and for the readout's W(0) and the change
dh of what it reads likewise with omega (`UpdateLaw.alpha`, `UpdateLaw.omega`). Both are measured here, by the slopes
of

    |dW h| / (|dW|_F |h|)  ~  n^(-(1 - alpha)/2),        |W dh| / (|W|_F |dh|)  ~  n^(-(1 - omega)/2),

at checkpoints of hundreds of updates. dW is the sum of all updates so far, and h what the layer read at first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from scalings.criteria.observables import Observable, Quantity
from scalings.criteria.problem import Problem
from scalings.errors import ArgumentError
from scalings.networks.nodes import MATRICES, Weighted
from scalings.results.fits import Diverged, Fit, Verdict
from scalings.results.trials import Training

if TYPE_CHECKING:
    from empirical.sweeps.measurement import Measurement

LONG_STEPS, LONG_DELTA = 300, Fraction(1, 8)
WIDTHS = (32, 48, 64, 96, 128, 192, 256, 384)
"""Multiples of 16, which the heads and groups of the ready-made networks can share."""
SEEDS = 8
_TIMED = 10
"""The updates of the runs that are timed."""
Kind = Literal["alpha", "omega"]
_OF: dict[Kind, Quantity] = {"alpha": "alignment", "omega": "passthrough_alignment"}


@dataclass(frozen=True)
class Share:
    """A measured alignment, 0 of independent vectors and 1 of aligned ones, with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Alignment:
    """One layer's alpha, or omega: what theory assumes, and what was measured after so many updates; None where
    training had diverged."""

    layer: str
    kind: Kind
    assumed: Fraction
    measured: Mapping[int, Share | None]

    def left_at(self, margin: float) -> int | None:
        """The first checkpoint whose interval is outside of what is assumed, by more than the margin."""
        for step, share in self.measured.items():
            if share is None or share.low > self.assumed + margin or share.high < self.assumed - margin:
                return step
        return None

    def is_near(self, margin: float) -> bool:
        """Whether every interval is within the margin."""
        low, high = self.assumed - margin, self.assumed + margin
        return all(share and low <= share.low <= share.high <= high for share in self.measured.values())


@dataclass(frozen=True)
class LongTraining:
    """Every alignment at every checkpoint, with the measurement that they were fitted to."""

    alignments: tuple[Alignment, ...]
    measurement: Measurement
    margin: float

    @property
    def verdict(self) -> Verdict:
        """PASS if all stayed as assumed, FAIL if one did not, and INCONCLUSIVE where intervals are too wide to tell."""
        if any(one.left_at(self.margin) for one in self.alignments):
            return "FAIL"
        return "PASS" if all(one.is_near(self.margin) for one in self.alignments) else "INCONCLUSIVE"

    @property
    def reason(self) -> str:
        steps = self.measurement.training.steps
        left = [(one.left_at(self.margin), one) for one in self.alignments]
        broken = sorted(((step, one.layer, one) for step, one in left if step), key=lambda found: found[:2])
        if not broken:
            told = "stay" if self.verdict == "PASS" else "may stay"
            return f"alignments {told} within {self.margin:g} of what is assumed, for {steps} updates"
        step, layer, one = broken[0]
        share = one.measured[step]
        found = f"{share.value:.2f} in [{share.low:.2f}, {share.high:.2f}]" if share else "none: training diverged"
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        return f"from update {step} on {one.kind} of {layer} is {found}, where {one.assumed} is assumed{more}"


def checkpoints(steps: int) -> tuple[int, ...]:
    """1, 3, 10, 30, ... and the last.

    >>> checkpoints(300), checkpoints(50)
    ((1, 3, 10, 30, 100, 300), (1, 3, 10, 30, 50))
    """
    powers = (first * 10**power for power in range(len(str(steps))) for first in (1, 3))
    return (*(step for step in powers if step < steps), steps)


def training_of(training: Training, steps: int) -> Training:
    """As long, observed at its checkpoints alone."""
    return replace(training, steps=steps, checkpoints=checkpoints(steps), kernel=False)


def timed(training: Training) -> tuple[Training, float]:
    """A shorter one whose time tells that of a long one, and by how much the latter takes longer."""
    few = min(training.steps, _TIMED)
    return training_of(training, few), training.steps / few


def summing(problem: Problem) -> tuple[Weighted, ...]:
    """The matrices whose fan_in grows, which sums over more and more units may be aligned with, or not.

    Raises ArgumentError if there are none.
    """
    layers = (layer for layer in problem.network.layers if isinstance(layer, MATRICES) and not layer.frozen)
    found = tuple(layer for layer in layers if layer.fan_in.order_in(problem.scale))
    if not found:
        raise ArgumentError("long", f"no matrix has a fan_in that grows with the {problem.scale}, to be aligned with")
    return found


def alignments_of(problem: Problem, measurement: Measurement, margin: float) -> LongTraining:
    """The alignments of all matrices whose fan_in grows, as they were measured."""
    found = []
    for layer in summing(problem):
        law, order = problem.laws[layer.weight], layer.fan_in.order_in(problem.scale)
        kinds: dict[Kind, Fraction] = {"alpha": law.alpha}
        if layer.role == "output":
            kinds["omega"] = law.omega
        for kind, assumed in kinds.items():
            fits = {step: _fit(measurement, _OF[kind], layer.name, step) for step in measurement.training.checkpoints}
            seen = {step: _share(fit, order) for step, fit in fits.items() if fit}
            if seen:
                found.append(Alignment(layer.name, kind, assumed, seen))
    return LongTraining(tuple(found), measurement, margin)


def _fit(measurement: Measurement, quantity: Quantity, layer: str, step: int) -> Fit | Diverged | None:
    return measurement.fits.get(Observable(quantity, layer, step))


def _share(fit: Fit | Diverged, order: Fraction) -> Share | None:
    if isinstance(fit, Diverged):
        return None
    value, low, high = (1 + 2 * slope / float(order) for slope in (fit.exponent, fit.low, fit.high))
    return Share(value, low, high)
