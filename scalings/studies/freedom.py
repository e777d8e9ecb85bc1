"""What the theory says of the Jacobian of criteria in hyperparameters, and whether that is what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from scalings.criteria.conditions import Condition
from scalings.criteria.observables import Observable
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Hyperparameter, Parameterization, Which
from scalings.hyperparameters.splits import Laws
from scalings.networks.network import Network
from scalings.results.derivations import PARAMETER, Family
from scalings.results.experiments import FreedomMeasurement, Limit, Place
from scalings.results.fits import Verdict
from scalings.studies.equivalence import Judged

_EPSILON = Fraction(1, 1000)
"""A change of an exponent that is small enough to change no maximum but those that are tied."""
_FOR_SURE = 2.0
"""Half-widths by which one entry of many must miss its band: about the level 0.05 for all of 60 (Bonferroni)."""


@dataclass(frozen=True)
class Entry:
    """What the theory says of an entry of the Jacobian: between the slopes of an order to both sides.

    They are equal where the order is a product, an exponent; they differ where terms of one order are added.
    """

    low: Fraction
    high: Fraction

    @property
    def is_exact(self) -> bool:
        return self.low == self.high

    def __str__(self) -> str:
        return str(self.low) if self.is_exact else f"{self.low}..{self.high}"


def derived_jacobian(
    parameterization: Parameterization, network: Network, law: Laws, conditions: tuple[Condition, ...]
) -> dict[Place, Entry]:
    """How orders of left / right change with an exponent, by exact prediction with the exponent moved either way."""
    from symbolic.evaluation.predict import predict

    steps = max(condition.step for condition in conditions)

    def orders(moved: Parameterization) -> list[Fraction]:
        found = predict(network, moved, law, steps)
        return [_order(condition, found) for condition in conditions]

    base, jacobian = orders(parameterization), {}
    for hyperparameter in _hyperparameters(network):
        up, down = (orders(_moved(parameterization, network, hyperparameter, sign * _EPSILON)) for sign in (1, -1))
        for condition, here, more, less in zip(conditions, base, up, down, strict=True):
            slopes = ((more - here) / _EPSILON, (here - less) / _EPSILON)
            jacobian[str(condition), hyperparameter] = Entry(min(slopes), max(slopes))
    return jacobian


def _order(condition: Condition, orders: Mapping[Observable, Exponent]) -> Fraction:
    return condition.exponent() + sum((sign * Fraction(orders[one]) for one, sign in condition.factors()), Fraction(0))


def _hyperparameters(network: Network) -> Iterator[Hyperparameter]:
    columns: tuple[Which, ...] = ("multiplier", "init", "lr")
    for which in columns:
        yield from (Hyperparameter(which, layer.name) for layer in network.layers)


def _moved(parameterization: Parameterization, network: Network, at: Hyperparameter, by: Fraction) -> Parameterization:
    layers: list[LayerExponents[Exponent]] = list(parameterization.layers)
    number = _number(network, at)
    layers[number] = replace(layers[number], **{at.which: getattr(layers[number], at.which) + by})
    return replace(parameterization, layers=tuple(layers))


def _number(network: Network, at: Hyperparameter) -> int:
    return [layer.name for layer in network.layers].index(at.layer)


@dataclass(frozen=True)
class FreedomAgreement(Judged):
    """Whether the measured freedom is the derived one: its number, its direction, and the matrix it comes from."""

    measured: FreedomMeasurement
    family: Family
    derived: Mapping[Place, Entry]
    delta: Fraction

    @cached_property
    def direction(self) -> dict[Hyperparameter, float]:
        """d(exponent)/dr along the family with g = 1, of unit length and with the sign that was measured."""
        layers = self.family.in_gauge("unit-multiplier").layers
        found: dict[Hyperparameter, float] = {}
        for hyperparameter in self.measured.direction:
            affine = getattr(layers[_number(self.measured.network, hyperparameter)], hyperparameter.which)
            found[hyperparameter] = float(affine.coefficient(PARAMETER))
        length = sum(value**2 for value in found.values()) ** 0.5
        along = sum(value * self.measured.direction[key][0] for key, value in found.items())
        sign = -1.0 if along < 0 else 1.0
        return {key: sign * value / length for key, value in found.items()}

    def entry_verdict(self, place: Place) -> Verdict:
        """Whether an entry tends to the derived exponent, or lies between the two where there are two."""
        return self._judge_limit(self.measured.entries[place], self.derived[place])

    def _judge_limit(self, limit: Limit, entry: Entry) -> Verdict:
        low, high = float(entry.low - self.delta), float(entry.high + self.delta)
        if limit.within(low, high):
            return "PASS"
        half = (limit.high - limit.low) / 2
        missed = max(limit.value - high, low - limit.value)
        return "FAIL" if missed > _FOR_SURE * half else "INCONCLUSIVE"

    @cached_property
    def judged(self) -> tuple[Verdict, str]:
        """The first of number, entries and direction that fails; else the first that is open; else PASS."""
        if self.measured.unsolved:
            width, seeds = next(iter(self.measured.unsolved.items()))
            return "INCONCLUSIVE", f"no hyperparameters meet the criteria for {seeds} seeds at width {width}"
        found = [self._number_verdict(), *map(self._entry_reason, self.derived), self._direction_verdict()]
        for wanted in ("FAIL", "INCONCLUSIVE"):
            for verdict, reason in found:
                if verdict == wanted:
                    return verdict, reason
        exact = sum(entry.is_exact for entry in self.derived.values())
        return "PASS", (
            f"1 degree of freedom, {found[-1][1]}; {exact} entries are the derived exponents and "
            f"{len(self.derived) - exact} lie between those of their terms, to {float(self.delta):g}"
        )

    def _number_verdict(self) -> tuple[Verdict, str]:
        least, most = self.measured.freedoms(float(self.delta))
        if least > 1 or most < 1:
            return "FAIL", f"{least if least > 1 else most} singular values tend to 0, not 1"
        if least != most:
            return "INCONCLUSIVE", f"{least} to {most} singular values tend to 0: more --seeds or --widths would tell"
        return "PASS", "one singular value tends to 0"

    def _entry_reason(self, place: Place) -> tuple[Verdict, str]:
        limit, entry = self.measured.entries[place], self.derived[place]
        interval = f"{limit.value:.3f} [{limit.low:.3f}, {limit.high:.3f}]"
        return self.entry_verdict(place), f"the entry of {place[0]} and {place[1]} tends to {interval}, derived {entry}"

    def _direction_verdict(self) -> tuple[Verdict, str]:
        delta, measured = float(self.delta), self.measured.direction
        off = max(abs(measured[key][0] - value) for key, value in self.direction.items())
        error = max(2 * spread for _, spread in measured.values())
        if off - error > delta:
            return "FAIL", f"the freedom does not point along the richness: a component is off by {off:.3f}"
        if off + error > delta:
            return "INCONCLUSIVE", f"the freedom's direction is known to {error:.3f} only, and off by {off:.3f}"
        return "PASS", f"along the richness to {off + error:.3f}"
