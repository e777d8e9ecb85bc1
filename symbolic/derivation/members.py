"""Members of an answer: a parameterization of each richness that the criteria allow, however many freedoms they leave.

The richness is the order of the largest |dz| at the hidden layers, as in `check`. Where it is the only freedom, its
members are those of the family. Where more is left, several parameterizations are as rich, and one is taken: the one
with every learning rate as large as in any of them; where no point is, the one with the largest product of learning
rates, and of these the one whose first layers learn fastest. What is then still free is taken as large as it may be,
from input to output: init scales, weight decays, then multipliers. What may be as large as one likes is not taken
so: it comes last, multipliers first, and is n^0 or as near to that as may be. All of it is exact, by linear programs.

A multiplier in front of a weight is such a freedom:

>>> from scalings.networks.dimensions import WIDTH, fixed
>>> from scalings.networks.nodes import Dense, Elementwise, Scale
>>> nodes = (
...     Dense("in", "input", "w1", fixed(64), WIDTH),
...     Elementwise("relu", "in", "relu"),
...     Scale("scale", "relu"),
...     Dense("out", "scale", "w2", WIDTH, fixed(10)),
... )
>>> found = member(Network(nodes), "adam", "1/2")
>>> [(str(layer.init), str(layer.lr)) for layer in found.layers], str(found.scales[0])
([('0', '0'), ('-1', '-1')], '0')
>>> print(found.choice)
r = 1/2 leaves the learning rate of out, the init scale of out, the multiplier of scale open; taken is ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from scalings.criteria.criterion import Criterion
from scalings.criteria.problem import Loss, Problem
from scalings.criteria.tutorial import as_criteria
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import Exponent, parse_fraction
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.splits import Laws
from scalings.hyperparameters.unknowns import WORDS, Kind, kind_of
from scalings.networks.architectures import Translatable
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.networks.network import Network
from scalings.results.derivations import Ends, Family, format_range
from symbolic.derivation.case import Case, explore
from symbolic.derivation.family import segment
from symbolic.derivation.richness import cells, ends, richness_ends
from symbolic.polyhedra.facts import Facts, Form, as_affine
from symbolic.propagation.question import Question

_MAXIMAL: tuple[Kind, ...] = ("lr", "init", "decay", "scales")
"""In which order exponents are made as large as they may be."""
_NEUTRAL: tuple[Kind, ...] = ("scales", "init", "decay", "lr")
"""In which order those that know no largest value are made n^0."""


def member(
    network: Network | Translatable | str,
    law: Laws | str = "sgd",
    richness: Fraction | int | str | None = None,
    criteria: Sequence[Criterion] | str = "tutorial",
    *,
    scale: str = WIDTH_SCALE,
    loss: Loss | None = None,
    given: Mapping[str, Exponent] | None = None,
) -> Parameterization:
    """A parameterization with |dz| ~ n^richness that meets the criteria, in the gauge g = 1; the richest if not given.

    Its `choice` says which it is, where others are as rich. Raises ArgumentError as `derive` does, where nothing meets
    the criteria, and for a richness that nothing has that does.
    """
    found = Members(Question(Problem.of(network, law, scale, loss), tuple(as_criteria(criteria)), _pairs(given)))
    return found.member(richness)


def _pairs(given: Mapping[str, Exponent] | None) -> tuple[tuple[str, Exponent], ...]:
    return tuple(sorted((given or {}).items()))


@dataclass(frozen=True)
class Members:
    """All parameterizations that answer a question, by their richness. Raises ArgumentError if there are none."""

    question: Question

    def __post_init__(self) -> None:
        if not self._cases:
            raise ArgumentError(
                "criteria",
                "nothing meets them here: derive says which of them contradict each other, and what would help",
            )

    @cached_property
    def _cases(self) -> list[Case]:
        return explore(self.question.ring, self.question.train)

    @cached_property
    def family(self) -> Family | None:
        """The answer, if the richness is its only freedom."""
        answer = segment(self._cases[0], self.question) if len(self._cases) == 1 else None
        return answer.family if answer else None

    @cached_property
    def ends(self) -> Ends:
        """The smallest and the largest richness; in one piece all between are the richness of some member."""
        if self.family:
            return self.family.low, self.family.high
        return richness_ends(self._cases, self.question)

    @property
    def range(self) -> str:
        """The richnesses that there are, as in "0 <= r <= 1/2"."""
        return format_range(self.ends)

    def member(self, richness: Fraction | int | str | None = None, gamma: Fraction = Fraction(1)) -> Parameterization:
        """The member of this richness; of the largest, if not given. Raises ArgumentError if there is none.

        A prefactor `gamma` of the richness is understood where it is the only freedom.
        """
        low, high = self.ends
        try:
            wished = high if richness is None else _fraction(richness)
        except ValueError as error:
            raise ArgumentError("r", str(error)) from None
        if wished is None:
            raise ArgumentError("r", f"expected a fraction, since there is no largest one ({self.range})")
        if (low is not None and wished < low) or (high is not None and wished > high):
            raise ArgumentError("r", f"expected a fraction {self.range}, but got {richness}")
        if self.family:
            return self.family.member(wished, gamma)
        if gamma != 1:
            raise ArgumentError("gamma", "multiplies the richness of a family with one freedom, which this is not")
        points = [point for case in self._cases for point in _points(case, self.question, wished)]
        if not points:
            raise ArgumentError("r", f"nothing that meets the criteria changes its hidden layers by n^({wished})")
        best = max(points, key=lambda point: point.rank)
        layers, scales = self.question.exponents(best.values.__getitem__, lambda exponent: exponent)
        found = Parameterization(tuple(layers), f"family:{wished}", scales=tuple(scales))
        return replace(found, choice=_choice(self.question, points, best, wished))


def _fraction(richness: Fraction | int | str) -> Fraction:
    return parse_fraction(richness) if isinstance(richness, str) else Fraction(richness)


@dataclass(frozen=True)
class _Point:
    """Where a cell has been narrowed down to one point."""

    values: dict[str, Fraction]
    free: tuple[str, ...]
    """The exponents that the cell leaves open."""
    tops: dict[str, Fraction | None]
    """The largest value of each learning rate in the cell."""

    @property
    def rank(self) -> tuple[object, ...]:
        """The larger it is, the better: few learning rates without a largest value, and large ones."""
        rates = [self.values[name] for name in self.tops]
        unbounded = sum(top is None for top in self.tops.values())
        return -unbounded, sum(rates), *rates, *self.values.values()


def _points(case: Case, question: Question, richness: Fraction) -> Iterator[_Point]:
    """The best point of each cell of a case with this richness."""
    ring = question.ring
    for facts in cells(case, question, ring(ring.domain(richness.numerator, richness.denominator))):
        forms = dict(zip(question.unknowns, ring.gens, strict=False))
        found = {name: ends(facts, form) for name, form in forms.items()}
        bounded = [name for kind in _MAXIMAL for name in forms if kind_of(name) == kind and found[name][1] is not None]
        rates = [name for name in bounded if kind_of(name) == "lr"]
        _fix(facts, sum((forms[name] for name in rates), ring.zero))
        for name in bounded:
            _fix(facts, forms[name])
        for name in (name for kind in _NEUTRAL for name in forms if kind_of(name) == kind):
            low, high = ends(facts, forms[name])
            nearest = max(Fraction(0), low) if low is not None else Fraction(0)
            facts.learn_zero(forms[name] - _number(ring, min(nearest, high) if high is not None else nearest), {})
        values = {name: Fraction(as_affine(facts.reduce(form)).constant) for name, form in forms.items()}
        tops = {name: found[name][1] for name in forms if kind_of(name) == "lr"}
        yield _Point(values, tuple(name for name, (low, high) in found.items() if low is None or low != high), tops)


def _fix(facts: Facts, form: Form) -> None:
    """Learn that the form is as large as it may be, which must be a number."""
    top = ends(facts, form)[1]
    assert top is not None, "what is bounded stays so where more is known"
    facts.learn_zero(form - _number(facts.ring, top), {})


def _number(ring: Form, number: Fraction) -> Form:
    return ring(ring.domain(number.numerator, number.denominator))


def _choice(question: Question, points: Sequence[_Point], best: _Point, richness: Fraction) -> str:
    """Which of the parameterizations of this richness was taken, and why; empty if it is the only one."""
    open_ones = [name for name in question.unknowns if any(name in point.free for point in points)]
    differing = [name for name in question.unknowns if len({point.values[name] for point in points}) > 1]
    names = [name for name in question.unknowns if name in {*open_ones, *differing}]
    if not names:
        return ""
    tops = {name: [point.tops[name] for point in points] for name in best.tops}
    unbounded = [name for name, every in tops.items() if None in every]
    maximal = all(
        best.values[name] == max(one for one in every if one is not None)
        for name, every in tops.items()
        if name not in unbounded
    )
    taken = (
        "every learning rate maximal" if maximal else "the largest product of learning rates, of which not all can be"
    )
    said = f"r = {richness} leaves {_listed(question, names)} open; taken is the point with {taken}"
    if not unbounded:
        return said
    owners = ", ".join(question.owners[name] for name in unbounded)
    return f"{said}, but for that of {owners}, which has no maximum: multipliers come first, as near to n^0 as may be"


def _listed(question: Question, names: Sequence[str]) -> str:
    """The exponents in words, by kind."""
    owners = {
        kind: [question.owners[name] for name in names if kind_of(name) == kind] for kind in dict.fromkeys(_MAXIMAL)
    }
    return ", ".join(f"the {WORDS[kind]} of {', '.join(found)}" for kind, found in owners.items() if found)
