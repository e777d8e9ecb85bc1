"""Operations whose first update is another one than those that follow, by where they stand in a network.

*Small starts.* What a fixed number of units reads of growing ones may start smaller than of order 1, as a readout does:
zero for infinite width, it comes with the first update. Nothing is lost, since the update lies along what is read. The
same holds of weights that are values, which carry no data, of what is computed from either, and of what says to a
softmax how much of others counts. What multiplies something small, by its own weights or by what it computes, has a
small first gradient and no part in the first change: it is *late*, as is a learned scale of the logits, and what is
squared, as a mean in a Kullback-Leibler divergence or a distance.

*Dormant* operations reach the output only through a sum back over growing units, of which the first update finds next
to nothing; *unheard* uses of a weight do not reach it at all, where others do.

>>> from scalings.networks.dimensions import WIDTH, fixed
>>> from scalings.networks.network import Network
>>> from scalings.networks.nodes import Dense
>>> up, down = Dense("up", "input", "w", fixed(6), WIDTH), Dense("down", "up", "v", WIDTH, fixed(5))
>>> logits = Network((up, down, Gain("scale", "down", "g", fixed(5))))
>>> sorted(small(logits)), waits(logits)
(['down', 'scale'], {'up': 0, 'down': 0, 'scale': 1})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from scalings.networks.contractions import contraction
from scalings.networks.functions import FUNCTIONS
from scalings.networks.nodes import (
    MATRICES,
    WEIGHTED,
    Bias,
    DepthwiseConvolution,
    Elementwise,
    Embedding,
    Factor,
    Gain,
    Mix,
    Node,
    Norm,
    Power,
    Product,
    Rearrange,
    Repeat,
    Scale,
    Scores,
    Softmax,
    Weight,
    sources,
)

if TYPE_CHECKING:
    from scalings.networks.network import Network


def dormant(network: Network) -> frozenset[str]:
    """The operations that reach the output only through a sum back over growing units: queries and keys, routers.

    A product repeats a factor over the units that only the other factor has, and the gradient of this factor is a
    sum over them; so does what has copies of it, unless a matrix reads those. At initialization the backward signal
    knows nothing of the other factor, and the sum is one of random signs: the first update finds next to nothing of
    such an operation.
    """

    return _reaching_only(network, lambda node, source: _sums_back(network, node, source))


def unheard(network: Network) -> frozenset[str]:
    """The uses of a weight through which no gradient comes back, where one does through others, at which it learns:
    those of a network that is its own target."""
    deaf = _reaching_only(network, lambda *_: False)
    uses = [node for node in network.flat if isinstance(node, WEIGHTED)]
    heard = {node.weight for node in uses if node.name not in deaf}
    return frozenset(node.name for node in uses if node.name in deaf and node.weight in heard)


def small(network: Network) -> frozenset[str]:
    """The operations that may start smaller than of order 1 and lose nothing."""
    found: set[str] = set()
    for node in network.flat:
        if _may_start_small(network, node, found) or is_score(network, node):
            found.add(node.name)
    return frozenset(found)


def is_score(network: Network, node: Node) -> bool:
    """Whether it only says to softmaxes, perhaps rescaled, how much of others counts: zeros give equal shares."""
    own = network.readers.get(node.name, [])
    return bool(own) and all(
        isinstance(one, Softmax) or (isinstance(one, Factor | Rearrange | Scale) and is_score(network, one))
        for one in own
    )


def weighing(network: Network) -> frozenset[str]:
    """The operations that reach the output only as factors of what starts small, as the shares of a mixture do."""
    return _reaching_only(network, lambda node, source: _meets_small(network, node, source))


def waits(network: Network) -> Mapping[str, int]:
    """By operation, how many updates pass before its first full gradient or its first full change: mostly none.

    It waits where it multiplies what starts small, by its own weights or by what it computes (itself, if it is
    squared), where it is dormant, and in front of a layer that reads a fixed number of units and gives growing ones,
    which sends back a sum of random signs until it has moved. What it waits for may itself wait: a learned scale of
    cosines of queries and keys waits for these to be aligned, which they are after their first full update, the second.
    """
    full = dict.fromkeys(network.small, 1)
    found = _waits(network, full)
    for _ in network.layers:  # what waits for itself waits for ever, and is asked when orders have settled
        later = _full_after(network, found)
        if later == full:
            break
        full, found = later, _waits(network, later)
    return found


def _waits(network: Network, full: Mapping[str, int]) -> dict[str, int]:
    """The same, if what starts small is full after so many updates."""
    back: dict[str, int] = {}
    for node in reversed(network.flat):
        own = network.readers.get(node.name, [])
        ways = [max(back[one.name], _held_back(network, one, node.name, full)) for one in own if not _stops(one)]
        back[node.name] = min(ways, default=1) if own else 0
    return {
        node.name: max(back[node.name], *(full.get(source, 0) for source in sources(node)))
        if multiplies_small(network, node)
        else back[node.name]
        for node in network.flat
    }


def _held_back(network: Network, node: Node, source: str, full: Mapping[str, int]) -> int:
    """After how many updates what it sends back to this source is full, beside what it is sent itself."""
    if isinstance(node, Power) and node.exponent > 1 and source in network.small:  # |d_z| = p |z|^(p-1) |d_h|
        return full[source]
    if _meets_small(network, node, source):
        other = node.name if not isinstance(node, Product) else node.right if source == node.left else node.left
        return full[other]
    return int(_widens(node) or _sums_back(network, node, source))


def _full_after(network: Network, waiting: Mapping[str, int]) -> dict[str, int]:
    """After how many updates what may start small is full, at the earliest.

    Weights may start small, but need not; a sum over growing units of what knows nothing of each other is small until
    the weights of one factor have moved along the other.
    """
    found: dict[str, int] = {}
    moved: dict[str, int] = {}
    for node in network.flat:
        if isinstance(node, (*MATRICES, Weight)):
            if not node.frozen:
                moved[node.name] = 1 + waiting[node.name]
        elif behind := [moved[one] for one in sources(node) if one in moved]:
            moved[node.name] = min(behind)
        if node.name not in network.small:
            continue
        known = [found[one] for one in sources(node) if one in found]
        if isinstance(node, Product):
            found[node.name] = max(known) if known else moved.get(node.name, 1)
        else:
            found[node.name] = max(1, min(known, default=1))
    return found


def _sums_back(network: Network, node: Node, source: str) -> bool:
    """Whether what it sends back to this source is a sum over growing units that the source has not."""
    if isinstance(node, Scores):  # behind which is one
        return True
    if isinstance(node, Rearrange):
        is_copied = any(node.copies(network.units, source, scale) > 0 for scale in network.scales)
        return is_copied and not all(isinstance(one, MATRICES) for one in network.readers[node.name])
    if not isinstance(node, Product) or node.left == node.right:
        return False
    several = (contraction(node, network.units, scale) for scale in network.scales)
    return any((one.right if source == node.left else one.left) > 0 for one in several)


def _meets_small(network: Network, node: Node, source: str) -> bool:
    """Whether what it sends back to this source is multiplied by what starts small."""
    if isinstance(node, Gain | DepthwiseConvolution):
        return node.start == "random" and node.name in network.small
    return isinstance(node, Product) and (node.right if source == node.left else node.left) in network.small


def _widens(node: Node) -> bool:
    return isinstance(node, MATRICES) and node.fan_out.grows and not node.fan_in.grows


def multiplies_small(network: Network, node: Node) -> bool:
    """Whether its weights multiply what starts small."""
    multiplies = isinstance(node, WEIGHTED) and not isinstance(node, Bias | Embedding | Weight)
    return multiplies and not network.small.isdisjoint(sources(node))


def _may_start_small(network: Network, node: Node, known: set[str]) -> bool:
    match node:
        case Weight():
            return not node.fan_in.grows
        case Product():
            is_narrow = node.summed.grows and not network.units[node.name].grows and not node.coherent
            return is_narrow or not known.isdisjoint(node.sources)
    narrows = isinstance(node, MATRICES) and node.fan_in.grows and not node.fan_out.grows
    return narrows or (not _gives_a_size(node) and known.issuperset(sources(node)))


def _gives_a_size(node: Node) -> bool:
    """Whether what it gives is not small, however small what it reads is."""
    match node:
        case Elementwise():
            return FUNCTIONS[node.activation].offset
        case Power():
            return node.exponent <= 0
    return isinstance(node, Norm | Softmax | Scores | Mix | Embedding | Repeat)


def _reaching_only(network: Network, through: Callable[[Node, str], bool]) -> frozenset[str]:
    """The operations that reach the output only through such readers of them, or not at all."""
    found: set[str] = set()
    for node in reversed(network.flat):
        own = network.readers.get(node.name, [])
        if own and all(one.name in found or through(one, node.name) or _stops(one) for one in own):
            found.add(node.name)
    return frozenset(found)


def _stops(node: Node) -> bool:
    """Whether no gradient passes through it."""
    return isinstance(node, Elementwise) and FUNCTIONS[node.activation].stops
