"""Training on orders, written down: a straight-line program that anybody can run again.

`Tracer` is the third `Algebra`, beside given and unknown exponents: it computes nothing and notes each operation.
What is zero by structure is left out on the way (a sum drops it, a product with it is zero), equal operations are
noted once, and operations on constants are carried out.

>>> from scalings.criteria import BOUNDED_OUTPUT
>>> from scalings.architectures import mlp
>>> from scalings.optimizers import optimizer
>>> program = write_program(Question(mlp(2), optimizer("sgd"), (BOUNDED_OUTPUT,)))
>>> program.relations[0]
Relation(name='bounded output (layer2), step 0', left='|z| layer2 step 0', sign='<=', right='0')
>>> for line in program.lines_for(["|z| layer2 step 0"]):
...     print(line)
Line(name='|z| layer1 step 0', operation='product', arguments=('sigma_1', '1/2'), exponent=None)
Line(name='|z| layer2 step 0', operation='product', arguments=('sigma_2', '|z| layer1 step 0'), exponent=None)
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, reduce
from itertools import count, product
from string import ascii_lowercase
from typing import Final, Literal, TypeAlias

from scalings.criteria import Sign
from scalings.exponents import MINUS_INFINITY, Exponent
from scalings.observables import Observable, Quantity
from symbolic.questions import Question

Operation = Literal["unknown", "constant", "product", "total", "smaller", "power", "ratio"]
Traced: TypeAlias = int
"""The number of an operation; ZERO is the order -oo, the sum of nothing."""
ZERO: Final = -1
NOTHING: Final = "zero"


@dataclass(frozen=True)
class Line:
    """The order `name` is the result of an operation on the orders `arguments`."""

    name: str
    operation: Operation
    arguments: tuple[str, ...] = ()
    exponent: Fraction | None = None
    """Of a constant n^exponent, or of a power."""


@dataclass(frozen=True)
class Relation:
    """left `sign` right, between two orders; `name` says which criterion asks for it, and where."""

    name: str
    left: str
    sign: Sign
    right: str


@dataclass(frozen=True)
class Program:
    """Training, line by line, and what is asked of it in the order in which it can be answered."""

    unknowns: tuple[str, ...]
    lines: tuple[Line, ...]
    relations: tuple[Relation, ...]
    richness: tuple[str, ...]
    """The orders of |dz| at the hidden layers at the end."""
    observed: frozenset[str] = frozenset()
    """The orders of z, d, dz and dW."""
    traced: tuple[str, str] | None = None
    """A relation, and the order on one side of it of which a proof is to show the monomial."""

    @cached_property
    def line(self) -> dict[str, Line]:
        """By name."""
        return {line.name: line for line in self.lines}

    @cached_property
    def names(self) -> frozenset[str]:
        """Of the relations."""
        return frozenset(relation.name for relation in self.relations)

    def lines_for(self, names: Iterable[str]) -> list[Line]:
        """The lines that these orders need, in order."""
        needed = set(names)
        found: list[Line] = []
        for line in reversed(self.lines):
            if line.name in needed and line.operation not in ("unknown", "constant"):
                found.append(line)
                needed.update(line.arguments)
        return found[::-1]


@dataclass
class Tracer:
    """The algebra that writes operations down."""

    operations: list[tuple[Operation, tuple[Traced, ...], Fraction | str | None]] = field(default_factory=list)
    numbers: dict[tuple[Operation, tuple[Traced, ...], Fraction | str | None], Traced] = field(default_factory=dict)
    nonzero: bool = True
    """Whether no unknown is zero, so that a power 0 is 1."""

    def unknown(self, name: str) -> Traced:
        return self._note("unknown", (), name)

    def constant(self, exponent: Exponent) -> Traced:
        return ZERO if exponent == MINUS_INFINITY else self._note("constant", (), Fraction(exponent))

    def product(self, *orders: Traced) -> Traced:
        if ZERO in orders:
            return ZERO
        others = [order for order in orders if self._constant(order) is None]
        exponent = sum(filter(None, map(self._constant, orders)), Fraction(0))
        if exponent or not others:
            others.append(self.constant(exponent))
        return self._note("product", tuple(others)) if len(others) > 1 else others[0]

    def total(self, *orders: Traced) -> Traced:
        return self._chosen("total", max, [order for order in orders if order != ZERO])

    def smaller(self, *orders: Traced) -> Traced:
        return ZERO if ZERO in orders else self._chosen("smaller", min, orders)

    def power(self, order: Traced, exponent: Fraction) -> Traced:
        if order == ZERO or exponent == 1:
            return order
        if exponent == 0 and self.nonzero:
            return self.constant(Fraction(0))
        known = self._constant(order)
        return self._note("power", (order,), exponent) if known is None else self.constant(known * exponent)

    def ratio(self, numerator: Traced, denominator: Traced) -> Traced:
        if numerator == ZERO:
            return ZERO
        known = self._constant(denominator)
        if known is not None:
            return self.product(numerator, self.constant(-known))
        return self._note("ratio", (numerator, denominator))

    def _chosen(
        self, operation: Operation, choose: Callable[[Iterable[Fraction]], Fraction], orders: Iterable[Traced]
    ) -> Traced:
        """The extreme of these orders, no two of which are equal or constants."""
        different = list(dict.fromkeys(orders))
        constants = [known for known in map(self._constant, different) if known is not None]
        kept = [order for order in different if self._constant(order) is None]
        if constants:
            kept.append(self.constant(choose(constants)))
        if operation == "smaller":  # two at a time
            return reduce(lambda a, b: self._note(operation, (a, b)), kept)
        if not kept:
            return ZERO
        return self._note(operation, tuple(kept)) if len(kept) > 1 else kept[0]

    def _constant(self, order: Traced) -> Fraction | None:
        operation, _, exponent = self.operations[order]
        return exponent if operation == "constant" and order != ZERO and isinstance(exponent, Fraction) else None

    def _note(self, operation: Operation, arguments: tuple[Traced, ...], data: Fraction | str | None = None) -> Traced:
        key = (operation, arguments, data)
        if key not in self.numbers:
            self.numbers[key] = len(self.operations)
            self.operations.append(key)
        return self.numbers[key]


def write_program(question: Question, zeros: Container[str] = ()) -> Program:
    """The training run of a question, and its requirements as relations between orders.

    They are in the order in which both sides are there, a bound before an equation. Unknowns among `zeros` are not
    unknown: they have the order -oo.
    """
    tracer, orders = Tracer(), dict[Observable, Traced]()
    labels: dict[Traced, str] = {}
    asked: dict[str, tuple[Traced, Sign, Traced]] = {}
    for requirement in question.train(tracer, lambda name: ZERO if name in zeros else tracer.unknown(name), orders):
        for observable in requirement.observables:
            _label(labels, orders[observable], str(observable))
        left, right = requirement.sides(orders, tracer)
        title = f"{requirement.criterion.name} ({requirement.layer.name}), step {requirement.step}"
        if (left, requirement.criterion.sign, right) not in asked.values():
            asked[_unused(title, asked)] = left, requirement.criterion.sign, right
    for observable, order in orders.items():
        _label(labels, order, str(observable))
    changes = [observable for observable in question.hidden_changes if orders.get(observable, ZERO) != ZERO]
    names = _named(tracer, labels)
    relations = sorted(asked.items(), key=lambda item: (max(item[1][0], item[1][2]), item[1][1] == "~"))
    return Program(
        tuple(name for name in question.unknowns if name not in zeros),
        (Line(NOTHING, "total"), *(_line(tracer, number, names) for number in range(len(tracer.operations)))),
        tuple(Relation(title, names[left], sign, names[right]) for title, (left, sign, right) in relations),
        tuple(dict.fromkeys(names[orders[observable]] for observable in changes)),
        frozenset(names[order] for key, order in orders.items() if key.quantity in _STATES and order != ZERO),
    )


_STATES: frozenset[Quantity] = frozenset({"z", "d", "dz", "dW_frobenius"})
"""What the rest of a run is computed from."""


def _label(labels: dict[Traced, str], order: Traced, label: str) -> None:
    if order != ZERO and order not in labels:
        labels[order] = _unused(label, labels.values())


def _unused(label: str, taken: Container[str]) -> str:
    """The label, or if a repeated block has used it for its first copy, the same of its last one."""
    while label in taken:
        label += ", last copy"
    return label


def _named(tracer: Tracer, labels: Mapping[Traced, str]) -> dict[Traced, str]:
    """A name for every operation: an unknown's own, a constant's exponent, an observable's label, or else letters."""
    letters = ("order " + "".join(word) for length in count(1) for word in product(ascii_lowercase, repeat=length))
    names = {ZERO: NOTHING}
    for number, (operation, _, name) in enumerate(tracer.operations):
        if operation in ("unknown", "constant"):
            names[number] = str(name)
        else:
            names[number] = labels.get(number) or next(letters)
    return names


def _line(tracer: Tracer, number: Traced, names: Mapping[Traced, str]) -> Line:
    operation, arguments, exponent = tracer.operations[number]
    listed = tuple(names[argument] for argument in arguments)
    return Line(names[number], operation, listed, exponent if isinstance(exponent, Fraction) else None)
