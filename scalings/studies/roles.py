"""The role of an observable: what the theory says of its exponent at finite width.
TODO
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace
from fractions import Fraction

from scalings.criteria.observables import TERMS, Observable, Quantity
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.networks.network import Network
from scalings.networks.nodes import WEIGHTED, Node, Repeat, Scores, sources
from scalings.studies.equivalence import Role

HALF = Fraction(1, 2)
_CHANGES: frozenset[Quantity] = frozenset({"dz", "layer", "passthrough", "dW_frobenius", "dW_spectral"})
_BOUNDS: frozenset[Quantity] = frozenset({"z", "interaction", "dd", "ntk_change"})
_QUOTIENTS: frozenset[Quantity] = frozenset({"alignment", "passthrough_alignment", "interaction_alignment"})


def roles(
    network: Network, derived: Mapping[Observable, Exponent], *, stable: bool = True, centered: bool = True
) -> dict[Observable, Role]:
    """The role of everything that was derived, by the rule above."""
    if no_slopes(network, derived, stable=stable, centered=centered):
        return {one: "reported" if one.quantity in _QUOTIENTS else "upper bound" for one in derived}
    steps = {observable.step for observable in derived}
    slow = {step: _slow_nodes(network, derived, step) for step in steps}
    return {observable: _role(observable, network, derived, slow[observable.step]) for observable in derived}


def no_slopes(network: Network, derived: Mapping[Observable, Exponent], *, stable: bool, centered: bool) -> str:
    """Why no derived order shows as a slope at finite width; empty if they do."""
    if not stable:
        return "it is unstable: what explodes has no slope until it has"
    if not centered and -HALF < derived[Observable("z", network.function.name, 0)] < 0:
        return "its initial output fades too slowly from the residual: train the centered output"
    return ""


def _role(observable: Observable, network: Network, derived: Mapping[Observable, Exponent], slow: Set[str]) -> Role:
    if not observable.step or observable.quantity not in _CHANGES | _BOUNDS:
        return "reported"
    if observable.quantity in _BOUNDS:
        return "upper bound"
    if observable.quantity not in ("dz", "passthrough"):
        return "upper bound" if _grows_late(observable, derived) else "asserted"
    node = next(node for node in network.flat if node.name == observable.layer)
    made_of = {node.name} if observable.quantity == "dz" else {*_sources(node)}
    return "asserted" if slow.isdisjoint(made_of) and not _is_inner_product(node, network) else "upper bound"


def _slow_nodes(network: Network, derived: Mapping[Observable, Exponent], step: int) -> set[str]:
    """The nodes whose change is a slow sum, or is made of one."""

    def is_slow(node: Node) -> bool:
        layer, passthrough = (Observable(term, node.name, step) for term in TERMS[:2])
        own, reaching = (derived.get(term, MINUS_INFINITY) for term in (layer, passthrough))
        if _is_slow_sum(own, reaching) or _grows_late(layer, derived):
            return True
        matters = reaching > own - 1 or not isinstance(node, WEIGHTED)
        return matters and not found.isdisjoint(_sources(node))

    found: set[str] = set()
    # A repeated block reads what the copy before it gave, so that one pass may not find all.
    while more := {node.name for node in network.flat if is_slow(node)} - found:
        found |= more
    return found


def _sources(node: Node) -> tuple[str, ...]:
    return (*sources(node), node.nodes[-1].name) if isinstance(node, Repeat) else sources(node)


def _grows_late(observable: Observable, derived: Mapping[Observable, Exponent]) -> bool:
    """Whether what the updates of a weight did is a slow sum over updates: both it and its gradient grew since the
    first ones."""

    def grew(one: Observable) -> bool:
        now = derived.get(one, MINUS_INFINITY)
        before = (derived.get(replace(one, step=step), MINUS_INFINITY) for step in range(1, one.step))
        return any(earlier < now and _is_slow_sum(earlier, now) for earlier in before)

    return grew(observable) and grew(replace(observable, quantity="gradient"))


def _is_slow_sum(one: Exponent, other: Exponent) -> bool:
    """Of two terms, whose orders differ by less than one: their ratio falls more slowly than the 1/n of a fit."""
    return 0 < max(one, other) - min(one, other) < 1


def _is_inner_product(node: Node, network: Network) -> bool:
    """Whether it sums over units what is partly aligned and partly by chance, and was seen to be slow in that."""
    return (node == network.function and not network.is_chain) or (isinstance(node, Scores) and node.head_size.grows)
