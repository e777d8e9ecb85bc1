"""Training on orders, written down: a straight-line program that anybody can run again.

`Tracer` is the third `Algebra`, beside given and unknown exponents: it computes nothing and notes each operation.
What is zero by structure is left out on the way (a sum drops it, a product with it is zero), equal operations are
noted once, and operations on constants are carried out. The smaller of two orders is their product over their sum.

>>> from scalings.criteria import BOUNDED_OUTPUT
>>> from scalings.architectures import mlp
>>> from scalings.optimizers import optimizer
>>> program = write_program(Question(mlp(2), optimizer("sgd"), (BOUNDED_OUTPUT,)))
>>> asked = program.relations[0]
>>> print(asked.name, ":", asked.left, asked.sign, asked.right)
bounded output (layer2), step 0 : |z| layer2 step 0 <= 0
>>> for line in program.lines_for(["|z| layer2 step 0"]):
...     print(line)
Line(name='|z| layer1 step 0', operation='product', arguments=('sigma_1', '1/2'), exponent=None)
Line(name='|z| layer2 step 0', operation='product', arguments=('sigma_2', '|z| layer1 step 0'), exponent=None)
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import reduce
from itertools import count, product
from string import ascii_lowercase
from typing import Final, TypeAlias

from scalings.criteria import Sign
from scalings.exponents import MINUS_INFINITY, Exponent
from scalings.observables import Observable, Quantity
from symbolic.programs import Line, Operation, Program, Relation
from symbolic.propagation import Boundary
from symbolic.questions import Question

Traced: TypeAlias = int
"""The number of an operation; ZERO is the order -oo, the sum of nothing."""
ZERO: Final = -1
NOTHING: Final = "zero"


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
        kept = self._extreme(max, [order for order in orders if order != ZERO])
        if not kept:
            return ZERO
        return self._note("total", tuple(kept)) if len(kept) > 1 else kept[0]

    def smaller(self, *orders: Traced) -> Traced:
        if ZERO in orders:
            return ZERO
        return reduce(lambda a, b: self.ratio(self.product(a, b), self.total(a, b)), self._extreme(min, orders))

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

    def named(self, labels: Mapping[Traced, str]) -> dict[Traced, str]:
        """A name for each operation: an unknown's own, a constant's exponent, an observable's label, or letters."""
        letters = ("order " + "".join(word) for length in count(1) for word in product(ascii_lowercase, repeat=length))
        names = {ZERO: NOTHING}
        for number, (operation, _, name) in enumerate(self.operations):
            if operation in ("unknown", "constant"):
                names[number] = str(name)
            else:
                names[number] = labels.get(number) or next(letters)
        return names

    def lines(self, names: Mapping[Traced, str]) -> tuple[Line, ...]:
        """All that was noted, in order, the order of zero first."""
        noted = (
            Line(
                names[number], operation, tuple(names[one] for one in of), data if isinstance(data, Fraction) else None
            )
            for number, (operation, of, data) in enumerate(self.operations)
        )
        return (Line(NOTHING, "total"), *noted)

    def _extreme(self, choose: Callable[[Iterable[Fraction]], Fraction], orders: Iterable[Traced]) -> Sequence[Traced]:
        """These orders, no two of which are equal or constants."""
        different = list(dict.fromkeys(orders))
        constants = [known for known in map(self._constant, different) if known is not None]
        kept = [order for order in different if self._constant(order) is None]
        return [*kept, self.constant(choose(constants))] if constants else kept

    def _constant(self, order: Traced) -> Fraction | None:
        operation, _, exponent = self.operations[order]
        return exponent if operation == "constant" and order != ZERO and isinstance(exponent, Fraction) else None

    def _note(self, operation: Operation, arguments: tuple[Traced, ...], data: Fraction | str | None = None) -> Traced:
        key = (operation, arguments, data)
        if key not in self.numbers:
            self.numbers[key] = len(self.operations)
            self.operations.append(key)
        return self.numbers[key]


def write_program(question: Question) -> Program:
    """The training run of a question, and its requirements as relations between orders.

    They are in the order in which both sides are there, a bound before an equation.
    """
    tracer, record = Tracer(), Record()
    record.train(question, tracer, tracer.unknown)
    names = tracer.named(record.labels)
    hidden = question.hidden_changes
    last = [record.orders.get(key, ZERO) for key in hidden]
    ever = [record.orders.get(replace(key, step=step), ZERO) for key in hidden for step in range(1, key.step + 1)]
    return Program(
        question.unknowns,
        tracer.lines(names),
        record.relations(names),
        tuple(dict.fromkeys(names[order] for order in last if order != ZERO)),
        frozenset(names[order] for key, order in record.orders.items() if key.quantity in _STATES and order != ZERO),
        tuple(dict.fromkeys(names[order] for order in ever if order != ZERO)),
    )


@dataclass
class Record:
    """A training run as it is written down: what each order is called, and what is asked of which."""

    orders: dict[Observable, Traced] = field(default_factory=dict)
    labels: dict[Traced, str] = field(default_factory=dict)
    asked: dict[str, tuple[Traced, Sign, Traced]] = field(default_factory=dict)

    def train(
        self,
        question: Question,
        tracer: Tracer,
        unknown: Callable[[str], Traced],
        boundary: Boundary[Traced] | None = None,
        prefix: str = "",
    ) -> None:
        """Write down a run, all its names with this prefix."""
        for requirement in question.train(tracer, unknown, self.orders, boundary):
            for observable in requirement.observables:
                _label(self.labels, self.orders[observable], f"{prefix}{observable}")
            left, right = requirement.sides(self.orders, tracer)
            title = f"{requirement.criterion.name} ({requirement.layer.name}), step {requirement.step}"
            if (left, requirement.criterion.sign, right) not in self.asked.values():
                self.asked[_unused(prefix + title, self.asked)] = left, requirement.criterion.sign, right
        for observable, order in self.orders.items():
            _label(self.labels, order, f"{prefix}{observable}")

    def relations(self, names: Mapping[Traced, str]) -> tuple[Relation, ...]:
        """What is asked, in the order in which both sides are there, a bound before an equation."""
        listed = sorted(self.asked.items(), key=lambda item: (max(item[1][0], item[1][2]), item[1][1] == "~"))
        return tuple(Relation(title, names[left], sign, names[right]) for title, (left, sign, right) in listed)


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
