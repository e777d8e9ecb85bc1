"""Parameterizations: for each layer the exponents of multiplier, init scale and learning rate.

Layer l has g_l ~ n^multiplier, weights N(0, sigma_l^2) with sigma_l ~ n^init, and eta_l ~ n^lr:

>>> mup = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="1,0,-1")
>>> [str(exponent) for exponent in mup.layers[1].named.values()]
['0', '-1/2', '0']

A *gauge* transformation (g, sigma, eta) -> (n^t g, n^-t sigma, n^-(1+p-s)t eta) of one layer changes no
function that the network ever computes; p and s belong to the optimizer's update law (p = 1, s = 0 for
SGD). Two parameterizations are the same if they differ by gauges:

>>> from scalings.optimizers import optimizer
>>> ntp = preset("ntp", 3)
>>> ntp == preset("ntp-lr", 3), same_up_to_gauge(ntp, preset("ntp-lr", 3), optimizer("sgd"))
(False, True)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Generic, Literal, TypeVar, get_args

from scalings.errors import ArgumentError
from scalings.exponents import MINUS_INFINITY, Affine, Exponent, is_zero, parse_exponent
from scalings.optimizers import UpdateLaw

Gauge = Literal["unit-multiplier", "unit-init", "global-lr"]
GAUGES: tuple[Gauge, ...] = get_args(Gauge)

T_co = TypeVar("T_co", covariant=True)
E = TypeVar("E", Exponent, Affine)
S = TypeVar("S")


@dataclass(frozen=True)
class LayerExponents(Generic[T_co]):
    """Powers of n of one layer's multiplier g, init scale sigma, learning rate eta and, if it decays, decay lambda."""

    multiplier: T_co
    init: T_co
    lr: T_co
    decay: T_co | None = None

    @property
    def named(self) -> dict[str, T_co]:
        """By name, without the decay if there is none."""
        found = {"multiplier": self.multiplier, "init": self.init, "lr": self.lr}
        return found if self.decay is None else {**found, "decay": self.decay}

    def each(self, function: Callable[[T_co], S]) -> LayerExponents[S]:
        """A function of every exponent."""
        return LayerExponents(**{name: function(exponent) for name, exponent in self.named.items()})


def shifted(layer: LayerExponents[E], t: E, law: UpdateLaw) -> LayerExponents[E]:
    """The gauge transformation of a layer by n^t under an optimizer's update law.

    Raises ArgumentError where there is none: an epsilon is compared with the gradient of the raw weight, which moves;
    and the first step of zero weights, where it is another law's, moves otherwise than those that follow.
    """
    if law.at_zero != "alike" and is_zero(layer.init) and str(t) != "0":
        raise ArgumentError("gauge", f"{law.name} has no gauge for weights that start at zero: the first step has none")
    if law.epsilon != MINUS_INFINITY and str(t) != "0":
        raise ArgumentError("gauge", "epsilon fixes the gauge: with it, only multipliers n^0 are understood")
    decay = None if layer.decay is None else layer.decay + t * law.decay_gauge_power
    return LayerExponents(layer.multiplier + t, layer.init + t * Fraction(-1), layer.lr + t * -law.gauge_power, decay)


def in_gauge(layer: LayerExponents[E], gauge: Gauge, law: UpdateLaw) -> LayerExponents[E]:
    """The same layer with g = 1, sigma = 1 or eta = n^0. Raises ArgumentError where no gauge does that."""
    if gauge == "unit-multiplier":
        return shifted(layer, layer.multiplier * Fraction(-1), law)
    if gauge == "unit-init":
        if is_zero(layer.init):
            raise ArgumentError("gauge", "no gauge gives zero-initialised weights the init scale n^0")
        return shifted(layer, layer.init, law)
    if not law.gauge_power:
        raise ArgumentError("gauge", f"no gauge moves a learning rate of {law.name}, so none makes it global")
    if is_zero(layer.lr):
        raise ArgumentError("gauge", "no gauge gives a layer that is not trained the learning rate n^0")
    return shifted(layer, layer.lr * (1 / law.gauge_power), law)


@dataclass(frozen=True)
class Parameterization:
    """Exponents for each layer, from input to output, and powers of a prefactor gamma beside them.

    `scales` are those of the network's multipliers without a weight (residual branches, attention scores).

    With activity |dz| ~ gamma n^r the richness enters as a product, so whatever scales as (n^r)^k also
    scales as gamma^k (arXiv 2404.19719, section 3): `gamma_powers` holds these k, zero if not given.
    """

    layers: tuple[LayerExponents[Exponent], ...]
    name: str = "custom"
    gamma: Fraction = Fraction(1)
    gamma_powers: tuple[LayerExponents[Exponent], ...] = ()
    scales: tuple[Exponent, ...] = ()

    def __post_init__(self) -> None:
        if self.gamma <= 0:
            raise ArgumentError("gamma", f"expected a positive prefactor, but got {self.gamma}")
        if any(layer.multiplier == MINUS_INFINITY for layer in self.layers):
            raise ArgumentError("multiplier", "expected fractions, but got -oo; zero weights have init -oo")
        if self.gamma_powers and len(self.gamma_powers) != len(self.layers):
            raise ArgumentError(
                "gamma_powers", f"expected one for each of {len(self.layers)} layers, but got {len(self.gamma_powers)}"
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
        """From three lists, input to output: sequences of fractions, or texts such as "0,-1/2,-1".

        `decay` are those of weight decay, if there is any, and `scales` those of multipliers without a weight.
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
        return len(self.layers)

    def in_gauge(self, gauge: Gauge, law: UpdateLaw) -> Parameterization:
        """The same parameterization, written in another gauge of an optimizer."""
        return replace(self, layers=tuple(in_gauge(layer, gauge, law) for layer in self.layers))

    def shifted(self, by: Sequence[Exponent], law: UpdateLaw) -> Parameterization:
        """The same parameterization with layer l's multiplier raised by n^by[l]."""
        return replace(self, layers=tuple(shifted(layer, t, law) for layer, t in zip(self.layers, by, strict=True)))


Exponents = str | Sequence[Exponent | int | str]


def wrong_scales(names: Sequence[str], given: int) -> ArgumentError:
    """What a parameterization with another number of multipliers than the network's gets."""
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


def same_up_to_gauge(a: Parameterization, b: Parameterization, law: UpdateLaw) -> bool:
    """Whether two parameterizations compute the same functions under this optimizer, at every width."""
    return a.in_gauge("unit-multiplier", law).layers == b.in_gauge("unit-multiplier", law).layers


# Named inputs for SGD: multiplier; init; lr, each for the input, every hidden and the output layer.
_PRESETS: dict[str, tuple[str, str, str]] = {
    "standard": ("0,0,0", "0,-1/2,-1/2", "0,0,0"),
    "ntp": ("0,-1/2,-1/2", "0,0,0", "0,0,0"),
    "ntp-lr": ("0,0,0", "0,-1/2,-1/2", "0,-1,-1"),
    "mup": ("1/2,0,-1/2", "-1/2,-1/2,-1/2", "0,0,0"),
    "mup-lr": ("0,0,0", "0,-1/2,-1", "1,0,-1"),
    "mfp": ("0,-1/2,-1", "0,0,0", "1,1,1"),
}
PRESETS: tuple[str, ...] = tuple(_PRESETS)


def preset(name: str, depth: int) -> Parameterization:
    """A parameterization of the literature, for SGD, at this depth. Raises ArgumentError, naming those there are."""
    if name not in _PRESETS:
        raise ArgumentError("preset", f"expected one of {', '.join(PRESETS)} or family:R, but got {name!r}")
    if depth < 2:
        raise ArgumentError("depth", f"expected at least 2 weight matrices, but got {depth}")
    multiplier, init, lr = (_stretch(column, depth) for column in _PRESETS[name])
    return Parameterization.of(multiplier=multiplier, init=init, lr=lr, name=name)


def _stretch(column: str, depth: int) -> tuple[Exponent, ...]:
    first, hidden, last = map(parse_exponent, column.split(","))
    return (first, *[hidden] * (depth - 2), last)
