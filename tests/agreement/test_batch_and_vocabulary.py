"""The vocabulary and the batch as scale variables: derived from how a mean over examples is sampled, and trained.

Measured are a network of an embedding and a readout at 9 sizes of the vocabulary, every token once in a batch, and
linear regression on a stream of noisy examples at 7 batch sizes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
import torch

from empirical.engines.graph.module import Graph
from empirical.engines.graph.setting import Setting
from empirical.engines.graph.training import trajectory
from empirical.engines.observations import observe
from empirical.statistics.regression import fit_all, p_value
from scalings.criteria.observables import Observable
from scalings.errors import ArgumentError
from scalings.hyperparameters.epsilons import with_epsilon
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import OPTIMIZERS, optimizer
from scalings.networks.architectures import mlp, transformer
from scalings.networks.dimensions import BATCH_NOISE, BATCH_SIGNAL, VOCABULARY_SCALE, WIDTH, fixed, tokens
from scalings.networks.network import Network
from scalings.networks.nodes import INPUT, Bias, Dense, Elementwise, Embedding, Node, Norm
from scalings.results.fits import Fit
from scalings.results.trials import Training
from symbolic.derivation.derive import derive
from symbolic.evaluation.check import check
from symbolic.evaluation.predict import predict

HALF, QUARTER = Fraction(1, 2), 0.25
DELTA = 0.05
WORDS = (16, 24, 32, 48, 64, 96, 128, 192, 256)
BATCHES = (1, 2, 4, 8, 16, 32, 64)


def exponents(network: Network, law: str, scale: str, **options: str) -> dict[str, str]:
    """Of the learning rates, by layer; the answer is one point."""
    (point,) = derive(network, optimizer(law), scale=scale, loss=options.get("loss", "mse")).polyhedra  # type: ignore[arg-type]
    assert point.dimension == 0
    return {node.name: str(layer.lr) for node, layer in zip(network.layers, point.layers, strict=True)}


@pytest.mark.parametrize(
    ("law", "table", "others"),
    [("sgd", "1", "0"), ("adam", "0", "0"), ("muon", "1/2", "0"), ("muon-rms", "0", "0"), ("lamb", "0", "0")],
)
def test_only_rows_of_tokens_know_how_many_there_are(law: str, table: str, others: str) -> None:
    """Gradients of rows go with the frequency 1/V, which sgd makes up for, and what divides by them need not."""
    found = exponents(transformer(grows="heads"), law, VOCABULARY_SCALE, loss="cross-entropy")
    assert {found.pop("embedding"), found.pop("readout")} == {table}
    assert set(found.values()) == {others}


def test_tied_rows_are_sampled_as_their_own_are() -> None:
    found = exponents(transformer(grows="heads", tied=True), "sgd", VOCABULARY_SCALE, loss="cross-entropy")
    assert found["embedding"] == "1"


@pytest.mark.parametrize(
    ("law", "noise"), [("sgd", "1"), ("adam", "1/2"), ("lion", "1/2"), ("law:1/2,1,1", "3/4"), ("adafactor", "1/2")]
)
def test_the_linear_and_the_square_root_rule(law: str, noise: str) -> None:
    """Goyal et al., arXiv 1706.02677, for sgd; Malladi et al., 2205.10287, for Adam. Where examples agree: none."""
    assert set(exponents(mlp(3), law, BATCH_NOISE).values()) == {noise}
    assert set(exponents(mlp(3), law, BATCH_SIGNAL).values()) == {"0"}


def test_decay_goes_with_the_number_of_steps() -> None:
    """eta lambda ~ B, so that weights forget after as many examples (Wang and Aitchison, arXiv 2405.13698)."""
    (point,) = derive(mlp(3), optimizer("adamw"), scale=BATCH_NOISE).polyhedra
    assert {(str(layer.lr), str(layer.decay)) for layer in point.layers} == {("1/2", "1/2")}


def test_epsilon_must_follow_the_frequency_of_tokens() -> None:
    network = transformer(grows="heads")
    given = Parameterization.of(multiplier=[0] * 8, init=[0] * 8, lr=[0] * 8)
    notes = {
        epsilon: check(
            network, given, with_epsilon(optimizer("adam"), epsilon), scale=VOCABULARY_SCALE, loss="cross-entropy"
        ).notes
        for epsilon in ("-1", "-1/2")
    }
    assert not notes["-1"]
    assert {note.split()[5] for note in notes["-1/2"]} == {"embedding", "readout"}


def test_assumptions_are_printed() -> None:
    said = {scale: " ".join(derive(mlp(2), scale=scale).assumptions) for scale in (BATCH_NOISE, BATCH_SIGNAL, "width")}
    assert "noise of size B^(-1/2)" in said[BATCH_NOISE]
    assert "examples agree" in said[BATCH_SIGNAL]
    assert "batch, steps and the data's sizes are fixed" in said["width"]
    assert "of steps is B^(-1)" not in said[BATCH_SIGNAL] + said["width"]


def read(*nodes: Node) -> Network:
    return Network((Embedding("embedding", INPUT, "we", tokens(16), WIDTH), *nodes))


@pytest.mark.parametrize(
    ("network", "loss", "message"),
    [
        (transformer(), "mse", "scale: in the vocabulary only --loss cross-entropy"),
        (mlp(2), "cross-entropy", "scale: expected one of width, batch:noise, batch:signal for this network"),
        (
            read(Dense("out", "embedding", "wo", WIDTH, tokens(16)), Norm("norm", "out")),
            "cross-entropy",
            "only embeddings and the layers of the logits may grow in the vocabulary, but norm does",
        ),
        (
            read(
                Dense("wide", "embedding", "w1", WIDTH, tokens(16)),
                Elementwise("phi", "wide", "relu"),
                Dense("out", "phi", "w2", tokens(16), fixed(4)),
            ),
            "cross-entropy",
            "only embeddings and the layers of the logits may grow in the vocabulary, but wide does",
        ),
    ],
)
def test_what_has_no_orders_in_the_vocabulary(network: Network, loss: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        derive(network, scale=VOCABULARY_SCALE, loss=loss)  # type: ignore[arg-type]


def words(hidden: bool) -> Network:
    between = [Dense("hidden", "phi1", "wh", WIDTH, WIDTH), Elementwise("phi2", "hidden", "relu")] if hidden else []
    last = "phi2" if hidden else "phi1"
    return Network(
        (
            Embedding("embedding", INPUT, "we", tokens(1), WIDTH),
            Elementwise("phi1", "embedding", "relu"),
            *between,
            Dense("readout", last, "wo", WIDTH, tokens(1)),
            Bias("bias", "readout", "b", tokens(1)),
        )
    )


@cache
def trained(law: str, rates: tuple[int, ...], rate: float, seeds: int = 8) -> dict[Observable, Fit]:
    """On every token once, each with a target of its own; `rates` of the embedding, the readout and its bias."""
    network = words(hidden=len(rates) == 4)
    given = Parameterization.of(multiplier=[0] * len(rates), init=[0] * len(rates), lr=rates)
    values: dict[Observable, dict[int, np.ndarray]] = defaultdict(dict)
    training = Training(optimizer=law, loss="cross-entropy", steps=2, centered=False)
    for size in WORDS:
        sizes = {"width": 32, VOCABULARY_SCALE: size}
        graph = Graph(Setting(network, sizes, {VOCABULARY_SCALE: given}, rate, init=32**-0.5), range(seeds))
        one_hot = torch.eye(size, dtype=torch.float64)[:, None, :]
        targets = one_hot[np.random.default_rng(size).permutation(size)]
        for seen in map(observe, trajectory(graph, training, one_hot, targets)):
            for observable, value in seen.items():
                values[observable][size] = value.numpy()
    return {observable: fit for observable, fit in fit_all(values).items() if isinstance(fit, Fit)}


def agree(
    found: dict[Observable, Fit], derived: dict[Observable, Fraction], asserted: Sequence[tuple[str, str, int]]
) -> None:
    for quantity, layer, step in asserted:
        observable = Observable(quantity, layer, step)  # type: ignore[arg-type]
        # Measured is the norm over all V logits, derived the order of one of them.
        over_logits = HALF if quantity in ("z", "dz", "layer") and layer in ("readout", "bias") else Fraction(0)
        fit, order = found[observable], float(derived[observable] + over_logits)
        assert p_value(fit, order, DELTA) >= 0.05, f"{observable}: derived {order}, measured {fit}"
        for by in (QUARTER, -QUARTER):
            assert p_value(fit, order + by, DELTA) < 0.05, f"{observable}: {fit} cannot tell"


ASSERTED = [
    *((quantity, layer, 1) for quantity in ("gradient", "dW_frobenius") for layer in ("embedding", "readout", "bias")),
    *(("z", layer, 0) for layer in ("embedding", "readout")),
    *(("d", layer, 0) for layer in ("embedding", "readout")),
    *(("dz", layer, 1) for layer in ("embedding", "readout")),
    ("dW_frobenius", "embedding", 2),
    ("dW_frobenius", "readout", 2),
]


@pytest.mark.parametrize(("law", "power", "rate"), [("sgd", 1, 0.3), ("adam", 0, 0.03)])
def test_a_vocabulary_as_it_is_trained(law: str, power: int, rate: float) -> None:
    given = Parameterization.of(multiplier=[0] * 3, init=[0, 0, "-oo"], lr=[power] * 3)
    derived = predict(words(hidden=False), given, optimizer(law), 2, scale=VOCABULARY_SCALE, loss="cross-entropy")
    agree(trained(law, (power,) * 3, rate), derived, ASSERTED)  # type: ignore[arg-type]


def test_hidden_gradients_of_tokens_that_share_nothing_do_not_add_up_at_first() -> None:
    """The assumption that tokens share what hidden layers learn, where it is not true: targets drawn at random."""
    found = trained("sgd", (1, 0, 1, 1), rate=0.3)
    first, second = (found[Observable("gradient", "hidden", step)] for step in (1, 2))
    assert p_value(first, -0.5, DELTA) >= 0.05, first
    assert p_value(first, 0.0, DELTA) < 0.05, first
    assert p_value(second, -0.5, DELTA) < 0.05, second
    assert second.low > first.high


@cache
def streamed(law: str, noise: float, steps: int | None) -> dict[str, Fit]:
    """Linear regression of 4 inputs with this noise in its targets, at learning rate B^0: how far the mean over runs
    moves, and how far runs are from it. With `steps` None, as many as 256 examples have."""
    inputs, groups, runs, rate = 4, 8, 500, 0.0005
    truth = torch.ones(inputs, dtype=torch.float64)
    values: dict[Observable, dict[int, np.ndarray]] = defaultdict(dict)
    for batch in BATCHES:
        generator = torch.Generator().manual_seed(batch)
        weights = torch.zeros(groups * runs, inputs, dtype=torch.float64)
        for _ in range(256 // batch if steps is None else steps):
            x = torch.randn(groups * runs, batch, inputs, dtype=torch.float64, generator=generator)
            errors = noise * torch.randn(groups * runs, batch, dtype=torch.float64, generator=generator)
            residual = torch.einsum("rbi,ri->rb", x, weights - truth) - errors
            gradient = torch.einsum("rb,rbi->ri", residual, x) / batch
            weights -= rate * (gradient if law == "sgd" else gradient.sign())
        grouped = weights.unflatten(0, (groups, runs))
        values[Observable("dz", "signal", 1)][batch] = grouped.mean(dim=1).norm(dim=1).numpy()
        values[Observable("dz", "noise", 1)][batch] = grouped.std(dim=1).norm(dim=1).numpy()
    return {key.layer: fit for key, fit in fit_all(values).items() if isinstance(fit, Fit)}


@pytest.mark.parametrize("law", ["sgd", "sign"])
def test_a_batch_as_it_is_trained(law: str) -> None:
    """Where noise dominates, signal and noise both move weights as derived, at the rate B^0; where there is none, and
    the number of steps is fixed, B changes nothing."""
    still = Parameterization.of(multiplier=[0, 0], init=[0, 0], lr=[0, 0])
    moved = Observable("dW_frobenius", "layer1", 1)
    derived = float(predict(mlp(2), still, OPTIMIZERS[law], 1, scale=BATCH_NOISE)[moved])
    assert derived == {"sgd": -1, "sign": -0.5}[law]
    for fit in streamed(law, 10.0, None).values():
        assert p_value(fit, derived, DELTA) >= 0.01, fit
        assert p_value(fit, derived + QUARTER, DELTA) < 0.05, fit
        assert p_value(fit, derived - QUARTER, DELTA) < 0.05, fit
    assert predict(mlp(2), still, OPTIMIZERS[law], 1, scale=BATCH_SIGNAL)[moved] == 0
