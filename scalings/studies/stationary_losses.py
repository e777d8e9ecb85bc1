"""Losses that are stationary where training starts: first gradients that are smaller than theory has them in general.

Theory takes the loss to be any function of the few values that it is computed from, with a gradient of order 1. Those
values start small, as a readout does, and there a loss may be stationary: a Kullback-Leibler divergence and an entropy
have their minimum there, and what is squared has none but itself. Then a first gradient is as small as these values,
and so is all that comes back through them; from the first update on they are of order 1, and so is the gradient.

What it may be taken for is a backward pass that is wrong by a power of the width. Where that is behind a hidden value,
gradients in front of the few units are wrong too, which are asserted as ever; where it is at the few units themselves,
it is but another loss. Optimizers that divide by gradients do not see either; of others the first |dW| tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from scalings.criteria.observables import Observable
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.networks.network import Network
from scalings.networks.nodes import sources
from scalings.results.fits import Diverged, Fit
from scalings.studies.model_words import listed

_GRADIENTS = (("d", 0), ("gradient", 1))
"""First gradients, of values and of weights."""
_OFF = 0.1
"""A slope that is further from its order than this is another one."""
_SMALLER = 0.25
"""Of a first gradient that falls by less nothing is said: few units are noisy."""
Fits = Mapping[Observable, Fit | Diverged]


@dataclass(frozen=True)
class Stationary:
    """Where a loss is stationary at the start, if that hides a first gradient."""

    values: tuple[str, ...] = ()
    """Of a few units, whose first gradient is smaller than derived."""
    hidden: frozenset[Observable] = frozenset()
    """First gradients that come back through them, and are smaller by no more than these are."""

    @property
    def notes(self) -> Iterator[str]:
        """What is said of it, if there is anything."""
        if self.values:
            where = listed(self.values)
            yield f"the loss is stationary at the start in {where}: first gradients in front are not compared"


def stationary_losses(network: Network, derived: Mapping[Observable, Exponent], measured: Fits) -> Stationary:
    """Where these first gradients are smaller than derived because the loss is stationary."""
    smaller = dict(_smaller(network, derived, measured))
    behind: dict[str, float] = {}
    for node in reversed(network.flat):
        own = max(behind.get(node.name, 0.0), smaller.get(node.name, 0.0))
        for name in (node.name, *sources(node)):
            behind[name] = max(behind.get(name, 0.0), own)

    def is_hidden(one: Observable) -> bool:
        fit, by = measured.get(one), behind.get(one.layer, 0.0)
        is_first = (one.quantity, one.step) in _GRADIENTS and derived[one] != MINUS_INFINITY
        return bool(is_first and by and isinstance(fit, Fit) and _OFF < derived[one] - fit.plain <= by + _OFF)

    hidden = frozenset(filter(is_hidden, derived))
    return Stationary(tuple(sorted(smaller)), hidden) if hidden else Stationary()


def _smaller(network: Network, derived: Mapping[Observable, Exponent], measured: Fits) -> Iterator[tuple[str, float]]:
    """The values of a few units whose first gradient is smaller than derived, and by which power."""
    for name, units in network.units.items():
        fit, order = measured.get(one := Observable("d", name, 0)), derived.get(one, MINUS_INFINITY)
        if units.grows or not isinstance(fit, Fit) or order == MINUS_INFINITY:
            continue
        if fit.high < order and order - fit.plain > _SMALLER:
            yield name, float(order) - fit.plain
