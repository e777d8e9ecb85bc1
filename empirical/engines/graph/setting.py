"""Settings: a network at given sizes, with every hyperparameter worked out as a number.

A size is a value of each scale variable: {"width": 256, "depth": 1}. Every hyperparameter is a constant times a power
of each of them, given by one parameterization for each scale variable. So the depth can be studied at a fixed width
with the exponents of the width held where they are:

>>> from scalings.networks.architectures import resmlp
>>> network = resmlp(1)
>>> wide = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="1,0,-1")
>>> deep = Parameterization.of(multiplier="0,0,0", init="0,0,0", lr="0,1,0", scales="-1")
>>> setting = Setting(network, {"width": 100, "depth": 16}, {"width": wide, "depth": deep})
>>> setting.copies("branch1"), setting.power("weight1", "init"), setting.power("weight1", "lr")
(16, 0.1, 16.0)
>>> setting.scale(network.multipliers[0])
0.0625
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from empirical.engines.graph.layout import check_layout
from empirical.tensors.activations import PHI
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import power_of
from scalings.hyperparameters.parameterizations import Parameterization, wrong_scales
from scalings.networks.contractions import scores_behind
from scalings.networks.dimensions import WIDTH_SCALE, Dimension
from scalings.networks.network import Network, wrong_depth
from scalings.networks.nodes import (
    Convolution,
    Dense,
    DepthwiseConvolution,
    Elementwise,
    Embedding,
    Mix,
    Multiplier,
    Scores,
    Weight,
    Weighted,
)


@dataclass(frozen=True)
class Setting:
    """A network, the value of each scale variable, and the exponents in each of them that are not all zero.

    `rate` and `decay` are the constants of all learning rates and decays, `init` that of init scales.
    """

    network: Network
    sizes: Mapping[str, int]
    exponents: Mapping[str, Parameterization]
    rate: float = 1.0
    decay: float = 1.0
    init: float = 1.0

    def __post_init__(self) -> None:
        for given in self.exponents.values():
            if given.depth != self.network.depth:
                raise wrong_depth(self.network, given.depth)
            names = [node.name for node in self.network.multipliers]
            if given.scales and len(given.scales) != len(names):
                raise wrong_scales(names, len(given.scales))

    def at(self, dimension: Dimension) -> int:
        """The number of units (at least 1)."""
        scales = (WIDTH_SCALE, *(scale for scale, _ in dimension.others))
        powers = [math.pow(self.sizes.get(scale, 1), dimension.order_in(scale)) for scale in scales]
        return max(1, round(dimension.size * math.prod(powers)))

    def has_epsilon(self, weight: str) -> bool:
        """Whether a power of some scale variable is given for the epsilon of a weight."""
        index = self._index(weight)
        return any(given.layers[index].epsilon is not None for given in self.exponents.values())

    def power(self, weight: str, which: str) -> float:
        """The powers of all scale variables in one hyperparameter of a weight."""
        index = self._index(weight)
        found = 1.0
        for scale, given in self.exponents.items():
            exponent = getattr(given.layers[index], which)
            found *= power_of(self.sizes[scale], 0 if exponent is None else exponent)
            if given.gamma_powers:
                found *= power_of(float(given.gamma), getattr(given.gamma_powers[index], which) or 0)
        return found

    def _index(self, weight: str) -> int:
        return [layer.weight for layer in self.network.layers].index(weight)

    def scale(self, node: Multiplier) -> float:
        """The multiplier of a node without a weight."""
        index = self.network.multipliers.index(node)
        found = 1.0
        for scale, given in self.exponents.items():
            if given.scales:
                found *= power_of(self.sizes[scale], given.scales[index])
            if given.gamma_scales:
                found *= power_of(float(given.gamma), given.gamma_scales[index])
        return found

    def heads(self, node: Scores) -> int:
        """The number of heads: of it and their size one is fixed, and the other is what is left of the units.

        Raises ArgumentError if the units cannot be shared evenly.
        """
        units = self.at(self.network.units[node.query])
        heads = units // self.at(node.head_size) if node.heads.grows else self.at(node.heads)
        if heads < 1 or units % heads:
            of = f"heads of {self.at(node.head_size)}" if node.heads.grows else f"{heads} heads"
            raise ArgumentError("network", f"{node.name}: {units} units cannot be shared by {of}")
        return heads

    def groups(self, node: Scores | Mix) -> int:
        """The number of heads of its keys or values, each of which so many queries share.

        Raises ArgumentError if the queries cannot be shared evenly.
        """
        units, nodes = self.network.units, {one.name: one for one in self.network.flat}
        scores = node if isinstance(node, Scores) else scores_behind(node, nodes)
        assert scores is not None  # for any other the network is refused
        heads, many, few = self.heads(scores), self.at(units[scores.query]), self.at(units[scores.key])
        if many % few or heads % (many // few):
            raise ArgumentError("network", f"{scores.name}: {heads} heads of queries cannot share {few} units of keys")
        shared = heads * few // many
        if isinstance(node, Mix) and self.at(units[node.values]) % shared:
            raise ArgumentError("network", f"{node.name}: {self.at(units[node.values])} units are no {shared} heads")
        return shared

    def check(self) -> None:
        """Raises ArgumentError for heads that cannot share their units, and for operations that are not trained."""
        self._check_heads()
        check_layout(self.network, self.at)

    def _check_heads(self) -> None:
        for node in self.network.flat:
            if isinstance(node, Scores):
                self.heads(node)
            if isinstance(node, Scores | Mix):
                self.groups(node)

    def copies(self, name: str) -> int:
        """How often a node is there."""
        return self.at(self.network.copies[name]) if name in self.network.copies else 1


def draw(setting: Setting, seeds: Sequence[int]) -> dict[str, Tensor]:
    """W(0) of every weight, (copies, seeds, *shape), float64: a function of the sizes and of each seed by itself."""
    network, found = setting.network, {}
    generators = [np.random.Generator(np.random.SFC64((seed, *setting.sizes.values()))) for seed in seeds]
    for node in network.layers:
        shape, std = (setting.copies(node.name), *weight_shape(setting, node)), _std(setting, node)
        if node.start == "random":
            drawn = [torch.from_numpy(generator.standard_normal(shape)).mul_(std) for generator in generators]
            found[node.weight] = torch.stack(drawn, dim=1)
        else:
            value = float(node.start == "one")
            found[node.weight] = torch.full((shape[0], len(seeds), *shape[1:]), value, dtype=torch.float64)
    return found


def weight_shape(setting: Setting, node: Weighted) -> tuple[int, ...]:
    """Of one copy."""
    match node:
        case Dense():
            return setting.at(node.fan_out), setting.at(node.fan_in)
        case Convolution():
            return setting.at(node.channels_out), node.kernel * setting.at(node.channels_in)
        case Embedding():
            return setting.at(node.fan_out), setting.at(node.vocabulary)
        case DepthwiseConvolution():
            return setting.at(node.channels), node.kernel
        case Weight():
            return setting.at(node.fan_out), setting.at(node.fan_in)
    return (setting.at(node.units),)


def _std(setting: Setting, node: Weighted) -> float:
    """sigma: its constant keeps preactivations at a size near 1 where its powers do; no exponent depends on it."""
    if isinstance(node, Weight):
        return setting.init * setting.power(node.weight, "init")
    before = next((one for one in setting.network.flat if one.name == node.source), None)
    phi = PHI.get(before.activation) if isinstance(before, Elementwise) else None
    gain = phi.gain if phi else 1.0
    fixed_part = node.kernel if isinstance(node, DepthwiseConvolution) else node.fan_in.size
    if isinstance(node, Dense) and not node.fan_in.grows:
        fixed_part = 1  # the data has norm 1
    return setting.init * gain * setting.power(node.weight, "init") / math.sqrt(fixed_part)
