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
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp
from scalings.networks.nodes import Activation
from scalings.results.checks import Check
from scalings.results.derivations import Family
from scalings.results.fits import Fit, Verdict
from scalings.results.trials import Training

if TYPE_CHECKING:
    from empirical.experiments.richness import LongRun, LongRuns

RICHNESS = tuple(Fraction(k, 8) for k in range(5))
WIDTHS = tuple(2**k for k in range(8, 15))
BATCH, STEPS, LR = 10, 20, 1.0
_REASONS: dict[Verdict, str] = {
    "PASS": "the lazy end converges to the predictor of its own initial kernel, the rich end does not",
    "FAIL": "the two ends do not do what was derived",
    "INCONCLUSIVE": "the intervals do not tell the two ends apart: larger widths or more seeds would",
}


@dataclass(frozen=True)
class FollowedMember:
    """One member of the family: its richness, what theory says of it, and its long run.

    `derived` is the exponent of the kernel's relative change, which bounds that of the distance from above.
    """

    richness: Fraction
    check: Check
    derived: Exponent
    run: LongRun


@dataclass(frozen=True)
class LazyToRich:
    """The members that were followed, from lazy (r = 0) to rich (r = 1/2), and the verdict on the two ends.

    If `interrupted`, members are missing, and the verdict needs both ends.
    """

    training: Training
    widths: tuple[int, ...]
    members: tuple[FollowedMember, ...]
    interrupted: bool = False

    @property
    def verdict(self) -> Verdict:
        """PASS if the intervals at r = 0 and r = 1/2 are on their sides of the threshold, as the module says."""
        ends = {member.richness: member for member in self.members}
        if not {RICHNESS[0], RICHNESS[-1]} <= ends.keys():
            return "INCONCLUSIVE"
        lazy, rich = ends[RICHNESS[0]].run.fit, ends[RICHNESS[-1]].run.fit
        threshold = float(ends[RICHNESS[0]].derived) / 2
        if not isinstance(lazy, Fit) or not isinstance(rich, Fit) or not lazy.low < threshold < rich.high:
            return "FAIL"
        return "PASS" if lazy.high < threshold < rich.low else "INCONCLUSIVE"

    @property
    def reason(self) -> str:
        """The reason for the verdict, as a sentence."""
        return _REASONS[self.verdict]


@dataclass(frozen=True)
class RichnessPlan:
    """What `follow` carries out; `runs.cost()` says before how long that takes."""

    family: Family
    runs: LongRuns

    def follow(self, progress: Callable[[float, str], None] | None = None) -> LazyToRich:
        """Train all members. `progress` is called with a fraction from 0 to 1 and a word on what was done.

        An interrupt keeps the members that are done at every width; without any it is raised.
        """
        found = self.runs.carry_out(progress)
        members = tuple(self._member(RICHNESS[number], run) for number, run in found.items())
        return LazyToRich(self.runs.training, self.runs.widths, members, interrupted=len(found) < len(RICHNESS))

    def _member(self, r: Fraction, run: LongRun) -> FollowedMember:
        from symbolic.evaluation.check import verdict_on
        from symbolic.evaluation.given_run import train_given
        from symbolic.evaluation.predict import prediction_of

        problem = Problem(self.family.network, self.family.law)
        on_orders = train_given(problem, self.family.member(r))
        derived = prediction_of(on_orders, on_orders.settled)[Observable("ntk_change", "", on_orders.settled)]
        return FollowedMember(r, verdict_on(on_orders), derived, run)


def plan(
    data: str = "digits",
    *,
    activation: Activation = "relu",
    widths: Sequence[int] | None = None,
    seeds: int = 1,
    steps: int = STEPS,
    device: str = "auto",
) -> RichnessPlan:
    """The family at r = 0, 1/8, ..., 1/2, to be followed over `steps` updates. Raises ArgumentError for what cannot be
    trained.

    `widths` are increasing, and `seeds` is the number at the largest width.
    """
    from empirical.data.examples import input_size
    from empirical.experiments.richness import LongRuns
    from empirical.tensors.devices import choose_device
    from symbolic.derivation.derive import derive

    network, law = mlp(3, activation, inputs=input_size(data)), optimizer("sgd")
    family = derive(network, law).family
    assert family is not None, "the tutorial's criteria leave one segment"
    members = tuple(replace(family.member(r), name=f"r = {r}") for r in RICHNESS)
    training = Training(data=data, batch=BATCH, steps=steps, lr=LR)
    chosen = WIDTHS if widths is None else tuple(widths)
    return RichnessPlan(family, LongRuns(network, members, training, chosen, seeds, choose_device(device)))
