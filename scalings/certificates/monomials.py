"""Values of orders where exponents are given: which monomial each order is, and how it came about.

They take no proof, and none is believed: they are computed from the program, which is known to be that of the network
by then, and from what is given, and from nothing else.

>>> program = [{"order": "a", "is": "product", "of": ["x", "1/2"]}, {"order": "b", "is": "total", "of": ["a", "y"]}]
>>> found = Run(program, {"x": Fraction(0), "y": Fraction(-1)}).monomial("b")
>>> str(found.form), str(found.value), found.path
('x + 1/2', '1/2', {'b': 'a'})
>>> Run(program, {"x": Fraction(0)}).monomial("b") is None
True
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from scalings.certificates.verifier import Proved
from scalings.hyperparameters.exponents import MINUS_INFINITY, Affine, Exponent


@dataclass(frozen=True)
class Monomial:
    """The largest monomial of an order: its exponent in terms of what is given, and the value of that.

    `path` has, for each sum on the way, the term that it comes from: of the largest, the one that is computed first.
    """

    of: str
    form: Affine
    value: Fraction
    path: Mapping[str, str]


@dataclass(frozen=True)
class Run:
    """A program, as the lines of a certificate, in which these unknowns are given."""

    program: Sequence[Mapping[str, Any]]
    given: Mapping[str, Exponent]

    def violations(self, proved: Proved) -> Iterator[Monomial]:
        """The monomials on both sides of each criterion that what is given violates; numbers have none."""
        shown: dict[str, None] = {}
        for name, left, sign, right in proved.criteria:
            a, b = self.value(left), self.value(right)
            if a is None or b is None or name.startswith("given: "):
                continue
            if a != b if sign == "~" else a > b:
                shown |= {side: None for side in (left, right) if side in self.values}
        yield from (found for side in shown if (found := self.monomial(side)))

    def value(self, name: str) -> Exponent | None:
        """The exponent of an order, or of a number; None if it depends on what is not given."""
        return self.values.get(name) if name in self.values or not _is_number(name) else Fraction(name)

    @cached_property
    def values(self) -> dict[str, Exponent | None]:
        """The exponents of all orders, by name."""
        found: dict[str, Exponent | None] = {**self.given}
        for line in self.program:
            of = [Fraction(one) if one not in found and _is_number(one) else found.get(one) for one in line["of"]]
            found[line["order"]] = _result(line, of)
        return found

    @cached_property
    def _places(self) -> dict[str, int]:
        return {line["order"]: number for number, line in enumerate(self.program)}

    def monomial(self, of: str) -> Monomial | None:
        """The largest monomial of an order; None if it is zero, or depends on what is not given."""
        value = self.value(of)
        if not isinstance(value, Fraction):
            return None
        path: dict[str, str] = {}
        powers = {of: Fraction(1)}
        for line in reversed(self.program):  # backwards, so that all powers of an order are known when it is reached
            power = powers.pop(line["order"], None)
            for one, times in self._factors(line, path) if power is not None else ():
                powers[one] = powers.get(one, Fraction(0)) + (power or Fraction(0)) * times
        form = Affine(Fraction(0))
        for name, power in powers.items():
            form += Affine(Fraction(0), {name: power}) if name in self.given else Affine(Fraction(name) * power)
        return Monomial(of, form, value, path)

    def _factors(self, line: Mapping[str, Any], path: dict[str, str]) -> list[tuple[str, Fraction]]:
        """Of a sum the largest term, of any other operation all arguments, each with its power."""
        name, of, one = line["order"], line["of"], Fraction(1)
        match line["is"]:
            case "total":
                largest = (term for term in of if self.value(term) == self.values[name])
                path[name] = min(largest, key=lambda term: self._places.get(term, -1))
                return [(path[name], one)]
            case "product":
                return [(factor, one) for factor in of]
            case "power":
                return [(of[0], Fraction(line["exponent"]))]
            case _:
                return [(of[0], one), (of[1], -one)]


def _is_number(name: str) -> bool:
    return name[0] in "-0123456789"


def _result(line: Mapping[str, Any], of: Sequence[Exponent | None]) -> Exponent | None:
    known = [one for one in of if one is not None]
    if len(known) < len(of):
        return None
    match line["is"]:
        case "total":
            return max(known, default=MINUS_INFINITY)
        case "product":
            return sum(known, Fraction(0))
        case "power":
            return known[0] * Fraction(line["exponent"])
        case _:
            return known[0] - known[1]
