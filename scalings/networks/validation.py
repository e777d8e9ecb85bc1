"""Validation of networks: names, sources, what reads what, sizes, residual blocks and the shapes of shared weights.

>>> from scalings.networks.dimensions import WIDTH, fixed
>>> from scalings.networks.nodes import Dense
>>> check_sizes([Dense("a", "h", "w", fixed(3), WIDTH)], {"h": WIDTH})
Traceback (most recent call last):
...
scalings.errors.ArgumentError: network: a takes 3 units, but h gives 1 n
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from math import isfinite

from scalings.errors import ArgumentError
from scalings.networks.blocks import block_stream
from scalings.networks.contractions import contraction, scores_behind
from scalings.networks.dimensions import WIDTH_SCALE, Dimension
from scalings.networks.functions import FUNCTIONS
from scalings.networks.nodes import (
    INPUT,
    WEIGHTED,
    Bias,
    Convolution,
    Dense,
    DepthwiseConvolution,
    Elementwise,
    Embedding,
    Factor,
    Gain,
    Mean,
    Mix,
    Node,
    Norm,
    Power,
    Product,
    Rearrange,
    Repeat,
    Scores,
    Softmax,
    Sum,
    Top,
    Weight,
    Weighted,
    sources,
)

A_NAME = "a name of 1 to 100 letters, digits and any of _ . : / * -"
"""What operations and weights are called: any table can show it."""


def is_name(given: object) -> bool:
    """Whether an operation or a weight may be called so."""
    return isinstance(given, str) and re.fullmatch(r"[\w.:/*-]{1,100}", given) is not None


def check_nodes(nodes: tuple[Node, ...], known: set[str]) -> None:
    """Raises ArgumentError for no nodes, a name that cannot be used or is used twice, a source that is not before, or
    a block that is not residual."""
    if not nodes:
        raise ArgumentError("network", "expected at least one operation, but got none")
    for node in nodes:
        _check_names(node)
        if node.name in known:
            raise ArgumentError("network", f"expected names that differ, but got {node.name!r} twice")
        if not sources(node) and not isinstance(node, Weight):
            raise ArgumentError("network", f"{node.name} reads nothing; expected at least one source")
        missing = [source for source in sources(node) if source not in known]
        if missing:
            raise ArgumentError("network", f"{node.name} reads {missing[0]!r}, which does not come before it")
        known.add(node.name)
        if isinstance(node, Repeat):
            _validate_block(node, known)


def _check_names(node: Node) -> None:
    for name in (node.name, node.weight) if isinstance(node, WEIGHTED) else (node.name,):
        if not is_name(name):
            raise ArgumentError("network", f"expected {A_NAME}, but got {name!r:.60}")


def _validate_block(block: Repeat, known: set[str]) -> None:
    if any(isinstance(node, Repeat) for node in block.nodes):
        raise ArgumentError("network", f"{block.name} repeats a block that repeats another; one level is understood")
    inner = {node.name for node in block.nodes}
    if twice := sorted(inner & known):
        raise ArgumentError("network", f"expected names that differ, but got {twice[0]!r} twice")
    outside = set() if block.times.grows else known
    check_nodes(block.nodes, {block.name, *outside})
    known |= inner
    if block.times.grows and not block_stream(block):
        raise ArgumentError(
            "network", f"{block.name} is not residual: its block must end in a sum with what entered it as first source"
        )


def check_read(nodes: Sequence[Node], outside: Set[str] = frozenset()) -> None:
    """Raises ArgumentError if nothing reads an operation; the last one, here or in a block, is the result.

    `outside` are the names that are read outside the block.
    """
    read = {source for node in nodes for source in sources(node)} | outside
    for block in (node for node in nodes if isinstance(node, Repeat)):
        read |= {source for node in block.nodes for source in sources(node)} - {block.name}
    for node in nodes:
        if node.name not in read and node is not nodes[-1]:
            expected = f"expected every operation but the last, {nodes[-1].name}, to be read by another"
            raise ArgumentError("network", f"nothing reads {node.name}; {expected}")
        if isinstance(node, Repeat):
            check_read(node.nodes, read)


def check_kinds(nodes: Sequence[Node]) -> None:
    """Raises ArgumentError for embeddings of what is no token, mixes by what is no scores, and no weight at all."""
    by_name = {node.name: node for node in nodes}
    for node in nodes:
        if isinstance(node, Embedding) and node.source != INPUT:
            raise ArgumentError("network", f"{node.name} embeds {node.source}; expected tokens, which are the input")
        if isinstance(node, Mix) and scores_behind(node, by_name) is None:
            raise ArgumentError("network", f"{node.name} mixes by {node.scores}; expected the name of attention scores")
        if isinstance(node, Elementwise) and node.activation not in FUNCTIONS:
            known = ", ".join(FUNCTIONS)
            raise ArgumentError("network", f"{node.name}: expected one of {known}, but got {node.activation!r:.60}")
        if isinstance(node, Power) and not node.exponent:
            raise ArgumentError("network", f"{node.name}: expected an exponent other than 0")
        if isinstance(node, Top) and (node.count < 1 or (node.count > node.over.size and not node.over.order)):
            raise ArgumentError("network", f"{node.name} takes the {node.count} largest, but of {node.over.size} units")
        if isinstance(node, Top) and not _is_whole(node.over):
            raise ArgumentError("network", f"{node.name} takes the largest of {node.over} units; expected whole units")
        if isinstance(node, Norm) and node.groups and node.batch:
            raise ArgumentError("network", f"{node.name} normalizes by groups or over the batch, but both were given")
        if isinstance(node, Weight) and node.by_position and node.fan_in.grows:
            raise ArgumentError("network", f"{node.name} takes a fixed number of positions, but got {node.fan_in}")
        if isinstance(node, Factor) and not (isfinite(node.size) and node.size):
            raise ArgumentError(
                "network", f"{node.name}: expected a size that is finite and not 0, but got {node.size}"
            )
    if not any(isinstance(node, WEIGHTED) for node in nodes):
        raise ArgumentError("network", "nothing in it is trained; expected an operation with a weight, such as dense")


def check_sizes(nodes: Iterable[Node], units: Mapping[str, Dimension]) -> None:
    """Raises ArgumentError if an operation takes another number of units than its source gives.

    `units` are those of every result, by name. Units of the input belong to the data and are not compared, nor are
    those of operations without a weight on the input, such as its normalization.
    """
    unknown = {INPUT}
    for node in nodes:
        if not isinstance(node, WEIGHTED) and unknown.issuperset(sources(node)):
            unknown.add(node.name)
        if unknown.isdisjoint(sources(node)):
            _check_orders(node, units)
        for source, takes in _taken(node, units):
            known = unknown.isdisjoint((source, *sources(node))) if isinstance(node, Repeat) else source not in unknown
            if known and str(units[source]) != str(takes):
                raise ArgumentError("network", f"{node.name} takes {takes} units, but {source} gives {units[source]}")


def check_shared(owner: Weighted, other: Weighted) -> None:
    """Raises ArgumentError if two operations cannot share a weight: their shapes must be equal or transposed, and both
    train it or neither."""
    if owner.frozen != other.frozen:
        frozen, trained = (owner, other) if owner.frozen else (other, owner)
        why = f"it is frozen for {frozen.name} and trained for {trained.name}"
        raise ArgumentError("network", f"{owner.name} and {other.name} cannot share {owner.weight}: {why}")
    one, two = _shape(owner), _shape(other)
    if two not in (one, one[::-1]):
        shapes = f"it is {' by '.join(one)} for one and {' by '.join(two)} for the other"
        raise ArgumentError("network", f"{owner.name} and {other.name} cannot share {owner.weight}: {shapes}")


def _taken(node: Node, units: Mapping[str, Dimension]) -> Iterator[tuple[str, Dimension]]:
    """The sources of an operation with the number of units it takes of each; none where any number is allowed."""
    match node:
        case Dense():
            yield node.source, node.fan_in
        case Convolution():
            yield node.source, node.channels_in
        case DepthwiseConvolution() | Bias() | Gain():
            yield node.source, node.fan_out
        case Scores():
            yield node.query, node.heads * node.head_size
        case Sum():
            yield from ((name, units[node.sources[0]]) for name in node.sources[1:])
        case Rearrange() if node.joined:
            yield from ((name, node.units) for name in node.sources)
        case Repeat():
            yield node.nodes[-1].name, units[node.source]


def _check_orders(node: Node, units: Mapping[str, Dimension]) -> None:
    """Raises ArgumentError for sums and products over units that what they read does not have, by powers alone."""
    if isinstance(node, Product):
        sizes = [units[node.name], node.summed, *(units[source] for source in node.sources)]
        if not all(contraction(node, units, scale).fits for scale in _scales(sizes)):
            left, right = (f"{source} ({units[source]})" for source in node.sources)
            what = f"takes no product of {left} and {right} that sums over {node.summed} and gives {node.units}"
            raise ArgumentError("network", f"{node.name} {what}")
    if isinstance(node, Scores):
        keys = units[node.key] / node.head_size
        if not (_is_whole(keys) and _is_whole(node.heads / keys)):
            what = f"as keys a number of heads that divides {node.heads}, but {node.key} gives {keys}"
            raise ArgumentError("network", f"{node.name} takes {what}")
    if isinstance(node, Norm) and node.groups and not _are_groups(units[node.source], node.groups):
        what = f"takes groups of two units or more, but {node.source} gives {units[node.source]} for {node.groups}"
        raise ArgumentError("network", f"{node.name} {what} groups")
    if isinstance(node, Mean):
        taken = node.units * node.over
        if any(
            taken.order_in(scale) != units[node.source].order_in(scale)
            for scale in _scales([taken, units[node.source]])
        ):
            raise ArgumentError(
                "network", f"{node.name} takes {taken} units, but {node.source} gives {units[node.source]}"
            )
    if isinstance(node, Softmax | Top):
        given = units[node.source]
        if any(node.over.order_in(scale) > given.order_in(scale) for scale in _scales([node.over, given])):
            raise ArgumentError("network", f"{node.name} takes {node.over} units, but {node.source} gives {given}")


def _is_whole(number: Dimension) -> bool:
    """Whether it can be a number of heads, groups or units; one that grows is whole at some widths."""
    powers = [number.order_in(scale) for scale in _scales([number])]
    return min(powers) >= 0 and (any(powers) or number.size == int(number.size))


def _are_groups(units: Dimension, number: Dimension) -> bool:
    """Whether each can be normalized by itself; of groups of one unit the signs would be left."""
    size = units / number
    return _is_whole(number) and _is_whole(size) and (size.size > 1 or size.grows)


def _scales(sizes: Sequence[Dimension]) -> set[str]:
    return {WIDTH_SCALE, *(scale for size in sizes for scale, _ in size.others)}


def _shape(node: Weighted) -> tuple[str, str]:
    """(fan_out, fan_in) of the node's weight, as strings."""
    return str(node.fan_out), str(node.vocabulary if isinstance(node, Embedding) else node.fan_in)
