"""Farkas multipliers, by the simplex method in whole numbers.

That one inequality follows from others is shown by a nonnegative combination of them; finding the best one is a
linear program,

    minimise  cost . x    where  x >= 0  and  sum of x_i * column_i = target,

with a row for each unknown exponent and a column for each known inequality. Inequalities have few terms: a row is kept
as its entries that are not zero, whole numbers without a common divisor, which no pivot in another row's zeros touches.
Bland's rule rules out cycling. The examples: 3 a = 12 met at the least cost, an objective that is unbounded below, and
an infeasible program:

>>> minimise([[1], [3]], [1, 2], [12])
Optimum(point=[Fraction(0, 1), Fraction(4, 1)], ray=None)
>>> minimise([[1], [-1]], [1, -2], [12])
Optimum(point=[Fraction(12, 1), Fraction(0, 1)], ray=[Fraction(1, 1), Fraction(1, 1)])
>>> minimise([[1], [3]], [1, 2], [-12]) is None
True
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from typing import TypeAlias

_ARTIFICIAL = -1
_Row: TypeAlias = dict[int, int]
"""Column -> its entry, where it is not zero; the right-hand side is the last column."""


@dataclass(frozen=True)
class Optimum:
    """The best point; where there is none because the cost falls along a ray, some point and that ray."""

    point: list[Fraction]
    ray: list[Fraction] | None = None


def minimise(columns: Sequence[Sequence[int]], costs: Sequence[int], target: Sequence[int]) -> Optimum | None:
    """The x >= 0 of the least cost with sum of x_i * column_i = target; None if there is no such x at all."""
    tableau = _Tableau(columns, costs, target)
    while (entering := tableau.entering(tableau.infeasibility)) is not None:
        tableau.pivot(tableau.leaving(entering), entering)
    if tableau.right in tableau.infeasibility:
        return None
    tableau.drop_artificial()
    while (entering := tableau.entering(tableau.costs)) is not None:
        row = tableau.leaving(entering)
        if row is None:
            return Optimum(tableau.point(), tableau.ray(entering))
        tableau.pivot(row, entering)
    return Optimum(tableau.point())


class _Tableau:
    """The rows of the equations, and those of the costs and of infeasibility, each up to a positive factor."""

    def __init__(self, columns: Sequence[Sequence[int]], costs: Sequence[int], target: Sequence[int]) -> None:
        self.right = len(columns)
        rows = [_sparse([*(column[k] for column in columns), right]) for k, right in enumerate(target)]
        self.rows = [row if row.get(self.right, 0) >= 0 else _negated(row) for row in rows]
        self.basis = [_ARTIFICIAL] * len(self.rows)
        self.costs = _sparse(costs)
        self.infeasibility = _sparse([-sum(row.get(j, 0) for row in self.rows) for j in range(self.right + 1)])

    def entering(self, objective: _Row) -> int | None:
        """The first column along which the objective falls."""
        return min((j for j, entry in objective.items() if entry < 0 and j != self.right), default=None)

    def leaving(self, column: int) -> int | None:
        """The row that stops the entering column first; of several the one whose basic column is first."""
        best: int | None = None
        for i, row in enumerate(self.rows):
            entry = row.get(column, 0)
            if entry > 0:
                if best is not None:
                    other = self.rows[best]
                    difference = row.get(self.right, 0) * other[column] - other.get(self.right, 0) * entry
                    if difference > 0 or (difference == 0 and self.basis[i] > self.basis[best]):
                        continue
                best = i
        return best

    def pivot(self, row: int | None, column: int) -> None:
        assert row is not None, "a sum of nonnegative artificial variables is bounded"
        pivoted = self.rows[row]
        if pivoted[column] < 0:  # only where the right-hand side is 0
            pivoted = _negated(pivoted)
        self.rows = [pivoted if i == row else _reduced(other, pivoted, column) for i, other in enumerate(self.rows)]
        self.costs = _reduced(self.costs, pivoted, column)
        self.infeasibility = _reduced(self.infeasibility, pivoted, column)
        self.basis[row] = column

    def drop_artificial(self) -> None:
        """Pivot artificial variables, all zero now, out of the basis; drop redundant equations."""
        for row in range(len(self.rows)):
            if self.basis[row] == _ARTIFICIAL and self.rows[row]:
                self.pivot(row, min(self.rows[row]))
        kept = [row for row in range(len(self.rows)) if self.basis[row] != _ARTIFICIAL]
        self.rows, self.basis = [self.rows[row] for row in kept], [self.basis[row] for row in kept]

    def point(self) -> list[Fraction]:
        point = [Fraction(0)] * self.right
        for row, column in zip(self.rows, self.basis, strict=True):
            point[column] = Fraction(row.get(self.right, 0), row[column])
        return point

    def ray(self, entering: int) -> list[Fraction]:
        ray = [Fraction(0)] * self.right
        ray[entering] = Fraction(1)
        for row, column in zip(self.rows, self.basis, strict=True):
            ray[column] = Fraction(-row.get(entering, 0), row[column])
        return ray


def _sparse(row: Sequence[int]) -> _Row:
    return {column: entry for column, entry in enumerate(row) if entry}


def _negated(row: _Row) -> _Row:
    return {column: -entry for column, entry in row.items()}


def _reduced(row: _Row, pivoted: _Row, column: int) -> _Row:
    """The row, up to a positive factor, less as much of the pivoted one as its entry in this column asks for."""
    factor = row.get(column)
    if not factor:
        return row
    common = gcd(factor, pivoted[column])
    scale, factor = pivoted[column] // common, factor // common
    reduced = {j: entry * scale for j, entry in row.items()}
    for j, entry in pivoted.items():
        if changed := reduced.get(j, 0) - factor * entry:
            reduced[j] = changed
        else:
            del reduced[j]
    common = gcd(*reduced.values())
    return reduced if common <= 1 else {j: entry // common for j, entry in reduced.items()}
