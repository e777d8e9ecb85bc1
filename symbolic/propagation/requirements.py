"""Criteria, spelled out: one requirement for each layer and step at which a criterion speaks.

A requirement relates two orders, whether they are exact (`check`) or unknown (`derive`). Where weights start at zero,
what is zero at first is not yet of any size: `awake` says what is asked of it, and from when on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import TypeAlias

from scalings.criteria.criterion import Criterion
from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import OF_DECAY
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.networks.network import Representation
from scalings.networks.nodes import WEIGHTED
from symbolic.orders.algebra import Algebra, O

_Term: TypeAlias = tuple[Fraction, tuple[Observable, ...]]
"""A power of the scale variable, times observables."""


@dataclass(frozen=True)
class Requirement:
    """A criterion at one layer after `step` updates, in the scale variable under study."""

    criterion: Criterion
    layer: Representation
    step: int
    scale: str = WIDTH_SCALE
    reads: tuple[tuple[Observable, Observable], ...] = ()
    """Observables that are zero by structure, each with the one that is read instead."""

    @cached_property
    def observables(self) -> tuple[Observable, ...]:
        """Every observable that the relation speaks of."""
        return tuple(observable for side in self._sides for _, observables in side for observable in observables)

    def sides(self, orders: Mapping[Observable, O], algebra: Algebra[O]) -> tuple[O, O]:
        """The orders of the left and the right side."""

        def order(terms: list[_Term]) -> O:
            found = [algebra.product(algebra.constant(power), *(orders[one] for one in ones)) for power, ones in terms]
            return found[0] if len(found) == 1 else algebra.total(*found)

        left, right = self._sides
        return order(left), order(right)

    @cached_property
    def _sides(self) -> tuple[list[_Term], list[_Term]]:
        """Of each term on the left and on the right, the constant and the factors."""
        instead, place = dict(self.reads), self.criterion.place(self.layer)
        left, right = (
            [
                (
                    term.constant(self.layer, self.scale),
                    tuple(instead.get(one, one) for one in term.observables(place, self.step)),
                )
                for term in side.terms
            ]
            for side in (self.criterion.left, self.criterion.right)
        )
        return left, right


@lru_cache(maxsize=256)
def requirements(problem: Problem, criteria: tuple[Criterion, ...], updates: int) -> tuple[Requirement, ...]:
    """All requirements of a run of that many updates, criterion by criterion, layer by layer, step by step; equations
    of what moves late (`first_update`) from then on, or after the last update.

    Criteria of weight decay are left out where nothing decays; beside the tutorial's, something must.
    Raises ArgumentError for one that speaks of a decay that there is nowhere.
    """
    if not problem.has_decay:
        known = [one.relation for one in OF_DECAY]
        own = [one.name for one in criteria if "decay" in one.quantities and one.relation not in known]
        if own:
            expected = "expected an optimizer such as adamw or lion+coupled"
            raise ArgumentError("criterion", f"{own[0]!r} speaks of decay, but {problem.law.name} has none; {expected}")
    decaying = {one.name for one in problem.network.flat if isinstance(one, WEIGHTED) and problem.decays(one)}
    steps = {"initialization": [0], "updates": range(1, updates + 1), "settled": [updates]}
    return tuple(
        Requirement(criterion, layer, step, problem.scale)
        for criterion in criteria
        for layer in problem.network.representations
        if criterion.applies(layer) and ("decay" not in criterion.quantities or layer.name in decaying)
        for step in steps[criterion.when]
        if criterion.when != "updates" or criterion.sign == "<=" or step >= min(layer.first_update, updates)
    )


def awake(every: Iterable[Requirement], orders: Mapping[Observable, Exponent]) -> Iterator[Requirement]:
    """What is asked where weights start at zero; `orders` are those of the run, or of one with the same zeros.

    What starts at zero has to be bounded at every update, and to move; but it has no size of its own to be compared
    with. So bounds stay as they stand, and an equation

    - sleeps while a factor is zero that is not at the last update, as |z(0)| of a zero query is, or the gradient behind
      a zero readout. What is zero for ever never sleeps, and breaks the equation;
    - reads |z(t)| for |z(0)| = 0, and the update's effect on what h(0) = 0 has become, |g dW dh|, for |g dW h(0)|;
    - asks nothing of what W(0) = 0 passes on;
    - waits by as many updates as no gradient reaches hidden layers, where it waits for others to move (`first_update`):
      behind a zero readout queries, keys and values have moved after the second update, not after the first.

    Source: Yang et al., arXiv 2203.03466, appendix D.2 (zero readouts and queries: the same limit, without the initial
    function); Zhang, Dauphin and Ma, arXiv 1901.09321 (residual branches that end with zeros).
    """
    zero = {observable for observable, order in orders.items() if order == MINUS_INFINITY}
    last = max((observable.step for observable in orders), default=0)

    def becomes(observable: Observable, other: Observable) -> bool:
        """Whether one is zero, and the other one is not when orders have settled."""
        return observable in zero and replace(other, step=last) not in zero

    def instead(one: Requirement) -> Iterator[tuple[Observable, Observable]]:
        for observable in one.observables:
            later = replace(observable, step=one.step)
            if observable.quantity == "z" and later != observable and becomes(observable, later):
                yield observable, later
            later = replace(observable, quantity="interaction")
            if observable.quantity == "layer" and replace(observable, step=last) in zero and becomes(observable, later):
                yield observable, later

    every = list(every)
    others = {one.layer.name for one in every if one.layer.is_hidden and one.layer.first_update == 1}
    reached = (one.step for one in orders if one.quantity == "d" and one.layer in others and one not in zero)
    delay = min(reached, default=0)
    for one in every:
        is_equation = (one.criterion.when, one.criterion.sign) == ("updates", "~")
        if is_equation and one.layer.first_update > 1 and one.step < min(one.layer.first_update + delay, last):
            continue
        if one.criterion.sign == "<=" or zero.isdisjoint(one.observables):
            yield one
        elif "passthrough" not in one.criterion.quantities or Observable("W_frobenius", one.layer.name, 0) not in zero:
            read = replace(one, reads=tuple(instead(one)))
            if not any(becomes(observable, observable) for observable in read.observables):
                yield read
