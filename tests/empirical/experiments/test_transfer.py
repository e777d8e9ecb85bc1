"""Learning-rate transfer: what transfers and what drifts, and that an optimum on the grid's edge gives no verdict."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from functools import cache, partial

import numpy as np
import pytest
import torch

from empirical.data import examples
from empirical.engines.mlp.chain import chain
from empirical.engines.mlp.ensembles import Factors, states
from empirical.engines.mlp.training import train
from empirical.engines.mlp.view import view
from empirical.engines.observations import observe
from empirical.experiments.transfer import train_losses, transfer
from scalings.criteria.observables import Observable
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp
from scalings.results.experiments import Transfer
from scalings.results.trials import Training
from scalings.studies.transfer import TransferAgreement, derived_drift

DELTA = Fraction(1, 10)
WIDTHS = (16, 23, 32, 45, 64, 91, 128, 181)
SMALL = Training(batch=8, steps=2)
MODERATE = (32, 45, 64, 91, 128, 181, 256, 362)
measure = partial(transfer, mlp(3), training=SMALL, widths=WIDTHS, device="cpu")


@cache
def measured(name: str) -> Transfer:
    return measure(parameterization=preset(name, 3), seeds=1)


def agreement(found: Transfer, delta: Fraction = DELTA) -> TransferAgreement:
    return TransferAgreement(found, derived_drift(found.network, found.parameterization, optimizer("sgd")), delta)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "muon", "sign", "adam"])
def test_members_of_an_ensemble_are_the_networks_trained_alone(optimizer: str) -> None:
    """With g, sigma and eta in the exponents of a network of its own, or as factors of a member."""
    training, data = Training.of(optimizer, batch=8, steps=3), examples.load("digits", 8)
    base, width = preset("ntp", 3), 24
    factors = torch.tensor([[[1.0, 1.0, 1.0], [width**0.25, 1.0, width**-0.5]]], dtype=torch.float64)
    settings = Factors(factors, factors**2, factors**3)
    shifts = (Fraction(1, 4), Fraction(0), Fraction(-1, 2))
    pairs = list(zip(base.layers, shifts, strict=True))
    other = Parameterization.of(
        multiplier=[one.multiplier + t for one, t in pairs],
        init=[one.init + 2 * t for one, t in pairs],
        lr=[one.lr + 3 * t for one, t in pairs],
    )
    alone = [train(chain(mlp(3), one, training, width), training, data, [5], "cpu") for one in (base, other)]
    for state in states(chain(mlp(3), base, training, width), training, data, [5], settings, "cpu"):
        for observable, values in observe(view(state, "coordinates")).items():
            expected = [values_alone[observable][0] for values_alone in alone]
            np.testing.assert_allclose(values, expected, rtol=1e-6, err_msg=str(observable))


def test_steps_that_depend_on_the_weight_are_refused() -> None:
    with pytest.raises(ValueError, match="optimizer: expected one whose steps do not depend on the size of a weight"):
        transfer(mlp(3), preset("mup", 3), Training.of("lars"), widths=WIDTHS)


def test_seeds_and_factors_are_one_batch() -> None:
    at, data = chain(mlp(3), preset("mup", 3), SMALL, 24), examples.load("digits", 8)
    together = train_losses(at, SMALL, data, [3, 4], np.array([[0.5, 1.0], [2.0, 4.0]]), "cpu")
    alone = train_losses(at, SMALL, data, [4], np.array([[2.0]]), "cpu")
    assert together.shape == (3, 2, 2)
    np.testing.assert_allclose(together[:, 1, 0], alone[:, 0, 0], rtol=1e-10)
    plain = train(at, SMALL, data, [4], "cpu")
    ones = train_losses(at, SMALL, data, [4], np.array([[1.0]]), "cpu")
    np.testing.assert_allclose(ones[-1, 0, 0], plain[Observable("loss", "", 2)], rtol=1e-10)


def test_the_standard_parameterization_drifts_as_derived() -> None:
    found = measured("standard")
    right = agreement(found)
    assert (right.verdict, right.derived) == ("FAIL", -1)
    assert "it does not transfer: the " in right.reason
    assert all(one.verdict != "FAIL" for one in right.as_derived.values())
    assert all(fit.high < -0.5 for fit in found.drifts.values())
    wrong = replace(right, derived=Fraction(-1, 2))
    assert any(one.verdict == "FAIL" for one in wrong.as_derived.values())


def test_mup_does_not_drift() -> None:
    found = measured("mup")
    assert agreement(found).verdict != "FAIL"
    assert agreement(found, Fraction(1)).verdict == "PASS"
    assert all(abs(fit.exponent) < 0.2 for fit in found.drifts.values())
    fewer = replace(found, seeds=dict(list(found.seeds.items())[1:]))
    assert agreement(fewer).reason == "a verdict needs at least 8 widths, but got 7"


@pytest.mark.parametrize(("low", "high", "side"), [(-9, -4, "high"), (4, 9, "low")])
def test_an_optimum_on_the_edge_gives_no_verdict(low: float, high: float, side: str) -> None:
    found = measure(parameterization=preset("mup", 3), seeds=2, widths=(16, 24, 32), low=low, high=high)
    assert agreement(found).verdict == "INCONCLUSIVE"
    assert f"lies on the {side} edge of the grid at width 16" in agreement(found).reason
    assert not found.drifts


def test_an_interrupt_keeps_what_was_measured() -> None:
    def interrupt(_: float, what: str) -> None:
        if what == "width 32":
            raise KeyboardInterrupt

    found = measure(parameterization=preset("mup", 3), seeds=1, progress=interrupt)
    assert found.interrupted
    assert list(found.seeds) == [16, 23, 32]
    assert all(len(fit.points) == 3 for fit in found.drifts.values())
    assert agreement(found).verdict == "INCONCLUSIVE"


def test_an_interrupt_before_a_fit_is_one() -> None:
    def interrupt(_: float, what: str) -> None:
        if what == "width 23":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(parameterization=preset("mup", 3), seeds=1, progress=interrupt)


def test_widths_beyond_memory_are_refused() -> None:
    with pytest.raises(ValueError, match=r"widths: width 10000000 needs .* GiB free: expected widths up to"):
        measure(parameterization=preset("mup", 3), widths=(16, 24, 10_000_000))


def test_a_grid_of_nothing_is_refused() -> None:
    for low, high in ((0, 1), (0, math.nan), (-1000, 1000)):
        with pytest.raises(ValueError, match="grid: expected a grid of at least 4 octaves, within 100 of 0, but got"):
            measure(parameterization=preset("mup", 3), low=low, high=high)


@pytest.mark.parametrize(
    ("parameterization", "law", "drift"),
    [
        (preset("mup", 3), "sgd", 0),
        (preset("ntp", 4), "sgd", 0),
        (preset("standard", 3), "sgd", -1),
        (Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1/2", lr="0,0,0"), "adam", Fraction(-3, 2)),
        (Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1/2", lr="-3,-3,-3"), "sgd", 2),
        (Parameterization.of(multiplier="0,0,0", init="1,-1/2,-1/2", lr="0,0,0"), "sgd", None),
    ],
)
def test_the_derived_drift(parameterization: Parameterization, law: str, drift: Fraction | None) -> None:
    assert derived_drift(mlp(parameterization.depth), parameterization, optimizer(law)) == drift


@pytest.mark.slow
@pytest.mark.parametrize(("name", "verdict"), [("mup", "PASS"), ("standard", "FAIL")])
def test_verdicts_at_moderate_widths(name: str, verdict: str) -> None:
    """Where a drift is known to less than n^0.1, with a margin that allows for that."""
    found = transfer(mlp(3), preset(name, 3), widths=MODERATE, seeds=3, first_seed=1000)
    judged = agreement(found, Fraction(1, 4))
    assert judged.verdict == verdict, judged.reason


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(("name", "verdict"), [("mup", "PASS"), ("ntp", "PASS"), ("standard", "FAIL")])
def test_verdicts_at_the_defaults(name: str, verdict: str) -> None:
    found = transfer(mlp(3), preset(name, 3), first_seed=1000)
    assert agreement(found).verdict == verdict, agreement(found).reason
    assert all(one.verdict != "FAIL" for one in agreement(found).as_derived.values())
