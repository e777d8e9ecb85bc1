"""What papers claim of training, in terms that a derivation can be held against.

Each claim says why it does not hold (nothing, if it does), and has controls: claims next to it that must be refused.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from scalings.criteria.criterion import Criterion
from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import STABILITY, TUTORIAL
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.gauges import Gauge, LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.results.checks import Check, Regime
from symbolic.derivation.derive import derivation_of
from symbolic.evaluation.check import verdict_on
from symbolic.evaluation.given_run import train_given
from symbolic.evaluation.predict import predict
from tests import strategies

QUARTER = Fraction(1, 4)
FROZEN = Fraction(-9)
"""A learning rate so small that nothing happens."""


class Claim(ABC):
    """A statement on the training of a network."""

    @abstractmethod
    def refuted(self, problem: Problem) -> str:
        """Why it does not hold of this network, law and scale variable; empty if it does."""

    @abstractmethod
    def controls(self, problem: Problem) -> Iterator[Claim]:
        """Claims that are wrong if this one is right."""


@dataclass(frozen=True)
class Exponents(Claim):
    """These exponents meet the criteria, and every other one that differs in an entry by 1/4 does not.

    `free` are entries that the criteria do not fix, by which the paper chooses one of several answers.
    """

    given: Parameterization
    regime: Regime = "rich"
    criteria: Sequence[Criterion] = TUTORIAL
    free: frozenset[str] = frozenset()

    def refuted(self, problem: Problem) -> str:
        verdict = _check(problem, self.given, self.criteria)
        if verdict.regime != self.regime:
            return f"{verdict.regime}: {'; '.join(verdict.reasons())}"
        violated = [one.reason for one in verdict.findings if one.criterion in self.criteria and not one.satisfied]
        return "; ".join(violated)

    def derived(self, problem: Problem) -> bool:
        """Whether they are in the answer of `derive`, which knows nothing of them, written with g = 1."""
        given = self.given.in_gauge("unit-multiplier", tuple(problem.laws.values()))
        answer = derivation_of(problem, self.criteria)
        if answer.family:
            richness = _check(problem, self.given).richness
            if not isinstance(richness, Fraction) or not answer.family.low <= richness <= answer.family.high:
                return False
            member = answer.family.member(richness)
            pairs = zip(member.layers, given.layers, strict=True)
            same = all(replace(one, decay=other.decay and one.decay) == other for one, other in pairs)
            return same and member.scales == given.scales
        named = given.by_name(len(problem.network.multipliers))
        point = {name: value for name, value in named.items() if isinstance(value, Fraction)}
        return any(strategies.contains(piece, point) for piece in answer.polyhedra)

    def controls(self, problem: Problem) -> Iterator[Exponents]:
        names = [layer.name for layer in problem.network.layers]
        for by in (QUARTER, -QUARTER):
            for number, (name, layer) in enumerate(zip(names, self.given.layers, strict=True)):
                for which in ("init", "lr", "decay"):
                    old: Exponent | None = getattr(layer, which)
                    if old not in (None, MINUS_INFINITY) and f"{which} {name}" not in self.free:
                        moved = replace(layer, **{which: old + by})  # type: ignore[operator]
                        layers = (*self.given.layers[:number], moved, *self.given.layers[number + 1 :])
                        yield replace(self, given=replace(self.given, layers=layers))
            for number, multiplier in enumerate(problem.network.multipliers):
                if f"scale {multiplier.name}" not in self.free:
                    scales = list(self.given.scales)
                    scales[number] += by
                    yield replace(self, given=replace(self.given, scales=tuple(scales)))


@dataclass(frozen=True)
class Family(Claim):
    """The whole answer in one gauge: (multiplier, init, lr) of each layer, in the richness r."""

    gauge: Gauge
    layers: tuple[tuple[str, str, str], ...]
    low: Fraction = Fraction(0)
    high: Fraction = Fraction(1, 2)

    def refuted(self, problem: Problem) -> str:
        family = derivation_of(problem, gauge=self.gauge).family
        assert family is not None
        found = tuple((str(one.multiplier), str(one.init), str(one.lr)) for one in family.layers)
        return "" if (found, family.low, family.high) == (self.layers, self.low, self.high) else f"derived {found}"

    def controls(self, problem: Problem) -> Iterator[Family]:  # noqa: ARG002 - no claim needs all
        first, *others = self.layers
        yield replace(self, high=Fraction(3, 4))
        yield replace(self, layers=((*first[:2], f"{first[2]} + 1/4"), *others))


@dataclass(frozen=True)
class LargestRates(Claim):
    """The largest learning rate of each layer at which training is stable, the others being small."""

    init: tuple[Exponent, ...]
    rates: tuple[Fraction, ...]

    def refuted(self, problem: Problem) -> str:
        inits = {f"sigma_{number}": exponent for number, exponent in enumerate(self.init, start=1)}
        pieces = derivation_of(problem, STABILITY, given=inits).polyhedra
        small = {f"eta_{number}": FROZEN for number in range(1, len(self.rates) + 1)}
        for number, rate in enumerate(self.rates, start=1):
            for by, stable in ((Fraction(0), True), (QUARTER, False)):
                point = small | {f"eta_{number}": rate + by}
                if any(strategies.contains(piece, point) for piece in pieces) != stable:
                    return f"layer {number} is {'un' * stable}stable at n^({rate + by})"
        return ""

    def controls(self, problem: Problem) -> Iterator[LargestRates]:  # noqa: ARG002
        for number, rate in enumerate(self.rates):
            for by in (QUARTER, -QUARTER):
                yield replace(self, rates=(*self.rates[:number], rate + by, *self.rates[number + 1 :]))


@dataclass(frozen=True)
class Verdict(Claim):
    """What becomes of training, and where; and that another parameterization fares otherwise."""

    given: Parameterization
    regime: Regime
    where: str = ""
    """A part of the reason, such as the name of a layer."""
    other: Parameterization | None = None

    def refuted(self, problem: Problem) -> str:
        verdict = _check(problem, self.given)
        reasons = "; ".join(verdict.reasons())
        return "" if verdict.regime == self.regime and self.where in reasons else f"{verdict.regime}: {reasons}"

    def controls(self, problem: Problem) -> Iterator[Verdict]:  # noqa: ARG002
        assert self.other is not None
        yield replace(self, given=self.other)


@dataclass(frozen=True)
class Orders(Claim):
    """How large observables are; and that this is so because of the exponents that are given."""

    given: Parameterization
    orders: Mapping[Observable, Exponent]
    other: Parameterization
    """For which some of them are not so."""

    def refuted(self, problem: Problem) -> str:
        steps = max(1, *(one.step for one in self.orders))
        found = predict(problem.network, self.given, problem.law, scale=problem.scale, loss=problem.loss, steps=steps)
        wrong = {one: found[one] for one, order in self.orders.items() if found[one] != order}
        return "; ".join(f"{one} is {order}" for one, order in wrong.items())

    def controls(self, problem: Problem) -> Iterator[Orders]:  # noqa: ARG002
        yield replace(self, given=self.other)
        for one, order in self.orders.items():
            if order != MINUS_INFINITY:
                yield replace(self, orders={**self.orders, one: order + QUARTER})


@dataclass(frozen=True)
class Result:
    """A published result: who found what, where it is written, of which problem."""

    paper: str
    place: str
    says: str
    problem: Problem
    claim: Claim

    def __str__(self) -> str:
        return f"{self.paper}, {self.place}: {self.says}"


def of(
    multiplier: Sequence[str], init: Sequence[str], lr: Sequence[str], scales: Sequence[str] = (), **more: Sequence[str]
) -> Parameterization:
    """A parameterization from columns of exponents, written as fractions."""
    rows = zip(*(map(_exponent, column) for column in (multiplier, init, lr, *more.values())), strict=True)
    return Parameterization(tuple(LayerExponents(*row) for row in rows), scales=tuple(map(_exponent, scales)))


def _exponent(text: str) -> Exponent:
    return MINUS_INFINITY if text == "-oo" else Fraction(text)


def _check(problem: Problem, given: Parameterization, criteria: Sequence[Criterion] = ()) -> Check:
    return verdict_on(train_given(problem, given), criteria)
