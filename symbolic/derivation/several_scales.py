"""Derivations in several scale variables, one after the other.

>>> from scalings.networks.architectures import resmlp
>>> from scalings.networks.dimensions import DEPTH_SCALE, WIDTH_SCALE
>>> answer = derive_each(resmlp(), "adam", scales=(WIDTH_SCALE, DEPTH_SCALE))
>>> for node, layer in zip(answer.network.layers, answer.layers, strict=True):
...     print(f"{node.name}: {layer.init}, {layer.lr}")
embedding: 1, n^(r-1/2)
branch1: n^(-1/2), n^(r-3/2)
readout: n^(-r-1/2), n^(-1)
>>> print(*answer.scales)
m^(-1)
"""

from __future__ import annotations

from collections.abc import Sequence

from scalings.criteria.criterion import Criterion
from scalings.criteria.problem import Loss, Problem
from scalings.criteria.tutorial import as_criteria
from scalings.errors import ArgumentError
from scalings.hyperparameters.gauges import Gauge
from scalings.hyperparameters.splits import Laws
from scalings.networks.architectures import Translatable, as_network
from scalings.networks.dimensions import WIDTH_SCALE, symbol_of
from scalings.networks.network import Network
from scalings.results.monomials import Monomials
from symbolic.derivation.derive import derivation_of


def derive_each(
    network: Network | Translatable | str,
    law: Laws | str = "sgd",
    criteria: Sequence[Criterion] | str = "tutorial",
    gauge: Gauge = "unit-multiplier",
    *,
    scales: Sequence[str] = (),
    loss: Loss | None = None,
    minimal: bool = False,
    epsilons: bool = False,
) -> Monomials:
    """Which powers of each of these scale variables meet the criteria, the others held fixed; all of them if not given.

    Raises ArgumentError as `derive` does, and for scale variables that the network has not, or that come twice.
    """
    kept = as_criteria(criteria)
    asked = tuple(scales) or as_network(network).scales or (WIDTH_SCALE,)
    symbols = [symbol_of(scale) for scale in asked]
    if twice := [symbol for symbol in symbols if symbols.count(symbol) > 1]:
        raise ArgumentError("scale", f"expected scale variables that differ, but got {twice[0]} twice in {asked}")
    problems = [Problem.of(network, law, scale, loss) for scale in asked]
    found = (derivation_of(problem, kept, minimal=minimal, epsilons=epsilons) for problem in problems)
    return Monomials(tuple(found), gauge)
