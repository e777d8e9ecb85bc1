"""The networks of the tutorial's experiments (Karkada, arXiv 2404.19719, and its notebook): a perceptron with biases.

    z = g (W h + b),    h = sqrt(2) relu(z),    (W, b) ~ N(0, sigma^2),    (W, b) learns at eta

A bias is the weight of an input that is 1, and goes with its layer's exponents. The data's pixels, and the first
layer's 1, are divided by sqrt(pixels): so the exponents of the width are those of presets, and constants those of the
notebook.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from empirical.engines.graph.module import Graph
from empirical.engines.graph.setting import Setting
from empirical.tensors.arrays import Array
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.network import Network


class Perceptrons:
    """Multilayer perceptrons pixels-n-n-outputs, one for each seed and factor on the learning rates.

    The standard normal numbers of a seed are the same in every parameterization.
    """

    def __init__(
        self,
        parameterization: Parameterization,
        sizes: tuple[int, int, int],
        seeds: Sequence[int],
        factors: Sequence[float] | None = None,
        kind: torch.dtype | None = None,
        device: str = "cpu",
    ) -> None:
        """`sizes` are those of inputs, the width and outputs; without `factors` all are 1; single precision is the
        default."""
        kind = kind or torch.float32
        inputs, n, outputs = sizes
        shapes = [(n, inputs), (n, n), (outputs, n)]
        self.seeds = tuple(seeds)
        drawn = [_draw(seed, n, shapes) for seed in self.seeds]
        factor = torch.tensor([1.0] * len(self.seeds) if factors is None else factors, dtype=kind, device=device)
        factor = factor[:, None, None]
        self._multipliers: list[float] = []
        self.weights: list[Tensor] = []
        self.rates: list[Tensor] = []
        for index, layer in enumerate(parameterization.layers):
            g, sigma, eta = (float(n) ** float(power) for power in (layer.multiplier, layer.init, layer.lr))
            self._multipliers.append(g)
            for part in (0, 1):
                stacked = torch.from_numpy(np.stack([numbers[index][part] for numbers in drawn]))
                self.weights.append((stacked * sigma).to(device, kind).requires_grad_())
                self.rates.append(factor * eta)
        self._one = 1 / math.sqrt(inputs)

    def __call__(self, inputs: Tensor) -> Tensor:
        h, one = inputs * self._one, self._one
        for index, g in enumerate(self._multipliers):
            weight, bias = self.weights[2 * index : 2 * index + 2]
            z: Tensor = g * torch.baddbmm(bias.mT, h, weight.mT, beta=one)
            h, one = torch.relu(z) * math.sqrt(2), 1.0
        return z


def _draw(seed: int, width: int, shapes: Sequence[tuple[int, int]]) -> list[tuple[Array, Array]]:
    """Of each layer the numbers of W and of b."""
    generator = np.random.Generator(np.random.SFC64((seed, width)))
    return [(generator.standard_normal(shape), generator.standard_normal((shape[0], 1))) for shape in shapes]


class GraphMember:
    """Any network of node kinds, from one seed."""

    def __init__(
        self,
        network: Network,
        parameterization: Parameterization,
        width: int,
        seed: int,
        device: str = "cpu",
    ) -> None:
        setting = Setting(network, {"width": width}, {"width": parameterization}, 1.0)
        self.seeds = (seed,)
        self._graph = Graph(setting, self.seeds, device)
        self._graph.initial = {weight: tensor.float() for weight, tensor in self._graph.initial.items()}
        self._graph.float()
        self.weights = [self._graph.updates[weight] for weight in self._graph.updates]
        self.rates = [torch.tensor(setting.power(weight, "lr"), device=device) for weight in self._graph.updates]

    def __call__(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self._graph(inputs[0])[self._graph.setting.network.output.name, 0]
        return outputs.squeeze(2)
