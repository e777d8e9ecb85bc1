"""Rows of several kinds in one weight: what would be possible if each kind had a weight of its own.

A projection may give a few numbers and many units at once, as the x_proj of Mamba gives b and c, of a fixed size, and
what step sizes are made of, n/16 units. Criteria may ask a readout's exponents of the first, a hidden layer's of the
others, which one weight has not. Whether they do is found by derivation: of the network with the rows apart.

>>> from scalings.networks.dimensions import WIDTH, fixed
>>> from scalings.networks.nodes import INPUT
>>> both = Dense("both", INPUT, "w", fixed(3), WIDTH)
>>> few, many = Rearrange("few", ("both",), fixed(8)), Rearrange("many", ("both",), WIDTH)
>>> out = Dense("out", "many", "v", WIDTH, fixed(8)), Rearrange("sum", ("out", "few"), fixed(8))
>>> found = with_rows_apart(Network((both, few, many, *out)))
>>> [(name, [node.weight for node in apart.layers]) for name, apart in found]
[('both', ['few', 'many', 'v'])]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from scalings.criteria.problem import Problem
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.splits import Split
from scalings.networks.network import Network
from scalings.networks.nodes import WEIGHTED, Dense, Node, Rearrange, Repeat
from scalings.results.checks import Repair


def rows_to_set_apart(problem: Problem, given: Parameterization, richness: Fraction) -> str:
    """A layer with rows of several kinds that would have this richness if each kind had a weight of its own, which it
    has not as it is; empty if there is none."""
    from symbolic.evaluation.causes import causes_of

    owners = {node.name: node for node in problem.network.layers}
    settings = dict(zip(owners, given.layers, strict=True))
    for name, network in with_rows_apart(problem.network):
        whole = {part.name: name for part in problem.network.readers[name]}
        origin = [whole.get(node.name, node.name) for node in network.layers]
        laws = {node.name: problem.laws[owners[one].weight] for node, one in zip(network.layers, origin, strict=True)}
        base = next(iter(laws.values()))
        apart = replace(problem, network=network, law=Split(problem.law.name, base, base, tuple(laws.items())))
        setting = Parameterization(tuple(settings[one] for one in origin), given.name)
        if isinstance(causes_of(apart, setting, richness=richness), Repair):
            return name
    return ""


def with_rows_apart(network: Network) -> Iterator[tuple[str, Network]]:
    """Each layer whose rows are read in parts of different orders, and the network with a weight for each part."""
    uses = Counter(node.weight for node in network.flat if isinstance(node, WEIGHTED))
    for node in network.flat:
        if not isinstance(node, Dense) or uses[node.weight] > 1:
            continue
        parts = network.readers.get(node.name, [])
        orders = {network.units[one.name].order for one in parts}
        if len(orders) > 1 and all(isinstance(one, Rearrange) and len(one.sources) == 1 for one in parts):
            yield node.name, replace(network, nodes=tuple(_apart(network.nodes, node)))


def _apart(nodes: tuple[Node, ...], whole: Dense) -> Iterator[Node]:
    for node in nodes:
        if isinstance(node, Repeat):
            yield replace(node, nodes=tuple(_apart(node.nodes, whole)))
        elif isinstance(node, Rearrange) and node.sources == (whole.name,):
            yield replace(whole, name=node.name, weight=node.name, fan_out=node.units)
        elif node != whole:
            yield node
