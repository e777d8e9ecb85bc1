"""What an answer looks like: facets, vertices, the criteria behind them, gauges, and what follows from what."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import combinations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy.polys.domains import QQ
from sympy.polys.rings import ring

from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import CRITERIA, TUTORIAL
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp, resmlp
from scalings.results.derivations import Derivation
from symbolic.derivation.derive import derive
from symbolic.evaluation.check import check
from symbolic.polyhedra import inequalities
from symbolic.polyhedra.facts import Form
from symbolic.polyhedra.vertices import span
from symbolic.proofs.reasons import Reasons
from symbolic.proofs.transcript import write_program
from symbolic.propagation.question import Question
from tests import strategies
from tests.symbolic.linear_forms import RING, UNKNOWNS, forms, z3_implies

ZERO = Fraction(0)


def parameterization(point: dict[str, Fraction]) -> Parameterization:
    """A point of an answer for three layers."""
    numbers = range(1, 4)
    return Parameterization.of(
        multiplier="0,0,0", init=[point[f"sigma_{n}"] for n in numbers], lr=[point[f"eta_{n}"] for n in numbers]
    )


def test_the_family_is_a_segment_between_its_ends() -> None:
    [polytope] = derive(mlp(3)).polytopes
    assert polytope.vertices is not None
    family = strategies.family(mlp(3))
    ends = [parameterization(dict(vertex)).layers for vertex in polytope.vertices]
    assert ends == [family.member(0).layers, family.member(Fraction(1, 2)).layers]
    assert (polytope.rays, polytope.lines) == ((), ())


def test_each_facet_names_what_binds_there() -> None:
    [polytope] = derive(mlp(3)).polytopes
    behind = {facet.relation: facet.criteria for facet in polytope.facets}
    assert behind["r >= 0"] == ("bounded output (layer3)",)
    assert behind["r <= 1/2"] == ("maximality (layer2)",)
    assert behind["sigma_2 = -1/2"] == ("signal propagation (layer2)",)


@pytest.mark.parametrize("name", ["signal propagation", "useful update", "maximality"])
def test_a_facet_is_gone_without_what_binds_there(name: str) -> None:
    """The control: what a criterion is said to bind is not bound without it."""
    relations = [facet.relation for p in derive(mlp(3)).polytopes for facet in p.facets if name in facet.criteria[0]]
    derivation = derive(mlp(3), criteria=[criterion for criterion in TUTORIAL if criterion.name != name])
    left = {facet.relation for polytope in derivation.polytopes for facet in polytope.facets}
    assert relations
    assert not left.issuperset(relations)


def stability() -> Derivation:
    if not _STABILITY:
        _STABILITY.append(derive(mlp(3), criteria=CRITERIA["stability"]))
    return _STABILITY[0]


_STABILITY: list[Derivation] = []


def test_vertices_and_rays_of_stability_are_stable_and_move_the_output() -> None:
    for polytope in stability().polytopes:
        assert polytope.vertices
        assert polytope.rays
        for vertex in polytope.vertices:
            assert check(mlp(3), parameterization(dict(vertex))).nontrivial
            for ray in polytope.rays:
                further = {name: value + 2 * ray.get(name, ZERO) for name, value in vertex.items()}
                assert check(mlp(3), parameterization(further)).nontrivial
                back = {name: value - 2 * ray.get(name, ZERO) for name, value in vertex.items()}
                assert not check(mlp(3), parameterization(back)).nontrivial


@settings(max_examples=40)
@given(st.lists(forms(), min_size=1, max_size=5))
def test_vertices_are_what_brute_force_finds(known: list[Form]) -> None:
    """In three dimensions: every feasible point where three inequalities are tight and no other point is."""
    if not inequalities.feasible(known):
        return
    spanned = span(known, UNKNOWNS)
    assert spanned.vertices is not None
    for point in spanned.vertices:
        at = RING.domain
        equal = [x - at(point[str(x)].numerator, point[str(x)].denominator) for x in UNKNOWNS]
        assert all(z3_implies([*equal, *(-form for form in equal)], form) for form in known)
    if not spanned.lines:
        assert len(spanned.vertices) == brute_force(known)
        assert spanned.vertices
    for direction in (*spanned.rays, *spanned.lines):
        slopes = [
            sum(
                (form.coeff(x) * QQ(direction[str(x)].numerator, direction[str(x)].denominator) for x in UNKNOWNS),
                QQ(0),
            )
            for form in known
        ]
        assert all(slope >= 0 for slope in slopes)
        assert direction not in spanned.lines or not any(slopes)


def brute_force(known: list[Form]) -> int:
    """How many vertices there are, by the linear programs alone: tight sets that leave one point."""
    points = set()
    for chosen in combinations(known, 3):
        system = [*known, *(-form for form in chosen)]
        if inequalities.feasible(system):
            tight = [form for form in (*UNKNOWNS,) if bounded(system, form)]
            if len(tight) == 3:
                points.add(tuple(value(system, unknown) for unknown in UNKNOWNS))
    return len(points)


def value(system: list[Form], form: Form) -> Fraction:
    why = inequalities.why(system, form + 1000)
    assert why is not None
    return why.slack - 1000


def bounded(system: list[Form], form: Form) -> bool:
    """Whether a form has one value on the system (values are small here)."""
    low, high = inequalities.why(system, form + 1000), inequalities.why(system, 1000 - form)
    return low is not None and high is not None and low.slack - 1000 == 1000 - high.slack


@pytest.mark.slow
def test_more_candidates_than_can_be_looked_through_are_given_up() -> None:
    _, *unknowns = ring([f"x{n}" for n in range(14)], QQ)
    assert span([*unknowns, *(1 - x for x in unknowns)], unknowns).vertices is None


def test_gauges_stand_beside_the_freedoms() -> None:
    derivation = derive(mlp(3), optimizer("adam"))
    assert [name for name, _ in derivation.gauges] == ["layer1", "layer2", "layer3"]
    assert {(g.multiplier, g.init, g.lr) for _, g in derivation.gauges} == {(1, -1, -1)}
    assert derivation.degrees_of_freedom == 1


def test_reasons_are_as_few_as_can_be() -> None:
    """Stable features follow from the maximality of the next layer, and the size of their own at initialization."""
    steps = {step.title: step for step in derive(mlp(4), minimal=True).steps}
    assert [steps[f"stable features (layer{n})"].implied_by for n in (1, 2, 3)] == [
        (f"maximality (layer{n + 1})", f"signal propagation (layer{n})") for n in (1, 2, 3)
    ]
    assert set(steps["useful update (layer4)"].implied_by) == {"bounded output (layer4)", "nontriviality (layer4)"}
    assert steps["maximality (layer1)"].implied_by == ()


def test_what_does_not_follow_is_not_said_to() -> None:
    program = write_program(Question(Problem(mlp(3), optimizer("sgd"))))
    reasons = Reasons(program)
    assert reasons.of("bounded output (layer3), step 0", ["signal propagation (layer2), step 0"]) is None
    assert reasons.of("useful update (layer3), step 1", ["nontriviality (layer3), step 1"]) is None


def test_the_only_point_of_an_answer_without_freedoms_is_its_vertex() -> None:
    [polytope] = derive(resmlp(), scale="depth").polytopes
    assert polytope.vertices is not None
    [vertex] = polytope.vertices
    assert {f"{name} = {value}" for name, value in vertex.items()} == {facet.relation for facet in polytope.facets}


def test_what_is_implied_holds_wherever_its_reasons_do() -> None:
    """On random parameterizations: where a layer meets all that a step is said to follow from, it meets that too."""
    silent = [step for step in derive(mlp(3), minimal=True).steps if not step.statement and step.implied_by]
    random, seen = Random(0), Counter[str]()
    for _ in range(1500):
        given = strategies.near_stable(random)
        if given.depth == 3:
            findings = check(mlp(3), given).findings
            satisfied = {f"{f.criterion.name} ({f.layer})": f.satisfied for f in findings}
            for step in silent:
                if all(satisfied[reason] for reason in step.implied_by):
                    assert satisfied[step.title]
                    seen[step.title] += 1
    assert len(seen) == 3
    assert min(seen.values()) > 20
