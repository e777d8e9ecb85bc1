"""The linearized network: what training would do if the tangent kernel stayed as it was at initialization.

With theta_(bi),(cj) = sum_l eta_l g_l^2 <h_(l-1)(b), h_(l-1)(c)> <J_l(bi), J_l(cj)>, J_l(bi) = d f_i(x_b) / d z_l,
gradient descent on the linearization moves the outputs of the B examples that are trained on by

    F(t+1) = F(t) - theta residual(t) / B,

step by step as the network is trained, not in the limit of small steps (Lee et al., arXiv 1902.06720). Weights move by
the gradient of <R, f> with R the sum of all residuals, so that any other examples * need no kernel of their own:

    F*(t) = sum_l (d f* / d W_l) dW_l(t),        dW_l(t) = -eta_l g_l J_l^T R h_(l-1)^T / B,

one backward pass from R and one forward pass of these changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from empirical.engines.mlp.perceptron import Perceptron
from empirical.weights.dense import Weights


@dataclass(frozen=True)
class _Forward:
    """h_(l-1), (seeds, examples, units), and phi'(z_l) of every layer."""

    representations: list[Tensor]
    slopes: list[Tensor]


def linearized(
    perceptron: Perceptron, weights: tuple[Weights, ...], inputs: Tensor, targets: Tensor, others: Tensor, steps: int
) -> Tensor:
    """F*(steps) of the centered output, from F = F* = 0: (seeds, other examples, outputs).

    `inputs` (seeds, batch, inputs) with `targets` (batch, outputs) are trained on, `others` are looked at.
    """
    batch, outputs = targets.shape
    trained = _forward(perceptron, weights, inputs)
    seeds = len(inputs)
    each = torch.eye(outputs, dtype=inputs.dtype, device=inputs.device).expand(seeds, batch, outputs, outputs)
    kernel = _kernel(perceptron, trained, _backward(perceptron, weights, trained, each))
    moved = inputs.new_zeros(seeds, batch * outputs)
    residuals = torch.zeros_like(moved)
    for _ in range(steps):
        residual = moved - targets.reshape(1, -1)
        residuals += residual
        moved = moved - (kernel @ residual[:, :, None])[:, :, 0] / batch
    pulled = _backward(perceptron, weights, trained, residuals.reshape(seeds, batch, 1, outputs))
    return _moved(perceptron, weights, trained, pulled, _forward(perceptron, weights, others))


def _forward(perceptron: Perceptron, weights: tuple[Weights, ...], h: Tensor) -> _Forward:
    representations, slopes = [], []
    for layer, weight in zip(perceptron.layers, weights, strict=True):
        representations.append(h)
        z = weight.apply(h).mul_(layer.multiplier)
        h = layer.phi.value(z)
        slopes.append(layer.phi.slope(z, h))
    return _Forward(representations, slopes)


def _backward(perceptron: Perceptron, weights: tuple[Weights, ...], seen: _Forward, signal: Tensor) -> list[Tensor]:
    """J_l^T of signals (seeds, examples, k, outputs) at the output, for every layer: (seeds, examples * k, units)."""
    seeds, examples, k, _ = signal.shape
    found: list[Tensor] = []
    for index in reversed(range(len(weights))):
        signal = signal.reshape(seeds, examples, k, -1) * seen.slopes[index][:, :, None]
        signal = signal.reshape(seeds, examples * k, -1)
        found.insert(0, signal)
        if index:
            signal = weights[index].apply_transpose(signal).mul_(perceptron.layers[index].multiplier)
    return found


def _kernel(perceptron: Perceptron, seen: _Forward, jacobians: list[Tensor]) -> Tensor:
    """theta between the examples: (seeds, examples * outputs, examples * outputs)."""
    total: Tensor | float = 0.0
    for layer, h, j in zip(perceptron.layers, seen.representations, jacobians, strict=True):
        outputs = j.shape[1] // h.shape[1]
        overlap = (h @ h.mT).repeat_interleave(outputs, dim=1).repeat_interleave(outputs, dim=2)
        total = total + layer.lr * layer.multiplier**2 * overlap * (j @ j.mT)
    return torch.as_tensor(total)


def _moved(
    perceptron: Perceptron, weights: tuple[Weights, ...], trained: _Forward, pulled: list[Tensor], others: _Forward
) -> Tensor:
    """How far the outputs of other examples move where every weight moves by -eta_l g_l pulled_l^T h_(l-1) / B."""
    batch = trained.representations[0].shape[1]
    dh: Tensor | None = None
    for index, (layer, weight) in enumerate(zip(perceptron.layers, weights, strict=True)):
        overlap = others.representations[index] @ trained.representations[index].mT
        dz = (overlap @ pulled[index]).mul_(-layer.lr * layer.multiplier**2 / batch)
        if dh is not None:
            dz = dz + weight.apply(dh).mul_(layer.multiplier)
        dh = others.slopes[index] * dz
    assert dh is not None
    return dh
