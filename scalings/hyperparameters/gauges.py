"""One layer's exponents, and how they move together without changing what is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, Literal, TypeVar, get_args

from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Affine, Exponent, is_zero
from scalings.hyperparameters.update_laws import UpdateLaw


def gauge_direction(law: UpdateLaw) -> LayerExponents[Exponent]:
    """How the exponents of any one layer may move together without any change of what is trained.

    By how much multiplier, init scale, learning rate (and decay) rise: (g, sigma, eta) -> (n^t g, n^-t sigma,
    n^(-(1 + p - s) t) eta), for t = 1.
    """
    zero = Fraction(0)
    return shifted(LayerExponents[Exponent](zero, zero, zero, None if law.decay == "none" else zero), Fraction(1), law)


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
