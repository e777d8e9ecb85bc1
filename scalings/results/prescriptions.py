"""Prescriptions: how each parameter of a model is to start and to be trained, as numbers at any width.

A number is that of the model itself at a base width n_0, times the power of n / n_0 that the criteria ask for. Other
ratios multiply it likewise: gamma, the prefactor of the richness, and those of other scale variables.

>>> rate = Scaled(0.001, ((WIDTH_SCALE, Fraction(-1)), (GAMMA, Fraction(1))))
>>> rate.at({WIDTH_SCALE: 16.0}), rate.at({WIDTH_SCALE: 16.0, GAMMA: 2.0})
(6.25e-05, 0.000125)
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.networks.dimensions import WIDTH_SCALE, Dimension

GAMMA = "gamma"
"""What the prefactor of the richness is called among ratios."""
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Scaled:
    """A number at the base width, and the powers of ratios that it is multiplied by; a constant of 0 is none."""

    constant: float
    powers: tuple[tuple[str, Exponent], ...] = ()

    def at(self, ratios: Mapping[str, float]) -> float:
        """The number where scale variables are so many times as large."""
        if not self.constant:
            return 0.0
        factors: list[float] = [ratios.get(name, 1.0) ** float(power) for name, power in self.powers]
        return self.constant * math.prod(factors)

    def power(self, name: str) -> Exponent:
        """The power of this ratio."""
        return dict(self.powers).get(name, Fraction(0))

    def also(self, name: str, power: Exponent) -> Scaled:
        """The same number, with a power of one more ratio."""
        if power == MINUS_INFINITY:
            return replace(self, constant=0.0)
        return replace(self, powers=(*self.powers, (name, power)))


@dataclass(frozen=True)
class ParameterRule:
    """How one parameter is to be set."""

    name: str
    weight: str
    """The weight of the network that it is, the same for all copies of a block; its own name if it is none."""
    shape: tuple[Dimension, ...] | None
    """None where it was not seen in training."""
    optimizer: str
    """The torch class that trains it; empty if nothing does."""
    law: str
    """The update law of its steps; empty if nothing trains it."""
    init: Scaled
    """The root mean square of its entries at initialization."""
    lr: Scaled
    decay: Scaled
    changed: tuple[str, ...] = ()
    """Which of init, lr and decay are other powers of the width than those of the model as it is."""
    base_shape: tuple[int, ...] | None = None
    """Its shape at the base width, where a model was seen."""
    epsilon: Scaled = Scaled(0.0)
    """What is added to the size of a gradient's entries; a constant of 0 where that is as the class has it."""
    kept: tuple[tuple[str, Any], ...] = ()
    """What else its group says that is not as the class has it, such as momentum or betas."""
    unlike: tuple[str, ...] = ()
    """Which numbers are other ones than the model's own at the base width, too, such as "decay"."""
    centred: bool = False
    """Whether its mean is to be taken out of it first."""

    def may_have(self, shape: tuple[int, ...], width: int, base_width: int) -> bool:
        """Whether this is its shape at a width. Sizes such as n/16 + 8, or 8n/3 rounded up to some multiple, are only
        to leading order the power of the width that is known of them, and so are not compared."""
        if self.shape is None:
            return True
        seen = self.base_shape or tuple(size.at(base_width) for size in self.shape)

        def is_exact(size: Dimension, own: int) -> bool:
            return not size.grows or (Fraction(size.size).denominator == 1 and own == size.at(base_width))

        return len(shape) == len(self.shape) and all(
            one == size.at(width) or not is_exact(size, own)
            for one, size, own in zip(shape, self.shape, seen, strict=True)
        )

    @property
    def options(self) -> dict[str, Any]:
        """What a group says beside its rates, since they rest on it: by which factor torch's Muon changes them; and
        momentum and the like, where they are the user's own."""
        factor = {"adjust_lr_fn": "match_rms_adamw"} if self.law.partition("+")[0] == "muon-rms" else {}
        return factor | dict(self.kept)


@dataclass(frozen=True)
class Numbers:
    """How one parameter is set at one width."""

    init: float
    lr: float
    decay: float


@dataclass(frozen=True)
class Prescription:
    """How all parameters of a model are to be set, at any width; at the base width as they are."""

    base_width: int
    rules: tuple[ParameterRule, ...]
    richness: Exponent | None
    """|dz| ~ n^r at the hidden layers, as derived."""
    ratios: Mapping[str, float]
    """Of everything but the width, to what the numbers of the rules are of."""
    notes: tuple[str, ...] = ()

    @property
    def by_name(self) -> dict[str, ParameterRule]:
        """The rule of each parameter."""
        return {rule.name: rule for rule in self.rules}

    @property
    def of_weights(self) -> tuple[ParameterRule, ...]:
        """The rule of one parameter of each weight, the last of its copies."""
        return tuple({rule.weight: rule for rule in self.rules}.values())

    @property
    def exceptions(self) -> str:
        """What is not as the model's own at the base width, in words: "but for the decay of ..."; empty if all is."""
        found: dict[str, list[str]] = {}
        for rule in self.of_weights:
            for what in rule.unlike:
                found.setdefault(what, []).append(rule.weight)
        said = " and ".join(f"the {what} of {_several(names)}" for what, names in found.items())
        return f"but for {said}" if said else ""

    @property
    def as_yours(self) -> str:
        """For which models it is, and at which width these are as the user's own."""
        exceptions = f", {self.exceptions}" if self.exceptions else ""
        return f"for a model of any width n, which at {self.base_width} is as yours is{exceptions}"

    @property
    def optimizers(self) -> tuple[str, ...]:
        """The torch classes that train anything."""
        return tuple(dict.fromkeys(rule.optimizer for rule in self.rules if rule.optimizer))

    def ratios_at(self, width: int) -> dict[str, float]:
        """By which factors scale variables are larger at a width. Raises ArgumentError for what is no width."""
        check_width(width)
        return {**self.ratios, WIDTH_SCALE: width / self.base_width}

    def numbers(self, rule: ParameterRule, width: int) -> Numbers:
        """How the parameter of a rule is set at a width."""
        ratios = self.ratios_at(width)
        return Numbers(rule.init.at(ratios), rule.lr.at(ratios), rule.decay.at(ratios))

    def restarts(self, rule: ParameterRule) -> bool:
        """Whether the parameter of a rule starts otherwise than the model lets it start."""
        moved = self.ratios.get(GAMMA, 1.0) != 1 and rule.init.power(GAMMA) != 0
        return "init" in rule.changed or moved

    def rescaled(self, gamma: float) -> Prescription:
        """The same at gamma times the richness: |dz| is gamma times as large, wherever it may be.

        Raises ArgumentError for a gamma that is not positive, and where no prefactor is understood.
        """
        if not isinstance(gamma, int | float) or not 0 < gamma < math.inf:
            raise ArgumentError("gamma", f"expected a number above 0, but got {gamma!r:.100}")
        if not any(GAMMA in dict(one.powers) for rule in self.rules for one in (rule.init, rule.lr)):
            raise ArgumentError("gamma", "the richness is no freedom here, so that nothing moves along it")
        return replace(self, ratios={**self.ratios, GAMMA: gamma * self.ratios.get(GAMMA, 1.0)})

    def groups(self, width: int) -> dict[str, list[dict[str, Any]]]:
        """By optimizer, groups of parameters that are set alike: their names, learning rate and decay at a width."""
        found: dict[str, dict[tuple[tuple[str, Any], ...], list[str]]] = {}
        for rule in self.rules:
            if rule.optimizer:
                options = tuple(self._options(rule, width).items())
                found.setdefault(rule.optimizer, {}).setdefault(options, []).append(rule.name)
        return {
            optimizer: [{"param_names": names, **dict(options)} for options, names in alike.items()]
            for optimizer, alike in found.items()
        }

    def _options(self, rule: ParameterRule, width: int) -> dict[str, Any]:
        numbers = self.numbers(rule, width)
        epsilon = {"eps": rule.epsilon.at(self.ratios_at(width))} if rule.epsilon.constant else {}
        return {"lr": numbers.lr, "weight_decay": numbers.decay, **epsilon, **rule.options}

    def patterns(self, width: int) -> list[dict[str, Any]]:
        """The same as a list of patterns, as torchtitan's `param_groups` are: the first that is found in a name counts.

        One for each weight, which holds whatever wraps its blocks. Where there are two optimizers, each is named, and
        takes no option of the other.
        """
        several = len(self.optimizers) > 1
        return [
            {
                "pattern": pattern_of(rule.weight),
                **({"optimizer_name": rule.optimizer} if several else {}),
                "optimizer_kwargs": self._options(rule, width),
            }
            for rule in self.of_weights
            if rule.optimizer
        ]

    def width_of(self, shapes: Mapping[str, tuple[int, ...]]) -> int:
        """The width of a model whose parameters have these shapes. Raises ArgumentError if it has none."""
        widths = Counter(one for name, shape in shapes.items() for one in self._widths(name, shape))
        if not widths:
            raise ArgumentError("model", "none of its parameters grows, so that it has no width")
        width = min(widths, key=lambda one: (-widths[one], one))
        for name, shape in shapes.items():
            rule = self.by_name[name]
            if not rule.may_have(shape, width, self.base_width):
                expected = tuple(size.at(width) for size in rule.shape or ())
                why = f"{name} has the shape {shape}, and expected is {expected} at width {width}"
                raise ArgumentError("model", why)
        return width

    def _widths(self, name: str, shape: tuple[int, ...]) -> Iterator[int]:
        if name not in self.by_name:
            raise ArgumentError("model", f"it has a parameter {name!r:.100}, which what was traced has not")
        for size, known in zip(shape, self.by_name[name].shape or (), strict=False):
            if known.order:
                exact = (size / known.size) ** (1 / float(known.order))
                if abs(exact - round(exact)) <= _TOLERANCE * exact:
                    yield round(exact)


_SHOWN = 3


def _several(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def check_width(width: object, argument: str = "width") -> None:
    """Raises ArgumentError for what is no width."""
    if not isinstance(width, int) or isinstance(width, bool) or width < 1:
        raise ArgumentError(argument, f"expected a whole number of at least 1, but got {width!r:.60}")


def pattern_of(weight: str) -> str:
    r"""A regular expression of the names of a weight, in which * stands for any copy of a block.

    What wraps a module, such as `_orig_mod` of a compiled one, may stand in front of any part.

    >>> print(pattern_of("h.*.fc.weight"))
    ^(?:_\w+\.)*h\.(?:_\w+\.)*[^.]+\.(?:_\w+\.)*fc\.(?:_\w+\.)*weight$
    >>> bool(re.search(pattern_of("h.*.fc.weight"), "_orig_mod.h.3._checkpoint_wrapped_module.fc.weight"))
    True
    """
    wrappers = r"(?:_\w+\.)*"
    parts = ("[^.]+" if part == "*" else re.escape(part) for part in weight.split("."))
    return f"^{wrappers}" + rf"\.{wrappers}".join(parts) + "$"
