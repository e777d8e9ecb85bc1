"""The training loop against torch's own: nn.Linear layers, autograd and torch.optim, observables taken densely."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import Tensor

from empirical.data import examples
from empirical.engines.mlp import training
from empirical.engines.mlp.drawing import draw_dense
from empirical.engines.mlp.perceptron import perceptron
from empirical.engines.mlp.view import view
from empirical.engines.observations import observe
from empirical.tensors import random_numbers
from empirical.tensors.buffers import BufferPool
from empirical.weights.decay import kind
from empirical.weights.dense import DenseWeights
from scalings.criteria.observables import Observable
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.networks.architectures import mlp
from scalings.networks.nodes import Activation
from scalings.results.trials import EngineName, Training
from tests.empirical.engines.torch_reference import Reference, reference_values

WIDTH = 24
SEEDS = (3, 8)


OF_UPDATES = ("layer", "interaction", "alignment", "interaction_alignment", "dW_frobenius", "dW_spectral")


def rich(depth: int, optimizer: str = "sgd") -> Parameterization:
    """Some parameterization with a multiplier that is not 1; its features move, so that nothing is small."""
    half = Fraction(1, 2)
    sgd = ("sgd", "momentum", "nesterov")
    lr = [Fraction(1), *[Fraction(0)] * (depth - 2), -half] if optimizer in sgd else [Fraction(-1)] * depth
    return Parameterization.of(
        multiplier=[Fraction(0), *[Fraction(1, 4)] * (depth - 1)],
        init=[Fraction(0), *[-half - Fraction(1, 4)] * (depth - 2), -half - Fraction(1, 2)],
        lr=lr,
    )


def ours(setup: Training, activation: Activation, depth: int, parameterization: Parameterization):
    network = mlp(depth, activation)
    at = perceptron(network, parameterization, setup, WIDTH)
    data = examples.load(setup.data, setup.batch)
    return at, data, training.train(at, setup, data, SEEDS, "cpu")


@pytest.mark.parametrize(
    ("activation", "optimizer", "depth", "centered"),
    [
        ("relu", "sgd", 3, True),
        ("relu", "sgd", 2, False),
        ("tanh", "sgd", 4, True),
        ("gelu", "sgd", 3, False),
        ("linear", "sgd", 3, True),
        ("relu", "sign", 3, True),
        ("tanh", "adam", 3, True),
        ("relu", "adam", 3, False),
        ("tanh", "momentum", 3, True),
        ("relu", "nesterov", 3, False),
        ("gelu", "normalized-sgd", 3, True),
        ("tanh", "lars", 3, True),
        ("tanh", "muon", 3, True),
        ("gelu", "muon-jordan", 2, False),
        ("tanh", "muon-rms", 2, True),
        ("tanh", "muon-spectral", 3, True),
        ("tanh", "shampoo", 3, True),
        ("tanh", "lion", 3, True),
        ("tanh", "lamb", 3, False),
        ("tanh", "adafactor", 3, True),
        ("relu", "sgd-l2", 3, True),
        ("tanh", "adamw", 3, False),
        ("relu", "adamw-independent", 2, True),
        ("tanh", "momentum+l2", 3, True),
        ("relu", "sgd+clip", 3, True),
        ("tanh", "momentum+clip", 2, False),
        ("tanh", "sgd+l2+clip", 3, False),
        ("tanh", "muon+coupled", 3, False),
        ("relu", "lion+l2", 3, True),
        ("tanh", "lamb+inside", 3, True),
    ],
)
def test_agrees_with_torch(activation: Activation, optimizer: str, depth: int, centered: bool) -> None:
    setup = Training(optimizer=optimizer, batch=12, centered=centered, lr=0.2, spectra=True)
    at, data, found = ours(setup, activation, depth, rich(depth, optimizer))
    x, y = torch.tensor(data.inputs), torch.tensor(data.targets)
    for index, seed in enumerate(SEEDS):
        model = Reference(at, [weight.matrix[0] for weight in draw_dense(at, [seed], "cpu")], activation)
        expected = reference_values(model, at, setup, x, y)
        assert expected.keys() == {observable for observable in found if observable.quantity != "decay"}
        for observable, value in expected.items():
            if kind(optimizer) != "none" and observable.quantity in OF_UPDATES:
                continue  # there W - W(0), what decay took included; the graph engine is compared in these
            assert found[observable][index] == pytest.approx(value, rel=1e-9), observable


@pytest.mark.parametrize("optimizer", ["sgd", "sign"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_the_three_terms_are_the_change_of_the_preactivation(activation: Activation, optimizer: str) -> None:
    """z(t) from W(t) and h(t), multiplied out densely, is z(0) plus the terms that the loop carries."""
    setup = Training(batch=8, optimizer=optimizer, lr=0.1)
    at = perceptron(mlp(3, activation), rich(3, optimizer), setup, WIDTH)
    data = examples.load("digits", 8)
    weights = draw_dense(at, SEEDS, "cpu")
    h0, y = torch.tensor(data.inputs).expand(len(SEEDS), -1, -1), torch.tensor(data.targets)
    for state in training.trajectory(at, weights, setup, h0, y):
        h = h0
        for layer, weight, update, initial, change in zip(
            at.layers, weights, state.updates, state.initial, state.changes, strict=False
        ):
            identity = torch.eye(layer.shape[1], dtype=torch.float64).expand(len(SEEDS), -1, -1)
            z = layer.multiplier * h @ (weight.matrix.mT + update.apply((identity,)))
            terms = [t for t in (change.layer, change.passthrough, change.interaction) if t is not None]
            torch.testing.assert_close(initial.z + sum(terms), z, rtol=1e-10, atol=1e-12)
            h = layer.phi.value(z)


@pytest.mark.parametrize(
    ("optimizer", "engine"),
    [
        ("sgd", "dense"),
        ("adam", "dense"),
        ("sgd", "matrix-free"),
        *(
            pytest.param(*one, marks=pytest.mark.slow)
            for one in (
                ("adamw", "dense"),
                ("sgd-l2", "matrix-free"),
                ("momentum+coupled", "matrix-free"),
                ("shampoo:1/2,1/2", "dense"),
            )
        ),
    ],
)
def test_a_coordinate_check_sees_the_same(optimizer: str, engine: EngineName, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer observables, from the same weights in the precision they need; large enough for blocks that are pooled.

    To three digits of the larger term, where z(t) is z(0) and dz of opposite sign.
    """

    def rounded(sequence: np.random.SeedSequence, _: torch.dtype, device: torch.device) -> Callable[[Tensor], object]:
        fill = random_numbers.filler(sequence, torch.float64, device)

        def fill_rounded(block: Tensor) -> None:
            exact = torch.empty(block.shape, dtype=torch.float64)
            fill(exact)
            block.copy_(exact)

        return fill_rounded

    monkeypatch.setattr("empirical.engines.mlp.drawing.filler", rounded)
    monkeypatch.setattr(
        "empirical.tensors.random_numbers._fill",
        lambda polyhedron, key: rounded(key, polyhedron.dtype, polyhedron.device)(polyhedron),
    )
    every = Training(batch=64, optimizer=optimizer, lr=0.02 if optimizer.startswith("adam") else 0.1, kernel=False)
    few = replace(every, observing="coordinates")
    at, data = perceptron(mlp(3), rich(3, optimizer), every, 300), examples.load("digits", 64)
    whole, found = (training.train(at, setup, data, range(8), "cpu", engine) for setup in (every, few))
    assert {observable.quantity for observable in found} == {"z", "dz", "loss"}
    for observable, values in found.items():
        initial = whole[replace(observable, step=0)].max() if observable.quantity == "z" else 0.0
        np.testing.assert_allclose(values, whole[observable], rtol=1e-3, atol=1e-3 * initial)


def test_chunks_change_nothing() -> None:
    setup = Training(batch=8)
    at = perceptron(mlp(3), preset("mup-lr", 3), setup, WIDTH)
    data = examples.load("digits", 8)

    def run(seeds: range) -> dict[Observable, np.ndarray]:
        return training.train(at, setup, data, seeds, "cpu")

    together, first, second = run(range(5)), run(range(2)), run(range(2, 5))
    for observable, values in together.items():
        np.testing.assert_allclose(values, np.concatenate([first[observable], second[observable]]), rtol=1e-11)


def test_gauges_change_nothing_that_is_computed() -> None:
    """n^t on the multiplier, n^-t on the init scale, n^-2t on the learning rate: the same z, d and loss."""
    setup = Training(batch=8)
    data = examples.load("digits", 8)
    results = []
    for name in ("ntp", "ntp-lr"):
        at = perceptron(mlp(3), preset(name, 3), setup, WIDTH)
        results.append(training.train(at, setup, data, SEEDS, "cpu"))
    for observable in results[0]:
        if observable.quantity in ("z", "dz", "d", "dd", "layer", "passthrough", "interaction", "alignment", "loss"):
            np.testing.assert_allclose(results[0][observable], results[1][observable], rtol=1e-9)


def test_prefactor_enters_with_its_powers() -> None:
    powers = tuple(LayerExponents(Fraction(0), Fraction(i), Fraction(2)) for i in (0, 1, -1))
    plain = preset("mup-lr", 3)
    gamma = Parameterization(plain.layers, "gamma", Fraction(3), powers)
    before, after = (perceptron(mlp(3), p, Training(), 100).layers for p in (plain, gamma))
    assert [b.scale / a.scale for a, b in zip(before, after, strict=True)] == pytest.approx([1, 3, 1 / 3])
    assert [b.lr / a.lr for a, b in zip(before, after, strict=True)] == pytest.approx([9, 9, 9])


def test_a_zero_readout_is_no_crash() -> None:
    """Hidden layers get no gradient in the first update and move from the second on."""
    parameterization = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-oo", lr="1,0,-1")
    _, _, found = ours(Training(batch=8), "relu", 3, parameterization)
    assert np.all(found[Observable("dz", "layer2", 1)] == 0)
    assert np.all(found[Observable("alignment", "layer2", 1)] == 0)
    assert np.all(found[Observable("dW_spectral", "layer2", 1)] == 0)
    assert np.all(found[Observable("dz", "layer2", 2)] > 0)


def test_divergence_is_a_result() -> None:
    _, _, found = ours(Training(batch=8, lr=1e200), "relu", 3, rich(3))
    last = [value for observable, value in found.items() if observable.step == 3]
    assert any(not np.all(np.isfinite(value)) for value in last)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("optimizer", ["sgd", "sign", "adam"])
def test_cuda_runs_the_same_program(optimizer: str) -> None:
    """The same weights on both devices give the same observables."""
    setup = Training(batch=8, optimizer=optimizer, lr=0.1)
    at = perceptron(mlp(3, "tanh"), rich(3, optimizer), setup, WIDTH)
    data = examples.load("digits", 8)
    on_cpu = draw_dense(at, SEEDS, "cpu")
    results = []
    for device in ("cpu", "cuda"):
        weights = tuple(DenseWeights(weight.matrix.to(device), BufferPool(device)) for weight in on_cpu)
        h0 = torch.tensor(data.inputs, device=device).expand(len(SEEDS), -1, -1)
        values: dict[Observable, Tensor] = {}
        for state in training.trajectory(at, weights, setup, h0, torch.tensor(data.targets, device=device)):
            values |= observe(view(state))
        results.append(values)
    for observable, value in results[0].items():
        torch.testing.assert_close(results[1][observable].cpu(), value, rtol=1e-7, atol=1e-12)
    drawn = training.train(at, setup, data, SEEDS, "cuda")
    assert drawn.keys() == results[0].keys()
    assert math.isfinite(sum(float(value.sum()) for value in drawn.values()))
