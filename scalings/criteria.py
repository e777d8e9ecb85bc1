"""Criteria: what a parameterization is asked for, each a relation between orders of observables.

A criterion is data. It says at which layers and steps it holds, and relates two products of norms, each
with a power of the layer's fan_out beside it; |z_l| ~ sqrt(n) reads z ~ fan_out^(1/2). Nothing here
knows what the criteria imply: that is for `derive` to find out.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from scalings.networks import Dense
from scalings.observables import Observable, Quantity

Where = Literal["hidden", "output", "every"]
When = Literal["initialization", "updates", "settled"]
Sign = Literal["~", "<="]
Factor = tuple[Quantity, Literal["now", "before", "initially"]]


@dataclass(frozen=True)
class Product:
    """A product of norms at one layer, times fan_out^(power/2)."""

    factors: tuple[Factor, ...] = ()
    fan_out: Fraction = Fraction(0)

    def observables(self, layer: Dense, step: int) -> tuple[Observable, ...]:
        """The factors at this layer; "before" is one update earlier, "initially" is step 0."""
        steps = {"now": step, "before": step - 1, "initially": 0}
        return tuple(Observable(quantity, layer.name, steps[when]) for quantity, when in self.factors)

    def constant(self, layer: Dense) -> Fraction:
        """The exponent that fan_out contributes."""
        return self.fan_out * layer.fan_out.order / 2


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

    def applies(self, layer: Dense) -> bool:
        """Whether the criterion speaks of this layer; "hidden" layers are those whose result is as wide as n."""
        return self.where == "every" or (self.where == "output") == (layer.role == "output")


_TUTORIAL = "Karkada, arXiv 2404.19719"
_TP4 = "Yang and Hu, arXiv 2011.14522"
_ONE = Product()

SIGNAL_PROPAGATION = Criterion(
    "signal propagation",
    "every hidden preactivation has entries of size 1 at initialization",
    _TUTORIAL,
    Product((("z", "now"),)),
    "~",
    Product(fan_out=Fraction(1)),
    "hidden",
    "initialization",
)
BOUNDED_OUTPUT = Criterion(
    "bounded output",
    "the output does not explode at initialization",
    _TUTORIAL,
    Product((("z", "now"),)),
    "<=",
    _ONE,
    "output",
    "initialization",
)
MAXIMALITY = Criterion(
    "maximality",
    "a layer's own update contributes as much to its change as the changes that reach it",
    _TUTORIAL,
    Product((("layer", "now"),)),
    "~",
    Product((("dz", "now"),)),
    "every",
    "updates",
)
NONTRIVIALITY = Criterion(
    "nontriviality",
    "the output moves, and does not explode",
    _TUTORIAL,
    Product((("dz", "now"),)),
    "~",
    _ONE,
    "output",
    "updates",
)
USEFUL_UPDATE = Criterion(
    "useful update",
    "every layer's change contributes to the change of the loss",
    _TUTORIAL,
    Product((("d", "before"), ("dz", "now"))),
    "~",
    _ONE,
    "every",
    "updates",
)
STABLE_FEATURES = Criterion(
    "stable features",
    "no hidden preactivation changes by more than its own size",
    _TUTORIAL,
    Product((("dz", "now"),)),
    "<=",
    Product((("z", "initially"),)),
    "hidden",
    "updates",
)
STABLE_OUTPUT = Criterion(
    "stable output",
    "the output does not explode during training",
    f"{_TP4}, Definition 3.1",
    Product((("dz", "now"),)),
    "<=",
    _ONE,
    "output",
    "updates",
)
MOVING_OUTPUT = Criterion(
    "moving output",
    "the output has moved by order 1 after some update",
    f"{_TP4}, Definition 3.2",
    Product((("dz", "now"),)),
    "~",
    _ONE,
    "output",
    "settled",
)

TUTORIAL = (SIGNAL_PROPAGATION, BOUNDED_OUTPUT, MAXIMALITY, NONTRIVIALITY, USEFUL_UPDATE, STABLE_FEATURES)
"""The tutorial's criteria, in the order in which they are applied."""
STABILITY = (SIGNAL_PROPAGATION, BOUNDED_OUTPUT, STABLE_FEATURES, STABLE_OUTPUT)
"""Neither representations nor outputs explode, or vanish at initialization."""

CRITERIA: dict[str, tuple[Criterion, ...]] = {"tutorial": TUTORIAL, "stability": (*STABILITY, MOVING_OUTPUT)}
"""The sets of criteria that `derive` knows by name."""
