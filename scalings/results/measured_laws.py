"""Measured update laws: the size of a real optimizer's step, fitted as a product of powers.

    |dW|_F  =  C eta^e |G|_F^p  fan_in^(q_in/2) fan_out^(q_out/2)  max(fan_in, fan_out)^m  |W|_F^s

with e = 1 in every `UpdateLaw`. An optimizer may follow different laws in different *regimes* (Adam one for gradients
above its eps and one for those below), or none; then the result says so instead of giving the best fit as its law.

>>> Interval(0.502, 0.49, 0.51).exact, Interval(0.45, 0.44, 0.46).exact
(Fraction(1, 2), None)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import exp
from typing import Literal, get_args

from scalings.hyperparameters.update_laws import OPTIMIZERS, UpdateLaw, law_text
from scalings.results.fits import Verdict

Power = Literal["lr", "gradient", "fan_in", "fan_out", "larger_fan", "weight"]
POWERS: tuple[Power, ...] = get_args(Power)
SYMBOLS: dict[Power, str] = {
    "lr": "eta",
    "gradient": "|G|_F",
    "fan_in": "fan_in^(1/2)",
    "fan_out": "fan_out^(1/2)",
    "larger_fan": "max(fan_in, fan_out)",
    "weight": "|W|_F",
}
Axis = Literal["gradient", "weight", "lr"]
AXES: tuple[Axis, ...] = get_args(Axis)

RESOLUTION = 0.03
"""The largest distance of an exponent's interval from a fraction that the exponent is identified with."""
DENOMINATOR = 4
"""The largest denominator of such a fraction; neighbours are then at least 1/12 apart."""
DEPARTURE = 0.05
"""The largest lack of fit with which a product of powers counts as a law (standard deviation over probes, e-folds)."""


@dataclass(frozen=True)
class Interval:
    """A measured exponent with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def nearest(self) -> Fraction:
        """The nearest fraction with a denominator of at most DENOMINATOR."""
        return Fraction(self.value).limit_denominator(DENOMINATOR)

    def distance(self, fraction: int | None = None) -> float:
        """The distance of the interval's farther end from a fraction, by default the nearest simple one."""
        at = self.nearest if fraction is None else fraction
        return float(max(self.high - at, at - self.low))

    @property
    def exact(self) -> Fraction | None:
        """The simple fraction that the whole interval is within RESOLUTION of; None if there is none."""
        return self.nearest if self.distance() <= RESOLUTION else None

    @property
    def is_open(self) -> bool:
        """Whether the interval is too wide to tell: it overlaps the band around the nearest fraction and leaves it."""
        return self.exact is None and max(self.low - self.nearest, self.nearest - self.high) <= RESOLUTION


@dataclass(frozen=True)
class LawRegime:
    """A range of learning rates, gradients and weights with one power law in it.

    `ranges` are of the learning rate and of the root-mean-square entries of G and W; `log_constant` is log C.
    `departure` is the lack of fit beyond the `noise` of replicates (both standard deviations, in e-folds); `points`
    counts the probes.
    """

    ranges: Mapping[Axis, tuple[float, float]]
    powers: Mapping[Power, Interval]
    log_constant: float
    departure: float
    noise: float
    points: int

    @property
    def law(self) -> UpdateLaw | None:
        """The law with exact exponents; None if one is no simple fraction, or if the lack of fit is too large."""
        exact = {power: interval.exact for power, interval in self.powers.items()}
        found = {power: fraction for power in POWERS[1:] if (fraction := exact[power]) is not None}
        if self.departure > DEPARTURE or exact["lr"] != 1 or len(found) < len(POWERS) - 1:
            return None
        return UpdateLaw(
            "measured",
            gradient=found["gradient"],
            fan_in=found["fan_in"],
            fan_out=found["fan_out"],
            larger_fan=found["larger_fan"],
            weight=found["weight"],
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The optimizers of `OPTIMIZERS` that have this law (those without weight decay)."""
        law = self.law
        return tuple(
            name for name, other in OPTIMIZERS.items() if law and other.decay == "none" and same_law(law, other)
        )

    @property
    def odd(self) -> str:
        """The exponent that is farthest from a simple fraction, in words; of use where there is no law."""
        power = max(self.powers, key=lambda power: self.powers[power].distance(1 if power == "lr" else None))
        one = self.powers[power]
        return f"the exponent of {SYMBOLS[power]} is {one.value:.3f}, 95 % interval [{one.low:.3f}, {one.high:.3f}]"

    @property
    def is_open(self) -> bool:
        """Whether there is no law only because some interval is too wide."""
        odd = [one for one in self.powers.values() if one.exact is None]
        return bool(odd) and self.departure <= DEPARTURE and all(one.is_open for one in odd)


def differences(found: UpdateLaw, expected: UpdateLaw) -> str:
    """Where two laws differ, in words."""
    pairs = [(SYMBOLS[power], getattr(found, power), getattr(expected, power)) for power in POWERS[1:]]
    return ", ".join(f"{symbol} has the power {a}, not {b}" for symbol, a, b in pairs if a != b)


def same_law(one: UpdateLaw, other: UpdateLaw) -> bool:
    """Whether two optimizers have the same exponents, whatever their names."""
    return one.input == other.input and all(getattr(one, power) == getattr(other, power) for power in POWERS[1:])


@dataclass(frozen=True)
class RegimeBoundary:
    """The boundary between two regimes: the root-mean-square size of entries at which the law changes.

    `size` is for fans of the base shape. `fan_in` and `fan_out` are powers of the fans in the Frobenius norm at the
    boundary, which follow from the laws on both sides; None if one side has no law.
    """

    axis: Axis
    size: float
    fan_in: Fraction | None
    fan_out: Fraction | None


@dataclass(frozen=True)
class LawMeasurement:
    """The measured update law of an optimizer, and the regimes around it.

    - `regime`: the one at the base point that was asked about; None if the law changes right there.
    - `others`: neighbouring regimes along one axis each; `boundaries` lie between neighbours.
    - `scans`: (root-mean-square entry or learning rate, |dW|_F) along each axis, the other axes held at `base`.
    - `decay`: lambda if a step without gradient is -eta lambda W; None if it is anything else.
    - `coupling`: by how much (in e-folds) a layer's step changes with another layer's gradient.
    """

    name: str
    steps: int
    regime: LawRegime | None
    others: tuple[LawRegime, ...]
    boundaries: tuple[RegimeBoundary, ...]
    scans: Mapping[Axis, tuple[tuple[float, float], ...]]
    base: Mapping[Axis, float]
    decay: float | None
    coupling: float
    seconds: float

    def meets(self, expected: UpdateLaw | None = None) -> Verdict:
        """PASS if the regime has an exact law (the expected one, if given), FAIL if it has none or another, and
        INCONCLUSIVE if the intervals are too wide to tell."""
        if self.coupling > DEPARTURE or self.regime is None:
            return "FAIL"
        if self.regime.is_open:
            return "INCONCLUSIVE"
        found = self.regime.law
        return "PASS" if found and (expected is None or same_law(found, expected)) else "FAIL"

    def reason(self, expected: UpdateLaw | None = None) -> str:
        """The reason for the verdict, as a sentence."""
        regime = self.regime
        if regime is None:
            return "the law bends at the gradients, weights and learning rate that were asked about"
        if self.coupling > DEPARTURE:
            return (
                f"a layer's step changes by a factor of {exp(self.coupling):.3g} with another layer's gradient: "
                "no law of one layer describes it (clipping by the global norm does that)"
            )
        if regime.departure > DEPARTURE:
            return f"no product of powers describes it: steps leave the best one by {regime.departure:.2g} e-folds"
        if not regime.law:
            return f"{regime.odd}: {'more --points would settle it' if regime.is_open else 'not in the model'}"
        if expected and not same_law(regime.law, expected):
            return f"it is not the law of {expected.name}: {differences(regime.law, expected)}"
        return self._named(regime, regime.law)

    @property
    def written(self) -> str | None:
        """The law as `--optimizer` takes it, with its weight decay; None where it is not determined."""
        law = self.regime.law if self.regime else None
        if law is None or self.decay is None or self.meets() != "PASS":
            return None
        return law_text(law, "coupled" if self.decay else "none")

    def _named(self, regime: LawRegime, law: UpdateLaw) -> str:
        if regime.names:
            return f"the law of {', '.join(regime.names)}"
        named = OPTIMIZERS.get(self.name.lower())
        but = f"; in the table's {named.name} {differences(named, law)}" if named else ""
        return f"a law of the model, which no optimizer of the table has{but}"
