"""Straight-line programs: a training run as a list of operations on orders, and relations that its orders must meet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

from scalings.criteria.criterion import Sign
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent

Operation = Literal["unknown", "constant", "product", "total", "power", "ratio"]


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
    implied: bool = False
    """It is to be proved that this follows from those before it that are not."""


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
    changes: tuple[str, ...] = ()
    """The orders of |dz| at the hidden layers after each update: the largest of them is the richness of a check."""

    @cached_property
    def line(self) -> dict[str, Line]:
        """Each line by the name of its result."""
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

    def values(self, given: Mapping[str, Exponent]) -> dict[str, Exponent]:
        """Every order where all unknowns are given."""
        found: dict[str, Exponent] = {}
        for line in self.lines:
            of = [found[name] for name in line.arguments]
            match line.operation:
                case "unknown":
                    found[line.name] = given[line.name]
                case "constant":
                    found[line.name] = line.exponent if line.exponent is not None else MINUS_INFINITY
                case "product":
                    found[line.name] = sum(of, Fraction(0))
                case "total":
                    found[line.name] = max(of, default=MINUS_INFINITY)
                case "power":
                    found[line.name] = of[0] * (line.exponent or Fraction(0))
                case "ratio":
                    found[line.name] = of[0] - of[1]
        return found
