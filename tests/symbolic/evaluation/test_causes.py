"""The fewest numbers that mend a parameterization: one for one mistake, numbers in the code among them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from scalings.criteria.problem import Problem
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.splits import laws
from scalings.networks.dimensions import WIDTH, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import Dense, Elementwise, Embedding, Factor, Node, Start, Sum
from scalings.results.checks import Forbidden, Repair
from symbolic.evaluation.causes import causes_of, conflict_within, loosened

HALF = Fraction(1, 2)
MUP = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="0,-1,-1")


def network(order: Fraction = Fraction(0), middle: Start = "random", last: Start = "random") -> Network:
    """Three layers, with a factor in front of the last one."""
    nodes = (
        Dense("in", "input", "w1", fixed(8), WIDTH),
        Elementwise("phi", "in", "tanh"),
        Dense("mid", "phi", "w2", WIDTH, WIDTH, middle),
        Factor("mul", "mid", order),
        Elementwise("phi2", "mul", "tanh"),
        Dense("out", "phi2", "w3", WIDTH, fixed(8), last),
    )
    return Network(nodes)


def found(given: Parameterization, net: Network | None = None) -> Repair | Forbidden:
    return causes_of(Problem(net or network(), laws("adam")), given)


def changed(layer: int, **by: Fraction) -> Parameterization:
    layers = list(MUP.layers)
    layers[layer] = replace(layers[layer], **{name: getattr(layers[layer], name) + one for name, one in by.items()})
    return Parameterization(tuple(layers))


def test_what_is_right_is_not_changed() -> None:
    answer = found(MUP)
    assert isinstance(answer, Repair)
    assert (answer.changes, answer.parameterization.layers, answer.verdict.regime) == ((), MUP.layers, "rich")


@pytest.mark.parametrize("layer", range(3))
@pytest.mark.parametrize("kind", ["init", "lr"])
@pytest.mark.parametrize("power", [HALF, -HALF, Fraction(1)])
def test_one_wrong_number_is_one_change(layer: int, kind: str, power: Fraction) -> None:
    answer = found(changed(layer, **{kind: power}))
    assert isinstance(answer, Repair)
    [(where, which, old, new)] = answer.changes
    assert (where, which, old - new) == (("in", "mid", "out")[layer], kind, power)
    assert answer.verdict.nontrivial


def test_a_number_in_the_code_is_named_and_not_what_would_make_up_for_it() -> None:
    answer = found(MUP, network(HALF))
    assert isinstance(answer, Repair)
    assert answer.changes == (("mul", "scale", HALF, Fraction(0)),)
    assert answer.parameterization.scales == (Fraction(0),)
    assert [node.name for node in loosened(network(HALF)).multipliers] == ["mul"]


def test_with_the_code_as_it_is_other_numbers_make_up_for_it_at_the_richness_that_is_asked_for() -> None:
    problem = Problem(network(HALF), laws("adam"))
    answer = causes_of(problem, MUP, code=False)
    assert isinstance(answer, Repair)
    assert {which for _, which, _, _ in answer.changes} <= {"init", "lr"}
    assert (answer.verdict.nontrivial, answer.parameterization.scales) == (True, ())
    again = causes_of(problem, MUP, code=False, richness=answer.richness)
    assert isinstance(again, Repair)
    assert again.richness == answer.richness
    assert isinstance(causes_of(problem, MUP, code=False, richness=Fraction(3)), Forbidden)


def starting_at_zero(*layers: int) -> Parameterization:
    return Parameterization(
        tuple(replace(one, init=MINUS_INFINITY) if place in layers else one for place, one in enumerate(MUP.layers))
    )


def test_a_readout_may_start_at_zero() -> None:
    answer = found(starting_at_zero(2), network(last="zero"))
    assert isinstance(answer, Repair)
    assert answer.changes == ()


def test_two_matrices_that_start_at_zero_and_never_move_are_told_which_to_draw() -> None:
    answer = found(starting_at_zero(1, 2), network(middle="zero", last="zero"))
    assert isinstance(answer, Repair)
    [(where, which, old, new)] = answer.changes
    assert (where, which, old, new) in (("mid", "init", MINUS_INFINITY, -HALF), ("out", "init", MINUS_INFINITY, -1))


def adapted(init: Exponent, a: Start, factor: Fraction = Fraction(0)) -> tuple[Problem, Parameterization]:
    """A frozen matrix with an adapter beside it, whose second factor starts at zero; the code multiplies what the first
    one reads by a power of the width."""
    nodes = (
        Dense("in", "input", "w1", fixed(8), WIDTH, frozen=True),
        Dense("base", "in", "w2", WIDTH, WIDTH, frozen=True),
        Factor("times", "in", factor),
        Dense("a", "times", "w3", WIDTH, fixed(4), a),
        Dense("b", "a", "w4", fixed(4), WIDTH, "zero"),
        Sum("sum", ("base", "b")),
        Dense("out", "sum", "w5", WIDTH, fixed(8)),
    )
    given = Parameterization.of(multiplier="0,0,0,0,0", init="0,-1/2,0,0,-1", lr="0,0,-1,0,-1")
    starts = Fraction(0), -HALF, init, MINUS_INFINITY, Fraction(-1)
    layers = [replace(one, init=start) for one, start in zip(given.layers, starts, strict=True)]
    layers[:2] = [replace(one, lr=MINUS_INFINITY) for one in layers[:2]]
    return Problem(Network(nodes), laws("adam")), Parameterization(tuple(layers))


def test_what_is_free_is_as_large_as_it_may_be_whatever_was_asked_before() -> None:
    """Smaller starts of the factor would be right, too; there z3 once stopped anywhere: at
    n^(-7/8) in one question, at 1/n or n^(-3/4) in the next."""
    problem, given = adapted(MINUS_INFINITY, "zero")
    answers = []
    for between in range(4):
        answer = causes_of(problem, given)
        assert isinstance(answer, Repair)
        answers.append(answer.changes)
        for other in range(3 * between):
            found(changed(other % 3, lr=Fraction(-1)))
    assert answers == [(("a", "init", MINUS_INFINITY, -HALF),)] * 4
    for init, changes in ((Fraction(-7, 8), 0), (-HALF, 0), (Fraction(-1, 4), 1)):
        answer = causes_of(*adapted(init, "random"))
        assert isinstance(answer, Repair)
        assert len(answer.changes) == changes


def test_what_is_largest_at_a_whole_number_is_found_as_well() -> None:
    """z3 has whole numbers of a kind of their own."""
    for factor in (HALF, -HALF):
        answer = causes_of(*adapted(MINUS_INFINITY, "zero", factor), code=False)
        assert isinstance(answer, Repair)
        assert answer.changes == (("a", "lr", -1, -1 - factor), ("a", "init", MINUS_INFINITY, -HALF - factor))


def test_of_equally_few_changes_those_that_make_it_rich_are_named() -> None:
    """In a small network a readout that is not scaled is mended by its start, or by the rate of what it reads, which
    makes it lazy, and is what is asked for there; in a large one a lazy network with one mistake stays lazy."""
    small = Network((Dense("in", "input", "w1", fixed(8), WIDTH), Dense("out", "in", "w2", WIDTH, fixed(8))))
    unscaled = Parameterization.of(multiplier="0,0", init="0,-1/2", lr="0,-1")
    problem = Problem(small, laws("adam"))
    rich, lazy = causes_of(problem, unscaled), causes_of(problem, unscaled, richness=Fraction(0))
    assert isinstance(rich, Repair)
    assert isinstance(lazy, Repair)
    assert (rich.changes, rich.verdict.regime) == ((("out", "init", -HALF, Fraction(-1)),), "rich")
    assert (lazy.changes, lazy.verdict.regime) == ((("in", "lr", Fraction(0), -HALF),), "lazy")
    tangent = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1/2", lr="-1/2,-1,-1")
    large = found(tangent)
    assert isinstance(large, Repair)
    [(where, which, old, new)] = large.changes
    assert (where, which, old, new, large.verdict.regime) == ("mid", "lr", -1, Fraction(-3, 2), "lazy")


def test_the_richness_that_is_possible_is_preferred_where_some_of_it_is_frozen() -> None:
    problem, given = adapted(-HALF, "random")
    layers = [*given.layers[:4], replace(given.layers[4], init=-HALF)]
    answer = causes_of(problem, Parameterization(tuple(layers)))
    assert isinstance(answer, Repair)
    assert (answer.changes, answer.richness) == ((("out", "init", -HALF, Fraction(-1)),), HALF)


def tied(*between: Node) -> Problem:
    """An embedding that is the readout, too."""
    nodes = (
        Embedding("embed", "input", "w", fixed(8), WIDTH),
        Dense("mid", "embed", "w2", WIDTH, WIDTH),
        *between,
        Dense("out", between[-1].name if between else "mid", "w", WIDTH, fixed(8)),
    )
    return Problem(Network(nodes), laws("adam"))


TIED = Parameterization.of(multiplier="0,0", init="0,-1/2", lr="0,-1")


def test_what_no_number_mends_is_forbidden_and_the_multiplier_that_would_is_named() -> None:
    assert isinstance(causes_of(tied(), TIED), Forbidden)
    assert conflict_within(tied()).add == (("mid", "out"),)
    mended = causes_of(tied(Factor("mul", "mid", Fraction(-1))), TIED)
    assert isinstance(mended, Repair)
    assert mended.changes == ()
