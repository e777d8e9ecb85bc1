"""The defaults of `measure` settle the ready-made networks, and still tell a learning rate that is wrong by n^(1/4)."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from scalings.criteria.problem import Loss
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import cnn, mlp, resmlp, transformer
from scalings.networks.dimensions import DEPTH_SCALE, WIDTH_SCALE
from scalings.networks.network import Network
from scalings.results.trials import Training
from scalings.studies import measuring
from scalings.studies.comparisons import compare
from symbolic.derivation.derive import derive
from symbolic.evaluation.predict import predict

pytestmark = [pytest.mark.slow, pytest.mark.long]

CASES = [
    pytest.param(mlp(3), "sgd", "1/2", "mse", WIDTH_SCALE, id="mlp"),
    pytest.param(cnn(3), "sgd", "1/2", "mse", WIDTH_SCALE, id="cnn"),
    pytest.param(cnn(3, depthwise=True), "adam", "0", "mse", WIDTH_SCALE, id="depthwise"),
    pytest.param(resmlp(), "sgd", "1/2", "mse", WIDTH_SCALE, id="resmlp"),
    pytest.param(resmlp(branch=2, norm=True), "muon", "1/4", "mse", WIDTH_SCALE, id="resmlp with muon"),
    pytest.param(resmlp(), "sgd", "", "mse", DEPTH_SCALE, id="resmlp in the depth"),
    pytest.param(transformer(grows="heads"), "sgd", "1/2", "cross-entropy", WIDTH_SCALE, id="transformer"),
    pytest.param(transformer(grows="heads"), "adam", "0", "mse", WIDTH_SCALE, id="transformer with adam"),
]


@pytest.mark.parametrize(("network", "law", "r", "loss", "scale"), CASES)
def test_defaults_settle_it(network: Network, law: str, r: str, loss: Loss, scale: str) -> None:
    derivation = derive(network, optimizer(law), scale=scale, loss=loss)
    if derivation.family:
        given = derivation.family.member(r)
    else:
        [polyhedron] = derivation.polyhedra
        layers = tuple(layer.each(lambda exponent: exponent.at()) for layer in polyhedron.layers)
        given = Parameterization(layers, scales=tuple(exponent.at() for exponent in polyhedron.scales))
    steps, batch = measuring.default_steps(network), measuring.default_batch(network)
    training = measuring.gentle(Training.of(law, batch=batch, steps=steps, loss=loss), network, scale)
    fits = measuring.measure(network, given, training, scale=scale).fits
    right = predict(network, given, optimizer(law), steps, scale=scale, loss=loss)
    agreement = compare(network, right, fits)
    assert agreement.verdict == "PASS", agreement.reason
    first, *others = given.layers
    faster = replace(given, layers=(replace(first, lr=first.lr + Fraction(1, 4)), *others))
    wrong = predict(network, faster, optimizer(law), steps, scale=scale, loss=loss)
    assert compare(network, wrong, fits).verdict == "FAIL"
