"""Calibrations: criteria with constants in them, and the hyperparameters that meet them at each width.

A criterion relates two products of norms, left ~ right; a *condition* asks for left = constant * right at one layer,
after so many updates. With as many conditions as there are init scales and learning rates in the gauge g = 1, training
runs can be solved for them at every width, and the powers of n in the solutions must be those that were derived.

The tutorial's criteria are more than that many, since they are not independent: some follow from the others. So two
systems are made of them, each enough to fix all hyperparameters, neither of which contains the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

from scalings.criteria.criterion import Criterion, Product
from scalings.criteria.observables import Observable
from scalings.criteria.tutorial import MAXIMALITY, NONTRIVIALITY, SIGNAL_PROPAGATION, USEFUL_UPDATE
from scalings.networks.network import Network, Representation

Closing = Literal["useful-update", "maximality"]
"""What fixes the size of the layers' updates: that each helps the loss as much at any width, or that each contributes
as much to its layer's change."""
SHARE = 0.4
"""The part of a layer's own update in its change, for maximality."""
MOVE = 0.1
"""|dz| of the first hidden layer over n^r; half of the output's change, which the residual is ten times."""


@dataclass(frozen=True)
class Condition:
    """left = constant * right, for one criterion at one layer after `step` updates."""

    criterion: Criterion
    layer: Representation
    step: int
    constant: float = 1.0

    def factors(self) -> list[tuple[Observable, int]]:
        """The observables in left / right, each with the power 1 or -1."""
        sides = ((self.criterion.left, 1), (self.criterion.right, -1))
        return [(one, sign) for side, sign in sides for one in side.observables(self.layer, self.step)]

    def exponent(self) -> Fraction:
        """The power of n that left / right has besides its observables."""
        return self.criterion.left.constant(self.layer) - self.criterion.right.constant(self.layer)

    def __str__(self) -> str:
        return f"{self.criterion.name} {self.layer.name}"


System: TypeAlias = tuple[Condition, ...]


def wish(richness: Fraction) -> Criterion:
    """|dz| ~ n^r: how rich training is to be."""
    right = Product(units=2 * richness)
    return Criterion("richness", "as rich as wished", "", Product((("dz", "now"),)), "~", right, "hidden", "updates")


def tutorial_system(network: Network, richness: Fraction, closing: Closing, step: int) -> System:
    """As many conditions as the network has init scales and learning rates, 2L for L layers."""
    *hidden, output = network.representations
    common = (
        *(Condition(SIGNAL_PROPAGATION, layer, 0) for layer in hidden),
        Condition(wish(richness), hidden[0], step, MOVE),
        Condition(NONTRIVIALITY, output, step, 2 * MOVE),
    )
    if closing == "maximality":
        return (*common, *(Condition(MAXIMALITY, layer, step, SHARE) for layer in network.representations[1:]))
    # Layer l changes by what its own update adds to what all layers before it do: an even share is l times the first's.
    shares = enumerate(hidden, start=1)
    return (*common, *(Condition(USEFUL_UPDATE, layer, step, MOVE * share / 4) for share, layer in shares))


def all_conditions(network: Network, step: int) -> System:
    """Every equality among the tutorial's criteria that hyperparameters can change, more than there are of these."""
    *hidden, output = network.representations
    return (
        *(Condition(SIGNAL_PROPAGATION, layer, 0) for layer in hidden),
        *(Condition(MAXIMALITY, layer, step) for layer in network.representations[1:]),
        *(Condition(USEFUL_UPDATE, layer, step) for layer in hidden),
        Condition(NONTRIVIALITY, output, step),
    )
