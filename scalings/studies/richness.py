"""Richness over time: members of the family trained for many steps, and its two ends told apart by what they do.

At r = 0 a wide network is the predictor of its own initial tangent kernel: on examples that it was not trained on, its
distance from the linearized network (same steps, same learning rate) falls with the width, at least as fast as
the kernel's relative change. At r = 1/2 it stays. The verdict asks on which side of half the derived lazy exponent the
two fitted exponents lie, with their 95 % intervals:

    PASS          all of the interval is below it at r = 0, and above it at r = 1/2
    FAIL          some interval lies wholly on the wrong side, or training diverged
    INCONCLUSIVE  neither
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from scalings.criteria.observables import Observable
from scalings.hyperparameters.exponents import Exponent
from scalings.networks.architectures import mlp
from scalings.networks.nodes import Activation
from scalings.results.fits import Fit, Verdict
from scalings.results.trials import Training

if TYPE_CHECKING:
    from empirical.experiments.richness import LongRun

RICHNESS = tuple(Fraction(k, 8) for k in range(5))
WIDTHS = tuple(2**k for k in range(8, 15))
BATCH, STEPS, LR = 10, 20, 1.0


@dataclass(frozen=True)
class Course:
    """One member: its richness, what was derived for the kernel's change, and what was seen."""

    richness: Fraction
    derived: Exponent
    path: LongRun


@dataclass(frozen=True)
class Courses:
    """All members, from lazy to rich."""

    training: Training
    widths: tuple[int, ...]
    members: tuple[Course, ...]

    @property
    def threshold(self) -> float:
        """Half the exponent that is derived at r = 0."""
        return float(self.members[0].derived) / 2

    @property
    def verdict(self) -> Verdict:
        lazy, rich = self.members[0].path.fit, self.members[-1].path.fit
        if not isinstance(lazy, Fit) or not isinstance(rich, Fit) or not lazy.low < self.threshold < rich.high:
            return "FAIL"
        return "PASS" if lazy.high < self.threshold < rich.low else "INCONCLUSIVE"


def richness(
    data: str = "digits",
    *,
    activation: Activation = "relu",
    widths: Sequence[int] | None = None,
    seeds: int = 1,
    steps: int = STEPS,
    device: str = "auto",
    progress: Callable[[float, str], None] | None = None,
) -> Courses:
    """Train the family at r = 0, 1/8, ..., 1/2. Raises ArgumentError, in one line, for what cannot be trained."""
    from empirical.data.examples import input_size
    from empirical.experiments.richness import follow
    from symbolic.derivation.derive import derive
    from symbolic.evaluation.predict import predict

    network = mlp(3, activation, inputs=input_size(data))
    training = Training(data=data, batch=BATCH, steps=steps, lr=LR)
    family = derive(network).family
    assert family is not None, "the tutorial's criteria leave one segment"
    chosen = WIDTHS if widths is None else tuple(widths)
    members: list[Course] = []
    for number, r in enumerate(RICHNESS):

        def report(fraction: float, what: str, r: Fraction = r, number: int = number) -> None:
            if progress:
                progress((number + fraction) / len(RICHNESS), f"r = {r}: {what}")

        member = family.member(r)
        derived = predict(network, member)[Observable("ntk_change", "", 3)]
        path = follow(network, member, training, widths=chosen, seeds=seeds, device=device, progress=report)
        members.append(Course(r, derived, path))
    return Courses(training, chosen, tuple(members))
