"""The algebra that computes nothing and writes each operation down, for a straight-line program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from itertools import count, product
from string import ascii_lowercase
from typing import Final, Literal, TypeAlias

from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from symbolic.orders.program import Line, Operation

Traced: TypeAlias = int
"""The number of an operation; ZERO is the order -oo, the sum of nothing."""
ZERO: Final = -1
NOTHING: Final = "zero"
Noted: TypeAlias = tuple[Operation | Literal["smaller"], tuple[Traced, ...], Fraction | str | None]
"""An operation, what it is applied to, and the exponent or the name that it is given."""


@dataclass
class Tracer:
    """The algebra that writes operations down."""

    operations: list[Noted] = field(default_factory=list)
    numbers: dict[Noted, Traced] = field(default_factory=dict)
    nonzero: bool = True
    """Whether no unknown is zero, so that a power 0 is 1."""
    keeps_minima: bool = False
    """Whether a minimum is an operation of its own, which it is not in a certificate."""

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
        kept = self._extreme(min, orders)
        if self.keeps_minima and len(kept) > 1:
            return self._note("smaller", tuple(kept))
        return reduce(lambda a, b: self.ratio(self.product(a, b), self.total(a, b)), kept)

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
            if operation != "smaller"
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

    def _note(
        self,
        operation: Operation | Literal["smaller"],
        arguments: tuple[Traced, ...],
        data: Fraction | str | None = None,
    ) -> Traced:
        key = (operation, arguments, data)
        if key not in self.numbers:
            self.numbers[key] = len(self.operations)
            self.operations.append(key)
        return self.numbers[key]
