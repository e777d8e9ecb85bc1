"""A criterion: a relation between two products of observables, with the layers and steps at which it is to hold.

Signal propagation, for instance, is |z_l| ~ sqrt(units) at hidden layers and at initialization:

>>> from scalings.criteria.tutorial import SIGNAL_PROPAGATION
>>> from scalings.networks.architectures import mlp
>>> hidden, output = mlp(2).representations
>>> SIGNAL_PROPAGATION.applies(hidden), SIGNAL_PROPAGATION.applies(output)
(True, False)
>>> [str(one) for one in SIGNAL_PROPAGATION.left.observables(hidden.name, step=0)]
['|z| layer1 step 0']
>>> SIGNAL_PROPAGATION.right.constant(hidden)
Fraction(1, 2)
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from scalings.criteria.observables import Observable, Quantity
from scalings.networks.dimensions import COUNTED_SCALES, WIDTH_SCALE
from scalings.networks.network import Representation

Where = Literal[
    "hidden",
    "layers",
    "single layers",
    "repeated layers",
    "hidden matrices",
    "output",
    "output matrices",
    "scores",
    "full starts",
    "small starts",
    "late layers",
    "late repeated layers",
    "generated matrices",
]
When = Literal["initialization", "updates", "settled"]
Sign = Literal["~", "<="]
Factor = tuple[Quantity, Literal["now", "before", "initially"]]


@dataclass(frozen=True)
class Product:
    """A product of norms at one layer and of powers: factors * units^(`units`/2) * copies^`copies` * n^`power`.

    With `plus` it is one term of a sum, whose order is that of its largest term.
    """

    factors: tuple[Factor, ...] = ()
    units: Fraction = Fraction(0)
    """Twice the power of the layer's number of units: 1 for the norm of a vector with entries of size 1."""
    copies: Fraction = Fraction(0)
    """The power of the number of copies of a repeated layer."""
    power: Fraction = Fraction(0)
    """The power of the scale variable itself."""
    plus: Product | None = None

    @property
    def terms(self) -> tuple[Product, ...]:
        """This product, and those that are added to it."""
        return (self, *(self.plus.terms if self.plus else ()))

    def observables(self, name: str, step: int) -> tuple[Observable, ...]:
        """The factors as observables of this operation; "before" is one update earlier, "initially" is step 0."""
        steps = {"now": step, "before": step - 1, "initially": 0}
        return tuple(Observable(quantity, name, steps[when]) for quantity, when in self.factors)

    def constant(self, layer: Representation, scale: str = WIDTH_SCALE) -> Fraction:
        """The exponent of all but the factors: of units, copies and the scale variable.

        Of tokens and experts units do not count, since orders are there those of one token, one logit, one expert.
        """
        found = self.power
        if self.units and scale not in COUNTED_SCALES:
            found += self.units * layer.units.order_in(scale) / 2
        if self.copies:
            found += self.copies * layer.copies.order_in(scale)
        return found


@dataclass(frozen=True)
class Criterion:
    """The requirement `left` ~ `right`, or `left` <= `right`, at the layers `where` and at the steps `when`.

    `sentence` says it in words, `source` is the paper. "initialization" is step 0, "updates" is every step after it,
    "settled" the last step of a run whose orders have stopped changing.
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
        """Whether the criterion is asked of this representation.

        "output" is the function f that the network computes, "hidden" are layers and residual streams before the
        readout, of which "small starts" may start small and "full starts" may not; "layers" and "matrices" are those
        with a weight that is trained: what is asked of them is asked of their updates. "late layers" multiply what
        starts small, so that what an update makes of h(0) says nothing of them. "generated matrices" are results of
        layers that are used as matrices alone, of whose updates something else is asked than of those of other layers.
        """
        is_weighted, is_repeated = layer.kind == "layer" and layer.is_trained, layer.copies.grows
        is_layer = is_weighted and not layer.is_generated
        is_heard = is_layer and not (layer.reads_small and self._reads_starts)
        if not layer.is_reached and "passthrough" in self.quantities:
            return False
        return {
            "hidden": layer.is_hidden,
            "full starts": layer.is_hidden and not layer.starts_small,
            "small starts": layer.is_hidden and layer.starts_small,
            "layers": is_heard,
            "late layers": is_layer and layer.reads_small,
            "late repeated layers": is_layer and layer.reads_small and is_repeated,
            "single layers": is_layer and not is_repeated,
            "repeated layers": is_heard and is_repeated,
            "hidden matrices": is_layer and layer.is_matrix and layer.is_hidden,
            "output": layer.is_output,
            "output matrices": is_weighted and layer.is_matrix and not layer.is_hidden,
            "scores": layer.is_score,
            "generated matrices": is_weighted and layer.is_generated,
        }[self.where]

    @property
    def _reads_starts(self) -> bool:
        """Whether it speaks of what an update makes of h(0), and not of h(0) + dh."""
        return "layer" in self.quantities and "interaction" not in self.quantities

    @property
    def relation(self) -> tuple[object, ...]:
        """All that it asks, without name, sentence and source: equal for two criteria that ask the same."""
        return self.left, self.sign, self.right, self.where, self.when

    def place(self, layer: Representation) -> str:
        """The operation that it is asked of: how large a layer is, or its change, of all that others read of it."""
        is_size = len(self.left.factors) == 1 and self.quantities <= {"z", "dz"} and not self.right.factors
        return layer.read_at if is_size else layer.name

    @property
    def quantities(self) -> frozenset[Quantity]:
        """The quantities on both sides."""
        terms = (*self.left.terms, *self.right.terms)
        return frozenset(quantity for term in terms for quantity, _ in term.factors)
