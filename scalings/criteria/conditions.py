"""Conditions: criteria with constants, left = constant * right, which determine hyperparameters at each width.

A criterion left ~ right fixes only orders. With one condition for each init scale and learning rate (multipliers 1),
root finding on training runs gives all of them at every width, and the powers of n in the solutions must be the derived
ones.

The tutorial has more criteria than hyperparameters, since some follow from others. `tutorial_system` offers two choices
among them: each fixes all hyperparameters, and neither contains the other.
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
"""The criterion that fixes the size of each layer's update: its effect on the loss, |d| |dz|, or its share in the
layer's change, |g dW h| / |dz|."""
SHARE = 0.4
"""|g dW h| / |dz| at every layer behind the first, for maximality."""
MOVE = 0.1
"""|dz| / n^r at the first hidden layer, and half of |dz| at the output: small beside the residual, which is near 1."""


@dataclass(frozen=True)
class Condition:
    """The equation left = constant * right of one criterion at one layer after `step` updates."""

    criterion: Criterion
    layer: Representation
    step: int
    constant: float = 1.0

    def factors(self) -> list[tuple[Observable, int]]:
        """The observables in left / right, each with the power 1 or -1."""
        sides, place = ((self.criterion.left, 1), (self.criterion.right, -1)), self.criterion.place(self.layer)
        return [(one, sign) for side, sign in sides for one in side.observables(place, self.step)]

    def exponent(self) -> Fraction:
        """The power of n in left / right apart from the observables."""
        return self.criterion.left.constant(self.layer) - self.criterion.right.constant(self.layer)

    def __str__(self) -> str:
        return f"{self.criterion.name} {self.layer.name}"


System: TypeAlias = tuple[Condition, ...]


def wish(richness: Fraction) -> Criterion:
    """The criterion |dz| ~ n^r at hidden layers, for a richness r that is asked for."""
    right = Product(units=2 * richness)
    return Criterion("richness", "as rich as wished", "", Product((("dz", "now"),)), "~", right, "hidden", "updates")


def tutorial_system(network: Network, richness: Fraction, closing: Closing, step: int) -> System:
    """2L conditions for a multilayer perceptron of L layers: as many as it has init scales and learning rates."""
    *hidden, output = network.representations
    common = (
        *(Condition(SIGNAL_PROPAGATION, layer, 0) for layer in hidden),
        Condition(wish(richness), hidden[0], step, MOVE),
        Condition(NONTRIVIALITY, output, step, 2 * MOVE),
    )
    if closing == "maximality":
        return (*common, *(Condition(MAXIMALITY, layer, step, SHARE) for layer in network.representations[1:]))
    # |dz_l| grows with l, since each layer adds its own update to the changes before it: about l times the first one.
    shares = enumerate(hidden, start=1)
    return (*common, *(Condition(USEFUL_UPDATE, layer, step, MOVE * share / 4) for share, layer in shares))


def all_conditions(network: Network, step: int) -> System:
    """All equalities of the tutorial that depend on hyperparameters; there are more of them than of hyperparameters."""
    *hidden, output = network.representations
    return (
        *(Condition(SIGNAL_PROPAGATION, layer, 0) for layer in hidden),
        *(Condition(MAXIMALITY, layer, step) for layer in network.representations[1:]),
        *(Condition(USEFUL_UPDATE, layer, step) for layer in hidden),
        Condition(NONTRIVIALITY, output, step),
    )
