"""Multipliers in the code of a model: the powers of the width by which it multiplies what weights make, and read.

z = c W h has the multiplier c, be it behind the layer or in front of it. Behind a layer it is the layer's own, unless a
readout reads it: between a layer and a readout it is that of the readout, as criteria take it.

>>> from scalings.networks.dimensions import WIDTH, fixed
>>> from scalings.networks.nodes import Dense, Elementwise
>>> network = Network((
...     Dense("up", "input", "a", fixed(8), WIDTH), Factor("one", "up", Fraction(1, 2)),
...     Elementwise("phi", "one", "tanh"),
...     Dense("down", "phi", "b", WIDTH, fixed(1)), Factor("two", "down", Fraction(-1)),
... ))
>>> [(one.use, str(one.order)) for every in multipliers_of(network).values() for one in every]
[('up', '1/2'), ('down', '-1')]
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction

from scalings.networks.network import Network
from scalings.networks.nodes import WEIGHTED, Bias, Factor, Weighted, sources
from scalings.networks.numbers_in_code import is_read_out, numbers_behind


@dataclass(frozen=True)
class Multiplier:
    """What the code multiplies one use of a weight by."""

    use: str
    """The operation that has the weight."""
    numbers: tuple[tuple[str, Fraction], ...] = ()
    """The operations that multiply, with the powers of the width by which they do."""

    @property
    def order(self) -> Fraction:
        """The power of the width that it is."""
        return sum((order for _, order in self.numbers), Fraction(0))


def multipliers_of(network: Network) -> dict[str, tuple[Multiplier, ...]]:
    """By weight, the multiplier of each of its uses: more than one if it is tied."""
    behind = {node.name: _behind(network, node) for node in network.flat if isinstance(node, WEIGHTED)}
    owned = {one.name for every in behind.values() for one in every}
    found: dict[str, tuple[Multiplier, ...]] = {}
    for node in network.flat:
        if isinstance(node, WEIGHTED):
            numbers = [*_in_front(network, node, owned), *behind[node.name]]
            one = Multiplier(node.name, tuple((number.name, number.order) for number in numbers))
            found[node.weight] = (*found.get(node.weight, ()), one)
    return found


def beside_no_weight(network: Network) -> tuple[Factor, ...]:
    """The numbers of the code that are no weight's multiplier, such as those of attention scores."""
    beside = {name for every in multipliers_of(network).values() for one in every for name, _ in one.numbers}
    return tuple(node for node in network.flat if isinstance(node, Factor) and node.name not in beside)


def _behind(network: Network, node: Weighted) -> list[Factor]:
    """The numbers behind a layer that are its own."""
    found = [one for one in numbers_behind(network, node) if isinstance(one, Factor)]
    return [] if found and is_read_out(network, found[-1]) else found


def _in_front(network: Network, node: Weighted, owned: Collection[str]) -> Iterator[Factor]:
    """The numbers that a layer reads, and which are no other's."""
    nodes = {one.name: one for one in network.flat}
    before = None if isinstance(node, Bias) else nodes.get(next(iter(sources(node)), ""))
    while isinstance(before, Factor) and before.name not in owned:
        yield before
        before = nodes.get(before.source)
