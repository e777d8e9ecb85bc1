"""Parameterizations: for each layer the exponents of multiplier, init scale and learning rate.

Layer l has g_l ~ n^multiplier, weights N(0, sigma_l^2) with sigma_l ~ n^init, and eta_l ~ n^lr:

>>> mup = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="1,0,-1")
>>> [str(exponent) for exponent in mup.layers[1].named.values()]
['0', '-1/2', '0']

Two parameterizations that differ by gauge transformations (`scalings.hyperparameters.gauges`) train the same functions
at every width:

>>> from scalings.hyperparameters.presets import preset
>>> from scalings.hyperparameters.update_laws import optimizer
>>> ntp, other = preset("ntp", 3), preset("ntp-lr", 3)
>>> ntp.layers == other.layers, ntp.in_gauge("unit-multiplier", optimizer("sgd")).layers == other.layers
(False, True)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from scalings.displays import Displayed
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent, parse_exponent
from scalings.hyperparameters.gauges import Gauge, LayerExponents, in_gauge, shifted
from scalings.hyperparameters.unknowns import SYMBOLS, name_of
from scalings.hyperparameters.update_laws import UpdateLaw

Which = Literal["multiplier", "init", "lr"]


@dataclass(frozen=True)
class Hyperparameter:
    """The name of one hyperparameter: the multiplier, init scale or learning rate of a layer."""

    which: Which
    layer: str

    def __str__(self) -> str:
        return f"{SYMBOLS[self.which]} of {self.layer}"


@dataclass(frozen=True, repr=False)
class Parameterization(Displayed):
    """The exponents of n of every layer, from input to output.

    `scales` are those of the network's multipliers without a weight (residual branches, attention scores).

    A prefactor gamma in |dz| ~ gamma n^r scales hyperparameters as n^r does: one that has the factor (n^r)^k has the
    factor gamma^k too (Karkada, arXiv 2404.19719, section 3). `gamma_powers` are these k, zero if not given, and
    `gamma_scales` those of `scales`.

    Raises ArgumentError for gamma <= 0, for a multiplier -oo, and for another number of `gamma_powers` than of layers,
    or of `gamma_scales` than of scales.
    """

    layers: tuple[LayerExponents[Exponent], ...]
    name: str = "custom"
    gamma: Fraction = Fraction(1)
    gamma_powers: tuple[LayerExponents[Exponent], ...] = ()
    scales: tuple[Exponent, ...] = ()
    gamma_scales: tuple[Exponent, ...] = ()
    choice: str = field(default="", compare=False)
    """Why it is this one, where others would have answered what was asked for as well."""

    def __post_init__(self) -> None:
        if self.gamma <= 0:
            raise ArgumentError("gamma", f"expected a positive prefactor, but got {self.gamma}")
        if any(layer.multiplier == MINUS_INFINITY for layer in self.layers):
            raise ArgumentError("multiplier", "expected fractions, but got -oo; zero weights have init -oo")
        if self.gamma_powers and len(self.gamma_powers) != len(self.layers):
            raise ArgumentError(
                "gamma_powers", f"expected one for each of {len(self.layers)} layers, but got {len(self.gamma_powers)}"
            )
        if self.gamma_scales and len(self.gamma_scales) != len(self.scales):
            raise ArgumentError(
                "gamma_scales", f"expected one for each of {len(self.scales)} scales, but got {len(self.gamma_scales)}"
            )

    @classmethod
    def of(
        cls,
        *,
        multiplier: Exponents,
        init: Exponents,
        lr: Exponents,
        decay: Exponents | None = None,
        scales: Exponents = (),
        name: str = "custom",
    ) -> Parameterization:
        """From lists, input to output: sequences of fractions, or strings such as "0,-1/2,-1".

        `decay` is for weight decay, if there is any, and `scales` for multipliers without a weight. Raises
        ArgumentError for lists of different lengths and for what is no exponent.
        """
        given = {"multiplier": multiplier, "init": init, "lr": lr}
        given |= {} if decay is None else {"decay": decay}
        columns = {name: _exponents(name, listed) for name, listed in given.items()}
        lengths = {key: len(column) for key, column in columns.items()}
        if len(set(lengths.values())) > 1:
            counted = ", ".join(f"{key} has {length}" for key, length in lengths.items())
            raise ArgumentError("parameterization", f"expected one exponent for each layer, but {counted}")
        layers = tuple(LayerExponents(*row) for row in zip(*columns.values(), strict=True))
        return cls(layers, name, scales=_exponents("scales", scales))

    @property
    def depth(self) -> int:
        """The number of layers."""
        return len(self.layers)

    def by_name(self, multipliers: int) -> dict[str, Exponent]:
        """The exponents of learning rate, init scale and decay of each layer, then those of so many multipliers.

        A decay that is not given is none at all, and a multiplier that is not given n^0.
        """
        found: dict[str, Exponent] = {}
        for number, layer in enumerate(self.layers, start=1):
            decay = MINUS_INFINITY if layer.decay is None else layer.decay
            found |= {name_of("lr", number): layer.lr, name_of("init", number): layer.init}
            found[name_of("decay", number)] = decay
        scales = self.scales or (Fraction(0),) * multipliers
        return found | {name_of("scales", number): exponent for number, exponent in enumerate(scales, start=1)}

    def in_gauge(self, gauge: Gauge, law: UpdateLaw | Sequence[UpdateLaw]) -> Parameterization:
        """The same parameterization in another gauge, under one law or one for each layer.

        Raises ArgumentError where that gauge does not exist.
        """
        pairs = zip(self.layers, self._each(law), strict=True)
        return replace(self, layers=tuple(in_gauge(layer, gauge, own) for layer, own in pairs))

    def shifted(self, by: Sequence[Exponent], law: UpdateLaw | Sequence[UpdateLaw]) -> Parameterization:
        """The same parameterization in the gauge in which layer l's multiplier is n^by[l] times as large."""
        triples = zip(self.layers, by, self._each(law), strict=True)
        return replace(self, layers=tuple(shifted(layer, t, own) for layer, t, own in triples))

    def _each(self, law: UpdateLaw | Sequence[UpdateLaw]) -> Sequence[UpdateLaw]:
        return law.among(self.layers) if isinstance(law, UpdateLaw) else law


Exponents = str | Sequence[Exponent | int | str]


def wrong_scales(names: Sequence[str], given: int) -> ArgumentError:
    """The error for another number of `scales` than the network has multipliers without a weight."""
    listed = f" ({', '.join(names)})" if names else ""
    return ArgumentError("scales", f"expected {len(names)} exponents{listed}, but got {given}")


def _exponents(name: str, given: Exponents) -> tuple[Exponent, ...]:
    items = given.split(",") if isinstance(given, str) else given
    try:
        return tuple(parse_exponent(item) if isinstance(item, str) else _exact(item) for item in items)
    except ValueError as error:
        raise ArgumentError(name, str(error)) from None


def _exact(number: Exponent | int) -> Exponent:
    return number if number == MINUS_INFINITY else Fraction(number)
