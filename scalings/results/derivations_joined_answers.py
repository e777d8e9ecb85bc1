"""The shape of an answer: a polytope, the criterion behind each of its facets, and the gauges beside it.

A derivation works in the gauge g = 1. Its freedoms are those that change what is trained; the gauges change only how
it is written down, and so they are counted apart:

>>> from scalings.optimizers import optimizer
>>> direction = gauge_direction(optimizer("sgd"))
>>> str(direction.multiplier), str(direction.init), str(direction.lr)
('1', '-1', '-2')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from scalings.exponents import Exponent
from scalings.optimizers import UpdateLaw
from scalings.parameterizations import LayerExponents, shifted

Point = Mapping[str, Fraction]
"""Unknown exponent -> its value."""


@dataclass(frozen=True)
class Facet:
    """A relation that no other implies, and what it comes from.

    The criteria behind an inequality are that which binds there; those behind an equation together give it.
    """

    relation: str
    criteria: tuple[str, ...]


@dataclass(frozen=True)
class Polytope:
    """One polyhedron of an answer: the smallest set of relations, and the points and directions that span it.

    It is all that a mean of its vertices, plus rays times anything nonnegative, plus lines times anything, can be.
    `vertices` is None where there are too many candidates to look through.
    """

    facets: tuple[Facet, ...]
    vertices: tuple[Point, ...] | None
    rays: tuple[Point, ...] = ()
    lines: tuple[Point, ...] = ()


def gauge_direction(law: UpdateLaw) -> LayerExponents[Exponent]:
    """How the exponents of any one layer may move together without any change of what is trained.

    By how much multiplier, init scale, learning rate (and decay) rise: (g, sigma, eta) -> (n^t g, n^-t sigma,
    n^(-(1 + p - s) t) eta), for t = 1.
    """
    zero = Fraction(0)
    return shifted(LayerExponents[Exponent](zero, zero, zero, None if law.decay == "none" else zero), Fraction(1), law)
