"""Derivations in several scale variables: every hyperparameter's order is a monomial such as n^(2r-1) m^(-1).

Its power of each scale variable is derived with the others held fixed, as constants, and the monomial is the product of
these powers. Nothing is claimed of limits in which several variables grow together.

>>> from fractions import Fraction
>>> width, depth = Affine(Fraction(-1), {"r": Fraction(2)}), Affine(Fraction(-1))
>>> print(Monomial((("n", width), ("m", depth))))
n^(2r-1) m^(-1)
>>> print(Monomial((("n", Affine(Fraction(0))), ("m", Affine(Fraction(0))))))
1
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from scalings.displays import Displayed
from scalings.hyperparameters.exponents import MINUS_INFINITY, Affine, format_power
from scalings.hyperparameters.gauges import Gauge, LayerExponents, in_gauge
from scalings.hyperparameters.splits import Laws
from scalings.hyperparameters.unknowns import PATTERN
from scalings.hyperparameters.update_laws import UpdateLaw
from scalings.networks.network import Network
from scalings.results.derivations import PARAMETER, Derivation

Answer = tuple[tuple[LayerExponents[Affine], ...], tuple[Affine, ...]]
"""The exponents of the layers and of the multipliers without a weight, affine in the unknowns that are free."""


@dataclass(frozen=True)
class Monomial:
    """A product of powers of scale variables, by their symbols."""

    powers: tuple[tuple[str, Affine], ...]

    @property
    def is_zero(self) -> bool:
        """Whether it is the order of a quantity that is zero by structure."""
        return any(power.constant == MINUS_INFINITY for _, power in self.powers)

    def __str__(self) -> str:
        if self.is_zero:
            return "0"
        powers = ((symbol, power) for symbol, power in self.powers if str(power) != "0")
        return " ".join(symbol if str(power) == "1" else format_power(power, symbol) for symbol, power in powers) or "1"


@dataclass(frozen=True, repr=False)
class Monomials(Displayed):
    """Derivations of one network and optimizer in several scale variables, each with the others held fixed.

    A free unknown that several derivations have in common gets a subscript: r_n is the richness in the width n.
    `layers` and `scales` are empty if some answer is not a single polyhedron; `unanswered` are those derivations.
    """

    derivations: tuple[Derivation, ...]
    gauge: Gauge = "unit-multiplier"

    @property
    def network(self) -> Network:
        return self.derivations[0].network

    @property
    def law(self) -> Laws:
        return self.derivations[0].law

    @property
    def laws(self) -> tuple[UpdateLaw, ...]:
        """The update law of each layer."""
        return self.derivations[0].laws

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The assumptions that all derivations share."""
        first, *others = (derivation.assumptions for derivation in self.derivations)
        return tuple(said for said in first if all(said in other for other in others))

    def own_assumptions(self, derivation: Derivation) -> tuple[str, ...]:
        """The assumptions of one derivation that not all share."""
        return tuple(said for said in derivation.assumptions if said not in self.assumptions)

    @property
    def unanswered(self) -> tuple[Derivation, ...]:
        """The derivations whose answer is empty or a union of several polyhedra."""
        return tuple(derivation for derivation in self.derivations if _answer(derivation) is None)

    @property
    def layers(self) -> tuple[LayerExponents[Monomial], ...]:
        """The monomials of each layer, from input to output."""
        answers = {symbol: layers for symbol, (layers, _) in self._answers().items()}
        if not answers:
            return ()
        return tuple(
            _together({symbol: in_gauge(layers[number], self.gauge, law) for symbol, layers in answers.items()})
            for number, law in enumerate(self.laws)
        )

    @property
    def scales(self) -> tuple[Monomial, ...]:
        """The monomial of each multiplier without a weight."""
        answers = {symbol: scales for symbol, (_, scales) in self._answers().items()}
        count = len(self.network.multipliers) if answers else 0
        return tuple(Monomial(tuple((symbol, scales[k]) for symbol, scales in answers.items())) for k in range(count))

    def held(self, derivation: Derivation) -> tuple[str, ...]:
        """The scale variables that one of the derivations holds fixed."""
        asked = (one.scale for one in self.derivations)
        return tuple(scale for scale in dict.fromkeys((*self.network.scales, *asked)) if scale != derivation.scale)

    def conditions(self, derivation: Derivation) -> tuple[str, ...]:
        """The bounds on the unknowns that one of the derivations leaves free."""
        if derivation.family:
            found: tuple[str, ...] = (f"{derivation.family.low} <= {PARAMETER} <= {derivation.family.high}",)
        else:
            found = tuple(f"{bound} >= 0" for polyhedron in derivation.polyhedra for bound in polyhedron.inequalities)
        names = self._own_names(derivation)
        free = rf"\b({PATTERN}|{PARAMETER})\b"
        return tuple(re.sub(free, lambda name: names.get(name[0], name[0]), one) for one in found)

    def _answers(self) -> dict[str, Answer]:
        """The exponents by the letter of the scale variable; empty if some answer is not a single polyhedron."""
        found: dict[str, Answer] = {}
        for derivation in self.derivations:
            answer, names = _answer(derivation), self._own_names(derivation)
            if answer is None:
                return {}
            layers = tuple(layer.each(lambda exponent: _renamed(exponent, names)) for layer in answer[0])  # noqa: B023
            found[derivation.symbol] = layers, tuple(_renamed(scale, names) for scale in answer[1])
        return found

    def _own_names(self, derivation: Derivation) -> dict[str, str]:
        """New names for the free unknowns that other derivations have too."""
        others = {name for one in self.derivations if one is not derivation for name in _free(one)}
        return {name: f"{name}_{derivation.symbol}" for name in _free(derivation) & others}


def _answer(derivation: Derivation) -> Answer | None:
    """The exponents in the gauge g = 1; None if the answer is not a single polyhedron."""
    if derivation.family:
        family = derivation.family.in_gauge("unit-multiplier")
        return family.layers, family.scales
    if len(derivation.polyhedra) != 1:
        return None
    (polyhedron,) = derivation.polyhedra
    return polyhedron.layers, polyhedron.scales


def _free(derivation: Derivation) -> frozenset[str]:
    """The names of the unknowns that the answer leaves free."""
    layers, scales = _answer(derivation) or ((), ())
    exponents = [*scales, *(exponent for layer in layers for exponent in layer.named.values())]
    return frozenset(name for exponent in exponents for name in exponent.coefficients)


def _renamed(exponent: Affine, names: Mapping[str, str]) -> Affine:
    return Affine(exponent.constant, {names.get(name, name): factor for name, factor in exponent.coefficients.items()})


def _together(layers: Mapping[str, LayerExponents[Affine]]) -> LayerExponents[Monomial]:
    """The monomials of one layer, from its exponents of each scale variable."""
    first, *others = (one.named for one in layers.values())
    names = [name for name in first if all(name in other for other in others)]
    return LayerExponents(
        **{name: Monomial(tuple((symbol, one.named[name]) for symbol, one in layers.items())) for name in names}
    )
