"""The training loop against torch's own: nn.Linear layers, autograd and torch.optim, observables taken densely."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from empirical.data import examples
from empirical.engines.mlp import observations, training
from empirical.engines.mlp.chain import Chain, chain
from empirical.engines.mlp.drawing import draw_dense
from empirical.tensors import random_numbers
from empirical.tensors.buffers import BufferPool
from empirical.weights.dense import DenseWeights
from scalings.criteria.observables import Observable
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.networks.architectures import mlp
from scalings.networks.nodes import Activation
from scalings.results.trials import Engine, Training

WIDTH = 24
SEEDS = (3, 8)
PHI: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "gelu": nn.functional.gelu,
    "linear": lambda z: z,
}


class Custom(torch.optim.Optimizer):
    """What torch does not have, or not with eps = 0: `direction(gradient, weight, state)` is subtracted times eta."""

    def __init__(self, groups: list[dict], direction: Callable[[Tensor, Tensor, dict], Tensor]) -> None:
        super().__init__(groups, {})
        self.direction = direction

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                state["t"] = state.get("t", 0) + 1
                weight.sub_(group["lr"] * self.direction(weight.grad, weight, state))


def lion(gradient: Tensor, _: Tensor, state: dict) -> Tensor:
    moment = state.get("m", torch.zeros_like(gradient))
    state["m"] = 0.99 * moment + 0.01 * gradient
    return torch.sign(0.9 * moment + 0.1 * gradient)


def lamb(gradient: Tensor, weight: Tensor, state: dict) -> Tensor:
    state["m"] = 0.9 * state.get("m", 0) + 0.1 * gradient
    state["v"] = 0.999 * state.get("v", 0) + 0.001 * gradient**2
    step = (state["m"] / (1 - 0.9 ** state["t"])) / (state["v"] / (1 - 0.999 ** state["t"]) + 1e-200).sqrt()
    return step * weight.norm() / step.norm()


def muon(gradient: Tensor, _: Tensor, state: dict) -> Tensor:
    """Newton-Schulz on the matrix itself."""
    state["m"] = 0.95 * state.get("m", 0) + gradient
    x = gradient + 0.95 * state["m"]
    x = x / x.norm()
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x


def shampoo(gradient: Tensor, _: Tensor, state: dict) -> Tensor:
    """Inverse roots on the range of L and R alone."""
    state["L"] = state.get("L", 0) + gradient @ gradient.T
    state["R"] = state.get("R", 0) + gradient.T @ gradient

    def inverse_root(gram: Tensor) -> Tensor:
        values, vectors = torch.linalg.eigh(gram)
        kept = values > 1e-12 * values[-1]
        return (vectors[:, kept] * values[kept] ** -0.25) @ vectors[:, kept].T

    return inverse_root(state["L"]) @ gradient @ inverse_root(state["R"])


OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "momentum": lambda groups: torch.optim.SGD(groups, momentum=0.9),
    "nesterov": lambda groups: torch.optim.SGD(groups, momentum=0.9, nesterov=True),
    "normalized-sgd": lambda groups: Custom(groups, lambda g, *_: g / g.norm()),
    "lars": lambda groups: Custom(groups, lambda g, w, _: g * w.norm() / g.norm()),
    "muon": lambda groups: Custom(groups, muon),
    "muon-jordan": lambda groups: Custom(groups, lambda g, w, s: max(1, len(w) / len(w.T)) ** 0.5 * muon(g, w, s)),
    "muon-rms": lambda groups: Custom(groups, lambda g, w, s: 0.2 * max(w.shape) ** 0.5 * muon(g, w, s)),
    "muon-spectral": lambda groups: Custom(groups, lambda g, w, s: (len(w) / len(w.T)) ** 0.5 * muon(g, w, s)),
    "shampoo": lambda groups: Custom(groups, shampoo),
    "sign": lambda groups: Custom(groups, lambda g, *_: g.sign()),
    "lion": lambda groups: Custom(groups, lion),
    # Ours has eps = 0; 0/0 is not a step there, and with this eps it is none here.
    "adam": lambda groups: torch.optim.Adam(groups, eps=1e-100),
    "lamb": lambda groups: Custom(groups, lamb),
    "adafactor": lambda groups: torch.optim.Adafactor(groups, eps=(1e-100, 0.0)),
}


class Reference(nn.Module):
    """One seed of the same network, keeping every layer's input and preactivation."""

    def __init__(self, at: Chain, weights: list[Tensor], activation: Activation) -> None:
        super().__init__()
        self.multipliers = [layer.multiplier for layer in at.layers]
        self.phi = PHI[activation]
        self.linears = nn.ModuleList()
        for weight in weights:
            linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=torch.float64)
            linear.weight.data = weight.clone()
            self.linears.append(linear)

    def forward(self, h: Tensor) -> Tensor:
        self.h, self.z = [], []
        for g, linear in zip(self.multipliers, self.linears, strict=True):
            self.h.append(h)
            self.z.append(g * linear(h))
            self.z[-1].retain_grad()
            h = self.phi(self.z[-1])
        return self.z[-1]


def reference_values(model: Reference, at: Chain, setup: Training, x: Tensor, y: Tensor):
    """Every observable of one seed, from subtracted states and dense matrices."""
    groups = [{"params": p.weight, "lr": layer.lr} for p, layer in zip(model.linears, at.layers, strict=True)]
    optimizer = OPTIMIZERS[setup.optimizer](groups)
    values: dict[Observable, float] = {}
    start: dict[str, list[Tensor]] = {}
    sizes: list[float] = []
    residual = first_kernel = torch.empty(0)

    def rms(block: Tensor) -> float:
        return float((block**2).sum(dim=1).mean().sqrt())

    for step in range(setup.steps + 1):
        optimizer.zero_grad()
        output = model(x)
        residual = (output.detach() * (not setup.centered) - y) if not step else residual
        kernel = tangent_kernel(model, at, residual, x)
        first_kernel = kernel if not step else first_kernel
        if step:
            change = torch.linalg.norm(kernel - first_kernel) / torch.linalg.norm(first_kernel)
            values[Observable("ntk_change", "", step)] = float(change)
        output = model(x)
        offset = start["z"][-1] if step and setup.centered else output.detach() if setup.centered else 0.0
        loss = ((output - offset - y) ** 2).sum() / (2 * len(x))
        loss.backward()
        now = {
            "h": [h.detach().clone() for h in model.h],
            "z": [z.detach().clone() for z in model.z],
            "d": [z.grad * len(x) for z in model.z],
            "W": [linear.weight.detach().clone() for linear in model.linears],
        }
        start = start or now
        values[Observable("loss", "", step)] = float(loss.detach())
        for index, layer in enumerate(at.layers):
            g = layer.multiplier
            h, w = start["h"][index], start["W"][index]
            dh, dw = now["h"][index] - h, now["W"][index] - w
            found = {
                "z": rms(now["z"][index]),
                "d": rms(now["d"][index]),
                "W_frobenius": float(torch.linalg.matrix_norm(now["W"][index])),
                "W_spectral": float(torch.linalg.matrix_norm(now["W"][index], ord=2)),
            }
            if step:
                size = float(torch.linalg.matrix_norm(dw))
                own = rms(g * h @ dw.T)
                found |= {
                    "dz": rms(now["z"][index] - start["z"][index]),
                    "dd": rms(now["d"][index] - start["d"][index]),
                    "layer": own,
                    "alignment": own / (g * size * rms(h)),
                    "gradient": sizes[index],
                    "dW_frobenius": size,
                    "dW_spectral": float(torch.linalg.matrix_norm(dw, ord=2)),
                }
            if step and index:
                through, both = rms(g * dh @ w.T), rms(g * dh @ dw.T)
                found |= {"passthrough": through, "interaction": both}
                found["passthrough_alignment"] = through / (g * float(torch.linalg.matrix_norm(w)) * rms(dh))
                found["interaction_alignment"] = both / (g * size * rms(dh))
            for quantity, value in found.items():
                values[Observable(quantity, layer.name, step)] = value
        sizes = [float(linear.weight.grad.norm()) for linear in model.linears]
        optimizer.step()
    return values


def tangent_kernel(model: Reference, at: Chain, residual: Tensor, x: Tensor) -> Tensor:
    """K of scalings.criteria.observables, from one gradient of residual . f an example, layer by layer."""
    rows = []
    for example, r in zip(x, residual, strict=True):
        grads = torch.autograd.grad((model(example[None])[0] * r).sum(), [p.weight for p in model.linears])
        rows.append(torch.cat([g.flatten() * layer.lr**0.5 for g, layer in zip(grads, at.layers, strict=True)]))
    stacked = torch.stack(rows)
    return stacked @ stacked.T


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
    at = chain(network, parameterization, setup, WIDTH)
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
    ],
)
def test_agrees_with_torch(activation: Activation, optimizer: str, depth: int, centered: bool) -> None:
    setup = Training(optimizer=optimizer, batch=12, centered=centered, lr=0.2, spectra=True)
    at, data, found = ours(setup, activation, depth, rich(depth, optimizer))
    x, y = torch.tensor(data.inputs), torch.tensor(data.targets)
    for index, seed in enumerate(SEEDS):
        model = Reference(at, [weight.matrix[0] for weight in draw_dense(at, [seed], "cpu")], activation)
        expected = reference_values(model, at, setup, x, y)
        assert expected.keys() == found.keys()
        for observable, value in expected.items():
            assert found[observable][index] == pytest.approx(value, rel=1e-9), observable


@pytest.mark.parametrize("optimizer", ["sgd", "sign"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_the_three_terms_are_the_change_of_the_preactivation(activation: Activation, optimizer: str) -> None:
    """z(t) from W(t) and h(t), multiplied out densely, is z(0) plus the terms that the loop carries."""
    setup = Training(batch=8, optimizer=optimizer, lr=0.1)
    at = chain(mlp(3, activation), rich(3, optimizer), setup, WIDTH)
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
    ("optimizer", "engine"), [("sgd", "dense"), ("adam", "dense"), ("sgd", "matrix-free"), ("shampoo:1/2,1/2", "dense")]
)
def test_a_coordinate_check_sees_the_same(optimizer: str, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
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
        "empirical.tensors.random_numbers._fill", lambda piece, key: rounded(key, piece.dtype, piece.device)(piece)
    )
    every = Training(batch=64, optimizer=optimizer, lr=0.02 if optimizer == "adam" else 0.1, kernel=False)
    few = replace(every, observing="coordinates")
    at, data = chain(mlp(3), rich(3, optimizer), every, 300), examples.load("digits", 64)
    whole, found = (training.train(at, setup, data, range(8), "cpu", engine) for setup in (every, few))
    assert {observable.quantity for observable in found} == {"z", "dz", "loss"}
    for observable, values in found.items():
        initial = whole[replace(observable, step=0)].max() if observable.quantity == "z" else 0.0
        np.testing.assert_allclose(values, whole[observable], rtol=1e-3, atol=1e-3 * initial)


def test_chunks_change_nothing() -> None:
    setup = Training(batch=8)
    at = chain(mlp(3), preset("mup-lr", 3), setup, WIDTH)
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
        at = chain(mlp(3), preset(name, 3), setup, WIDTH)
        results.append(training.train(at, setup, data, SEEDS, "cpu"))
    for observable in results[0]:
        if observable.quantity in ("z", "dz", "d", "dd", "layer", "passthrough", "interaction", "alignment", "loss"):
            np.testing.assert_allclose(results[0][observable], results[1][observable], rtol=1e-9)


def test_prefactor_enters_with_its_powers() -> None:
    powers = tuple(LayerExponents(Fraction(0), Fraction(i), Fraction(2)) for i in (0, 1, -1))
    plain = preset("mup-lr", 3)
    gamma = Parameterization(plain.layers, "gamma", Fraction(3), powers)
    before, after = (chain(mlp(3), p, Training(), 100).layers for p in (plain, gamma))
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
    at = chain(mlp(3, "tanh"), rich(3, optimizer), setup, WIDTH)
    data = examples.load("digits", 8)
    on_cpu = draw_dense(at, SEEDS, "cpu")
    results = []
    for device in ("cpu", "cuda"):
        weights = tuple(DenseWeights(weight.matrix.to(device), BufferPool(device)) for weight in on_cpu)
        h0 = torch.tensor(data.inputs, device=device).expand(len(SEEDS), -1, -1)
        values: dict[Observable, Tensor] = {}
        for state in training.trajectory(at, weights, setup, h0, torch.tensor(data.targets, device=device)):
            values |= observations.observe(state)
        results.append(values)
    for observable, value in results[0].items():
        torch.testing.assert_close(results[1][observable].cpu(), value, rtol=1e-7, atol=1e-12)
    drawn = training.train(at, setup, data, SEEDS, "cuda")
    assert drawn.keys() == results[0].keys()
    assert math.isfinite(sum(float(value.sum()) for value in drawn.values()))
