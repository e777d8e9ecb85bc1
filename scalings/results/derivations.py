"""What a derivation answers: a family of parameterizations, the steps that led there, and its polytope.

A derivation works in the gauge g = 1. Its freedoms are those that change what is trained; the gauges change only how
it is written down, and so they are counted apart (`scalings.hyperparameters.gauges`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Affine, Exponent, parse_fraction
from scalings.hyperparameters.gauges import Gauge, LayerExponents, gauge_direction, in_gauge
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import UpdateLaw
from scalings.networks.dimensions import WIDTH_SCALE, symbol_of
from scalings.networks.network import Network

PARAMETER = "r"
"""The richness: |dz| ~ n^r at the hidden layers."""


@dataclass(frozen=True)
class Family:
    """A segment of parameterizations: exponents affine in the richness r, low <= r <= high."""

    network: Network
    law: UpdateLaw
    gauge: Gauge
    layers: tuple[LayerExponents[Affine], ...]
    low: Fraction
    high: Fraction
    scales: tuple[Affine, ...] = ()
    """Of the network's multipliers without a weight."""

    def member(self, r: Fraction | int | str, gamma: Fraction | int | str = 1) -> Parameterization:
        """The parameterization with activity |dz| ~ gamma n^r. Raises ArgumentError outside the range."""
        try:
            value = parse_fraction(r) if isinstance(r, str) else Fraction(r)
        except ValueError:
            raise ArgumentError("r", f"expected a fraction such as 1/4, but got {r!r}") from None
        if not self.low <= value <= self.high:
            raise ArgumentError("r", f"expected {self.low} <= r <= {self.high}, but got {value}")
        layers = tuple(layer.each(lambda e: e.at(r=value)) for layer in self.layers)
        powers = tuple(layer.each(lambda e: e.coefficient(PARAMETER)) for layer in self.layers)
        scales = tuple(scale.at(r=value) for scale in self.scales)
        gamma_scales = tuple(scale.coefficient(PARAMETER) for scale in self.scales)
        return Parameterization(layers, f"family:{value}", Fraction(gamma), powers, scales, gamma_scales)

    def in_gauge(self, gauge: Gauge) -> Family:
        """The same family with g = 1, unit init or one global learning rate. Raises ArgumentError if none is."""
        return replace(self, gauge=gauge, layers=tuple(in_gauge(layer, gauge, self.law) for layer in self.layers))


@dataclass(frozen=True)
class Step:
    """One thing that a criterion taught.

    `statement` relates the unknowns eta_l (learning rates), sigma_l (init scales) and r, as sympy reads
    them; it is empty where nothing new was said. `implied_by` then names steps that say it already: enough of
    them, and if minimal reasons were asked for and up to two are enough, none that can be spared.
    """

    criterion: str
    layer: str
    update: int
    statement: str
    freedoms: int
    """Unknowns that are still free after this step."""
    implied_by: tuple[str, ...] = ()
    only_bounds: bool = False
    """Whether all that it taught are inequalities."""

    @property
    def title(self) -> str:
        """The criterion and where it was imposed, as `implied_by` names it."""
        return f"{self.criterion} ({self.layer})" if self.layer else self.criterion

    @property
    def gives(self) -> str:
        """What it taught, in words."""
        statement = self.statement or "nothing new"
        names = dict.fromkeys(title.rpartition(" (")[0] or title for title in self.implied_by)
        return f"{statement}: follows from {', '.join(names)}" if names else statement


@dataclass(frozen=True)
class Piece:
    """A polyhedron of parameterizations in the gauge g = 1: equations `= 0`, inequalities `>= 0`.

    `steps` led there, after those that all pieces have in common.
    """

    dimension: int
    equations: tuple[str, ...]
    inequalities: tuple[str, ...]
    steps: tuple[Step, ...] = ()
    polytope: Polytope | None = None
    layers: tuple[LayerExponents[Affine], ...] = ()
    """Every exponent in terms of the unknowns that are free."""
    scales: tuple[Affine, ...] = ()
    """Likewise of the network's multipliers without a weight."""


@dataclass(frozen=True)
class Induction:
    """The lemma that a hidden layer, inserted behind the input layer, changes nothing in the rest of a network.

    `unknowns` are the layer's own, `equations` what determines them in terms of b_t, the order of the backward
    signal |d| that the rest sends after t updates; `steps` led there. `open` says what keeps the lemma from holding.
    """

    law: UpdateLaw
    unknowns: tuple[str, ...]
    equations: tuple[str, ...]
    steps: tuple[Step, ...]
    open: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether one more layer adds as many independent equations as unknowns, and nothing else changes."""
        return not self.open and len(self.equations) == len(self.unknowns)


@dataclass(frozen=True)
class Derivation:
    """The answer of `derive`. `family` is None where the answer is not one segment; `pieces` then is it.

    `steps` led to the family, or are those that all pieces have in common.
    """

    network: Network
    law: UpdateLaw
    criteria: tuple[str, ...]
    assumptions: tuple[str, ...]
    steps: tuple[Step, ...]
    family: Family | None
    pieces: tuple[Piece, ...]
    contradiction: tuple[str, ...] = ()
    """The criteria that contradict each other, where no parameterization meets them all."""
    scale: str = WIDTH_SCALE
    """What the exponents are powers of."""
    induction: Induction | None = None
    """The proof for every depth, if it was asked for."""
    polytope: Polytope | None = None
    """The family as a polytope; each piece has its own."""

    @property
    def polytopes(self) -> tuple[Polytope, ...]:
        """The family, or each piece."""
        found = (self.polytope, *(piece.polytope for piece in self.pieces))
        return tuple(one for one in found if one)

    @property
    def gauges(self) -> tuple[tuple[str, LayerExponents[Exponent]], ...]:
        """Beside its freedoms: for each layer how its exponents move together without a change of what is trained.

        An epsilon leaves none, and a law that makes an exception of zero weights none for them.
        """
        if self.law.epsilon != MINUS_INFINITY:
            return ()
        direction = gauge_direction(self.law)
        layers = (one for one in self.network.layers if not (self.law.at_zero != "alike" and one.start == "zero"))
        return tuple((layer.name, direction) for layer in layers)

    def _repr_html_(self) -> str:
        from scalings.reports.articles import html

        return html(self)

    def _repr_latex_(self) -> str:
        from scalings.reports.articles import display_latex

        return display_latex(self)

    @property
    def symbol(self) -> str:
        """What the exponents are powers of, as it is written."""
        return symbol_of(self.scale)

    @property
    def degrees_of_freedom(self) -> int | None:
        """The dimension of the answer (of its largest piece); None if it is empty."""
        return 1 if self.family else max((piece.dimension for piece in self.pieces), default=None)


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
