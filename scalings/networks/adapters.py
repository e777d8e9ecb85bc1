"""Low-rank adaptation: a network that is frozen, with adapters that are trained.

>>> [layer.name for layer in lora(4).layers if not layer.frozen]
['A2', 'B2', 'A3', 'B3']
"""

from __future__ import annotations

from fractions import Fraction

from scalings.networks.arguments import require, require_activation
from scalings.networks.dimensions import RANK_SCALE, WIDTH, Dimension, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import INPUT, Activation, Dense, Elementwise, Node, Scale, Sum


def lora(
    depth: int = 3, activation: Activation = "relu", *, rank: int = 8, inputs: int = 64, outputs: int = 10
) -> Network:
    """A multilayer perceptron that is frozen, and adapted at each hidden matrix: z = W h + B g A h.

    A starts at random, B at zero; g is a multiplier, alpha / rank in Hu et al., arXiv 2106.09685. `rank` is the number
    of units between A and B: a scale variable of its own, which does not grow with the width. `depth` counts frozen
    matrices. Raises ArgumentError for fewer than three, which have no hidden matrix, a rank below 1, or an unknown
    activation.
    """
    require("depth", depth, 3)
    require("rank", rank, 1)
    require_activation(activation)
    between = Dimension(rank, others=((RANK_SCALE, Fraction(1)),))
    nodes: list[Node] = [Dense("layer1", INPUT, "weight1", fixed(inputs), WIDTH, frozen=True)]
    for number in range(2, depth):
        before = f"activation{number - 1}"
        nodes += [
            Elementwise(before, nodes[-1].name, activation),
            Dense(f"layer{number}", before, f"weight{number}", WIDTH, WIDTH, frozen=True),
            Dense(f"A{number}", before, f"weight_A{number}", WIDTH, between),
            Scale(f"scale{number}", f"A{number}"),
            Dense(f"B{number}", f"scale{number}", f"weight_B{number}", between, WIDTH, start="zero"),
            Sum(f"adapted{number}", (f"layer{number}", f"B{number}")),
        ]
    last = Elementwise(f"activation{depth - 1}", nodes[-1].name, activation)
    readout = Dense(f"layer{depth}", last.name, f"weight{depth}", WIDTH, fixed(outputs), frozen=True)
    return Network((*nodes, last, readout))
