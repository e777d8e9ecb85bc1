"""A law for each weight agrees with training: Muon for hidden matrices, Adam or SGD for the rest, and powers below 0.

The theory that takes one law for all, and rates that are wrong by n^(1/4), are refused by the same measurements.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from scalings.networks.architectures import mlp
from scalings.results.trials import Training
from symbolic.derivation.members import member
from tests.agreement.experiments import WIDTHS, confirm, decoder, experiment, how, refuted


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["muon+adamw", "muon+sgd", "adam;layer1=muon;layer3=normalized-sgd"])
def test_a_law_for_each_layer(optimizer: str) -> None:
    network = mlp(3)
    training = replace(how(optimizer), lr=0.01, decay=0.1)
    found = experiment(network, member(network, optimizer, "1/2"), training, WIDTHS, 48)
    confirm(found)
    fits, right = found.asserted(), found.predicted()
    for other in ("muon", "adam", "sgd"):
        wrong = replace(found, training=replace(training, optimizer=other)).predicted()
        # Rates of the width in which Muon's hidden matrices are those of SGD.
        same = all(wrong[key] == right[key] for key in fits)
        assert same == ((optimizer, other) == ("muon+sgd", "sgd"))
        assert same or refuted(fits, wrong), other


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("r", ["0", "1/2"])
def test_a_transformer_by_muon_and_adamw(r: str) -> None:
    network, optimizer = decoder(gains=True, biases=True), "muon+adamw"
    text = Training(optimizer=optimizer, lr=0.01, batch=1, steps=2, loss="cross-entropy")
    given = member(network, optimizer, r, loss="cross-entropy")
    confirm(experiment(network, given, text, WIDTHS, 12), slow=["passthrough readout"], least=100)


@pytest.mark.slow
def test_shampoo_that_divides_by_more_than_the_gradient() -> None:
    """p = -1: the learning rates that need no power of the width."""
    network, optimizer = mlp(3), "shampoo:1/2,1/2"
    training = Training(optimizer=optimizer, lr=1e-3, batch=4, steps=2)
    confirm(experiment(network, member(network, optimizer, "1/2"), training, WIDTHS, 48))


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["kfac", "foof", "kfac:1/2,1"])
def test_kfac_divides_by_what_it_reads_and_by_what_comes_back(optimizer: str) -> None:
    """And the theory that takes its step for another power of the gradient is refused."""
    network = mlp(3)
    training = Training(optimizer=optimizer, lr=2e-3, batch=4, steps=2)
    found = experiment(network, member(network, optimizer, "1/2"), training, WIDTHS, 48)
    confirm(found)
    for other in ("sgd", "shampoo:1/2,1/2", "shampoo"):
        wrong = replace(found, training=replace(training, optimizer=other)).predicted()
        same = (optimizer, other) == ("kfac", "shampoo:1/2,1/2")
        assert bool(refuted(found.asserted(), wrong)) != same, other


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd+clip", "muon+sgd+clip"])
def test_gradients_clipped_by_the_norm_of_all(optimizer: str) -> None:
    """The readout's gradient is the largest, n^(1/2): every step of SGD is n^(-1/2) of what it would be."""
    network = mlp(3)
    training = Training(optimizer=optimizer, lr=0.02, batch=4, steps=2)
    found = experiment(network, member(network, optimizer, "1/2"), training, WIDTHS, 48)
    confirm(found)
    without = replace(found, training=replace(training, optimizer=optimizer.removesuffix("+clip"))).predicted()
    assert refuted(found.asserted(), without)
