"""Spectral norms of weights, and the prefactor of the richness: derived and measured, by either engine."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from empirical.engines.choice import choose
from empirical.engines.engine import TrainingProblem
from scalings.criteria.observables import Observable
from scalings.criteria.problem import Loss
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.architectures import cnn, mlp, resmlp, transformer
from scalings.networks.dimensions import WIDTH, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import INPUT, Dense, Elementwise, Embedding, Scale
from scalings.results.trials import Training
from scalings.studies.comparisons import Agreement, compare
from scalings.studies.measuring import measure
from symbolic.derivation.derive import derive
from symbolic.evaluation.predict import predict

WIDTHS = (64, 96, 128, 192, 256, 320, 384, 512)
TIED = Network(
    (
        Embedding("embedding", INPUT, "table", fixed(16), WIDTH),
        Dense("hidden", "embedding", "square", WIDTH, WIDTH),
        Elementwise("activation", "hidden", "relu"),
        Scale("readout_scale", "activation"),
        Dense("readout", "readout_scale", "table", WIDTH, fixed(16)),
    )
)
"""Of which the richness is in the readout's multiplier."""


def spectral(agreement: Agreement) -> dict[tuple[str, int], tuple[str, str]]:
    found = [one for one in agreement.comparisons if one.of.quantity == "W_spectral"]
    return {(one.of.layer, one.of.step): (one.role, one.verdict) for one in found}


@pytest.mark.slow
@pytest.mark.parametrize(("network", "hidden"), [(mlp(3), "layer2"), (resmlp(1), "branch1")])
def test_spectral_norms_of_square_weights_are_asserted(network: Network, hidden: str) -> None:
    """As arXiv 2310.17813 has them, sigma n^(1/2). First layers and readouts come to their orders from below."""
    family = derive(network).family
    assert family is not None
    member = family.member("1/2")
    training = Training(batch=8, steps=1, lr=0.1, kernel=False, spectra=True)
    measured = measure(network, member, training, widths=WIDTHS, seeds=2, engine="auto")
    orders = predict(network, member, steps=1)
    found = spectral(compare(network, orders, measured.fits))
    assert found[hidden, 1][0] == "asserted"
    assert len(found) == 6
    assert {role for (layer, _), (role, _) in found.items() if layer != hidden} == {"upper bound"}
    assert "FAIL" not in {verdict for _, verdict in found.values()}
    # The control: an exponent that is wrong by 1/4 is refuted, from either side.
    at = Observable("W_spectral", hidden, 1)
    for by in (Fraction(1, 4), Fraction(-1, 4)):
        assert spectral(compare(network, {**orders, at: orders[at] + by}, measured.fits))[hidden, 1] == (
            "asserted",
            "FAIL",
        )


def test_weights_that_are_not_drawn_in_full_have_no_spectral_norm() -> None:
    """But the readout, of which every entry is needed; what is left out is not taken for zero."""
    training = Training(batch=8, steps=1, kernel=False, spectra=True)
    family = derive(mlp(3)).family
    assert family is not None
    member = family.member("1/2")
    measured = measure(mlp(3), member, training, widths=WIDTHS, seeds=1, engine="matrix-free")
    agreement = compare(mlp(3), predict(mlp(3), member, steps=1), measured.fits)
    assert {layer for layer, _ in spectral(agreement)} == {"layer3"}
    assert not agreement.unmeasured
    asked, not_asked = (
        choose(TrainingProblem(mlp(3), member, how)) for how in (training, replace(training, spectra=False))
    )
    assert asked.at(2**16).name == "dense", "who asks for spectra gets them"
    assert not_asked.at(2**16).name == "matrix-free"
    assert asked.default_widths[-1] < not_asked.default_widths[-1]


def test_an_update_that_outgrows_its_weight_is_an_upper_bound() -> None:
    orders = dict(predict(mlp(3), Parameterization.of(multiplier="0,0,0", init="0,-1,-1", lr="1,0,-1"), steps=1))
    first, last = (Observable("W_spectral", "layer2", step) for step in (0, 1))
    assert orders[first] < orders[last]
    fits = measure(
        mlp(3),
        Parameterization.of(multiplier="0,0,0", init="0,-1,-1", lr="1,0,-1"),
        Training(batch=8, steps=1, spectra=True, kernel=False),
        widths=(8, 12, 16),
        seeds=2,
    ).fits
    assert spectral(compare(mlp(3), orders, fits))["layer2", 1][0] == "upper bound"
    assert spectral(compare(mlp(3), {**orders, first: MINUS_INFINITY}, fits))["layer2", 1][0] == "asserted"


@pytest.mark.parametrize(
    "network", [mlp(3, biases=True), cnn(3, depthwise=True), resmlp(1), transformer(1, gains=True)]
)
def test_what_is_derived_of_weights_is_what_is_measured(network: Network) -> None:
    """Vectors and kernels act entry by entry: no spectral norm and no alignment on either side."""
    weights = {"W_spectral", "dW_spectral", "dW_frobenius", "W_frobenius", "alignment"}
    zeros = [0] * network.depth
    small = [Fraction(-1, 2) if layer.start == "random" else 0 for layer in network.layers]
    given = Parameterization.of(
        multiplier=zeros, init=small, lr=[-1] * network.depth, scales=[0] * len(network.multipliers)
    )
    training = Training(batch=2, steps=1, lr=0.01, spectra=True)
    seen = measure(network, given, training, widths=(16, 24, 32), seeds=1).values
    derived = {one for one in predict(network, given, steps=1) if one.quantity in weights}
    assert derived == {one for one in seen if one.quantity in weights and "[1]" not in one.layer}


@pytest.mark.parametrize(
    ("network", "layer", "loss"),
    [(mlp(3), "layer2", "mse"), (mlp(3), "layer2", "cross-entropy"), (TIED, "hidden", "cross-entropy")],
)
def test_twice_the_prefactor_moves_features_twice_as_far(network: Network, layer: str, loss: Loss) -> None:
    """|dz| = gamma n^r in small steps, and the output moves as before, whichever engine trains."""
    family = derive(network, loss=loss).family
    assert family is not None
    training = Training(batch=4, steps=1, lr=1e-6, loss=loss)
    once, twice = family.member("1/4"), family.member("1/4", gamma=2)
    partly = replace(twice, gamma_scales=()) if network is TIED else replace(twice, gamma_powers=())

    def moved(given: Parameterization, name: str) -> np.ndarray:
        values = measure(network, given, training, widths=(16, 24, 32), seeds=4).values
        return values[Observable("dz", name, 1)][32]

    output = network.function.name
    np.testing.assert_allclose(moved(twice, layer), 2 * moved(once, layer), rtol=1e-5)
    np.testing.assert_allclose(moved(twice, output), moved(once, output), rtol=1e-5)
    # The control: a power that is left out is seen.
    assert (np.abs(np.log2(moved(partly, layer) / moved(once, layer)) - 1) > 0.5).all()
