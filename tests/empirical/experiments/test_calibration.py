"""Calibration: criteria alone lead to the derived exponents, from any start; other criteria lead elsewhere."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import get_args

import numpy as np
import pytest

from empirical.data import examples
from empirical.engines.mlp.perceptron import perceptron
from empirical.experiments.calibration import blank, calibrate, hyperparameters, solve
from empirical.experiments.conditions import Experiment
from scalings.criteria.conditions import Closing, Condition, System, all_conditions, tutorial_system
from scalings.criteria.criterion import Criterion, Product
from scalings.hyperparameters.parameterizations import Hyperparameter
from scalings.networks.architectures import mlp
from scalings.results.experiments import Calibration
from scalings.results.fits import Fit
from scalings.results.trials import Training
from scalings.studies.calibration import CalibrationAgreement
from scalings.studies.equivalence import compare_one
from tests.strategies import family

NETWORK = mlp(2)
WIDTHS = (16, 24, 32, 45, 64, 91, 128, 181)
TRAINING = Training(batch=8, steps=1)
DELTA = Fraction(1, 20)
HALF = Fraction(1, 2)


def agreement(found: Calibration, r: Fraction, delta: Fraction = DELTA) -> CalibrationAgreement:
    return CalibrationAgreement(found, family(found.network), r, delta)


@cache
def solved(closing: Closing, r: Fraction) -> Calibration:
    system = tutorial_system(NETWORK, r, closing, 1)
    return calibrate(NETWORK, system, TRAINING, widths=WIDTHS, seeds=4, device="cpu")


@pytest.mark.parametrize("closing", get_args(Closing))
def test_criteria_alone_lead_to_the_derived_exponents(closing: Closing) -> None:
    r = Fraction(1, 4)
    found = solved(closing, r)
    assert not found.unsolved
    assert agreement(found, r).verdict != "FAIL", agreement(found, r).reason
    for one in agreement(found, r).solved.values():
        assert one.fit.exponent == pytest.approx(float(one.derived), abs=0.1)
        assert one.fit.half_width < 0.12
    assert all(abs(fit.exponent) < 0.1 for fit in found.others.values()), "what was not asked for is implied"


@pytest.mark.parametrize("closing", get_args(Closing))
def test_another_member_of_the_family_is_refuted(closing: Closing) -> None:
    wrong = agreement(solved(closing, Fraction(1, 4)), HALF)
    assert wrong.verdict == "FAIL"
    assert "exponents are refuted" in wrong.reason


def test_another_criterion_leads_to_other_exponents() -> None:
    """|d| ~ 1 instead of |dz| ~ 1 at the output: at r = 1/2 that is no member of the family."""
    backward = Criterion("loud", "", "", Product((("d", "before"),)), "~", Product(), "hidden", "updates")
    kept = [one for one in tutorial_system(NETWORK, HALF, "maximality", 1) if one.criterion.name != "nontriviality"]
    system: System = (*kept, Condition(backward, NETWORK.representations[0], 1, 0.3))
    found = calibrate(NETWORK, system, TRAINING, widths=WIDTHS, seeds=2, device="cpu")
    output = found.fits[Hyperparameter("init", "layer2")]
    assert output.exponent == pytest.approx(-0.5, abs=0.1)
    assert not found.unsolved
    assert agreement(found, HALF).verdict == "FAIL"


@pytest.mark.parametrize("closing", get_args(Closing))
def test_the_start_does_not_decide(closing: Closing) -> None:
    """From ones, from other constants, and from small numbers for all."""
    network, width = mlp(3), 64
    data, system = examples.load("digits", 8), tutorial_system(network, Fraction(1, 4), closing, 1)
    experiment = Experiment(perceptron(network, blank(network), TRAINING, width), TRAINING, data, system, range(2))
    starts = (np.zeros(9), np.array([0, 0, 0, 1.0, -1.0, 0.5, -2.0, 1.0, -1.0]), np.array([0] * 3 + [-2.0] * 6))
    found = [solve(experiment, start) for start in starts]
    for logs, is_solved in found:
        assert is_solved.all()
        np.testing.assert_allclose(logs, found[0][0], atol=1e-5)
    residuals = experiment.residuals(found[0][0][:, None])
    assert np.abs(residuals).max() < 1e-8


def test_seeds_are_solved_alike_side_by_side_and_alone() -> None:
    """Workers share out the seeds, so that the number of threads would be seen in the solution otherwise."""
    network, width = mlp(3), 64
    data, system = examples.load("digits", 8), tutorial_system(network, Fraction(1, 4), "useful-update", 1)
    experiment = Experiment(perceptron(network, blank(network), TRAINING, width), TRAINING, data, system, range(6))
    together, _ = solve(experiment, np.zeros(9))
    alone = np.concatenate([solve(experiment.only([seed]), np.zeros(9))[0] for seed in range(6)])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-12)


def test_the_jacobian_of_exact_products_is_their_exponents() -> None:
    """And that of a gauge is zero: d, z and dz do not change."""
    network = mlp(3)
    data, conditions = examples.load("digits", 8), all_conditions(network, 1)
    at = perceptron(network, blank(network), TRAINING, 32)
    experiment = Experiment(at, TRAINING, data, conditions, range(2))
    logs = np.tile([0, 0, 0, 0, -2.0, -3.5, 1.0, -2.5, -3.0], (2, 1))
    _, jacobian = experiment.jacobian(logs, range(9))
    names = [str(condition) for condition in conditions]
    z2, useful = jacobian[:, names.index("signal propagation layer2")], jacobian[:, names.index("useful update layer1")]
    np.testing.assert_allclose(z2, np.tile([1, 1, 0, 1, 1, 0, 0, 0, 0], (2, 1)), atol=1e-9)
    np.testing.assert_allclose(useful, np.tile([2, 2, 2, 0, 2, 2, 1, 0, 0], (2, 1)), atol=1e-9)
    gauge = np.array([0, 1, 0, 0, -1, 0, 0, -2, 0])
    np.testing.assert_allclose(jacobian @ gauge, 0, atol=1e-2)


def test_criteria_that_cannot_be_met_are_said_to_be() -> None:
    """An output that is to change by less than the layers before it change it already."""
    system = list(tutorial_system(NETWORK, HALF, "useful-update", 1))
    system[-1] = Condition(system[-1].criterion, system[-1].layer, 1, 1e6)
    system[-2] = Condition(system[-2].criterion, system[-2].layer, 1, 1e-9)
    found = calibrate(NETWORK, tuple(system), TRAINING, widths=(16, 24, 32), seeds=1, device="cpu")
    assert found.unsolved
    assert agreement(found, HALF).verdict == "INCONCLUSIVE"
    assert "no hyperparameters meet the criteria" in agreement(found, HALF).reason


def test_too_few_conditions_are_refused() -> None:
    with pytest.raises(ValueError, match="system: 4 hyperparameters need 4 conditions, but got 3"):
        calibrate(NETWORK, tutorial_system(NETWORK, HALF, "maximality", 1)[:3], TRAINING, widths=WIDTHS)


def test_hyperparameters_are_named() -> None:
    assert [str(one) for one in hyperparameters(NETWORK)][::2] == ["g of layer1", "sigma of layer1", "eta of layer1"]


def test_an_interrupt_keeps_what_was_solved() -> None:
    def interrupt(_: float, what: str) -> None:
        if what == "width 32":
            raise KeyboardInterrupt

    system = tutorial_system(NETWORK, HALF, "maximality", 1)
    found = calibrate(NETWORK, system, TRAINING, widths=WIDTHS, seeds=1, device="cpu", progress=interrupt)
    assert found.interrupted
    assert list(found.seeds) == [16, 24, 32]
    assert len(found.fits) == 4
    assert agreement(found, HALF).reason == "a verdict needs at least 8 widths, but got 3"


@pytest.mark.slow
def test_three_layers_at_moderate_widths() -> None:
    """Where exponents are known to less than 0.05, with a margin that allows for that."""
    network, moderate, delta = mlp(3), (32, 45, 64, 91, 128, 181, 256, 362), Fraction(1, 4)
    system = tutorial_system(network, HALF, "useful-update", 1)
    right = agreement(calibrate(network, system, widths=moderate, seeds=6, first_seed=1000), HALF, delta)
    assert right.verdict == "PASS", right.reason
    for one in right.solved.values():
        for wrong in (one.derived - HALF, one.derived + HALF):
            assert compare_one(one.of, wrong, one.fit, delta).verdict == "FAIL", "and another exponent is refuted"


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("r", [Fraction(0), Fraction(1, 4), HALF])
@pytest.mark.parametrize("closing", get_args(Closing))
def test_three_layers_are_solved_at_the_defaults(closing: Closing, r: Fraction) -> None:
    """At most one exponent of six is open, and its estimate is within the margin."""
    network = mlp(3)
    found = agreement(calibrate(network, tutorial_system(network, r, closing, 1), first_seed=1000), r)
    assert found.verdict != "FAIL", found.reason
    solved = found.solved.values()
    assert [one.verdict for one in solved].count("PASS") >= 5
    assert all(abs(one.fit.exponent - one.derived) < 0.05 for one in solved if isinstance(one.fit, Fit))
