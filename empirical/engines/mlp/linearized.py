"""The linearized network: what training would do if the tangent kernel stayed as it was at initialization.

With theta_(bi),(cj) = sum_l eta_l g_l^2 <h_(l-1)(b), h_(l-1)(c)> <J_l(bi), J_l(cj)>, J_l(bi) = d f_i(x_b) / d z_l,
gradient descent on the linearization moves the outputs of the examples that are trained on, and of any others *, by

    F(t+1) = F(t) - theta residual(t) / B,        F*(t+1) = F*(t) - theta* residual(t) / B,

step by step as the network is trained, not in the limit of small steps (Lee et al., arXiv 1902.06720).
"""

from __future__ import annotations

import torch
from torch import Tensor

from empirical.engines.mlp.perceptron import Perceptron
from empirical.weights.dense import Weights

Signals = list[tuple[Tensor, Tensor]]


def linearized(
    perceptron: Perceptron, weights: tuple[Weights, ...], inputs: Tensor, targets: Tensor, others: Tensor, steps: int
) -> Tensor:
    """F*(steps) of the centered output, from F = F* = 0: (seeds, other examples, outputs).

    `inputs` (seeds, batch, inputs) with `targets` (batch, outputs) are trained on, `others` are looked at.
    """
    batch, looked_at = inputs.shape[1], others.shape[1]
    every = _signals(perceptron, weights, torch.cat([inputs, others], dim=1))
    kernel = _kernel(perceptron, every, batch)
    outputs = targets.shape[1]
    moved = inputs.new_zeros(len(inputs), (batch + looked_at) * outputs)
    for _ in range(steps):
        residual = moved[:, : batch * outputs] - targets.reshape(1, -1)
        moved = moved - (kernel @ residual[:, :, None])[:, :, 0] / batch
    return moved[:, batch * outputs :].reshape(len(inputs), looked_at, outputs)


def _signals(perceptron: Perceptron, weights: tuple[Weights, ...], h: Tensor) -> Signals:
    """h_(l-1), (seeds, examples, units), and J_l, (seeds, examples * outputs, units), of every layer."""
    representations, slopes = [], []
    for layer, weight in zip(perceptron.layers, weights, strict=True):
        representations.append(h)
        z = weight.apply(h).mul_(layer.multiplier)
        h = layer.phi.value(z)
        slopes.append(layer.phi.slope(z, h))
    seeds, examples, outputs = h.shape
    signal = torch.eye(outputs, dtype=h.dtype, device=h.device).expand(seeds, examples, outputs, outputs)
    found: Signals = []
    for index in reversed(range(len(weights))):
        signal = signal.reshape(seeds, examples, outputs, -1) * slopes[index][:, :, None]
        signal = signal.reshape(seeds, examples * outputs, -1)
        found.insert(0, (representations[index], signal))
        if index:
            signal = weights[index].apply_transpose(signal).mul_(perceptron.layers[index].multiplier)
    return found


def _kernel(perceptron: Perceptron, signals: Signals, batch: int) -> Tensor:
    """theta between all examples and the first `batch`: (seeds, examples * outputs, batch * outputs)."""
    total: Tensor | float = 0.0
    for layer, (h, j) in zip(perceptron.layers, signals, strict=True):
        outputs = j.shape[1] // h.shape[1]
        overlap = h @ h[:, :batch].mT
        overlap = overlap.repeat_interleave(outputs, dim=1).repeat_interleave(outputs, dim=2)
        total = total + layer.lr * layer.multiplier**2 * overlap * (j @ j[:, : batch * outputs].mT)
    return torch.as_tensor(total)
