"""Criteria, spelled out: one requirement for each layer and step at which a criterion speaks.

A requirement relates two orders, whether they are exact (`check`) or unknown (`derive`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache

from scalings.criteria.criterion import Criterion
from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import OF_DECAY
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.networks.network import Representation
from symbolic.orders.algebra import Algebra, O


@dataclass(frozen=True)
class Requirement:
    """A criterion at one layer after `step` updates, in the scale variable under study."""

    criterion: Criterion
    layer: Representation
    step: int
    scale: str = WIDTH_SCALE

    @cached_property
    def observables(self) -> tuple[Observable, ...]:
        """Every observable that the relation speaks of."""
        (_, left), (_, right) = self._sides
        return left + right

    def sides(self, orders: Mapping[Observable, O], algebra: Algebra[O]) -> tuple[O, O]:
        """The orders of the left and the right side."""
        left, right = (
            algebra.product(algebra.constant(constant), *(orders[observable] for observable in observables))
            for constant, observables in self._sides
        )
        return left, right

    @cached_property
    def _sides(self) -> list[tuple[Fraction, tuple[Observable, ...]]]:
        """Of the left and the right product, the constant and the factors."""
        return [
            (side.constant(self.layer, self.scale), side.observables(self.layer, self.step))
            for side in (self.criterion.left, self.criterion.right)
        ]


@lru_cache(maxsize=256)
def requirements(problem: Problem, criteria: tuple[Criterion, ...], updates: int) -> tuple[Requirement, ...]:
    """All requirements of a run of that many updates, criterion by criterion, layer by layer, step by step.

    The tutorial's criteria of weight decay are left out where nothing decays. Raises ArgumentError for another one.
    """
    law = problem.law
    if law.decay == "none":
        known = [one.relation for one in OF_DECAY]
        own = [one.name for one in criteria if "decay" in one.quantities and one.relation not in known]
        if own:
            expected = "expected an optimizer such as adamw or lion+coupled"
            raise ArgumentError("criterion", f"{own[0]!r} speaks of decay, but {law.name} has none; {expected}")
    steps = {"initialization": [0], "updates": range(1, updates + 1), "settled": [updates]}
    return tuple(
        Requirement(criterion, layer, step, problem.scale)
        for criterion in criteria
        if law.decay != "none" or "decay" not in criterion.quantities
        for layer in problem.network.representations
        if criterion.applies(layer)
        for step in steps[criterion.when]
        if criterion.when != "updates" or criterion.sign == "<=" or step >= layer.first_update
    )


def awake(every: Sequence[Requirement], orders: Mapping[Observable, Exponent]) -> Iterator[Requirement]:
    """Those that ask nothing of what does not move yet: behind weights that start at zero the gradient is late.

    An equation between what is zero at one update, and is not at the last one, starts when it is not.
    """

    settled = max((one.step for one in every), default=0)
    zero = {observable for observable, order in orders.items() if order == MINUS_INFINITY}

    def sleeps(one: Requirement) -> bool:
        if one.criterion.when != "updates" or one.criterion.sign != "~" or zero.isdisjoint(one.observables):
            return False
        still = (observable for observable in one.observables if observable.step and observable in zero)
        return any(replace(observable, step=settled) not in zero for observable in still)

    return (one for one in every if not sleeps(one))
