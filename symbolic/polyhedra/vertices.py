"""Vertices, rays and lines of a polyhedron of inequalities `form >= 0`, by looking at every set of tight ones.

In k dimensions a vertex makes k independent inequalities tight, and a ray of the cone of directions k - 1. That is a
search through all sets of that size, so it is given up where there are too many.

>>> from sympy.polys.domains import QQ
>>> from sympy.polys.rings import ring
>>> R, x, y = ring("x, y", QQ)
>>> corner = span([x - 1, y, 1 - y], [x, y])
>>> [{name: str(value) for name, value in point.items()} for point in (*corner.vertices, *corner.rays)]
[{'x': '1', 'y': '0'}, {'x': '1', 'y': '1'}, {'x': '1', 'y': '0'}]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import comb

from symbolic.polyhedra.facts import Form, as_affine

MOST_SETS = 20_000

Row = list[Fraction]
Point = dict[str, Fraction]


@dataclass(frozen=True)
class Span:
    """What spans a polyhedron; `vertices` is None where there would be too many sets to look through."""

    vertices: tuple[Point, ...] | None
    rays: tuple[Point, ...] = ()
    lines: tuple[Point, ...] = ()


def span(forms: Sequence[Form], unknowns: Sequence[Form]) -> Span:
    """Vertices, rays and lines of the polyhedron in these unknowns; lines are taken out before the rest is sought.

    Where there are lines, the vertices and rays are those of the part of the polyhedron orthogonal to them.
    """
    names = [str(unknown) for unknown in unknowns]
    rows = [[affine.coefficient(name) for name in names] for affine in map(as_affine, forms)]
    sides = [-Fraction(affine.constant) for affine in map(as_affine, forms)]
    lines = [_whole(line) for line in _kernel(rows, len(names))]
    size = len(names) - len(lines)
    if comb(len(forms), size) > MOST_SETS:
        return Span(None, (), tuple(dict(zip(names, line, strict=True)) for line in lines))
    vertices, rays = list[Row](), list[Row]()
    for chosen in combinations(range(len(forms)), size):
        found = _solution(
            [*(rows[i] for i in chosen), *lines], [*(sides[i] for i in chosen), *[Fraction(0)] * len(lines)]
        )
        if (
            found is not None  # the one point there is, where nothing is free, has no coordinates
            and found not in vertices
            and all(_dot(row, found) >= side for row, side in zip(rows, sides, strict=True))
        ):
            vertices.append(found)
    for chosen in combinations(range(len(forms)), max(size - 1, 0)) if size else ():
        rays += [ray for ray in _edges([*(rows[i] for i in chosen), *lines], rows, len(names)) if ray not in rays]
    return Span(*(tuple(dict(zip(names, row, strict=True)) for row in found) for found in (vertices, rays, lines)))


def _edges(tight: Sequence[Row], rows: Sequence[Row], size: int) -> Iterator[Row]:
    """The directions in which the tight rows stay tight and none falls, if they are those of one edge."""
    kernel = _kernel(tight, size)
    if len(kernel) == 1:
        for sign in (1, -1):
            ray = _whole([sign * x for x in kernel[0]])
            if all(_dot(row, ray) >= 0 for row in rows):
                yield ray


def _kernel(rows: Sequence[Row], size: int) -> list[Row]:
    """A basis of what all rows map to zero."""
    reduced, pivots = _eliminated(rows, size)
    basis = []
    for free in (column for column in range(size) if column not in pivots):
        vector = [Fraction(int(column == free)) for column in range(size)]
        for row, pivot in zip(reduced, pivots, strict=True):
            vector[pivot] = -row[free]
        basis.append(vector)
    return basis


def _solution(rows: Sequence[Row], sides: Sequence[Fraction]) -> Row | None:
    """The only point at which every row has its side; None if there are none or many."""
    size = len(rows)
    reduced, pivots = _eliminated([[*row, side] for row, side in zip(rows, sides, strict=True)], size)
    return [row[size] for row in reduced] if len(pivots) == size else None


def _eliminated(rows: Sequence[Row], size: int) -> tuple[list[Row], list[int]]:
    """The rows in reduced echelon form over the first `size` columns, and the columns of their pivots."""
    left, done, pivots = [list(row) for row in rows], list[Row](), list[int]()
    for column in range(size):
        found = next((row for row in left if row[column]), None)
        if found is None:
            continue
        left.remove(found)
        pivot: Row = [x / found[column] for x in found]
        left, done = (
            [[x - row[column] * y for x, y in zip(row, pivot, strict=True)] for row in some] for some in (left, done)
        )
        done.append(pivot)
        pivots.append(column)
    return done, pivots


def _whole(row: Row) -> Row:
    """The same direction, with the first entry that is not zero being 1 or -1."""
    first = next(abs(x) for x in row if x)
    return [x / first for x in row]


def _dot(row: Row, point: Row) -> Fraction:
    return sum((x * y for x, y in zip(row, point, strict=True)), Fraction(0))
