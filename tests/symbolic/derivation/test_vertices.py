"""What spans a polyhedron, judged by a search through all tight sets, and what spans answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import combinations, product
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy.polys.domains import QQ
from sympy.polys.rings import ring

from scalings.criteria.tutorial import (
    CRITERIA,
    MAXIMALITY,
    NONTRIVIALITY,
    STABILITY,
    STABLE_FEATURES,
    TUTORIAL,
    UNIFORM_RICHNESS,
)
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp, resmlp
from scalings.networks.dimensions import DEPTH_SCALE
from scalings.results.derivations import Derivation
from symbolic.derivation.derive import derive
from symbolic.polyhedra.facts import Form, as_affine
from symbolic.polyhedra.vertices import MOST_RAYS, Point, Span, span
from tests import strategies
from tests.symbolic.linear_forms import RING, UNKNOWNS, forms

STANDARD = {"sigma_1": Fraction(0), "sigma_2": Fraction(-1, 2), "sigma_3": Fraction(-1, 2)}


def facets(derivation: Derivation) -> dict[str, tuple[str, ...]]:
    return {facet.relation: facet.criteria for polytope in derivation.polytopes for facet in polytope.facets}


def test_reasons_are_sound_and_minimal() -> None:
    """What named criteria imply is silent where they alone are imposed, and not where one of them is missing."""
    derivation = derive(mlp(3), minimal=True)
    implied = {step.title: step.implied_by for step in derivation.steps if step.implied_by}
    assert implied["useful update (layer3)"] == ("nontriviality (layer3)", "bounded output (layer3)")
    assert implied["stable features (layer2)"] == ("maximality (layer3)", "signal propagation (layer2)")
    weaker = derive(mlp(3), criteria=[one for one in TUTORIAL if one not in (MAXIMALITY, NONTRIVIALITY)])
    steps = [*weaker.steps, *(step for polyhedron in weaker.polyhedra for step in polyhedron.steps)]
    assert any(step.statement for step in steps if step.criterion in ("stable features", "useful update"))


@pytest.mark.parametrize(("name", "rates"), [("sgd", ["0", "-1", "-1"]), ("adam", ["-1/2", "-3/2", "-1"])])
def test_the_largest_stable_learning_rates_are_the_vertex(name: str, rates: list[str]) -> None:
    (polyhedron,) = derive(mlp(3), optimizer(name), STABILITY, given=STANDARD).polyhedra
    assert polyhedron.polytope is not None
    assert polyhedron.polytope.vertices is not None
    (vertex,) = polyhedron.polytope.vertices
    assert [str(vertex[f"eta_{number}"]) for number in (1, 2, 3)] == rates
    assert len(polyhedron.polytope.rays) == 3, "smaller learning rates are stable too"


def test_vertices_and_rays_span_what_the_relations_say() -> None:
    dropped = [one for one in TUTORIAL if one not in (MAXIMALITY, UNIFORM_RICHNESS)]
    (polyhedron,) = derive(resmlp(), optimizer("adam"), dropped, scale=DEPTH_SCALE).polyhedra
    polytope = polyhedron.polytope
    assert polytope is not None
    assert polytope.vertices
    for vertex in polytope.vertices:
        assert strategies.contains(polyhedron, vertex)
        for ray in polytope.rays:
            assert strategies.contains(polyhedron, {name: vertex[name] + 3 * ray[name] for name in vertex})
            assert not strategies.contains(polyhedron, {name: vertex[name] - ray[name] for name in vertex})
    assert {vertex["kappa_1"] for vertex in polytope.vertices} == {Fraction(-1), Fraction(-1, 2)}


def test_a_union_of_pieces_has_a_polytope_for_each() -> None:
    derivation = derive(mlp(2), criteria=CRITERIA["stability"])
    assert len(derivation.polytopes) == len(derivation.polyhedra) > 1
    assert STABLE_FEATURES.name in {
        title.partition(" (")[0] for titles in facets(derivation).values() for title in titles
    }


def judged(known: Sequence[Form], unknowns: Sequence[Form]) -> Span:
    """What spans a polyhedron, by its definition: every set of inequalities is tried for what it leaves if tight."""
    names = [str(unknown) for unknown in unknowns]
    rows = [
        [*(affine.coefficient(name) for name in names), Fraction(affine.constant)] for affine in map(as_affine, known)
    ]
    slopes = [row[:-1] for row in rows]
    lines = kernel(slopes, len(names))
    size = len(names) - len(lines)
    vertices, rays = list[list[Fraction]](), list[list[Fraction]]()
    for chosen in combinations(rows, size):
        match kernel([*chosen, *([*line, Fraction(0)] for line in lines)], len(names) + 1):
            case [[*point, one]] if one:
                vertices += [[x / one for x in point]]
    for chosen in combinations(slopes, size - 1) if size else ():
        match kernel([*chosen, *lines], len(names)):
            case [ray]:
                rays += [ray, [-x for x in ray]]
    vertices = [point for point in vertices if all(dot(row, [*point, Fraction(1)]) >= 0 for row in rows)]
    rays = [ray for ray in rays if all(dot(row, ray) >= 0 for row in slopes)]
    return Span(points(names, vertices), points(names, map(unit, rays)), points(names, map(unit, lines)))


def kernel(rows: Sequence[Sequence[Fraction]], size: int) -> list[list[Fraction]]:
    """A basis of what all rows map to zero: the unit vectors, changed by each row to those that it maps to zero."""
    basis = [[Fraction(int(i == j)) for j in range(size)] for i in range(size)]
    for row in rows:
        pivot = next((vector for vector in basis if dot(row, vector)), None)
        if pivot is not None:
            basis.remove(pivot)
            factors = [dot(row, vector) / dot(row, pivot) for vector in basis]
            basis = [
                [x - factor * y for x, y in zip(vector, pivot, strict=True)]
                for vector, factor in zip(basis, factors, strict=True)
            ]
    return basis


def dot(row: Sequence[Fraction], point: Sequence[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(row, point, strict=True)), Fraction(0))


def unit(row: Sequence[Fraction]) -> list[Fraction]:
    """The same direction, its first entry that is not zero being 1 or -1."""
    first = next(abs(x) for x in row if x)
    return [x / first for x in row]


def points(names: Sequence[str], rows: Iterable[Sequence[Fraction]]) -> tuple[Point, ...]:
    """Without repetitions."""
    return tuple(dict(zip(names, row, strict=True)) for row in dict.fromkeys(map(tuple, rows)))


@pytest.mark.slow
@given(st.lists(forms(), max_size=7), st.sampled_from([UNKNOWNS, UNKNOWNS[::-1]]))
def test_a_span_is_what_the_search_through_all_tight_sets_finds(known: list[Form], unknowns: list[Form]) -> None:
    """Also of empty, degenerate and unbounded polyhedra, and in the same order."""
    found, expected = span(known, unknowns), judged(known, unknowns)
    assert (found.vertices, found.rays) == (expected.vertices, expected.rays)
    assert len(found.lines) == len(expected.lines)
    slopes = [[as_affine(form).coefficient(str(x)) for x in unknowns] for form in known]
    assert not any(dot(row, [*line.values()]) for row in slopes for line in found.lines)


def unknown(count: int) -> list[Form]:
    return list(ring([f"x{number}" for number in range(count)], QQ)[1:])


def cyclic(size: int, count: int) -> tuple[list[Form], list[Form]]:
    """What is polar to the cyclic polytope of these points on the moment curve, their mean moved to zero."""
    curve = [[QQ(t) ** power for power in range(1, size + 1)] for t in range(1, count + 1)]
    means = [sum(column, QQ(0)) / count for column in zip(*curve, strict=True)]
    unknowns = unknown(size)
    return [
        1 - sum(x.mul_ground(c - mean) for x, c, mean in zip(unknowns, at, means, strict=True)) for at in curve
    ], unknowns


def tight_rank(known: Sequence[Form], at: Point) -> int | None:
    """How many independent inequalities are tight at a point; None if one is not met."""
    slopes, heights = list[list[Fraction]](), list[Fraction]()
    for affine in map(as_affine, known):
        slopes.append([affine.coefficient(name) for name in at])
        heights.append(Fraction(affine.constant) + dot(slopes[-1], [*at.values()]))
    tight = [slope for slope, height in zip(slopes, heights, strict=True) if not height]
    return None if min(heights) < 0 else len(at) - len(kernel(tight, len(at)))


def test_a_cube_has_a_vertex_for_each_choice_of_sides() -> None:
    unknowns = unknown(8)
    cube = span([*unknowns, *(1 - x for x in unknowns)], unknowns)
    assert cube.vertices is not None
    assert [tuple(vertex.values()) for vertex in cube.vertices] == sorted(product((0, 1), repeat=8))
    assert (cube.rays, cube.lines) == ((), ())


def test_a_cross_polytope_has_two_vertices_on_each_axis() -> None:
    """Sixteen facets meet in each, of which five are independent."""
    unknowns = unknown(5)
    known = [1 + sum(sign * x for sign, x in zip(signs, unknowns, strict=True)) for signs in product((1, -1), repeat=5)]
    cross = span(known, unknowns)
    assert cross.vertices is not None
    axes = {tuple(sign * int(i == j) for j in range(5)) for i in range(5) for sign in (1, -1)}
    assert {tuple(vertex.values()) for vertex in cross.vertices} == axes
    assert len(cross.vertices) == len(axes)


@pytest.mark.parametrize(("size", "count"), [(2, 7), (3, 8), (4, 12), (5, 11), (6, 14)])
def test_the_polar_of_a_cyclic_polytope_has_as_many_vertices_as_any_polytope_can(size: int, count: int) -> None:
    """McMullen's upper bound, by Gale's evenness condition (Ziegler, Lectures on Polytopes, theorem 0.7)."""
    known, unknowns = cyclic(size, count)
    found = span(known, unknowns)
    assert found.vertices is not None
    most = comb(count - (size + 1) // 2, size // 2) + comb(count - size // 2 - 1, (size - 1) // 2)
    assert len(found.vertices) == most
    assert {tight_rank(known, vertex) for vertex in found.vertices} == {size}
    middle = {name: sum(vertex[name] for vertex in found.vertices[:2]) / Fraction(2) for name in found.vertices[0]}
    assert tight_rank(known, middle) in range(size), "the control: a point between two vertices is none"


def test_a_degenerate_vertex_is_found_once() -> None:
    """The apex of a pyramid, where four planes meet; no pair of opposite sides leaves an edge there."""
    x, y, z = UNKNOWNS
    known = [1 - x - z, 1 + x - z, 1 - y - z, 1 + y - z, z]
    vertices = span(known, UNKNOWNS).vertices
    assert vertices is not None
    base = [(1, 1, 0), (1, -1, 0), (-1, 1, 0), (-1, -1, 0)]
    assert [tuple(vertex.values()) for vertex in vertices] == [(0, 0, 1), *base]
    assert {tight_rank(known, vertex) for vertex in vertices} == {3}


def test_lines_are_taken_out_before_vertices_and_rays_are_sought() -> None:
    """A quarter plane times a line: its edge, moved to where the line crosses it at right angles."""
    x, y, z = UNKNOWNS
    found = span([x + y - 2, z - 1], UNKNOWNS)
    assert found == Span(
        ({"x": Fraction(1), "y": Fraction(1), "z": Fraction(1)},),
        (
            {"x": Fraction(0), "y": Fraction(0), "z": Fraction(1)},
            {"x": Fraction(1), "y": Fraction(1), "z": Fraction(0)},
        ),
        ({"x": Fraction(-1), "y": Fraction(1), "z": Fraction(0)},),
    )


def test_an_empty_polyhedron_has_no_vertices() -> None:
    x, *_ = UNKNOWNS
    assert span([x - 1, -x], [x]).vertices == ()
    assert span([RING(-1)], []).vertices == ()


def test_the_only_point_without_unknowns_is_a_vertex() -> None:
    assert span([], []) == span([RING(0), RING(1)], []) == Span(({},))
    assert span([RING(1)], UNKNOWNS[:1]) == Span(({"x": Fraction(0)},), (), ({"x": Fraction(1)},))


@pytest.mark.slow
def test_a_span_is_given_up_only_where_it_takes_too_many_rays() -> None:
    unknowns = unknown(13)
    known = [*unknowns, *(1 - x for x in unknowns)]
    assert MOST_RAYS < 2**13
    assert span(known, unknowns) == Span(None)
    assert len(span([*known, -sum(unknowns)], unknowns).vertices or ()) == 1, "what is left of it is a point"
