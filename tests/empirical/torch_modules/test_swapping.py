"""Any torch network trains unchanged with matrix-free layers, in law the dense one; what cannot be is refused."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn import functional

from empirical.tensors.gaussian_matrix import GaussianMatrix
from empirical.torch_modules import layers
from empirical.torch_modules.factored import factored
from empirical.torch_modules.layers import GaussianLinear
from empirical.torch_modules.swapping import matrix_free
from tests.empirical.wrong_matrices import MISTAKES

pytestmark = pytest.mark.usefixtures("one_thread")
Make = Callable[..., torch.optim.Optimizer]


def momentum(parameters: object) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.5, momentum=0.9, weight_decay=0.05)  # type: ignore[arg-type]


def muon(parameters: object) -> torch.optim.Optimizer:
    return torch.optim.Muon(parameters, lr=0.2, weight_decay=0.05)  # type: ignore[arg-type]


def normals(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def perceptron(width: int) -> nn.Sequential:
    sizes = [
        nn.Linear(5, width, False),
        nn.Tanh(),
        nn.Linear(width, width, False),
        nn.Tanh(),
        nn.Linear(width, 2, False),
    ]
    return nn.Sequential(*sizes).double()


def std(_: str, layer: nn.Module) -> float:
    return float(layer.weight[0].numel() ** -0.5)  # type: ignore[union-attr, index]


def train(
    model: nn.Module, optimizer: torch.optim.Optimizer, inputs: Tensor, targets: Tensor, steps: int
) -> list[float]:
    """The losses: a training loop that knows nothing of how the layers are made."""
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(inputs) - targets).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def observables(model: nn.Sequential, optimizer: torch.optim.Optimizer, inputs: Tensor, targets: Tensor) -> list[float]:
    """Of a trained network: losses, norms of what the layers say, of a backward signal and of weights, an entry."""
    losses = train(model, optimizer, inputs, targets, steps=4)
    seen = inputs.clone().requires_grad_()
    first = model[1](model[0](seen))
    middle = model[2](first)
    middle.square().sum().backward()
    with torch.no_grad():
        hidden, output = (
            layer.matrix() if isinstance(layer, GaussianLinear) else layer.weight for layer in (model[2], model[4])
        )
        norms = [middle.norm(), seen.grad.norm(), hidden.norm(), torch.linalg.matrix_norm(hidden, 2), output.norm()]
        return [losses[0], losses[-1], *(float(norm) for norm in norms), float(hidden[3, 4])]


def samples(make: Make, seeds: range, free: bool) -> np.ndarray:
    """Observables, a row each, of networks of width 12 from as many seeds."""
    inputs, targets, values = normals(4, 5), normals(4, 2, seed=1), []
    for seed in seeds:
        torch.manual_seed(seed + 10**6 * free)
        model = perceptron(12)
        if free:
            model = matrix_free(model, std, narrow=0)
        else:
            for layer in model[::2]:
                nn.init.normal_(layer.weight, std=std("", layer))
        optimizer = make(model.parameters())
        values.append(observables(model, factored(optimizer) if free else optimizer, inputs, targets))
    return np.array(values).T


dense_samples = functools.cache(functools.partial(samples, free=False))


def pvalues(kind: type[GaussianMatrix], make: Make, monkeypatch: pytest.MonkeyPatch, first: int = 0) -> list[float]:
    """Two-sample Kolmogorov-Smirnov tests of 400 seeds against torch's own layers.

    Smallest of the eight p-values on three other sets of seeds: 0.01 to 0.28 for the operator itself under momentum,
    0.05 to 0.21 under Muon; at most 3e-77 without P^T X q, and 9e-19 without the projection.
    """
    monkeypatch.setattr(layers, "GaussianMatrix", kind)
    seeds = range(first, first + 400)
    pairs = zip(samples(make, seeds, free=True), dense_samples(make, seeds), strict=True)
    return [float(stats.ks_2samp(*pair).pvalue) for pair in pairs]


@pytest.mark.slow
@pytest.mark.parametrize("make", [momentum, muon])
def test_trained_networks_have_the_law_of_dense_ones(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    assert min(pvalues(GaussianMatrix, make, monkeypatch)) > 0.001


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("make", [momentum, muon])
def test_a_mistake_changes_that_law(make: Make, mistake: type[GaussianMatrix], monkeypatch: pytest.MonkeyPatch) -> None:
    assert min(pvalues(mistake, make, monkeypatch)) < 1e-6


def inconsistency(layer: GaussianLinear) -> float:
    """Of (W^T u) . v and u . (W v), and of a sum's image, over all that the layer was asked."""
    operator = layer.weight.operator
    v, u = normals(20, layer.in_features, seed=8), normals(20, layer.out_features, seed=9)
    v[:5], u[:5] = operator.gaussian.inputs.basis[-5:], operator.gaussian.outputs.basis[-5:]
    v[5:10] = v[:5] + 1e-6 * v[5:10]
    (image, _), (back, _) = operator.apply(v), operator.apply_transpose(u)
    mix = normals(3, 20, seed=10)
    gaps = [
        (u @ image.mT - back @ v.mT) / (u.norm(dim=1)[:, None] * image.norm(dim=1)),
        (operator.apply(v)[0] - image) / image.norm(dim=1, keepdim=True),
        (operator.apply(mix @ v)[0] - mix @ image) / (mix @ image).norm(dim=1, keepdim=True),
    ]
    return max(float(gap.abs().max()) for gap in gaps)


@pytest.mark.parametrize("kind", [GaussianMatrix, *MISTAKES])
def test_it_is_one_linear_map_after_fifty_steps(kind: type[GaussianMatrix], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "GaussianMatrix", kind)
    model = matrix_free(perceptron(600), std, seed=0, narrow=0)
    optimizer = factored(torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=0.01))
    batches = iter(normals(50, 4, 5, seed=3))
    for _ in range(50):
        train(model, optimizer, next(batches), normals(4, 2, seed=1), steps=1)
    assert min(model[2].weight.operator.gaussian.ranks) > 100
    assert (inconsistency(model[2]) < 1e-9) == (kind is GaussianMatrix)


class Block(nn.Module):
    """A transformer's: attention of two heads, then a perceptron of four times the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.query, self.key, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norms[0](x)
        q, k, v = (layer(h).unflatten(-1, (2, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value))
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.down(functional.gelu(self.up(self.norms[1](x))))


class Transformer(nn.Module):
    def __init__(self, width: int, letters: int = 11) -> None:
        super().__init__()
        self.embedding, self.blocks = nn.Embedding(letters, width), nn.Sequential(Block(width), Block(width))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, letters, bias=False)

    def forward(self, text: Tensor) -> Tensor:
        scores: Tensor = self.head(self.norm(self.blocks(self.embedding(text))))
        return scores


def learn(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> list[float]:
    text, losses = torch.tensor([[1, 4, 2, 8, 5, 7], [3, 1, 4, 1, 5, 9]]), []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(text[:, :-1]).flatten(0, 1), text[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.slow
def test_a_transformer_trains_unchanged_at_large_width() -> None:
    """8,192 wide, built on the meta device: 24 n^2 = 1.6e9 weights in two blocks, 12 GiB if they were there."""
    with torch.device("meta"):
        model = Transformer(2**13).double()
    model = matrix_free(model, std, seed=0)
    assert sum(isinstance(module, GaussianLinear) for module in model.modules()) == 12
    assert type(model.head) is nn.Linear
    losses = learn(model, factored(torch.optim.SGD(model.parameters(), lr=1e-3)), steps=3)
    assert losses[2] < losses[0] - 0.1


def test_a_transformer_is_the_dense_one_with_the_same_weights() -> None:
    torch.manual_seed(0)
    free, dense = (Transformer(20).double() for _ in range(2))
    start = {name: value.detach().clone() for name, value in free.named_parameters()}
    free = matrix_free(free, std, seed=0, narrow=0)
    learned = learn(free, factored(torch.optim.SGD(free.parameters(), lr=0.1, momentum=0.9)), steps=6)
    for name, module in free.named_modules():
        if isinstance(module, GaussianLinear):
            start[f"{name}.weight"] = module.weight.operator.gaussian.apply(torch.eye(module.in_features).double()).mT
    dense.load_state_dict(start)
    assert learned == pytest.approx(
        learn(dense, torch.optim.SGD(dense.parameters(), lr=0.1, momentum=0.9), steps=6), abs=1e-9
    )


line = nn.Linear(80, 80)
