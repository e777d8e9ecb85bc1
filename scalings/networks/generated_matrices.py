"""Matrices that a network computes, and multiplies other values with: those of a hypernetwork, tables of matrices.

Let W(t) = sum_k G_k t_k have n x n entries, which a layer makes of a few numbers t, and let z = W(t) h. As every value
it might be asked to have entries of size 1; but nothing reads its entries. What is read is z, as of any weight: the
entries of W(t) are right if those of z are, which n^(-1/2) makes of a random matrix. So criteria ask z, and of W(t)
only that what its own layers learn is useful, sum_ij d_ij dW_ij ~ 1: the changes that it is passed, G dt, are random
matrices, whose norm |G dt|_F says as little of what they do to h as |W|_F does.

As matrices, what layers draw is of full rank, and so is what is linear in it, or odd; of what is positive (relu,
softmax) the mean is a matrix of rank one, larger than all else. Two growing axes are needed: of a row, or of a fixed
number of them, as of queries at a few positions, entries are asked as before. Scores and shares of a softmax are, too.

>>> from scalings.networks.dimensions import WIDTH, fixed
>>> from scalings.networks.network import Network
>>> from scalings.networks.nodes import Dense
>>> made = Dense("made", "input", "g", fixed(3), WIDTH * WIDTH)
>>> read = Dense("h", "input", "w", fixed(3), WIDTH)
>>> sorted(generated(Network((made, read, Product("z", "made", "h", WIDTH, WIDTH)))))
['made']

Source: Chang, Flokas and Lipson, ICLR 2020 (a hypernetwork is to be initialized by what its weights make of their
inputs); that its updates are to be judged likewise is this project's own, and measured: tests/agreement/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalings.networks import first_updates
from scalings.networks.contractions import contraction
from scalings.networks.nodes import (
    MATRICES,
    Bias,
    Elementwise,
    Factor,
    Node,
    Product,
    Rearrange,
    Scale,
    Softmax,
    Sum,
    sources,
)

if TYPE_CHECKING:
    from scalings.networks.network import Network

_ODD = ("linear", "detach", "tanh", "erf", "sin", "atan", "softsign")
"""phi(-z) = -phi(z)."""
_CARRIERS = (Bias, Factor, Scale, Rearrange, Elementwise, Sum)


def made_of_weights(network: Network) -> frozenset[str]:
    """The operations that read no data: weights as values, and what becomes of them."""
    found: set[str] = set()
    for node in network.flat:
        if found.issuperset(sources(node)):
            found.add(node.name)
    return frozenset(found)


def is_map(network: Network, node: Node) -> bool:
    """Whether it applies a matrix that is generated or made of weights alone, and is no score of a learned query."""
    if not isinstance(node, Product) or not node.summed.grows or first_updates.is_score(network, node):
        return False
    of_weights = (node.left in network.made_of_weights) != (node.right in network.made_of_weights)
    return of_weights or not network.generated.isdisjoint(node.sources)


def generated(network: Network) -> frozenset[str]:
    """The values that are computed by layers and used as matrices alone."""
    drawn = _drawn(network)
    found: set[str] = set()
    for node in reversed(network.flat):
        own = network.readers.get(node.name, [])
        if node.name in drawn and own and all(_uses_matrix(network, one, node.name, found) for one in own):
            found.add(node.name)
    return frozenset(found)


def _uses_matrix(network: Network, node: Node, name: str, matrices: set[str]) -> bool:
    return applies(network, node, name) or (isinstance(node, _CARRIERS) and node.name in matrices)


def applies(network: Network, node: Node, matrix: str) -> bool:
    """Whether it multiplies this value, over one of two growing axes that it has, with what has but one of them."""
    if not isinstance(node, Product) or node.left == node.right or not node.summed.grows:
        return False
    other = node.right if matrix == node.left else node.left
    for scale in network.scales:
        sizes = contraction(node, network.units, scale)
        its, others = (sizes.left, sizes.right) if matrix == node.left else (sizes.right, sizes.left)
        if sizes.summed > 0 and its > 0 and not others:
            return not _is_scored(network, node) and not _is_share(network, other)
    return False


def _drawn(network: Network) -> set[str]:
    """What layers make, each of all its units, and what is odd in it."""
    found: set[str] = set()
    for node in network.flat:
        if isinstance(node, MATRICES) or (isinstance(node, _CARRIERS) and _keeps(network, node, found)):
            found.add(node.name)
    return found


def _keeps(network: Network, node: Node, drawn: set[str]) -> bool:
    own = network.made_of_weights
    if isinstance(node, Elementwise) and node.activation not in _ODD:
        return False
    if isinstance(node, Rearrange) and (node.repeated or len(node.sources) > 1):
        return False
    return not drawn.isdisjoint(sources(node)) and (drawn | own).issuperset(sources(node))


def _is_scored(network: Network, node: Node) -> bool:
    """Whether a softmax reads it, perhaps rescaled and masked."""
    read_by = network.readers.get(node.name, [])
    return any(isinstance(one, Softmax) or (isinstance(one, _CARRIERS) and _is_scored(network, one)) for one in read_by)


def _is_share(network: Network, name: str) -> bool:
    """Whether a softmax makes it: a product with it is an average."""
    node = next((one for one in network.flat if one.name == name), None)
    if isinstance(node, _CARRIERS):
        return any(_is_share(network, source) for source in sources(node))
    return isinstance(node, Softmax)
