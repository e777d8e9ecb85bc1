"""Vertices, rays and lines of a polyhedron of inequalities `form >= 0`, by the double description method.

The polyhedron `slope . x + constant >= 0` is where t = 1 in the cone `slope . x + constant * t >= 0, t >= 0`. An
extreme ray of that cone is a vertex where t > 0 (divide by t), and a ray of the polyhedron where t = 0. The cone of
as many independent inequalities as there are dimensions has one extreme ray for each of them; every other inequality
keeps those on its own side, and for two neighbours on opposite sides adds the point between them where it is tight
(Motzkin et al., 1953; Fukuda and Prodon, Double description method revisited, 1996).

>>> from sympy.polys.domains import QQ
>>> from sympy.polys.rings import ring
>>> R, x, y = ring("x, y", QQ)
>>> corner = span([x - 1, y, 1 - y], [x, y])
>>> [{name: str(value) for name, value in point.items()} for point in (*corner.vertices, *corner.rays)]
[{'x': '1', 'y': '0'}, {'x': '1', 'y': '1'}, {'x': '1', 'y': '0'}]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, product
from math import gcd, lcm
from typing import Any, TypeAlias

from sympy.polys.domains import QQ
from sympy.polys.matrices import DomainMatrix

from symbolic.polyhedra.facts import Form

MOST_RAYS = 5_000
"""Extreme rays at any time: all pairs on opposite sides of an inequality are compared, seconds for so many rays."""

Matrix: TypeAlias = Any
"""A `sympy.polys.matrices.DomainMatrix` over QQ (sympy has no types)."""
Row: TypeAlias = tuple[int, ...]
Point: TypeAlias = dict[str, Fraction]


@dataclass(frozen=True)
class Span:
    """What spans a polyhedron; where that takes more than MOST_RAYS, `vertices` is None and rays are not listed."""

    vertices: tuple[Point, ...] | None
    rays: tuple[Point, ...] = ()
    lines: tuple[Point, ...] = ()


@dataclass(frozen=True)
class _Ray:
    """An extreme ray of a cone: coprime whole numbers, and the rows that are tight on it, as the bits of a number."""

    direction: Row
    tight: int


def span(forms: Sequence[Form], unknowns: Sequence[Form]) -> Span:
    """Vertices, rays and lines of the polyhedron in these unknowns; lines are taken out before the rest is sought.

    Where there are lines, the vertices and rays are those of the part of the polyhedron orthogonal to them. Vertices
    and rays are each ordered by the first independent inequalities that are tight on them. An empty polyhedron has no
    vertices, but it has the rays and lines of its slopes.
    """
    names = [str(unknown) for unknown in unknowns]
    slopes = DomainMatrix([[form.coeff(x) for x in unknowns] for form in forms], (len(forms), len(names)), QQ)
    constants = DomainMatrix([[form.coeff(1)] for form in forms], (len(forms), 1), QQ)
    lines = tuple(_normalised(names, line) for line in slopes.nullspace(divide_last=True).to_list())
    across = slopes.transpose().columnspace()  # of all that is orthogonal to the lines; sympy 1.14's rowspace is wrong
    cone = constants.hstack(slopes * across)
    bound = DomainMatrix([[QQ(1)] + [QQ(0)] * across.shape[1]], (1, cone.shape[1]), QQ)  # t >= 0
    rays = _extreme_rays([_coprime(row) for row in cone.vstack(bound).to_list()])
    if rays is None:
        return Span(None, (), lines)
    found = sorted(rays, key=lambda ray: _first_basis(slopes, ray))
    points = DomainMatrix([[QQ(x) for x in ray.direction[1:]] for ray in found], (len(found), across.shape[1]), QQ)
    vertices, directions = list[Point](), list[Point]()
    for ray, point in zip(found, (points * across.transpose()).to_list(), strict=True):
        if ray.direction[0]:
            vertices.append(dict(zip(names, (_fraction(x / ray.direction[0]) for x in point), strict=True)))
        else:
            directions.append(_normalised(names, point))
    return Span(tuple(vertices), tuple(directions), lines)


def _extreme_rays(rows: Sequence[Row]) -> list[_Ray] | None:
    """The extreme rays of the cone `row . x >= 0`, which holds no line; None if more than MOST_RAYS on the way."""
    order = sorted(range(len(rows)), key=lambda number: rows[number])  # lexicographic: few rays on the way
    matrix = DomainMatrix([[QQ(x) for x in rows[number]] for number in order], (len(rows), len(rows[0])), QQ)
    _, first = matrix.transpose().rref()
    start = sum(1 << order[place] for place in first)
    inverse = matrix.extract(list(first), list(range(len(rows[0])))).inv().transpose().to_list()
    rays = [_Ray(_coprime(column), start & ~(1 << order[place])) for place, column in zip(first, inverse, strict=True)]
    for number in order:
        if not start >> number & 1:
            rays = _cut(rays, rows[number], 1 << number)
            if len(rays) > MOST_RAYS:
                return None
    return rays


def _cut(rays: Sequence[_Ray], row: Row, bit: int) -> list[_Ray]:
    """The extreme rays of what is left of a cone where `row . x >= 0`, a row known by its bit."""
    kept, above, below = list[_Ray](), list[tuple[int, _Ray]](), list[tuple[int, _Ray]]()
    for ray in rays:
        height = sum(x * y for x, y in zip(row, ray.direction, strict=True))
        if height:
            (above if height > 0 else below).append((height, ray))
        if height >= 0:
            kept.append(ray if height else _Ray(ray.direction, ray.tight | bit))
    for (high, upper), (low, lower) in product(above, below):
        common = upper.tight & lower.tight
        if common.bit_count() >= len(row) - 2 and _adjacent(common, rays):
            between = (high * y - low * x for x, y in zip(upper.direction, lower.direction, strict=True))
            kept.append(_Ray(_coprime(between), common | bit))
    return kept


def _adjacent(common: int, rays: Sequence[_Ray]) -> bool:
    """Whether the two rays on which these rows are tight span a face: on no third ray are they all tight."""
    return len([*islice((ray for ray in rays if common & ray.tight == common), 3)]) == 2


def _first_basis(slopes: Matrix, ray: _Ray) -> list[int]:
    """The first independent inequalities that are tight on a ray; no other vertex, and no other ray, has the same."""
    tight = [number for number in range(slopes.shape[0]) if ray.tight >> number & 1]
    _, pivots = slopes.extract(tight, list(range(slopes.shape[1]))).transpose().rref()
    return [tight[place] for place in pivots]


def _coprime(row: Iterable[Any]) -> Row:
    """The same direction in whole numbers without a common divisor."""
    row = list(row)
    bottom = lcm(*(int(x.denominator) for x in row))
    whole = [int(x * bottom) for x in row]
    top = gcd(*whole) or 1
    return tuple(x // top for x in whole)


def _normalised(names: Sequence[str], row: Sequence[Any]) -> Point:
    """The same direction, with the first entry that is not zero being 1 or -1."""
    first = next(abs(x) for x in row if x)
    return dict(zip(names, (_fraction(x / first) for x in row), strict=True))


def _fraction(number: Any) -> Fraction:
    return Fraction(int(number.numerator), int(number.denominator))
