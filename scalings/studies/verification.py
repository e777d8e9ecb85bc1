"""Verification: derive the family, train members of it on real data, and compare all exponents.

Members are r = 0, 1/4 and 1/2 of the derived family, and two drawn at random in (0, 3/8] with a random gauge for each
layer. `wide` takes the first three to hidden widths of a million, where no matrix is ever formed.

The output that is trained is centered, f - f_0: in the lazy regime the initial output is a random function of order 1
at any width, and its noise would be in every change (docs/explanation/measuring.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random
from typing import TYPE_CHECKING, Any

from scalings.criteria.problem import Problem
from scalings.displays import Displayed
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.networks.architectures import mlp
from scalings.networks.network import Network
from scalings.results.checks import Check
from scalings.results.derivations import Derivation, Family
from scalings.results.fits import Verdict
from scalings.results.trials import Training
from scalings.studies.comparisons import DELTA, Agreement, compare, judge

if TYPE_CHECKING:
    from empirical.sweeps.costs import Cost
    from empirical.sweeps.measurement import Measurement

RICHNESS = (Fraction(0), Fraction(1, 4), Fraction(1, 2))
MEMBERS = len(RICHNESS) + 2
WIDTHS, _SEEDS = tuple(2**k for k in range(6, 15)), 2
"""Octaves, in which the widest networks are matrix-free: as long as half octaves to 2048, and twice as precise."""
WIDE_WIDTHS = tuple(2**k for k in range(13, 21))
_WIDE_SEEDS, _WIDE_CAP, _WIDE_BATCH = 1, 2, 8
# In sixteenths, without 1/4, which is measured anyway, and 7/16, whose interaction is nearest to the other terms.
_RANDOM_RICHNESS = [Fraction(k, 16) for k in (1, 2, 3, 5, 6)]
_RANDOM_GAUGES = [Fraction(k, 4) for k in range(-3, 4)]


@dataclass(frozen=True)
class Member:
    """One member of the family: its parameterization, what theory says of it, its measurement, and their agreement."""

    name: str
    richness: Fraction
    parameterization: Parameterization
    check: Check
    measurement: Measurement
    agreement: Agreement


@dataclass(frozen=True, repr=False)
class Verification(Displayed):
    """The derivation, the members that were trained, and the verdict on all their exponents together.

    If `interrupted`, members that were to follow are missing, and the verdict is not PASS.
    """

    derivation: Derivation
    members: tuple[Member, ...]
    delta: Fraction
    interrupted: bool = False

    @property
    def verdict(self) -> Verdict:
        """The verdict on all exponents of all members together."""
        agreements = [member.agreement for member in self.members]
        comparisons = [one for agreement in agreements for one in agreement.comparisons]
        unmeasured = [one for agreement in agreements for one in agreement.unmeasured]
        verdict = judge(comparisons, unmeasured, self.delta)[0]
        return "INCONCLUSIVE" if self.interrupted and verdict == "PASS" else verdict


def verify(
    data: str = "digits",
    *,
    widths: Sequence[int] | None = None,
    seeds: int | None = None,
    device: str = "auto",
    delta: Fraction = DELTA,
    draw: int = 0,
    wide: bool = False,
    progress: Callable[[float, str], None] | None = None,
) -> Verification:
    """Derive the family, measure members of it, and compare. `draw` seeds the choice of the two random members.

    `delta` is the margin of the equivalence tests. Raises
    ArgumentError for what cannot be measured. An interrupt ends it with the members measured by then, the last of them
    at the widths that are complete.
    """
    from empirical.sweeps.measure import measure
    from empirical.sweeps.measurement import Interrupted
    from symbolic.derivation.derive import derive
    from symbolic.evaluation.check import verdict_on
    from symbolic.evaluation.given_run import train_given
    from symbolic.evaluation.predict import prediction_of

    plan = _plan(data, wide, widths, seeds)
    network, training = plan.network, plan.training
    law = training.law
    derivation = derive(network, law)
    assert derivation.family is not None, "the tutorial's criteria leave one segment"
    chosen = list(_members(derivation.family, Random(draw)))[: plan.members]
    members: list[Member] = []
    interrupted = False
    for number, (name, richness, parameterization) in enumerate(chosen):

        def report(fraction: float, what: str, name: str = name, number: int = number) -> None:
            if progress:
                progress((number + fraction) / len(chosen), f"{name}: {what}")

        try:
            measurement = measure(
                network,
                parameterization,
                training,
                **plan.sweep,
                first_seed=number * 10_000,
                device=device,
                progress=report,
            )
        except Interrupted as early:
            measurement, interrupted = early.measurement, True
        except KeyboardInterrupt:
            if not members:
                raise
            interrupted = True
            break
        on_orders = train_given(Problem(network, law), parameterization, training.steps)
        agreement = compare(network, prediction_of(on_orders, training.steps), measurement.fits, delta)
        members.append(Member(name, richness, parameterization, verdict_on(on_orders), measurement, agreement))
        if interrupted:
            break
    return Verification(derivation, tuple(members), delta, interrupted)


def estimate(
    data: str = "digits",
    *,
    widths: Sequence[int] | None = None,
    seeds: int | None = None,
    device: str = "auto",
    wide: bool = False,
) -> Cost:
    """The time and memory that `verify` will need for all members. Raises ArgumentError as `verify` does."""
    from empirical.sweeps.measure import plan

    asked = _plan(data, wide, widths, seeds)
    one = plan(asked.network, preset("ntp", 3), asked.training, **asked.sweep, device=device).cost()
    return replace(one, seconds=asked.members * one.seconds)


@dataclass(frozen=True)
class _Plan:
    """The network, how it is trained, the number of members, and the arguments of their sweeps."""

    network: Network
    training: Training
    members: int
    sweep: dict[str, Any]


def _plan(data: str, wide: bool, widths: Sequence[int] | None, seeds: int | None) -> _Plan:
    from empirical.data.examples import input_size

    network = mlp(3, inputs=input_size(data))
    # The kernel's order is an upper bound, which decides nothing here; measuring it would take a third of the time.
    if wide:
        training = Training(data=data, batch=_WIDE_BATCH, kernel=False)
        sweep = {"widths": widths or WIDE_WIDTHS, "seeds": _WIDE_SEEDS if seeds is None else seeds, "cap": _WIDE_CAP}
        return _Plan(network, training, len(RICHNESS), {**sweep, "engine": "matrix-free"})
    sweep = {"widths": widths or WIDTHS, "seeds": _SEEDS if seeds is None else seeds}
    return _Plan(network, Training(data=data, kernel=False), MEMBERS, sweep)


def _members(family: Family, random: Random) -> Iterator[tuple[str, Fraction, Parameterization]]:
    for r in RICHNESS:
        yield f"r = {r}", r, family.member(r)
    for _ in range(MEMBERS - len(RICHNESS)):
        r = random.choice(_RANDOM_RICHNESS)
        gauges = [random.choice(_RANDOM_GAUGES) for _ in family.layers]
        shifts = ", ".join(map(str, gauges))
        yield f"r = {r}, gauges {shifts}", r, family.member(r).shifted(gauges, family.laws)
