"""Coverage: how often nominal 95 % intervals hold the exponent, in simulated sweeps and in trained networks.

A simulated sweep has the widths and seeds of `measure`, the noise of a real observable (a variance over seeds of
0.04 * 64/n), and finite-width corrections of the kinds that the theory has: powers of 1/n, of n^(-1/2), and none.

Trained sweeps are drawn from a grid: optimizers in turn, with a depth, an activation, a richness and a number of
updates drawn for each. Their exponents are derived; what is counted is every interval that the theory asserts. The
fits of one sweep come from the same runs, so that the interval of a share is a bootstrap over sweeps. Further sweeps
have the default widths, seeds, batch and updates of `measure`: there verdicts are counted, on the right theory and on
theories that are wrong by 0.1, in one asserted exponent or in one hyperparameter. Each sweep is a line of a file as
soon as it is done: a run that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import get_args

import numpy as np
from scipy import stats

from empirical.engines.mlp.engine import DEFAULT_WIDTHS, LONG_WIDTHS, default_seeds
from empirical.statistics import regression
from empirical.sweeps.measure import measure
from empirical.sweeps.measurement import Measurement
from empirical.sweeps.plans import allocate
from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import optimizer as update_law
from scalings.networks.architectures import mlp
from scalings.networks.nodes import Activation
from scalings.results.fits import Fit, Verdict
from scalings.results.trials import Training
from scalings.studies import measuring
from scalings.studies.comparisons import Agreement, compare, judge
from scalings.studies.equivalence import Comparison, compare_one
from symbolic.derivation.derive import derive
from symbolic.evaluation.check import verdict_on
from symbolic.evaluation.given_run import train_given
from symbolic.evaluation.predict import predict, prediction_of

CORRECTIONS: dict[str, Callable[[int], float]] = {
    "1/n": lambda n: 8 / n,
    "log(1 + 20/n) / 2": lambda n: 0.5 * math.log1p(20 / n),
    "0.05 n^(-1/4)": lambda n: 0.05 * n**-0.25,
    "-0.1 n^(-1/2)": lambda n: -0.1 * n**-0.5,
}
_EXPONENT = 0.25
OPTIMIZERS = (
    "sgd",
    "momentum",
    "nesterov",
    "shampoo",
    "sign",
    "lion",
    "adam",
    "normalized-sgd",
    "lars",
    "muon",
    "muon-rms",
)
SWEEPS = 15 * len(OPTIMIZERS)
AT_DEFAULTS = 2 * len(OPTIMIZERS)
"""Sweeps of the numbers from `SWEEPS` on."""
RIGHT, WRONG_EXPONENT, WRONG_HYPERPARAMETER = "right", "one exponent wrong by 0.1", "one hyperparameter wrong by 0.1"
_WRONG = Fraction(1, 10)
STORE = Path("coverage.jsonl")
WIDTHS = tuple(round(32 * 2 ** (k / 2)) for k in range(9))
_SEEDS = 12
_INPUTS = 64


@dataclass(frozen=True)
class Coverage:
    """Of `fits` intervals `share` hold the exponent; `low` and `high` are of its own 95 % interval."""

    what: str
    fits: int
    share: float
    low: float
    high: float
    half_width: float


@dataclass(frozen=True)
class Interval:
    """One asserted interval of a trained sweep, and the derived exponent."""

    observable: str
    layer: str
    step: int
    derived: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        return self.low <= self.derived <= self.high

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class Sweep:
    """A trained network of the grid, by its number, and its asserted intervals."""

    number: int
    optimizer: str
    depth: int
    activation: Activation
    richness: str
    steps: int
    intervals: tuple[Interval, ...] = ()
    verdicts: Mapping[str, tuple[Verdict, ...]] = field(default_factory=dict)
    """Of the right theory, and of wrong ones, by how they are wrong."""

    @property
    def at_defaults(self) -> bool:
        return self.number >= SWEEPS


def drawn(number: int) -> Sweep:
    """The sweep of this number, not yet trained."""
    random = Random(number)
    return Sweep(
        number,
        OPTIMIZERS[number % len(OPTIMIZERS)],
        random.choice((2, 3, 4)),
        random.choice(get_args(Activation)),
        random.choice(("0", "1/4", "1/2")),
        random.choice((1, 2, 3)) if number < SWEEPS else measuring.default_steps(mlp(2)),
    )


def trained(sweep: Sweep) -> Sweep:
    """With its intervals. A step that goes by the larger fan is of the width only beyond the number of inputs."""
    network, law = mlp(sweep.depth, sweep.activation), update_law(sweep.optimizer)
    family = derive(network, law).family
    assert family is not None
    member = family.member(sweep.richness)
    batch = measuring.default_batch(network) if sweep.at_defaults else 8
    measured = measure(
        network,
        member,
        Training.of(law.name, batch=batch, steps=sweep.steps),
        widths=None if sweep.at_defaults else [width for width in WIDTHS if width >= _INPUTS or not law.larger_fan],
        seeds=None if sweep.at_defaults else _SEEDS,
        first_seed=1000 * sweep.number,
    )
    agreement = compare(network, predict(network, member, law, sweep.steps), measured.fits)
    asserted = [one for one in agreement.comparisons if one.role == "asserted"]
    found = [
        Interval(one.of.quantity, one.of.layer, one.of.step, float(one.derived), one.fit.low, one.fit.high)
        for one in asserted
        if isinstance(one.fit, Fit)
    ]
    verdicts = {
        RIGHT: (agreement.verdict,),
        WRONG_EXPONENT: tuple(_with_one_wrong(agreement, one, by) for one in asserted for by in (-_WRONG, _WRONG)),
        WRONG_HYPERPARAMETER: tuple(
            _of(Problem.of(network, law), wrong, measured) for wrong in _beside(member, by=_WRONG)
        ),
    }
    return replace(sweep, intervals=tuple(found), verdicts=verdicts)


def _with_one_wrong(agreement: Agreement, one: Comparison[Observable], by: Fraction) -> Verdict:
    """The verdict on a theory that is wrong in this exponent and right in all others."""
    wrong = compare_one(one.of, one.derived + by, one.fit, agreement.delta)
    others = [wrong if other is one else other for other in agreement.comparisons]
    return judge(others, (), agreement.delta)[0]


def _beside(given: Parameterization, by: Fraction) -> Iterator[Parameterization]:
    """With one init scale or learning rate larger or smaller by a power of n."""
    for number, layer in enumerate(given.layers):
        for moved in (-by, by):
            for one in (replace(layer, init=layer.init + moved), replace(layer, lr=layer.lr + moved)):
                yield replace(given, layers=(*given.layers[:number], one, *given.layers[number + 1 :]))


def _of(problem: Problem, given: Parameterization, measured: Measurement) -> Verdict:
    """The verdict on the theory of this parameterization, of what another one measured."""
    run = train_given(problem, given)
    orders = prediction_of(run, measured.training.steps)
    return compare(problem.network, orders, measured.fits, stable=verdict_on(run).stable).verdict


def resumed(sweeps: int = SWEEPS + AT_DEFAULTS, store: Path | None = STORE) -> Iterator[Sweep]:
    """All of so many sweeps: those of the file, and what is missing there, trained now."""
    known = dict(_read(store)) if store and store.exists() else {}
    for number in range(sweeps):
        if number not in known:
            known[number] = trained(drawn(number))
            if store:
                with store.open("a") as file:
                    file.write(json.dumps(asdict(known[number])) + "\n")
        yield known[number]


def _read(store: Path) -> Iterator[tuple[int, Sweep]]:
    for line in store.read_text().splitlines():
        fields = json.loads(line)
        intervals = tuple(Interval(**one) for one in fields.pop("intervals"))
        verdicts = {what: tuple(each) for what, each in fields.pop("verdicts").items()}
        sweep = Sweep(**fields, intervals=intervals, verdicts=verdicts)
        # Sweeps of another grid are not these.
        if Sweep(**fields) == drawn(sweep.number):
            yield sweep.number, sweep


def counted(sweeps: Sequence[Sweep]) -> Iterator[tuple[str, Counter[Verdict]]]:
    """How often each verdict is given at default settings, on right theories and on wrong ones."""
    for what in (RIGHT, WRONG_EXPONENT, WRONG_HYPERPARAMETER):
        yield what, Counter(verdict for one in sweeps if one.at_defaults for verdict in one.verdicts[what])


def by_group(sweeps: Sequence[Sweep]) -> Iterator[Coverage]:
    """The coverage of each optimizer, of each observable, and of all, at the moderate widths of the grid."""
    sweeps = [sweep for sweep in sweeps if not sweep.at_defaults]
    for name in OPTIMIZERS:
        yield _covered(name, [sweep.intervals for sweep in sweeps if sweep.optimizer == name])
    for name in dict.fromkeys(one.observable for sweep in sweeps for one in sweep.intervals):
        yield _covered(name, [[one for one in sweep.intervals if one.observable == name] for sweep in sweeps])
    yield _covered("all trained", [sweep.intervals for sweep in sweeps])


def _covered(what: str, groups: Iterable[Sequence[Interval]]) -> Coverage:
    """The share of intervals that hold the exponent; its interval is a bootstrap over groups, which are independent."""
    groups = [group for group in groups if group]
    held = np.array([sum(one.holds for one in group) for group in groups])
    sizes = np.array([len(group) for group in groups])
    if not groups:
        return Coverage(what, 0, math.nan, math.nan, math.nan, math.nan)
    picked = np.random.default_rng(0).integers(len(groups), size=(2000, len(groups)))
    shares = held[picked].sum(axis=1) / sizes[picked].sum(axis=1)
    low, high = np.quantile(shares, [0.025, 0.975])
    median = float(np.median([one.half_width for group in groups for one in group]))
    return Coverage(what, int(sizes.sum()), float(held.sum() / sizes.sum()), float(low), float(high), median)


def simulated(fits: int = 1000) -> Iterator[Coverage]:
    """So many fits for each correction and each of the two default plans."""
    rng = np.random.default_rng(0)
    for widths in (DEFAULT_WIDTHS, LONG_WIDTHS):
        seeds = allocate(widths, default_seeds(widths))
        for name, correction in CORRECTIONS.items():
            found = [_simulate(rng, correction, seeds) for _ in range(fits)]
            covered = sum(fit.low <= _EXPONENT <= fit.high for fit in found)
            interval = stats.binomtest(covered, fits).proportion_ci(0.95)
            half_width = float(np.median([fit.half_width for fit in found]))
            what = f"{name}, {widths[0]} to {widths[-1]}"
            yield Coverage(what, fits, covered / fits, float(interval.low), float(interval.high), half_width)


def _simulate(rng: np.random.Generator, correction: Callable[[int], float], seeds: Mapping[int, int]) -> Fit:
    values = {
        n: np.exp(_EXPONENT * math.log(n) + correction(n) + 0.2 * math.sqrt(64 / n) * rng.standard_normal(count))
        for n, count in seeds.items()
    }
    found = regression.fit(values)
    assert isinstance(found, Fit)
    return found
