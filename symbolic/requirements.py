"""Criteria, spelled out: one requirement for each layer and step at which a criterion speaks.

A requirement relates two orders, whether they are exact (`check`) or unknown (`derive`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scalings.criteria import Criterion, Product
from scalings.networks import Network, Representation
from scalings.nodes import WIDTH_SCALE
from scalings.observables import Observable
from scalings.optimizers import UpdateLaw
from symbolic.orders import Algebra, O


@dataclass(frozen=True)
class Requirement:
    """A criterion at one layer after `step` updates, in the scale variable under study."""

    criterion: Criterion
    layer: Representation
    step: int
    scale: str = WIDTH_SCALE

    @property
    def observables(self) -> tuple[Observable, ...]:
        """Every observable that the relation speaks of."""
        sides = (self.criterion.left, self.criterion.right)
        return tuple(observable for side in sides for observable in side.observables(self.layer, self.step))

    def sides(self, orders: Mapping[Observable, O], algebra: Algebra[O]) -> tuple[O, O]:
        """The orders of the left and the right side."""
        return self._order(self.criterion.left, orders, algebra), self._order(self.criterion.right, orders, algebra)

    def _order(self, side: Product, orders: Mapping[Observable, O], algebra: Algebra[O]) -> O:
        factors = (orders[observable] for observable in side.observables(self.layer, self.step))
        return algebra.product(algebra.constant(side.constant(self.layer, self.scale)), *factors)


def requirements(
    network: Network, law: UpdateLaw, criteria: Iterable[Criterion], updates: int, scale: str = WIDTH_SCALE
) -> list[Requirement]:
    """All requirements of a run of that many updates, criterion by criterion, layer by layer, step by step.

    Criteria of weight decay are left out where nothing decays.
    """
    steps = {"initialization": [0], "updates": range(1, updates + 1), "settled": [updates]}
    return [
        Requirement(criterion, layer, step, scale)
        for criterion in criteria
        if law.decay != "none" or "decay" not in criterion.quantities
        for layer in network.representations
        if criterion.applies(layer)
        for step in steps[criterion.when]
        if criterion.when != "updates" or criterion.sign == "<=" or step >= layer.first_update
    ]
