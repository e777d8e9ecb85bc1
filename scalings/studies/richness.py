"""The lazy and the rich regime in training: members of the family, r = 0 to 1/2, trained for many steps.

At r = 0 a wide network follows its linearization, the predictor of its initial tangent kernel: on examples that it was
not trained on, its distance from the linearized network (same steps, same learning rate) falls with the width at least
as fast as the kernel's relative change does. At r = 1/2 the distance stays. The verdict compares the fitted exponents
of the distance at both ends with half of the exponent that is derived at r = 0:

    PASS          the 95 % interval lies below it at r = 0, and above it at r = 1/2
    FAIL          one of the intervals lies on the wrong side, or training diverged
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
    """One member of the family: its richness, the derived exponent of the kernel's change, and its training."""

    richness: Fraction
    derived: Exponent
    path: LongRun


@dataclass(frozen=True)
class Courses:
    """All members, from lazy (r = 0) to rich (r = 1/2), and the verdict on the two ends."""

    training: Training
    widths: tuple[int, ...]
    members: tuple[Course, ...]

    @property
    def threshold(self) -> float:
        """Half of the exponent that is derived at r = 0, between the two regimes."""
        return float(self.members[0].derived) / 2

    @property
    def verdict(self) -> Verdict:
        """PASS if the intervals at r = 0 and r = 1/2 are on their sides of the threshold, as the module says."""
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
    """Train the family at r = 0, 1/8, ..., 1/2. Raises ArgumentError for what cannot be trained.

    `widths` are increasing, `seeds` is the number at the largest width, `steps` that of updates. `progress` is called
    with a fraction from 0 to 1 and a word on what is done.
    """
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
