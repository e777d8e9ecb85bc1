"""Which primitives this engine trains: those that the layout of its values leaves no doubt of.

Values are (seeds, batch, positions, units). A product, a mean or a softmax over units has them side by side, all that
belong to one unit of the result next to each other. What else a torch module does is told to the engine by sizes alone,
which do not say which unit is which: such an operation is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from scalings.errors import ArgumentError
from scalings.networks.dimensions import Dimension
from scalings.networks.network import Network
from scalings.networks.nodes import INPUT, Mean, Node, Norm, Product, Rearrange, Softmax, Top, sources


def check_layout(network: Network, at: Callable[[Dimension], int]) -> None:
    """Raises ArgumentError for an operation that is not trained here, at these sizes."""
    for node in network.flat:
        if reason := _refusal(node, network.units, at):
            raise ArgumentError("network", f"{node.name} has orders, but is not trained: {reason}")


def _refusal(node: Node, units: Mapping[str, Dimension], at: Callable[[Dimension], int]) -> str:
    """Empty for what is trained."""
    if isinstance(node, Norm) and node.groups and at(units[node.source]) % at(node.groups):
        return f"{at(units[node.source])} units are not {at(node.groups)} groups of the same size"
    if not isinstance(node, Rearrange | Product | Mean | Softmax | Top):
        return ""
    if isinstance(node, Rearrange):
        return "" if node.joined else "its sizes do not say which units it takes"
    if INPUT in sources(node):
        return "what reads the data is to be a layer with a weight"
    result, read = at(units[node.name]), [at(units[source]) for source in sources(node)]
    match node:
        case Mean():
            over = at(node.over)
        case Softmax() | Top():
            over, result = at(node.over), result // at(node.over)
        case Product():
            over = at(node.summed)
    if isinstance(node, Product) and over == 1:
        fits = max(read) == result and result % min(read) == 0
    else:
        fits = all(count == result * over for count in read)
    return "" if fits else f"it makes {result} units of {' and '.join(map(str, read))}, which can be done in many ways"
