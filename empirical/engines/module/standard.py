"""The standard parameterization of a module: its own init scales, and one learning rate for all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from torch import Tensor

from empirical.tracing.trace import Build, built
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.nodes import Weighted
from scalings.tapes.network import TracedNetwork
from scalings.tapes.translation.translation import Translation

SEEDS = 8
"""Of a bias of two entries the size is then known to a quarter, and its power over four times the width to a sixth."""


def standard(build: Build, traced: TracedNetwork, translation: Translation) -> Parameterization:
    """The exponents of the module as it is: of each weight the init scale that `build` gives it, to the nearest half
    of a power between the smallest and the largest traced width; learning rates n^0."""
    ends = traced.widths[0], traced.widths[-1]
    sizes = [mean_squares(build, width) for width in ends]

    def layer(node: Weighted) -> LayerExponents[Exponent]:
        names = translation.weights[node.weight]
        squares = [sum(size[name] for name in names) for size in sizes]
        init: Exponent = MINUS_INFINITY
        if all(squares):
            power = math.log(squares[1] / squares[0]) / math.log(ends[1] / ends[0]) / 2
            init = Fraction(round(2 * power), 2)
        lr: Exponent = MINUS_INFINITY if node.frozen else Fraction(0)
        return LayerExponents(Fraction(0), init if node.start == "random" else _FIXED[node.start], lr)

    return Parameterization(tuple(map(layer, translation.network.layers)), "standard")


_FIXED: Mapping[str, Exponent] = {"zero": MINUS_INFINITY, "one": Fraction(0)}


def mean_squares(build: Build, width: int) -> dict[str, float]:
    """Of each parameter, by name, over some seeds."""
    found: dict[str, float] = {}
    for seed in range(SEEDS):
        for name, parameter in built(build, width, seed).named_parameters():
            found[name] = found.get(name, 0.0) + _mean_square(parameter)
    return found


def _mean_square(parameter: Tensor) -> float:
    return float(parameter.detach().double().square().mean()) if parameter.is_floating_point() else 0.0
