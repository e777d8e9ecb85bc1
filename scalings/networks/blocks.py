"""Residual streams of repeated blocks, and operations by other names.

>>> from scalings.networks.architectures import resmlp
>>> from scalings.networks.nodes import Repeat
>>> block_stream(next(node for node in resmlp().nodes if isinstance(node, Repeat)))
('stream',)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from scalings.networks.nodes import Node, Repeat, Sum


def block_stream(block: Repeat) -> tuple[str, ...]:
    """The sums of a block that make up its residual stream, from last to first; empty if it is not residual."""
    sums = {node.name: node for node in block.nodes if isinstance(node, Sum)}
    found: list[str] = []
    name = block.nodes[-1].name
    while name in sums:
        found.append(name)
        name = sums[name].sources[0]
    return tuple(found) if name == block.name else ()


def renamed(node: Node, names: Mapping[str, str]) -> Node:
    """A node, or a block, with other names for itself and what it reads."""
    changed: dict[str, Any] = {}
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, str) and field.name not in ("weight", "activation", "start"):
            changed[field.name] = names.get(value, value)
        elif field.name == "sources":
            changed[field.name] = tuple(names.get(source, source) for source in value)
        elif field.name == "nodes":
            changed[field.name] = tuple(renamed(inner, names) for inner in value)
    return replace(node, **changed)
