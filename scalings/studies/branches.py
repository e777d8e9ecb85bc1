"""What a torch module has to multiply the ends of its residual branches by, as its number of blocks grows.

A module is traced at one depth, so that of a number in its code nothing is known as a power of the depth. So a
multiplier is put at the end of each branch, whose power is derived with those of all else: it is what the code has to
do there.
"""

from __future__ import annotations

from collections.abc import Iterator

from scalings.networks.network import Network
from scalings.networks.nodes import MULTIPLIERS, Repeat, Sum


def with_multipliers(network: Network) -> tuple[Network, dict[str, str]]:
    """The network with a multiplier at the end of each branch of its blocks that has none, and the branch of each."""
    from symbolic.derivation.conflicts import between

    nodes, found = network.nodes, {}
    for source, stream in _ends(network):
        nodes = tuple(between(nodes, source, stream))
        found[f"{source}_to_{stream}"] = source
    return Network(nodes), found


def _ends(network: Network) -> Iterator[tuple[str, str]]:
    """The last operation of each branch, and the sum by which it enters the stream."""
    for block in network.nodes:
        if isinstance(block, Repeat):
            inside = {node.name: node for node in block.nodes}
            stream = [inside[block.nodes[-1].name]]
            for node in stream:
                if isinstance(node, Sum):
                    for source in node.sources:
                        if source not in inside:
                            continue
                        if isinstance(inside[source], Sum):
                            stream.append(inside[source])
                        elif not isinstance(inside[source], MULTIPLIERS):
                            yield source, node.name
