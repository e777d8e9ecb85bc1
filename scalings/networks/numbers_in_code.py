"""Numbers in the code of a network: which of them alone read what a layer makes, and whose they are then.

>>> from fractions import Fraction
>>> from scalings.networks.dimensions import WIDTH, fixed
>>> from scalings.networks.network import Network
>>> from scalings.networks.nodes import Dense
>>> up, down = Dense("up", "input", "a", fixed(8), WIDTH), Dense("down", "half", "b", WIDTH, fixed(1))
>>> network = Network((up, Factor("half", "up", Fraction(-1, 2)), down))
>>> [(one.name, is_read_out(network, one)) for one in numbers_behind(network, up)]
[('half', True)]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from scalings.networks.nodes import MATRICES, Bias, Factor, Node, Scale

if TYPE_CHECKING:
    from scalings.networks.network import Network


def numbers_behind(network: Network, node: Node) -> Iterator[Factor | Scale]:
    """The numbers of the code that alone read a result, or each other; with its bias, if it has one."""
    while len(read_by := network.readers.get(node.name, [])) == 1:
        (node,) = read_by
        if isinstance(node, Bias) and len(behind := network.readers.get(node.name, [])) == 1:
            (node,) = behind  # which scales the bias with the layer
        if not isinstance(node, Factor) and not (isinstance(node, Scale) and node.in_code):
            return
        yield node


def is_read_out(network: Network, node: Node) -> bool:
    """Whether only matrices read a result, one of them a readout: numbers in front of it are the readout's."""
    read_by = network.readers.get(node.name, [])
    return all(isinstance(one, MATRICES) for one in read_by) and any(one.name in network.readouts for one in read_by)
