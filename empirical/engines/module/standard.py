"""The standard parameterization of a module: its own init scales, and one learning rate for all."""

from __future__ import annotations

from fractions import Fraction

from empirical.engines.module.starts import draws, powers_of
from empirical.tracing.trace import Build
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.nodes import Weighted
from scalings.tapes.network import TracedNetwork
from scalings.tapes.translation.translation import Translation


def standard(build: Build, traced: TracedNetwork, translation: Translation) -> Parameterization:
    """The exponents of the module as it is: of each weight the init scale that `build` gives it, to the nearest half
    of a power over the traced widths; learning rates n^0."""
    seen = draws(build, traced.widths)

    def layer(node: Weighted) -> LayerExponents[Exponent]:
        names = translation.weights[node.weight]
        of_copies = {width: [one for name in names for one in seen[name][width]] for width in traced.widths}
        init, fit = powers_of({node.weight: of_copies})[node.weight]
        if fit:
            init = Fraction(round(2 * fit.exponent), 2)
        lr: Exponent = MINUS_INFINITY if node.frozen else Fraction(0)
        return LayerExponents(Fraction(0), init, lr)

    return Parameterization(tuple(map(layer, translation.network.layers)), "standard")
