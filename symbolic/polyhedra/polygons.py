"""Convex polygons with rational corners: cut by lines, and put together to outlines. Nothing is rounded.

A cell is the convex hull of its corners, listed in order: a polygon, a segment (two corners) or a point. A form
c + a x + b y is written (c, a, b).

>>> square = tuple((Fraction(x), Fraction(y)) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1)))
>>> above, below = cut(square, (Fraction(0), Fraction(-1), Fraction(1)))
>>> [tuple(map(str, corner)) for corner in above]
[('0', '0'), ('1', '1'), ('0', '1')]
>>> [len(loop) for loop in outlines([above, below])]
[4]
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import TypeAlias

Corner: TypeAlias = tuple[Fraction, Fraction]
Cell: TypeAlias = tuple[Corner, ...]
LinearForm: TypeAlias = tuple[Fraction, Fraction, Fraction]


def value(form: LinearForm, at: Corner) -> Fraction:
    """c + a x + b y."""
    constant, a, b = form
    return constant + a * at[0] + b * at[1]


def middle(cell: Cell) -> Corner:
    """A point inside: the mean of the corners."""
    return sum(x for x, _ in cell) / Fraction(len(cell)), sum(y for _, y in cell) / Fraction(len(cell))


def cut(cell: Cell, form: LinearForm) -> tuple[Cell, Cell]:
    """The parts where the form is >= 0 and where it is <= 0; it must have both signs on the cell."""
    values = [value(form, corner) for corner in cell]
    above: list[Corner] = []
    below: list[Corner] = []
    for number, (corner, here) in enumerate(zip(cell, values, strict=True)):
        if here >= 0:
            above.append(corner)
        if here <= 0:
            below.append(corner)
        following = (number + 1) % len(cell)
        there = values[following]
        if here * there < 0 and (following or len(cell) > 2):  # a segment has one side, not two
            share, end = here / (here - there), cell[following]
            crossing = corner[0] + share * (end[0] - corner[0]), corner[1] + share * (end[1] - corner[1])
            above.append(crossing)
            below.append(crossing)
    return tuple(above), tuple(below)


def sides(cells: Iterable[Cell]) -> list[tuple[Corner, Corner]]:
    """The sides of polygons from corner to corner, each divided at all corners of the others that lie on it."""
    cells = list(cells)
    corners = sorted({corner for cell in cells for corner in cell})
    return [side for cell in cells for side in _sides_of(cell, corners)]


def _sides_of(cell: Cell, corners: Sequence[Corner]) -> Iterator[tuple[Corner, Corner]]:
    for start, end in zip(cell, (*cell[1:], cell[0]), strict=True):
        yield from _divided(start, end, corners)


def _divided(start: Corner, end: Corner, corners: Sequence[Corner]) -> Iterator[tuple[Corner, Corner]]:
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = dx * dx + dy * dy
    low, high = min(start, end), max(start, end)
    on: dict[Fraction, Corner] = {Fraction(0): start, Fraction(1): end}
    for corner in corners:
        if low < corner < high and dx * (corner[1] - start[1]) == dy * (corner[0] - start[0]):
            on[(dx * (corner[0] - start[0]) + dy * (corner[1] - start[1])) / length] = corner
    in_order = [on[share] for share in sorted(on)]
    yield from pairwise(in_order)


def outlines(cells: Iterable[Cell]) -> list[Cell]:
    """The boundary of a union of polygons that do not overlap, all listed counterclockwise, as closed loops.

    Sides that two of them share cancel. Loops around holes run clockwise.
    """
    directed = set(sides(cells))
    leaving: dict[Corner, list[Corner]] = defaultdict(list)
    for start, end in sorted(directed):
        if (end, start) not in directed:
            leaving[start].append(end)
    loops = []
    while leaving:
        first = min(leaving)
        loop, corner = [first], leaving[first].pop()
        while corner != first:
            loop.append(corner)
            corner = _next(loop[-2], corner, leaving[corner])
        leaving = defaultdict(list, {start: ends for start, ends in leaving.items() if ends})
        loops.append(_without_straight_corners(loop))
    return loops


def connected(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Polygons in groups that hang together by sides, and not only by corners."""
    owners: dict[frozenset[Corner], list[int]] = defaultdict(list)
    corners = sorted({corner for cell in cells for corner in cell})
    for number, cell in enumerate(cells):
        for side in _sides_of(cell, corners):
            owners[frozenset(side)].append(number)
    group = list(range(len(cells)))
    for sharing in owners.values():
        joined = {group[number] for number in sharing}
        group = [min(joined) if one in joined else one for one in group]
    return [[cell for cell, of in zip(cells, group, strict=True) if of == one] for one in dict.fromkeys(group)]


def _next(before: Corner, corner: Corner, ends: list[Corner]) -> Corner:
    """Where the loop goes on; where two of them meet in a corner, the way that keeps them apart: leftmost."""

    def turn(end: Corner) -> tuple[bool, float]:
        along = (corner[0] - before[0], corner[1] - before[1])
        onward = (end[0] - corner[0], end[1] - corner[1])
        cross = along[0] * onward[1] - along[1] * onward[0]
        return cross > 0, float(cross)

    best = max(ends, key=turn)
    ends.remove(best)
    return best


def _without_straight_corners(loop: list[Corner]) -> Cell:
    around = zip([loop[-1], *loop[:-1]], loop, [*loop[1:], loop[0]], strict=True)
    return tuple(
        here
        for before, here, after in around
        if (here[0] - before[0]) * (after[1] - here[1]) != (here[1] - before[1]) * (after[0] - here[0])
    )
