"""A contradiction names the layers and the least that helps, and what it names does help."""

from __future__ import annotations

from fractions import Fraction

import pytest

from scalings.criteria.criterion import Criterion
from scalings.criteria.parsing import parse_criterion
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import TUTORIAL
from scalings.networks.architectures import mlp, resmlp, transformer
from scalings.networks.network import Network
from scalings.networks.nodes import Scale
from scalings.reports.conflicts import contradiction_sentences
from symbolic.derivation.derive import derive
from symbolic.derivation.satisfiability import Points
from symbolic.propagation.question import Question


def tied_without_a_multiplier() -> Network:
    nodes = [node for node in transformer(tied=True).nodes if not isinstance(node, Scale)]
    [*others, readout] = nodes
    return Network((*others, type(readout)(**{**vars(readout), "source": others[-1].name})))


def points(network: Network, law: str, criteria: tuple[Criterion, ...] = TUTORIAL) -> Points:
    question = Question(Problem.of(network, law), criteria)
    return Points(question.ring, question.train)


@pytest.mark.parametrize("law", [pytest.param("sgd", marks=pytest.mark.slow), "adam"])
def test_tied_embeddings_need_a_multiplier_at_the_readout(law: str) -> None:
    network = tied_without_a_multiplier()
    derivation = derive(network, law)
    assert derivation.degrees_of_freedom is None
    conflict = derivation.conflict
    assert conflict
    assert conflict.add == (("final_norm", "readout"),)
    assert "readout" in {layer for _, layer in conflict.imposed}
    assert (
        "a multiplier at readout, in front of what it reads from final_norm" in contradiction_sentences(derivation)[-1]
    )
    assert derive(transformer(tied=True), law).degrees_of_freedom == 0, "the control: the one it asks for is enough"
    assert derive(transformer(tied=True), law).conflict is None


@pytest.mark.slow
def test_what_contradicts_each_other_is_minimal_and_what_is_to_be_dropped_is_enough() -> None:
    network = tied_without_a_multiplier()
    conflict = derive(network).conflict
    assert conflict
    found = points(network, "sgd")
    named = [one for one in found.wanted if (one[0].name, one[1]) in conflict.imposed]
    assert len(named) == len(conflict.imposed)
    assert not found.agree(named)
    for one in named:
        assert found.agree([other for other in named if other != one]), "the control: without it there is no conflict"
    for criterion, layer in conflict.drop:
        kept = [one for one in found.wanted if one[0].name != criterion or layer not in ("", one[1])]
        assert found.agree(kept)
        assert len(kept) < len(found.wanted)


@pytest.mark.slow
def test_exponents_that_are_given() -> None:
    """Scores need 1/d: n^0 is refused, with the one exponent that is not to be given, and the others are not blamed."""
    given = {"kappa_1": Fraction(0), "sigma_1": Fraction(0)}
    conflict = derive(transformer(), given=given).conflict
    assert conflict
    assert conflict.imposed == (
        ("signal propagation", "query"),
        ("signal propagation", "key"),
        ("bounded scores", "scores"),
    )
    assert conflict.release == (("scales", "scores"),)
    assert derive(transformer(), given={"sigma_1": Fraction(0)}).conflict is None


def test_two_criteria_where_one_is_not_enough() -> None:
    own = [parse_criterion("loud: z ~ n^1 at hidden initially"), parse_criterion("wild: z ~ n^2 at hidden initially")]
    conflict = derive(mlp(2), criteria=[*TUTORIAL, *own]).conflict
    assert conflict
    assert conflict.drop == ()
    assert len(conflict.drop_both) == 2
    names = {*conflict.drop_both}
    assert derive(mlp(2), criteria=[one for one in (*TUTORIAL, *own) if one.name not in names]).conflict is None
    single = derive(mlp(2), criteria=[*TUTORIAL, own[0]]).conflict
    assert single
    assert (single.drop_both, {name for name, _ in single.drop}) == ((), {"signal propagation", "loud"}), "the control"


def test_a_multiplier_is_not_named_where_it_is_a_gauge() -> None:
    quiet = parse_criterion("quiet: dz <= n^(-1) at hidden after updates")
    for network in (mlp(3), resmlp()):
        conflict = derive(network, criteria=[*TUTORIAL, quiet]).conflict
        assert conflict
        assert conflict.add == ()
