"""Multilayer perceptrons trained by autograd and torch.optim, as plainly as it can be done: the judge of the engines.

It shares no code with them, and no formula: powers of the width, gains, draws, training and observables are its own.
Matrices are formed, changes are subtracted, and each seed's matrices are parameters of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

Values = dict[tuple[str, str, int], Tensor]
"""(quantity, layer, step) -> its value for each seed."""
PHI: dict[str, Callable[[Tensor], Tensor]] = {"relu": functional.relu, "tanh": functional.tanh}


@dataclass(frozen=True)
class Plain:
    """A network at one width and how it is trained: by layer, shapes, g, sigma and eta."""

    shapes: Sequence[tuple[int, int]]
    multipliers: Sequence[float]
    scales: Sequence[float]
    rates: Sequence[float]
    activation: str
    optimizer: Callable[[list[dict[str, object]]], torch.optim.Optimizer]
    decay: float = 0.0
    """lambda, of decoupled decay: the optimizer takes eta lambda of W in each step."""
    steps: int = 2
    centered: bool = True


def gain(activation: str) -> float:
    """1 / sqrt(E phi(u)^2), u ~ N(0, 1)."""
    points, weights = np.polynomial.hermite_e.hermegauss(100)
    squared = PHI[activation](torch.tensor(points)).numpy() ** 2
    return float(np.sqrt(weights.sum() / (weights @ squared)))


def draw(plain: Plain, seeds: int, seed: int) -> list[Tensor]:
    """W(0) of each layer, (seeds, fan_out, fan_in)."""
    generator = torch.Generator().manual_seed(seed)
    return [
        scale * torch.randn(seeds, *shape, generator=generator, dtype=torch.float64)
        for shape, scale in zip(plain.shapes, plain.scales, strict=True)
    ]


@dataclass(frozen=True)
class State:
    """What a step starts from: of each layer its input h, z, d = B dloss/dz, W and its gradient; loss and kernel."""

    h: list[Tensor]
    z: list[Tensor]
    d: list[Tensor]
    weights: list[Tensor]
    gradients: list[Tensor]
    loss: Tensor
    kernel: Tensor


def train(plain: Plain, initial: Sequence[Tensor], x: Tensor, y: Tensor) -> Iterator[State]:
    """States before each step and after the last one, from W(0) of each layer, (seeds, fan_out, fan_in)."""
    parameters = [[nn.Parameter(matrix) for matrix in matrices.double().clone()] for matrices in initial]
    groups = [{"params": matrices, "lr": rate} for matrices, rate in zip(parameters, plain.rates, strict=True)]
    optimizer = plain.optimizer(groups)
    f_0 = r_0 = torch.empty(0)
    for step in range(plain.steps + 1):
        weights = [torch.stack(matrices) for matrices in parameters]
        h, z = [x.expand(len(initial[0]), *x.shape)], list[Tensor]()
        for g, weight in zip(plain.multipliers, weights, strict=True):
            z.append(g * h[-1] @ weight.mT)
            h.append(PHI[plain.activation](z[-1]))
        f_0 = f_0 if step else z[-1].detach() if plain.centered else torch.zeros_like(z[-1])
        residual = z[-1] - f_0 - y
        r_0 = r_0 if step else residual.detach()
        kernel = tangent_kernel((z[-1] * r_0).sum(dim=2), weights, plain.rates)
        loss = functional.mse_loss(residual, torch.zeros_like(residual), reduction="none").sum(dim=(1, 2)) / len(x) / 2
        d = [len(x) * slope for slope in torch.autograd.grad(loss.sum(), z, retain_graph=True)]
        optimizer.zero_grad()
        loss.sum().backward()
        gradients = [torch.stack([one.grad for one in matrices]) for matrices in parameters]
        h, z, weights = ([one.detach() for one in blocks] for blocks in (h[:-1], z, weights))
        yield State(h, z, d, weights, gradients, loss.detach(), kernel)
        optimizer.step()


def tangent_kernel(f: Tensor, weights: Sequence[Tensor], rates: Sequence[float]) -> Tensor:
    """sum_l eta_l <df_b/dW_l, df_b'/dW_l> over pairs of examples of f (seeds, examples), one gradient for each."""
    rows = [torch.autograd.grad(one.sum(), weights, retain_graph=True) for one in f.unbind(dim=1)]
    scaled = [[rate**0.5 * slope.flatten(1) for rate, slope in zip(rates, row, strict=True)] for row in rows]
    flat = torch.stack([torch.cat(row, dim=1) for row in scaled], dim=1)
    return flat @ flat.mT


def size(block: Tensor) -> Tensor:
    """Euclidean over units, root-mean-square over examples."""
    return (block**2).sum(dim=2).mean(dim=1).sqrt()


def observe(plain: Plain, states: Sequence[State]) -> Values:
    """Every observable of scalings.criteria.observables, from matrices and subtracted states."""
    first, found = states[0], Values()
    for step, now in enumerate(states):
        found["loss", "", step] = now.loss
        if step:
            found["ntk_change", "", step] = frobenius(now.kernel - first.kernel) / frobenius(first.kernel)
        for layer, (g, rate) in enumerate(zip(plain.multipliers, plain.rates, strict=True)):
            name, W, W_0 = f"layer{layer + 1}", now.weights[layer], first.weights[layer]  # noqa: N806 - as in formulas
            values = {
                "z": size(now.z[layer]),
                "d": size(now.d[layer]),
                "W_frobenius": frobenius(W),
                "W_spectral": spectral(W),
            }
            if step:
                kept = (1 - rate * plain.decay) ** step
                h, dW = first.h[layer], W - kept * W_0  # noqa: N806 - as in formulas
                own = size(g * h @ dW.mT)
                values |= {
                    "dz": size(now.z[layer] - first.z[layer]),
                    "dd": size(now.d[layer] - first.d[layer]),
                    "dW_frobenius": frobenius(dW),
                    "dW_spectral": spectral(dW),
                    "gradient": frobenius(states[step - 1].gradients[layer]),
                    "layer": own,
                    "alignment": own / (abs(g) * frobenius(dW) * size(h)),
                }
                if plain.decay:
                    values["decay"] = torch.full_like(own, 1 - kept)
            if step and layer:
                dh = now.h[layer] - h
                through, both = size(g * dh @ W_0.mT), size(g * dh @ dW.mT)
                values |= {
                    "passthrough": through,
                    "interaction": both,
                    "passthrough_alignment": through / (abs(g) * frobenius(W_0) * size(dh)),
                    "interaction_alignment": both / (abs(g) * frobenius(dW) * size(dh)),
                }
            found |= {(quantity, name, step): value for quantity, value in values.items()}
    return found


def frobenius(matrix: Tensor) -> Tensor:
    return torch.linalg.matrix_norm(matrix)


def spectral(matrix: Tensor) -> Tensor:
    return torch.linalg.matrix_norm(matrix, ord=2)
