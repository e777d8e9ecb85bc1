"""Attention agrees with training: scores, queries and keys, transformers in width and depth."""

from __future__ import annotations

from fractions import Fraction

import pytest

from empirical.engines.engine import Scaling
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import OPTIMIZERS
from scalings.networks.dimensions import WIDTH, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import INPUT, Dense, Embedding, Mix, Norm, Scores
from scalings.results.trials import Training
from symbolic.derivation.derive import derive
from tests.agreement.experiments import (
    ENDS_AND_MIDDLE,
    NARROW,
    Experiment,
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
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_attention_with_heads_that_grow_in_number(r: str, optimizer: str) -> None:
    """The whole family, gains of normalizations and biases included."""
    network = decoder(gains=True, biases=True)
    text = how(optimizer, batch=4, loss="cross-entropy")
    found = experiment(network, member(network, optimizer, r, loss="cross-entropy"), text, NARROW, 12)
    # The passthrough at the output is an upper bound by the rule of roles, and its interval too wide to tell 1/4.
    confirm(found, slow=["passthrough readout"], least=100)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_transformer_in_the_depth(optimizer: str) -> None:
    """Branches m^-1, learning rates in the blocks m^1 for SGD and m^0 for Adam, at width 32."""
    network = decoder()
    wide = member(network, optimizer, "1/2", loss="cross-entropy")
    rate = {"sgd": 1, "adam": 0}[optimizer]
    zeros = [0] * network.depth
    deep = Parameterization.of(multiplier=zeros, init=zeros, lr=[0, *[rate] * 6, 0], scales=[0, -1, -1])
    text = how(optimizer, batch=4, steps=1, loss="cross-entropy")
    scaling = Scaling("depth", {"width": 32}, {"width": wide})
    confirm(experiment(network, deep, text, (4, 6, 8, 12, 16, 24, 32, 48, 64), 8, scaling))


def attention() -> Network:
    """One head as large as the network is wide, and nothing else."""
    return Network(
        (
            Embedding("embedding", INPUT, "weight0", fixed(16), WIDTH),
            Norm("norm", "embedding"),
            *(Dense(name, "norm", f"weight_{name}", WIDTH, WIDTH) for name in ("query", "key", "value")),
            Scores("scores", "query", "key", fixed(1), WIDTH),
            Mix("mix", "scores", "value"),
            Dense("readout", "mix", "weight_out", WIDTH, fixed(16)),
        )
    )


def rich_attention(optimizer: str, *trained: str) -> Parameterization:
    """What is derived for it: scores n^-1, r = 1/2. If layers are named, only they are trained."""
    network = attention()
    (polyhedron,) = derive(network, OPTIMIZERS[optimizer], loss="cross-entropy").polyhedra
    rates = {"sgd": (1, 0, 0, 0, -1), "adam": (0, -1, -1, -1, -1)}[optimizer]
    stated = [equation(f"eta_{number}", rate) for number, rate in enumerate(rates, start=1)]
    assert polyhedron.equations == tuple(
        sorted([*stated, "kappa_1 + 1", "sigma_1", *(f"sigma_{k} + 1/2" for k in (2, 3, 4)), "sigma_5 + 1"])
    )
    names = [layer.name for layer in network.layers]
    kept = [
        MINUS_INFINITY if trained and name not in trained else rate for name, rate in zip(names, rates, strict=True)
    ]
    half = Fraction(-1, 2)
    return Parameterization.of(multiplier=[0] * 5, init=[0, half, half, half, -1], lr=kept, scales=[-1])


def attend(optimizer: str, *trained: str) -> Experiment:
    """With large steps, so that what aligns is soon seen beside what was there by chance."""
    rate = {"sgd": 8.0, "adam": 0.05}[optimizer]
    training = Training(optimizer=optimizer, lr=rate, batch=4, steps=2, loss="cross-entropy")
    widths = (64, 96, 128, 192, 256, 384, 512, 768)
    return experiment(attention(), rich_attention(optimizer, *trained), training, widths, 8)


def test_scores_of_a_growing_head_are_generic_at_first() -> None:
    """With scores n^-1 they are n^(-1/2), and so is what they get in the first backward pass; so queries and keys get
    less than what comes before them by another n^(-1/2), and only wake at the second update."""
    found = attend("sgd")
    half = Fraction(-1, 2)
    agrees(found, "z", "scores", 0, half)
    agrees(found, "d", "scores", 0, half)
    agrees(found, "d", "query", 0, Fraction(-1))
    for name in ("query", "key"):
        agrees(found, "gradient", name, 1, half)
        agrees(found, "layer", name, 1, 0)
        agrees(found, "gradient", name, 2, 0)
    agrees(found, "dz", "scores", 1, half)
    agrees(found, "dd", "scores", 1, 0)  # the aligned part of d, that the values' first update has made


def test_what_is_passed_on_to_queries_is_generic_to_keys_at_first() -> None:
    agrees(attend("sgd", "embedding"), "dz", "scores", 1, Fraction(-1, 2))


def test_what_queries_learn_is_aligned_with_keys() -> None:
    """Adam moves queries at once by as much as it ever will, along the keys."""
    found = attend("adam", "query", "key")
    agrees(found, "layer", "query", 1, Fraction(1, 2))
    agrees(found, "dz", "scores", 1, 0)
