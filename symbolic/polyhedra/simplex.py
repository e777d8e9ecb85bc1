"""Farkas multipliers, by the simplex method in whole numbers.

That one inequality follows from others is shown by a nonnegative combination of them; finding the best one is a
linear program,

    minimise  cost . x    where  x >= 0  and  sum of x_i * column_i = target,

with a row for each unknown exponent and a column for each known inequality. The tableau is kept in whole numbers
over a common denominator, the pivot of the step before (Edmonds, 1967), and Bland's rule rules out cycling. The
examples: 3 a = 12 met at the least cost, an objective that is unbounded below, and an infeasible program:

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

_ARTIFICIAL = -1


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
    if tableau.infeasibility[-1]:
        return None
    tableau.drop_artificial()
    while (entering := tableau.entering(tableau.costs)) is not None:
        row = tableau.leaving(entering)
        if row is None:
            return Optimum(tableau.point(), tableau.ray(entering))
        tableau.pivot(row, entering)
    return Optimum(tableau.point())


class _Tableau:
    """rows, costs and infeasibility, each over the common `denominator`; the last column is the right-hand side."""

    def __init__(self, columns: Sequence[Sequence[int]], costs: Sequence[int], target: Sequence[int]) -> None:
        equations = [[*(column[k] for column in columns), right] for k, right in enumerate(target)]
        self.rows = [row if row[-1] >= 0 else [-entry for entry in row] for row in equations]
        self.basis = [_ARTIFICIAL] * len(self.rows)
        self.costs = [*costs, 0]
        self.infeasibility = [-sum(row[j] for row in self.rows) for j in range(len(columns) + 1)]
        self.denominator = 1

    def entering(self, objective: Sequence[int]) -> int | None:
        """The first column along which the objective falls."""
        return next((j for j, entry in enumerate(objective[:-1]) if entry < 0), None)

    def leaving(self, column: int) -> int | None:
        """The row that stops the entering column first; of several the one whose basic column is first."""
        best: int | None = None
        for i, row in enumerate(self.rows):
            if row[column] > 0:
                if best is not None:
                    other = self.rows[best]
                    difference = row[-1] * other[column] - other[-1] * row[column]
                    if difference > 0 or (difference == 0 and self.basis[i] > self.basis[best]):
                        continue
                best = i
        return best

    def pivot(self, row: int | None, column: int) -> None:
        assert row is not None, "a sum of nonnegative artificial variables is bounded"
        pivoted = self.rows[row]
        if pivoted[column] < 0:  # only where the right-hand side is 0
            pivoted = [-entry for entry in pivoted]
        self.rows = [
            pivoted if i == row else self._reduced(other, pivoted, column) for i, other in enumerate(self.rows)
        ]
        self.costs = self._reduced(self.costs, pivoted, column)
        self.infeasibility = self._reduced(self.infeasibility, pivoted, column)
        self.denominator, self.basis[row] = pivoted[column], column

    def _reduced(self, row: list[int], pivoted: list[int], column: int) -> list[int]:
        pivot, factor, before = pivoted[column], row[column], self.denominator
        return [(entry * pivot - factor * other) // before for entry, other in zip(row, pivoted, strict=True)]

    def drop_artificial(self) -> None:
        """Pivot artificial variables, all zero now, out of the basis; drop redundant equations."""
        for row in range(len(self.rows)):
            if self.basis[row] == _ARTIFICIAL:
                column = next((j for j, entry in enumerate(self.rows[row][:-1]) if entry), None)
                if column is not None:
                    self.pivot(row, column)
        kept = [row for row in range(len(self.rows)) if self.basis[row] != _ARTIFICIAL]
        self.rows, self.basis = [self.rows[row] for row in kept], [self.basis[row] for row in kept]

    def point(self) -> list[Fraction]:
        point = [Fraction(0)] * (len(self.costs) - 1)
        for row, column in zip(self.rows, self.basis, strict=True):
            point[column] = Fraction(row[-1], self.denominator)
        return point

    def ray(self, entering: int) -> list[Fraction]:
        ray = [Fraction(0)] * (len(self.costs) - 1)
        ray[entering] = Fraction(1)
        for row, column in zip(self.rows, self.basis, strict=True):
            ray[column] = Fraction(-row[entering], self.denominator)
        return ray
