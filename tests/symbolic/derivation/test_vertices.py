"""What spans answers: the largest stable learning rates, residual branches in the depth, unions of pieces."""

from __future__ import annotations

from fractions import Fraction

import pytest

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
from tests import strategies

STANDARD = {"sigma_1": Fraction(0), "sigma_2": Fraction(-1, 2), "sigma_3": Fraction(-1, 2)}


def facets(derivation: Derivation) -> dict[str, tuple[str, ...]]:
    return {facet.relation: facet.criteria for polytope in derivation.polytopes for facet in polytope.facets}


def test_reasons_are_sound_and_minimal() -> None:
    """What named criteria imply is silent where they alone are imposed, and not where one of them is missing."""
    derivation = derive(mlp(3), minimal=True)
    implied = {step.title: step.implied_by for step in derivation.steps if step.implied_by}
    assert implied["useful update (layer3)"] == ("nontriviality (layer3)", "bounded output (layer3)")
    assert all(reason.startswith("maximality") for reason in implied["stable features (layer2)"])
    weaker = derive(mlp(3), criteria=[one for one in TUTORIAL if one not in (MAXIMALITY, NONTRIVIALITY)])
    steps = [*weaker.steps, *(step for piece in weaker.pieces for step in piece.steps)]
    assert any(step.statement for step in steps if step.criterion in ("stable features", "useful update"))


@pytest.mark.parametrize(("name", "rates"), [("sgd", ["0", "-1", "-1"]), ("adam", ["-1/2", "-3/2", "-1"])])
def test_the_largest_stable_learning_rates_are_the_vertex(name: str, rates: list[str]) -> None:
    (piece,) = derive(mlp(3), optimizer(name), STABILITY, given=STANDARD).pieces
    assert piece.polytope is not None
    assert piece.polytope.vertices is not None
    (vertex,) = piece.polytope.vertices
    assert [str(vertex[f"eta_{number}"]) for number in (1, 2, 3)] == rates
    assert len(piece.polytope.rays) == 3, "smaller learning rates are stable too"


def test_vertices_and_rays_span_what_the_relations_say() -> None:
    dropped = [one for one in TUTORIAL if one not in (MAXIMALITY, UNIFORM_RICHNESS)]
    (piece,) = derive(resmlp(), optimizer("adam"), dropped, scale=DEPTH_SCALE).pieces
    polytope = piece.polytope
    assert polytope is not None
    assert polytope.vertices
    for vertex in polytope.vertices:
        assert strategies.contains(piece, vertex)
        for ray in polytope.rays:
            assert strategies.contains(piece, {name: vertex[name] + 3 * ray[name] for name in vertex})
            assert not strategies.contains(piece, {name: vertex[name] - ray[name] for name in vertex})
    assert {vertex["kappa_1"] for vertex in polytope.vertices} == {Fraction(-1), Fraction(-1, 2)}


def test_a_union_of_pieces_has_a_polytope_for_each() -> None:
    derivation = derive(mlp(2), criteria=CRITERIA["stability"])
    assert len(derivation.polytopes) == len(derivation.pieces) > 1
    assert STABLE_FEATURES.name in {
        title.partition(" (")[0] for titles in facets(derivation).values() for title in titles
    }
