"""The answer of a translation: a network of nodes, and where its values and weights are on the tape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from scalings.networks.network import Network
from scalings.networks.nodes import MATRICES, Bias


@dataclass(frozen=True)
class Translation:
    """A traced network, translated."""

    network: Network
    values: Mapping[str, int]
    """By name of a node, the number of the value on the aligned tape that its result is: of a repeated block, in its
    first copy. A node whose result no torch function makes by itself, such as W x in W x + b, has none."""
    weights: Mapping[str, tuple[str, ...]]
    """By name of a weight, the names of the module's parameters that it stands for, one a copy; of one that is tied the
    first."""
    output: int
    """The number of the value that is the network's output, from which the loss is computed."""
    loss: Literal["mse", "cross-entropy"]
    unknown: tuple[str, ...] = ()
    """Functions without a rule, which are taken for ones that act unit by unit, times what was measured."""
    left_out: tuple[str, ...] = ()
    """Other outputs from which the loss is computed."""
    unused: tuple[str, ...] = ()
    """The names of parameters, of all copies, that nothing of the output depends on: no node has them."""
    notes: tuple[str, ...] = ()
    """What was taken as it was measured at initialization, in words."""
    wants_seeds: bool = False
    """Whether it was measured from too few seeds what functions without a rule give."""
    reading: Mapping[str, str] = field(default_factory=dict)
    """By name of a node of the network, the torch function that it is read off; of a number that such a function
    multiplies by itself, as scaled_dot_product_attention does, that one."""

    @property
    def made_by_layers(self) -> dict[str, str]:
        """By name of a layer with a matrix, the node whose value the call of its function makes: itself, or its bias,
        which is added in the same call. A layer whose value nothing makes has none."""
        found = {node.name: node.name for node in self.network.layers if isinstance(node, MATRICES)}
        biases = {node.source: node.name for node in self.network.flat if isinstance(node, Bias)}
        made = {name: name if name in self.values else biases.get(name, "") for name in found}
        return {name: value for name, value in made.items() if value in self.values}
