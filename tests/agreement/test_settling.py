"""Orders that settle late do settle: three updates do not tell, and training rests where the theory says that it does.

Hidden widths 8, n and n^2: every layer may come to send back more than its initial weights did, so that an order still
rises at the third update, which used to be called unstable. What is fitted is the ratio of |dW| after one update to
that after the update before, seed by seed: 0 where orders rest. A rise by less than n^1 is a slow sum, and not asserted
(`scalings.studies.roles`). Of a parameterization that grows for ever the ratios do not come to rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest

from empirical.statistics import regression
from empirical.sweeps.measure import measure
from empirical.sweeps.measurement import Measurement
from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp
from scalings.networks.dimensions import Dimension, fixed
from scalings.results.fits import Diverged, Fit
from scalings.results.trials import Training
from symbolic.evaluation.check import verdict_on
from symbolic.evaluation.given_run import GivenRun, train_given

NETWORK = mlp(4, hidden=[fixed(8), Dimension(1, Fraction(1)), Dimension(1, Fraction(2))])
WIDTHS = (8, 12, 16, 24, 32, 48)
STEPS = 6
MARGIN = 0.25
"""What rises rises by n^(1/4) or more in these runs; half-widths were at most 0.15."""
LATE = {
    "sgd": ([Fraction(-3, 2), Fraction(3, 2), Fraction(1, 2), Fraction(-2)], Fraction(-5), 0.5),
    "shampoo:1/8,1/8": ([Fraction(-7, 2), Fraction(1), Fraction(-1), Fraction(-3, 2)], Fraction(-4), 0.1),
}
"""Learning rates, the readout's init scale, and the constant of learning rates."""


def given(rates: Sequence[Fraction], readout: Fraction) -> Parameterization:
    return Parameterization.of(multiplier=[0] * 4, init=[0, 0, Fraction(-1, 2), readout], lr=rates)


def trained(law: str, parameterization: Parameterization, rate: float) -> Measurement:
    training = Training(optimizer=law, batch=8, steps=STEPS, lr=rate, kernel=False)
    return measure(NETWORK, parameterization, training, widths=WIDTHS, seeds=6, device="cpu")


def rise(found: Measurement, layer: str, step: int) -> Fit | Diverged:
    """The slope of |dW| after this update over that after the one before."""
    key = Observable("dW_frobenius", layer, step)
    before, after = (found.values[Observable("dW_frobenius", layer, one)] for one in (step - 1, step))
    return regression.fit_all({key: {width: after[width] / before[width] for width in before}})[key]


def derived(run: GivenRun, layer: str, step: int) -> float:
    before, after = (run.orders[Observable("dW_frobenius", layer, one)] for one in (step - 1, step))
    return float(after - before)


@pytest.mark.slow
@pytest.mark.parametrize("law", LATE)
def test_late_orders_settle(law: str) -> None:
    rates, readout, rate = LATE[law]
    parameterization = given(rates, readout)
    run = train_given(Problem(NETWORK, optimizer(law)), parameterization, STEPS)
    assert (run.settled, verdict_on(run).stable) == (4, True)
    assert derived(run, "layer1", 3) > 0, "at the third update an order still rises"
    found = trained(law, parameterization, rate)
    for layer in NETWORK.layers:
        for step in range(2, STEPS + 1):
            fit, expected = rise(found, layer.name, step), derived(run, layer.name, step)
            assert isinstance(fit, Fit)
            if expected >= 1:
                assert fit.low > MARGIN, (layer.name, step, fit)
            if step >= run.settled:
                assert -MARGIN <= fit.low <= fit.high <= MARGIN, (layer.name, step, fit)


@pytest.mark.slow
def test_what_grows_does_not_rest() -> None:
    rates, readout, rate = LATE["sgd"]
    faster = given([*rates[:3], rates[3] + 1], readout)
    run = train_given(Problem(NETWORK, optimizer("sgd")), faster, STEPS)
    assert not verdict_on(run).stable
    found = trained("sgd", faster, rate)
    late = [rise(found, layer.name, step) for layer in NETWORK.layers for step in range(4, STEPS + 1)]
    assert any(isinstance(fit, Diverged) or fit.low > MARGIN for fit in late)


def cycle(gain: int | Fraction) -> Parameterization:
    """A zero matrix before a very small one: each grows with what the other has become, by n^gain a round for p = 1
    (tests/symbolic/propagation/test_settling.py)."""
    rates = [Fraction(-20), Fraction(0), Fraction(gain) - 1, Fraction(-20)]
    return Parameterization.of(multiplier=[0] * 4, init=[0, MINUS_INFINITY, -8, Fraction(-1, 2)], lr=rates)


def followed(law: str, given: Parameterization, steps: int) -> tuple[GivenRun, dict[int, Fit]]:
    """The orders and the measured slopes of |dW| of the zero matrix."""
    network = mlp(4, "tanh")
    run = train_given(Problem(network, optimizer(law)), given, steps)
    training = Training(optimizer=law, batch=8, steps=steps, lr=0.3, kernel=False)
    found = measure(network, given, training, widths=(16, 24, 32, 48, 64, 96, 128), seeds=4, device="cpu")
    fits = {step: found.fits[Observable("dW_frobenius", "layer2", step)] for step in range(1, steps + 1)}
    return run, {step: fit for step, fit in fits.items() if isinstance(fit, Fit)}


@pytest.mark.slow
def test_a_cycle_under_powers_below_one_tends_to_a_bound() -> None:
    """Orders -7/2, -7/8, -7/32, ..., two updates each: they rise for ever, never to 0; training is below them."""
    run, fits = followed("shampoo:1/8,1/8", cycle(Fraction(1, 4)), 12)
    assert verdict_on(run).stable
    orders = {step: float(run.orders[Observable("dW_frobenius", "layer2", step)]) for step in fits}
    assert [orders[step] for step in (1, 3, 5)] == [-7 / 2, -7 / 8, -7 / 32]
    assert len(fits) == 12
    for step, fit in fits.items():
        if step <= 4:  # what rose rose by n^(21/8)
            assert abs(fit.low - orders[step]) < 0.1 > abs(fit.high - orders[step]), (step, fit)
        assert fit.high < orders[step] + 0.1
    assert all(fits[step].exponent < fits[step + 2].exponent for step in range(1, 11))
    assert -0.25 < fits[12].low < fits[12].high < 0


@pytest.mark.slow
def test_the_same_cycle_under_sgd_does_not() -> None:
    run, fits = followed("sgd", cycle(2), 6)
    assert run.growing
    assert all(fits[step + 2].low > fits[step].high + 0.25 for step in (1, 2, 3, 4))
