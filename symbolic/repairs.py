"""The nearest trainable parameterization to one that is refused.

The derived family is a segment, and each of its exponents is affine in r. So wherever an exponent of the given
parameterization can be kept, it fixes r: finitely many candidates, among which the one is chosen that changes
the fewest layers, and learning rates rather than init scales.

>>> from scalings.architectures import mlp
>>> from scalings.parameterizations import preset
>>> for change in repair(mlp(3), preset("standard", 3)).changes:
...     print(*change)
layer2 lr 0 -1
layer3 lr 0 -1
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache

from scalings.checks import Repair
from scalings.exponents import MINUS_INFINITY, Exponent
from scalings.families import PARAMETER, Family
from scalings.networks import Network, wrong_depth
from scalings.optimizers import OPTIMIZERS, UpdateLaw
from scalings.parameterizations import Parameterization
from symbolic.checks import check
from symbolic.derivations import derive

Change = tuple[str, str, Exponent, Exponent]


def repair(
    network: Network,
    parameterization: Parameterization,
    law: UpdateLaw = OPTIMIZERS["sgd"],
    richness: Fraction | None = None,
) -> Repair | None:
    """The nearest member of the tutorial's family, of this richness if it is given, in the same multipliers.

    None if the network has no such family under this optimizer. Raises ArgumentError for a richness out of range.
    """
    family = _family(network, law)
    if family is None:
        return None
    if parameterization.depth != network.depth:
        raise wrong_depth(network, parameterization.depth)
    candidates = [richness] if richness is not None else sorted(_candidates(family, parameterization, law))
    members = [
        family.member(r).shifted([layer.multiplier for layer in parameterization.layers], law) for r in candidates
    ]
    repairs = [
        Repair(repaired, r, _changes(network, parameterization, repaired))
        for r, member in zip(candidates, members, strict=True)
        for repaired in _with_zeros(network, parameterization, member, law)
    ]
    return min(repairs, key=_cost)


@cache
def _family(network: Network, law: UpdateLaw) -> Family | None:
    return derive(network, law).family


def _candidates(family: Family, parameterization: Parameterization, law: UpdateLaw) -> set[Fraction]:
    """The ends of the range, and every r at which some exponent is the given one."""
    given = parameterization.in_gauge("unit-multiplier", law).layers
    found = {family.low, family.high}
    for wanted, layer in zip(family.layers, given, strict=True):
        for affine, exponent in ((wanted.init, layer.init), (wanted.lr, layer.lr)):
            if affine.coefficients and isinstance(exponent, Fraction) and isinstance(affine.constant, Fraction):
                found.add((exponent - affine.constant) / affine.coefficient(PARAMETER))
    return {r for r in found if family.low <= r <= family.high}


def _with_zeros(
    network: Network, given: Parameterization, member: Parameterization, law: UpdateLaw
) -> Iterator[Parameterization]:
    """The member, and the member with the weights that are given as zero left at zero, if that trains as well."""
    yield member
    if any(layer.init == MINUS_INFINITY for layer in given.layers):
        layers = (
            replace(new, init=MINUS_INFINITY) if old.init == MINUS_INFINITY else new
            for old, new in zip(given.layers, member.layers, strict=True)
        )
        kept = replace(member, layers=tuple(layers))
        if check(network, kept, law).richness == check(network, member, law).richness:
            yield kept


def _changes(network: Network, given: Parameterization, repaired: Parameterization) -> tuple[Change, ...]:
    changes: list[Change] = []
    for node, old, new in zip(network.layers, given.layers, repaired.layers, strict=True):
        changes += [(node.name, "lr", old.lr, new.lr)] if old.lr != new.lr else []
        changes += [(node.name, "init", old.init, new.init)] if old.init != new.init else []
    return tuple(changes)


def _cost(repair: Repair) -> tuple[int, int, int, Exponent]:
    """Layers changed, then init scales, then learning rates; then by how much."""
    layers = {change[0] for change in repair.changes}
    inits = sum(change[1] == "init" for change in repair.changes)
    distance: Exponent = Fraction(0)
    for _, _, old, new in repair.changes:
        distance += max(new - old, old - new)
    return len(layers), inits, len(repair.changes), distance
