"""Contractions: which units the two factors of a product share, sum over, or have to themselves.

Every product of two values, attention's among them, is z_(s a b) = sum over k of left_(s a k) right_(s b k), with S
units that all three have, K that are summed over, A that only the left factor has and B that only the right one has.
Their powers follow from those of the three numbers of units:

>>> from scalings.networks.architectures import transformer
>>> network = transformer()
>>> scores, mix = (node for node in network.flat if node.name in ("scores", "mix"))
>>> print(contraction(scores, network.units, "width"))
S^0 K^1 A^0 B^0
>>> print(contraction(mix, network.units, "width"))
S^0 K^0 A^0 B^1
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from scalings.networks.dimensions import ONE, Dimension
from scalings.networks.nodes import Elementwise, Factor, Mix, Node, Product, Scale, Scores


@dataclass(frozen=True)
class Contraction:
    """Powers of one scale variable in the units of a product and of its factors."""

    shared: Fraction
    summed: Fraction
    left: Fraction
    """Of the units that only the left factor has: the right one is repeated over them, and its gradient sums back."""
    right: Fraction
    """Of the units that only the right factor has."""

    @property
    def fits(self) -> bool:
        """Whether there are such units."""
        return min(self.shared, self.summed, self.left, self.right) >= 0

    def __str__(self) -> str:
        return f"S^{self.shared} K^{self.summed} A^{self.left} B^{self.right}"


def contraction(node: Product | Scores | Mix, units: Mapping[str, Dimension], scale: str) -> Contraction:
    """That of a product in a scale variable; `units` are those of every result, by name."""
    left, right = (units[source].order_in(scale) for source in node.sources)
    result, summed = units[node.name].order_in(scale), summed_units(node).order_in(scale)
    return Contraction(left + right - result - 2 * summed, summed, result + summed - right, result + summed - left)


def scores_behind(mix: Mix, nodes: Mapping[str, Node]) -> Scores | None:
    """The attention scores that values are mixed by, which may be rescaled and capped in between."""
    node = nodes.get(mix.scores)
    while isinstance(node, Elementwise | Factor | Scale):
        node = nodes.get(node.source)
    return node if isinstance(node, Scores) else None


def mixed_units(mix: Mix, scores: Scores | None, units: Mapping[str, Dimension]) -> Dimension:
    """As many as values have, for each of the queries that share a key."""
    if scores is None or units[scores.query] == units[scores.key]:
        return units[mix.values]
    return units[mix.values] * (units[scores.query] / units[scores.key])


def summed_units(node: Product | Scores | Mix) -> Dimension:
    """What it sums over, other than positions, whose number is fixed."""
    match node:
        case Product():
            return node.summed
        case Scores():
            return node.head_size
    return ONE
