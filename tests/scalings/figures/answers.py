"""Answers to draw: made up where their numbers matter, and else small."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np

from empirical.experiments.calibration import calibrate
from empirical.experiments.freedom import count_freedoms
from empirical.experiments.optimizer_laws import measure_law
from empirical.experiments.richness import LongRun
from empirical.experiments.torch_optimizers import find_factory
from empirical.statistics import regression
from empirical.sweeps.measurement import Measurement
from scalings.criteria.conditions import tutorial_system
from scalings.criteria.observables import Observable
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.presets import preset
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp
from scalings.results.checks import Check
from scalings.results.derivations import Derivation
from scalings.results.experiments import Rate, Side, Transfer
from scalings.results.fits import Fit
from scalings.results.measured_laws import LawMeasurement
from scalings.results.trials import Training
from scalings.studies.calibration import CalibrationAgreement
from scalings.studies.comparisons import Agreement, compare
from scalings.studies.freedom import FreedomAgreement, derived_jacobian
from scalings.studies.richness import RICHNESS, FollowedMember, LazyToRich
from scalings.studies.transfer import TransferAgreement
from scalings.studies.verification import Member, Verification
from symbolic.derivation.derive import derive
from symbolic.evaluation.check import check
from symbolic.evaluation.predict import predict

WIDTHS = tuple(2**k for k in range(6, 14))
SGD = optimizer("sgd")
DELTA = Fraction(1, 20)


@cache
def family(depth: int = 3) -> Derivation:
    return derive(mlp(depth), SGD)


def measurement(
    name: str = "mup",
    depth: int = 3,
    *,
    noise: float = 0.02,
    off: Mapping[Observable, float] | None = None,
    diverged: tuple[int, ...] = (),
) -> tuple[Measurement, Agreement, Check]:
    """A measurement that has the derived orders with noise, but for those that are `off` and for widths that diverged,
    where everything after the last update is infinite."""
    network, training, given = mlp(depth), Training(steps=2, batch=8), preset(name, depth)
    orders = predict(network, given, SGD, training.steps)
    random = np.random.default_rng(0)

    def values(at: Observable, order: Exponent, width: int) -> np.ndarray:
        drawn = np.exp(noise * random.normal(size=4)) * width ** (float(order) + (off or {}).get(at, 0.0))
        return np.full(4, np.inf) if width in diverged and at.step == training.steps else drawn

    seen = {
        at: {width: values(at, order, width) for width in WIDTHS}
        for at, order in orders.items()
        if order != MINUS_INFINITY
    }
    seeds = dict.fromkeys(WIDTHS, 4)
    engines = dict.fromkeys(WIDTHS, "dense")
    found = Measurement(network, given, training, seeds, 0, "cpu", engines, 1.0, seen)  # type: ignore[arg-type]
    judged = check(network, given, SGD)
    return found, compare(network, orders, found.fits, DELTA, stable=judged.stable), judged


def verification(noise: float = 0.02) -> Verification:
    """The lazy, a middle and the rich member, the second of them in another gauge."""
    members = []
    for r, name in ((Fraction(0), "ntp"), (Fraction(1, 2), "mup"), (Fraction(1, 2), "mfp")):
        found, agreement, verdict = measurement(name, noise=noise)
        gauges = ", gauges 3/4, 0, -3/4" if name == "mfp" else ""
        members.append(Member(f"r = {r}{gauges}", r, found.parameterization, verdict, found, agreement))
    return Verification(family(), tuple(members), DELTA)


def transfer(name: str = "mup", *, drift: float = 0.0, edges: bool = False) -> TransferAgreement:
    """A valley whose minimum goes like n^drift; beyond 8 times the best rate training diverges."""
    network, given, training = mlp(3), preset(name, 3), Training(steps=5)
    grid = np.arange(-8.0, 5.0)
    curves, best, stable = {}, {}, {}
    for width in WIDTHS:
        at = drift * np.log2(width / WIDTHS[0]) - 2
        loss = np.where(grid > at + 3, 0.0, -1.5 + 0.12 * (grid - at) ** 2)
        curves[width] = tuple((float(2**factor), min(0.0, float(one))) for factor, one in zip(grid, loss, strict=True))
        spread = np.exp(0.01 * np.array([-1.0, 0.5, 0.5, 1.0]))
        best[width], stable[width] = 2.0**at * spread, 2.0 ** (at + 3) * spread
    rates: tuple[Rate, Rate] = ("best", "largest stable")
    fits = {rate: regression.fit(by_width) for rate, by_width in zip(rates, (best, stable), strict=True)}
    drifts = {} if edges else {rate: fit for rate, fit in fits.items() if isinstance(fit, Fit)}
    edged: dict[Rate, tuple[tuple[int, Side], ...]] = {rate: ((64, "high"),) if edges else () for rate in rates}
    seeds = dict.fromkeys(WIDTHS, 4)
    found = Transfer(
        network,
        given,
        training,
        "width",
        seeds,
        (-8, 4),
        drifts,
        edged,
        "cpu",
        False,
        1.0,
        curves,
    )
    return TransferAgreement(found, check(network, given, SGD), Fraction(0), Fraction(1, 10))


def richness(*, slope: float = -0.7) -> LazyToRich:
    """From lazy, where the distance falls like n^slope, to rich, where it does not; nothing has moved at step 0."""
    members, random = [], np.random.default_rng(0)
    derived = family().family
    assert derived is not None
    for r in RICHNESS:
        position = float(2 * r)
        distances = {n: n ** (slope * (1 - position)) * np.exp(0.02 * random.normal(size=4)) for n in WIDTHS}
        steps = np.arange(6.0)
        moved = tuple((0.01 * 30**position * (1 - np.exp(-steps))).tolist())
        run = LongRun(WIDTHS[-1], tuple(np.exp(-steps * (1 + position)).tolist()), moved, moved, distances)
        members.append(FollowedMember(r, check(mlp(3), derived.member(r), SGD), r - Fraction(1, 2), run))
    return LazyToRich(Training(steps=5, batch=10), WIDTHS, tuple(members))


@cache
def calibration() -> CalibrationAgreement:
    """Of a small network at three widths, which are too few for a verdict."""
    derived = family(2).family
    assert derived is not None
    r, training = Fraction(1, 2), Training(steps=1, batch=8)
    system = tutorial_system(derived.network, r, "useful-update", 1)
    found = calibrate(derived.network, system, training, widths=(16, 24, 32), seeds=2, device="cpu")
    return CalibrationAgreement(found, derived, r, DELTA)


@cache
def freedom() -> FreedomAgreement:
    """Of a small network."""
    derived = family(2).family
    assert derived is not None
    r, training = Fraction(1, 4), Training(steps=1, batch=8)
    system = tutorial_system(derived.network, r, "useful-update", 1)
    found = count_freedoms(derived.network, system, training, widths=(16, 24, 32), seeds=2, device="cpu")
    jacobian = derived_jacobian(derived.member(r), derived.network, derived.law, found.conditions)
    return FreedomAgreement(found, derived, jacobian, DELTA)


@cache
def law(name: str = "sgd", options: str | None = None) -> LawMeasurement:
    return measure_law(find_factory(name, options), name, points=40, steps=1)


def renamed(given: tuple[Measurement, Agreement, Check], name: str) -> tuple[Measurement, Agreement, Check]:
    """The same of another name."""
    found, agreement, verdict = given
    return replace(found, parameterization=replace(found.parameterization, name=name)), agreement, verdict
