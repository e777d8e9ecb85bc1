"""The two witnesses agree on every node kind: exponents derived for it, and exponents measured by training it.

Each test trains a member of a derived family at eight or more widths (or depths) from many seeds. A measured 95 %
interval refutes an exponent if it misses the band of +-0.05 around it, after Holm's correction over all that are
asserted. The controls use the same data: an exponent that is wrong by 1/4 is refuted, for every asserted observable by
itself, and so is what is predicted for a learning rate or a multiplier that is wrong by 1/4.

Asserted are |z| and |d| at initialization, the first gradients, and at every step |dW|_F, |dz| and its layer and
passthrough terms. Not asserted is what crosses slowly from one order to another (docs/explanation/measuring.md): the
interaction, the output itself where its change outgrows it, and what a test names.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from empirical.engines.engine import Scaling
from scalings.criteria.observables import Observable
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import OPTIMIZERS
from scalings.networks.architectures import cnn, mlp, resmlp
from scalings.networks.dimensions import WIDTH, Dimension, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import INPUT, Dense, Elementwise, Embedding, Scale
from symbolic.derivation.derive import derive
from tests.agreement.experiments import (
    DEPTHS,
    ENDS_AND_MIDDLE,
    NARROW,
    QUARTER,
    SQUARES,
    WIDE,
    WIDTHS,
    agrees,
    confirm,
    decoder,
    equation,
    experiment,
    how,
    member,
)

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.mark.parametrize("r", ENDS_AND_MIDDLE)
def test_biases(r: str) -> None:
    network = mlp(3, biases=True)
    confirm(experiment(network, member(network, "sgd", r), how("sgd"), WIDTHS, 48))


@pytest.mark.parametrize("r", ENDS_AND_MIDDLE)
@pytest.mark.parametrize("depthwise", [False, True])
def test_convolutions(r: str, depthwise: bool) -> None:
    """Depthwise ones take more width until the readout's share of what is passed on is aligned, and not by chance."""
    network = cnn(3, colors=1, depthwise=depthwise)
    widths = WIDTHS if depthwise else NARROW
    confirm(experiment(network, member(network, "sgd", r), how("sgd", batch=4), widths, 24))


@pytest.mark.parametrize("r", ENDS_AND_MIDDLE)
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "muon"])
@pytest.mark.parametrize("branch", [1, 2])
def test_residual_blocks_in_the_width(r: str, optimizer: str, branch: int) -> None:
    """Those with one layer a branch are normalised."""
    network = resmlp(2, branch=branch, norm=branch == 1)
    confirm(experiment(network, member(network, optimizer, r), how(optimizer), WIDTHS, 24))


@pytest.mark.parametrize("kappa", [Fraction(-1), Fraction(-1, 2)])
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "muon"])
@pytest.mark.parametrize("branch", [1, 2])
def test_residual_blocks_in_the_depth(kappa: Fraction, optimizer: str, branch: int) -> None:
    """Learning rates m^(-1 - 2 kappa) for SGD, m^(-1 - kappa) for Adam and Muon, at width 32."""
    network = resmlp(1, branch=branch)
    wide = member(network, optimizer, "1/2")
    rate = -1 - 2 * kappa if optimizer == "sgd" else -1 - kappa
    zeros = [0] * network.depth
    deep = Parameterization.of(multiplier=zeros, init=zeros, lr=[0, *[rate] * branch, 0], scales=[kappa])
    if kappa == -1:
        (polyhedron,) = derive(network, OPTIMIZERS[optimizer], scale="depth").polyhedra
        stated = {f"eta_{number}" if not rate else f"eta_{number} - {rate}" for number in range(2, 2 + branch)}
        assert {*stated, "kappa_1 + 1"} <= set(polyhedron.equations)
    scaling = Scaling("depth", {"width": 32}, {"width": wide})
    found = experiment(network, deep, replace(how(optimizer), steps=1), DEPTHS, 12, scaling)
    confirm(found)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_weight_shared_by_embedding_and_readout(optimizer: str) -> None:
    """A tied transformer: r = 1/2 is all there is, with an output multiplier n^-1. Its stream holds the embedding,
    which the readout finds there: the first output is of order n^0, not n^(-1/2) as that of weights of its own."""
    network = decoder(tied=True)
    (polyhedron,) = derive(network, OPTIMIZERS[optimizer], loss="cross-entropy").polyhedra
    rates = {"sgd": (1, *[0] * 6), "adam": (0, *[-1] * 6)}[optimizer]
    stated = {equation(f"eta_{number}", rate) for number, rate in enumerate(rates, start=1)}
    assert {*stated, "kappa_1", "kappa_2", "kappa_3", "kappa_4 + 1", "sigma_1", "sigma_2 + 1/2"} <= set(
        polyhedron.equations
    )
    half = Fraction(-1, 2)
    tied = Parameterization.of(multiplier=[0] * 7, init=[0, *[half] * 6], lr=rates, scales=[0, 0, 0, -1])
    text = how(optimizer, batch=4, steps=1, loss="cross-entropy")
    found = experiment(network, tied, text, WIDE, 6)
    confirm(found, least=50)
    agrees(found, "z", "readout", 0, 0)


@pytest.mark.parametrize("r", ["0", "1/2"])
def test_a_shared_weight_behind_a_matrix_is_as_one_of_its_own(r: str) -> None:
    """The control: what the readout reads went through another matrix, and its first output is of order n^(-r)."""
    network = Network(
        (
            Embedding("embedding", INPUT, "table", fixed(16), WIDTH),
            Dense("hidden", "embedding", "square", WIDTH, WIDTH),
            Elementwise("activation", "hidden", "relu"),
            Scale("readout_scale", "activation"),
            Dense("readout", "readout_scale", "table", WIDTH, fixed(16)),
        )
    )
    text = how("sgd", batch=4, loss="cross-entropy")
    found = experiment(network, member(network, "sgd", r, loss="cross-entropy"), text, WIDE, 24)
    confirm(found)
    agrees(found, "z", "readout", 0, -Fraction(r))


@pytest.mark.parametrize("r", ["0", "1/4"])
def test_hidden_layers_of_different_widths(r: str) -> None:
    """Of n and of 4 n^(1/2) units: r = 1/4 is the rich end, where the narrow layer moves as a whole."""
    network = mlp(3, "tanh", hidden=[WIDTH, Dimension(4, Fraction(1, 2))])
    found = experiment(network, member(network, "sgd", r), how("sgd"), SQUARES, 96)
    confirm(found, slow=["passthrough layer3"])
    agrees(found, "dz", "layer2", 1, Fraction(r))
    agrees(found, "z", "layer2", 0, QUARTER)


@pytest.mark.parametrize("r", ["0", "1/2"])
def test_weight_decay(r: str) -> None:
    """AdamW with the derived decays; what decay took of each weight has the derived order, too. The passthrough at the
    readout is slow: decay passes on a generic change, beside which the aligned one takes width to be seen."""
    network = mlp(3)
    found = experiment(network, member(network, "adamw", r), how("adamw"), WIDTHS, 24)
    confirm(found)
    for layer in network.layers:
        decay = Observable("decay", layer.name, 1)
        assert found.fits[decay].exponent == pytest.approx(float(found.predicted()[decay]), abs=1e-3)
