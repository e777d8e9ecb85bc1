"""A relation between products of observables, where and when."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from scalings.criteria.observables import Observable, Quantity
from scalings.networks.dimensions import VOCABULARY_SCALE, WIDTH_SCALE
from scalings.networks.network import Representation

Where = Literal[
    "hidden", "layers", "single layers", "repeated layers", "hidden matrices", "output", "output matrices", "scores"
]
When = Literal["initialization", "updates", "settled"]
Sign = Literal["~", "<="]
Factor = tuple[Quantity, Literal["now", "before", "initially"]]


@dataclass(frozen=True)
class Product:
    """A product of norms at one layer, times units^(power/2), copies^power and n^power."""

    factors: tuple[Factor, ...] = ()
    units: Fraction = Fraction(0)
    copies: Fraction = Fraction(0)
    """The power of the number of copies of a repeated layer."""
    power: Fraction = Fraction(0)
    """The power of the scale variable itself."""

    def observables(self, layer: Representation, step: int) -> tuple[Observable, ...]:
        """The factors at this layer; "before" is one update earlier, "initially" is step 0."""
        steps = {"now": step, "before": step - 1, "initially": 0}
        return tuple(Observable(quantity, layer.name, steps[when]) for quantity, when in self.factors)

    def constant(self, layer: Representation, scale: str = WIDTH_SCALE) -> Fraction:
        """The exponent that the numbers of units and copies contribute; in the vocabulary a logit is one unit."""
        found = self.power
        if self.units and scale != VOCABULARY_SCALE:
            found += self.units * layer.units.order_in(scale) / 2
        if self.copies:
            found += self.copies * layer.copies.order_in(scale)
        return found


@dataclass(frozen=True)
class Criterion:
    """`left` `sign` `right` at the layers `where`, at the steps `when`.

    `sentence` says it in words, `source` where it comes from. "settled" is the last step of a run whose
    orders have stopped changing; "updates" is every step after an update.
    """

    name: str
    sentence: str
    source: str
    left: Product
    sign: Sign
    right: Product
    where: Where
    when: When

    def applies(self, layer: Representation) -> bool:
        """Whether the criterion speaks of this representation.

        "output" is the function f that the network computes, "hidden" are layers and residual streams before those
        that only make f out of them, "layers" all with a weight.
        """
        is_layer, is_repeated = layer.kind == "layer", layer.copies.grows
        return {
            "hidden": layer.is_hidden,
            "layers": is_layer,
            "single layers": is_layer and not is_repeated,
            "repeated layers": is_layer and is_repeated,
            "hidden matrices": layer.is_matrix and layer.is_hidden,
            "output": layer.is_output,
            "output matrices": layer.is_matrix and not layer.is_hidden,
            "scores": layer.kind == "scores",
        }[self.where]

    @property
    def relation(self) -> tuple[object, ...]:
        """What it asks, where and when, whatever it is called."""
        return self.left, self.sign, self.right, self.where, self.when

    @property
    def quantities(self) -> frozenset[Quantity]:
        """What it relates."""
        return frozenset(quantity for side in (self.left, self.right) for quantity, _ in side.factors)
