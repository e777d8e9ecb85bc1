"""Echoes: what a weight reads of what it has written itself, as a readout does that shares the weight of an embedding.

The logit of a token is then |W_token|^2 there, by the law of large numbers, and no sum of random signs: the weight is
aligned with its own part of what it reads. A matrix in between, or a sum over units, leaves nothing of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scalings.networks.network import Network
from scalings.networks.nodes import (
    INPUT,
    MATRICES,
    Convolution,
    Dense,
    Embedding,
    Mean,
    Node,
    Product,
    Repeat,
    Scores,
    Softmax,
    Sum,
    sources,
)

if TYPE_CHECKING:
    from symbolic.orders.algebra import O
    from symbolic.propagation.state import Run


@dataclass(frozen=True)
class Echo:
    """Where the weight of a node has written before, and the nodes in between, in the order of computation."""

    writers: frozenset[str]
    between: tuple[Node, ...]


def echoes(network: Network) -> Mapping[str, Echo]:
    """By name, the nodes that read what their own weight has written elsewhere."""
    uses = Counter(node.weight for node in network.flat if isinstance(node, MATRICES))
    shared = (node for node in network.flat if isinstance(node, MATRICES) and uses[node.weight] > 1)
    return {node.name: echo for node in shared if (echo := _echo(network, node)).writers}


def _echo(network: Network, node: Dense | Convolution | Embedding) -> Echo:
    nodes = {other.name: other for other in network.flat}
    writers, between, waiting = set[str](), set[str](), [node.source]
    while waiting:
        name = waiting.pop()
        if name == INPUT or name in between or name in writers or name == node.name:
            continue
        before = nodes[name]
        if isinstance(before, MATRICES):
            writers |= {name} if before.weight == node.weight else set()
        elif not _holds_no_units(before):
            between.add(name)
            waiting += _read(before)
    return Echo(frozenset(writers), tuple(one for one in network.flat if one.name in between))


def written(run: Run[O], echo: Echo, name: str) -> O:
    """The part of h(0) that the weight has written: all of what its own uses give, and what others pass on of that."""
    parts = {writer: run.initial[writer] for writer in echo.writers if writer in run.initial}
    for _ in ("first", "last"):  # a repeated block reads what its last node gave
        for node in echo.between:
            if node.name in run.initial:
                parts[node.name] = run.algebra.total(run.zero, *_passed_on(run, node, parts))
    return parts.get(name, run.zero)


def _passed_on(run: Run[O], node: Node, parts: Mapping[str, O]) -> Iterator[O]:
    for source in _read(node):
        if source in parts and isinstance(node, Sum | Repeat):
            yield parts[source]
        elif source in parts:
            yield run.algebra.product(parts[source], run.algebra.ratio(run.initial[node.name], run.initial[source]))


def _read(node: Node) -> tuple[str, ...]:
    return (*sources(node), node.nodes[-1].name) if isinstance(node, Repeat) else sources(node)


def _holds_no_units(node: Node) -> bool:
    """What was summed over or normalized over tokens holds no token's units any more."""
    return isinstance(node, Scores | Softmax | Mean) or (isinstance(node, Product) and node.summed.grows)
