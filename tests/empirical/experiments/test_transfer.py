"""Learning-rate transfer: what transfers and what drifts, and that an optimum on the grid's edge gives no verdict."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from functools import cache, partial

import numpy as np
import pytest
import torch

import scalings
from empirical.data import examples
from empirical.engines.engine import Scaling, TrainingProblem
from empirical.engines.graph.engine import GraphEngine
from empirical.engines.graph.ensembles import check_rates
from empirical.engines.mlp.engine import DenseEngine
from empirical.engines.mlp.ensembles import Factors, states
from empirical.engines.mlp.perceptron import perceptron
from empirical.engines.mlp.training import train
from empirical.engines.mlp.view import view
from empirical.engines.observations import observe
from empirical.experiments.transfer import transfer
from scalings.criteria.observables import Observable
from scalings.criteria.problem import Loss
from scalings.errors import ArgumentError
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp, transformer
from scalings.results.experiments import Transfer
from scalings.results.fits import Verdict
from scalings.results.trials import Training
from scalings.studies.transfer import TransferAgreement, derived_drift
from symbolic.evaluation.check import check

DELTA = Fraction(1, 10)
WIDTHS = (16, 23, 32, 45, 64, 91, 128, 181)
SMALL = Training(batch=8, steps=2)
MODERATE = (32, 45, 64, 91, 128, 181, 256, 362)
measure = partial(transfer, mlp(3), training=SMALL, widths=WIDTHS, device="cpu")


@cache
def measured(name: str) -> Transfer:
    return measure(parameterization=preset(name, 3), seeds=1)


def agreement(found: Transfer, delta: Fraction = DELTA) -> TransferAgreement:
    asked = found.network, found.parameterization, optimizer("sgd")
    return TransferAgreement(found, check(*asked), derived_drift(*asked), delta)


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
    alone = [train(perceptron(mlp(3), one, training, width), training, data, [5], "cpu") for one in (base, other)]
    for state in states(perceptron(mlp(3), base, training, width), training, data, [5], settings, "cpu"):
        for observable, values in observe(view(state, "coordinates")).items():
            expected = [values_alone[observable][0] for values_alone in alone]
            np.testing.assert_allclose(values, expected, rtol=1e-6, err_msg=str(observable))


@pytest.mark.parametrize("optimizer", ["lars", "adamw", "adam+l2", "muon"])
def test_a_factor_is_another_learning_rate_whatever_a_step_depends_on(optimizer: str) -> None:
    """On weights, on decay, on what came before: as a graph each setting has its own; matrices that settings share do
    not do, and refuse what they cannot train."""
    training = replace(Training.of(optimizer), batch=8, steps=3)
    given = scalings.derive(mlp(3), scalings.optimizer(optimizer)).family
    member = preset("mup", 3) if given is None else given.member("1/2")
    twice, engine = replace(training, lr=2 * training.lr), GraphEngine(TrainingProblem(mlp(3), member, training))
    found = engine.losses(16, [4], np.array([[2.0, 1.0]]))
    for column, how in enumerate((twice, training)):
        alone = GraphEngine(TrainingProblem(mlp(3), member, how)).train(16, [4])
        expected = [alone[Observable("loss", "", step)][0] for step in range(4)]
        np.testing.assert_allclose(found[:, 0, column], expected, rtol=1e-9)
    assert abs(found[-1, 0, 0] / found[-1, 0, 1] - 1) > 1e-6
    refusal = DenseEngine(TrainingProblem(mlp(3), member, training)).rates_refusal
    assert (refusal is None) == (optimizer == "muon")


def test_seeds_and_factors_are_one_batch() -> None:
    engine = DenseEngine(TrainingProblem(mlp(3), preset("mup", 3), SMALL))
    together = engine.losses(24, [3, 4], np.array([[0.5, 1.0], [2.0, 4.0]]))
    alone = engine.losses(24, [4], np.array([[2.0]]))
    assert together.shape == (3, 2, 2)
    np.testing.assert_allclose(together[:, 1, 0], alone[:, 0, 0], rtol=1e-10)
    plain = engine.train(24, [4])
    ones = engine.losses(24, [4], np.array([[1.0]]))
    np.testing.assert_allclose(ones[-1, 0, 0], plain[Observable("loss", "", 2)], rtol=1e-10)


def test_the_standard_parameterization_drifts_as_derived() -> None:
    found = measured("standard")
    right = agreement(found)
    assert (right.verdict, right.derived) == ("FAIL", -1)
    assert "it does not transfer: the " in right.reason
    assert all(one.verdict != "FAIL" for one in right.as_derived.values())
    assert all(fit.high < -0.25 for fit in found.drifts.values())
    wrong = replace(right, derived=Fraction(0))
    assert any(one.verdict == "FAIL" for one in wrong.as_derived.values())


def test_mup_does_not_drift() -> None:
    found = measured("mup")
    assert agreement(found).verdict != "FAIL"
    assert agreement(found, Fraction(1)).verdict == "PASS"
    assert all(fit.low < 0.05 for fit in found.drifts.values())
    fewer = replace(found, seeds=dict(list(found.seeds.items())[1:]))
    assert agreement(fewer).reason == "a verdict needs at least 8 widths, but got 7"


@pytest.mark.parametrize(("low", "high", "side"), [(-9, -4, "high"), (4, 9, "low")])
def test_an_optimum_on_the_edge_gives_no_verdict(low: float, high: float, side: str) -> None:
    found = measure(parameterization=preset("mup", 3), seeds=2, widths=(16, 24, 32), grid=(low, high))
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
            measure(parameterization=preset("mup", 3), grid=(low, high))


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
@pytest.mark.parametrize(("name", "verdicts"), [("mup", {"PASS", "INCONCLUSIVE"}), ("standard", {"FAIL"})])
def test_verdicts_at_moderate_widths(name: str, verdicts: set[Verdict]) -> None:
    """No drift is never taken for one, nor one for none, where it is known to a quarter of a power."""
    found = transfer(mlp(3), preset(name, 3), widths=MODERATE, seeds=3, first_seed=1000)
    judged = agreement(found, Fraction(1, 4))
    assert judged.verdict in verdicts, judged.reason


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "verdicts"), [("mup", {"PASS"}), ("ntp", {"PASS", "INCONCLUSIVE"}), ("standard", {"FAIL"})]
)
def test_verdicts_at_the_defaults(name: str, verdicts: set[Verdict]) -> None:
    found = agreement(transfer(mlp(3), preset(name, 3), first_seed=1000))
    assert found.verdict in verdicts, found.reason


SMALL_TEXT = transformer(1, vocabulary=12)
FLAT = {"multiplier": [0] * 8, "init": [0, *["-1/2"] * 6, -1], "scales": [-1, 0, 0]}
"""Exponents of a transformer for adam, whose learning rates n^-1 then are those of muP but for the embedding."""


@pytest.mark.parametrize("optimizer", ["sgd", "sign", "adam", "adamw", "muon"])
@pytest.mark.parametrize("loss", ["mse", "cross-entropy"])
def test_graphs_at_many_learning_rates_are_those_trained_alone(optimizer: str, loss: Loss) -> None:
    """Each member by itself, with the learning rate that it was meant to have."""
    training = Training(optimizer=optimizer, loss=loss, lr=0.05, batch=4, steps=3)
    given = Parameterization.of(lr=[0, *[-1] * 7], decay=[0] * 8 if optimizer == "adamw" else None, **FLAT)
    factors = np.array([[0.5, 1.0], [2.0, 3.0]])
    together = GraphEngine(TrainingProblem(SMALL_TEXT, given, training)).losses(16, [3, 4], factors)
    assert together.shape == (4, 2, 2)
    for (row, column), factor in np.ndenumerate(factors):
        engine = GraphEngine(TrainingProblem(SMALL_TEXT, given, replace(training, lr=0.05 * factor)))
        seen = engine.train(16, [3 + row])
        alone = [seen[Observable("loss", "", step)][0] for step in range(4)]
        np.testing.assert_allclose(together[:, row, column], alone, rtol=1e-9)
    assert np.ptp(together[3, 0]) > 1e-4 * together[3, 0, 0], "factors change what is trained"


def test_what_has_diverged_harms_no_other_member() -> None:
    """Nor the factorizations of an optimizer that has some."""
    training = Training(optimizer="muon", loss="mse", batch=4, steps=4)
    given = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1/2", lr=[200] * 3)
    engine = GraphEngine(TrainingProblem(mlp(3), given, training))
    both = engine.losses(16, [3], np.array([[16.0**-201, 1.0]]))
    assert np.isfinite(both[:, 0, 0]).all()
    assert not np.isfinite(both[-1, 0, 1])


def test_decay_that_is_no_share_of_the_learning_rate_is_refused() -> None:
    check_rates(Training(optimizer="adamw"))
    with pytest.raises(ArgumentError, match="optimizer: expected one whose decay is in proportion"):
        check_rates(Training(optimizer="adamw-independent"))


@pytest.mark.slow
def test_the_learning_rate_of_a_language_model() -> None:
    """A transformer, adam, the cross-entropy: it transfers as derived, and drifts by the power it is moved by."""
    training, found = Training.of("adam", loss="cross-entropy", batch=4, steps=2), []
    for by in (0, 1):
        given = Parameterization.of(lr=[by, *[by - 1] * 7], **FLAT)
        assert derived_drift(SMALL_TEXT, given, optimizer("adam"), loss="cross-entropy") == -by
        found.append(transfer(SMALL_TEXT, given, training, widths=(16, 32, 64, 128), seeds=3, device="cpu").drifts)
    for rate, still in found[0].items():
        moved = found[1][rate]
        assert still.low < DELTA
        assert still.high > -DELTA
        assert moved.high < 0, "and a drift is told from none"
        assert moved.exponent == pytest.approx(still.exponent - 1), "the widths are powers of 2, and so is the grid"


def test_a_scale_variable_that_the_data_has_is_refused() -> None:
    given = Parameterization.of(lr=[-1] * 8, **FLAT)
    for scale in ("vocabulary", "batch:noise", "depht"):
        with pytest.raises(ArgumentError, match="scale: expected one of width, depth, with which networks grow here"):
            transfer(SMALL_TEXT, given, Training(batch=4), scaling=Scaling(scale))
