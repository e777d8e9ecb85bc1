"""Gauge transformations: changes of one layer's exponents that leave every function computed in training unchanged.

A layer z = g W h, with W ~ N(0, sigma^2) and learning rate eta, computes the same if g is multiplied by n^t and W
divided by it. Its updates g dW stay the same too if eta is divided by n^((1 + p - s) t), p and s the powers of |G|_F
and |W|_F in the optimizer's update law. Under SGD (Yang and Hu, arXiv 2011.14522) p = 1 and s = 0:

>>> from scalings.hyperparameters.update_laws import optimizer
>>> {name: str(power) for name, power in gauge_direction(optimizer("sgd")).named.items()}
{'multiplier': '1', 'init': '-1', 'lr': '-2'}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Generic, Literal, TypeVar, get_args

from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Affine, Exponent, is_zero
from scalings.hyperparameters.update_laws import UpdateLaw


def gauge_direction(law: UpdateLaw) -> LayerExponents[Exponent]:
    """By how much each exponent of a layer rises under the gauge transformation with t = 1.

    (g, sigma, eta) -> (n^t g, n^-t sigma, n^(-(1 + p - s) t) eta); the decay, if there is any, moves as
    `UpdateLaw.decay_gauge_power` says.
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
    """One layer's exponents of n: multiplier g, init scale sigma, learning rate eta and, if weights decay, lambda.

    Where it is asked for, also that of the largest epsilon beside which a gradient's entries still count.
    """

    multiplier: T_co
    init: T_co
    lr: T_co
    decay: T_co | None = None
    epsilon: T_co | None = None

    @property
    def named(self) -> dict[str, T_co]:
        """The exponents by name, without the decay and the epsilon if there is none."""
        found = {"multiplier": self.multiplier, "init": self.init, "lr": self.lr}
        more = {"decay": self.decay, "epsilon": self.epsilon}
        return found | {name: exponent for name, exponent in more.items() if exponent is not None}

    def each(self, function: Callable[[T_co], S]) -> LayerExponents[S]:
        """The layer with `function` applied to every exponent."""
        return LayerExponents(**{name: function(exponent) for name, exponent in self.named.items()})


def names_of(layers: Iterable[LayerExponents[T_co]]) -> tuple[str, ...]:
    """The names of the exponents that any of the layers has, in the order of `LayerExponents.named`."""
    found = {name for layer in layers for name in layer.named}
    return tuple(one.name for one in fields(LayerExponents) if one.name in found)


def shifted(layer: LayerExponents[E], t: E, law: UpdateLaw) -> LayerExponents[E]:
    """The layer after the gauge transformation by n^t, under an optimizer's update law.

    Raises ArgumentError where no gauge exists: with an epsilon and with clipping, since the gradient of the raw weight
    changes, which a constant is compared with; and for zero-initialised weights under a law whose first step from zero
    scales differently from the later ones (`UpdateLaw.at_zero`).
    """
    if law.at_zero != "alike" and is_zero(layer.init) and str(t) != "0":
        raise ArgumentError("gauge", f"{law.name} has no gauge for weights that start at zero: the first step has none")
    if law.epsilon != MINUS_INFINITY and str(t) != "0":
        raise ArgumentError("gauge", "epsilon fixes the gauge: with it, only multipliers n^0 are understood")
    if law.clip != "none" and str(t) != "0":
        raise ArgumentError("gauge", "clipping fixes the gauge: with it, only multipliers n^0 are understood")
    decay = None if layer.decay is None else layer.decay + t * law.decay_gauge_power
    epsilon = None if layer.epsilon is None else layer.epsilon + t
    rate = layer.lr + t * -law.gauge_power
    return LayerExponents(layer.multiplier + t, layer.init + t * Fraction(-1), rate, decay, epsilon)


def in_gauge(layer: LayerExponents[E], gauge: Gauge, law: UpdateLaw) -> LayerExponents[E]:
    """The layer in the gauge with g = 1, sigma = 1 or eta = n^0. Raises ArgumentError where there is no such gauge."""
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
