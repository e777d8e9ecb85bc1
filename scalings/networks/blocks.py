"""Residual streams of repeated blocks.

>>> from scalings.networks.architectures import resmlp
>>> from scalings.networks.nodes import Repeat
>>> block_stream(next(node for node in resmlp().nodes if isinstance(node, Repeat)))
('stream',)
"""

from __future__ import annotations

from scalings.networks.nodes import Repeat, Sum


def block_stream(block: Repeat) -> tuple[str, ...]:
    """The sums of a block that make up its residual stream, from last to first; empty if it is not residual."""
    sums = {node.name: node for node in block.nodes if isinstance(node, Sum)}
    found: list[str] = []
    name = block.nodes[-1].name
    while name in sums:
        found.append(name)
        name = sums[name].sources[0]
    return tuple(found) if name == block.name else ()
