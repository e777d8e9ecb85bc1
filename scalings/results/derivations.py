"""Results of `derive`: a family of parameterizations, the steps of its derivation, and the answer as a polytope.

A derivation works in the gauge g = 1, so its degrees of freedom are those that change what is trained. Gauges, which
change only how a parameterization is written, are counted apart (`scalings.hyperparameters.gauges`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from scalings.displays import Displayed
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Affine, Exponent, parse_fraction
from scalings.hyperparameters.gauges import Gauge, LayerExponents, gauge_direction, in_gauge
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.splits import Laws
from scalings.hyperparameters.unknowns import Kind
from scalings.hyperparameters.update_laws import UpdateLaw
from scalings.networks.dimensions import WIDTH_SCALE, symbol_of
from scalings.networks.network import Network

PARAMETER = "r"
"""The richness: |dz| ~ n^r at the hidden layers."""


Ends = tuple[Fraction | None, Fraction | None]
"""The smallest and the largest value; None where there is none."""


def format_range(ends: Ends) -> str:
    """The richnesses from the smallest to the largest.

    >>> format_range((Fraction(0), Fraction(1, 2))), format_range((None, Fraction(1, 2))), format_range((None, None))
    ('0 <= r <= 1/2', 'r <= 1/2', 'any r')
    >>> format_range((Fraction(1, 2), Fraction(1, 2)))
    'r = 1/2'
    """
    low, high = ends
    if low is None and high is None:
        return "any r"
    if low == high:
        return f"r = {low}"
    return f"{'' if low is None else f'{low} <= '}r{'' if high is None else f' <= {high}'}"


@dataclass(frozen=True, repr=False)
class Family(Displayed):
    """A one-parameter family of parameterizations: exponents affine in the richness r, low <= r <= high."""

    network: Network
    law: Laws
    gauge: Gauge
    layers: tuple[LayerExponents[Affine], ...]
    low: Fraction
    high: Fraction
    scales: tuple[Affine, ...] = ()
    """The exponents of the network's multipliers without a weight."""

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
        """The same family in another gauge. Raises ArgumentError if some layer has no such gauge."""
        pairs = zip(self.layers, self.laws, strict=True)
        return replace(self, gauge=gauge, layers=tuple(in_gauge(layer, gauge, law) for layer, law in pairs))

    @property
    def laws(self) -> tuple[UpdateLaw, ...]:
        """The update law of each layer."""
        return self.law.among(self.network.layers)


@dataclass(frozen=True)
class Step:
    """One step of a derivation: what one criterion at one layer and update adds to the steps before.

    `statement` relates the unknowns eta_l (learning rates), sigma_l (init scales) and r, as sympy reads them. It is
    empty if the criterion already follows; `implied_by` then names steps that imply it (a set from which none can be
    left out, if minimal reasons were asked for and up to two steps are enough).
    """

    criterion: str
    layer: str
    update: int
    statement: str
    freedoms: int
    """The number of unknowns that are still free after this step."""
    implied_by: tuple[str, ...] = ()
    only_bounds: bool = False
    """Whether all that it adds are inequalities."""

    @property
    def title(self) -> str:
        """The criterion and where it was imposed, as `implied_by` names it."""
        return f"{self.criterion} ({self.layer})" if self.layer else self.criterion

    @property
    def gives(self) -> str:
        """The statement, or that there is nothing new, with the criteria that it follows from."""
        statement = self.statement or "nothing new"
        names = dict.fromkeys(title.rpartition(" (")[0] or title for title in self.implied_by)
        return f"{statement}: follows from {', '.join(names)}" if names else statement


@dataclass(frozen=True)
class Polyhedron:
    """One polyhedron of an answer that is a union of them, in the gauge g = 1: equations `= 0`, inequalities `>= 0`.

    `steps` are those after the steps that all pieces have in common.
    """

    dimension: int
    equations: tuple[str, ...]
    inequalities: tuple[str, ...]
    steps: tuple[Step, ...] = ()
    polytope: Polytope | None = None
    layers: tuple[LayerExponents[Affine], ...] = ()
    """Every layer's exponents, affine in the unknowns that are free."""
    scales: tuple[Affine, ...] = ()
    """Those of the network's multipliers without a weight."""
    richness: str = ""
    """The order of the largest |dz| at the hidden layers, as in "max(0, -sigma_3)"; empty if nothing is hidden."""
    ends: Ends = (None, None)
    """The smallest and the largest richness in it, where there is one."""

    def in_gauge(self, gauge: Gauge, laws: Sequence[UpdateLaw]) -> tuple[LayerExponents[Affine], ...]:
        """The layers in another gauge, under the law of each. Raises ArgumentError if some layer has no such gauge."""
        return tuple(in_gauge(layer, gauge, law) for layer, law in zip(self.layers, laws, strict=True))


@dataclass(frozen=True)
class Induction:
    """Induction over depth: the lemma that a hidden layer inserted behind the input layer changes nothing in the rest.

    `unknowns` are the new layer's exponents. `equations` determine them in terms of b_t, the order of the backward
    signal |d| that reaches it after t updates; `steps` is their derivation. `open` are the reasons why the lemma does
    not hold, if it does not.
    """

    law: Laws
    unknowns: tuple[str, ...]
    equations: tuple[str, ...]
    steps: tuple[Step, ...]
    open: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether one more layer adds as many independent equations as unknowns and changes nothing else."""
        return not self.open and len(self.equations) == len(self.unknowns)


@dataclass(frozen=True)
class Conflict:
    """Why nothing meets the criteria, and the least that would help."""

    imposed: tuple[tuple[str, str], ...]
    """Criteria, each at a layer, that contradict each other; without any of them the others do not."""
    drop: tuple[tuple[str, str], ...] = ()
    """Criteria, each at a layer, of which any one is enough to drop; if none is, without a layer: at all of them."""
    drop_both: tuple[str, ...] = ()
    """Two criteria to be dropped together, if no single one is enough."""
    release: tuple[tuple[Kind, str], ...] = ()
    """Given exponents, by kind and layer or multiplier, of which any one is enough to ask for instead."""
    add: tuple[tuple[str, str], ...] = ()
    """Pairs of operations of which the second reads the first: a multiplier between them is enough."""
    add_all: tuple[tuple[str, str], ...] = ()
    """Such pairs if no single one is enough: multipliers at all of them are, and none of these can be spared."""
    met: str = ""
    """The name of other criteria that something meets: those of features that may start small."""


@dataclass(frozen=True, repr=False)
class Derivation(Displayed):
    """The answer of `derive`: a one-parameter `family`, or a union of polyhedra, the `pieces` (then `family` is None).

    `steps` are those of the family, or those that all pieces have in common.
    """

    network: Network
    law: Laws
    criteria: tuple[str, ...]
    assumptions: tuple[str, ...]
    steps: tuple[Step, ...]
    family: Family | None
    polyhedra: tuple[Polyhedron, ...]
    contradiction: tuple[str, ...] = ()
    """Criteria that contradict each other, if no parameterization meets all."""
    conflict: Conflict | None = None
    """At which layers they do, and what would help."""
    scale: str = WIDTH_SCALE
    """The scale variable that the exponents are powers of."""
    induction: Induction | None = None
    """The proof for every depth, if it was asked for."""
    polytope: Polytope | None = None
    """The family as a polytope; each piece has its own."""

    @property
    def polytopes(self) -> tuple[Polytope, ...]:
        """The polytope of the family, or of each piece."""
        found = (self.polytope, *(polyhedron.polytope for polyhedron in self.polyhedra))
        return tuple(one for one in found if one)

    @property
    def gauges(self) -> tuple[tuple[str, LayerExponents[Exponent]], ...]:
        """The gauge direction of each layer that has one (`gauge_direction`), by the layer's name.

        With an epsilon or clipping a layer has none, nor has one that starts at zero under a law with its own step from
        zero (`at_zero`).
        """
        return tuple(
            (layer.name, gauge_direction(law))
            for layer, law in zip(self.network.layers, self.laws, strict=True)
            if law.epsilon == MINUS_INFINITY
            and law.clip == "none"
            and not (law.at_zero != "alike" and layer.start == "zero")
        )

    @property
    def laws(self) -> tuple[UpdateLaw, ...]:
        """The update law of each layer."""
        return self.law.among(self.network.layers)

    def _repr_latex_(self) -> str:
        from scalings.reports.articles import display_latex

        return display_latex(self)

    @property
    def symbol(self) -> str:
        """The letter of the scale variable that the exponents are powers of."""
        return symbol_of(self.scale)

    @property
    def degrees_of_freedom(self) -> int | None:
        """The dimension of the answer, which is that of its largest piece; None if it is empty."""
        return 1 if self.family else max((polyhedron.dimension for polyhedron in self.polyhedra), default=None)


Point = Mapping[str, Fraction]
"""A value for each unknown exponent."""


@dataclass(frozen=True)
class Facet:
    """An equation or inequality of a polytope that the others do not imply, and the criteria that it comes from.

    For an inequality that is the criterion whose bound it is, for an equation those that together give it.
    """

    relation: str
    criteria: tuple[str, ...]


@dataclass(frozen=True)
class Polytope:
    """One polyhedron of an answer: its relations without redundant ones, and its vertices, rays and lines.

    Its points are the convex combinations of vertices, plus nonnegative multiples of rays, plus any multiples of lines.
    `vertices` is None if there are too many candidates to enumerate.
    """

    facets: tuple[Facet, ...]
    vertices: tuple[Point, ...] | None
    rays: tuple[Point, ...] = ()
    lines: tuple[Point, ...] = ()
