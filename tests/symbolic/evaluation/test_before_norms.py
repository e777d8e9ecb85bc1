"""In front of a norm, sizes are a gauge: what is free, and what is not."""

from __future__ import annotations

from fractions import Fraction

import pytest

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.dimensions import WIDTH, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import Dense, Node, Norm, Sum
from scalings.results.checks import Repair
from symbolic.evaluation.before_norms import Sizes
from symbolic.evaluation.causes import causes_of
from symbolic.evaluation.given_run import train_given

UP = Dense("up", "input", "u", fixed(8), WIDTH)
OWN = Dense("own", "up", "v", WIDTH, WIDTH)
HEAD = Dense("out", "both", "w", WIDTH, fixed(1))
OUT = Dense("out", "norm", "w", WIDTH, fixed(1))
NORMALIZED = Network((UP, OWN, Norm("norm", "own"), OUT))
RIGHT = {"sgd": ("-1/2", "0"), "adam": ("-1/2", "-1")}
SMALL = {"sgd": ("-1", "-1"), "adam": ("-1", "-3/2")}


def given(network: Network, law: str, init: str, lr: str) -> tuple[Problem, Parameterization]:
    """The layer in front of the norm set so, the two others as muP has them."""
    first, last = ("1", "-1") if law.startswith("sgd") else ("0", "-1")
    more = "" if len(network.layers) == 3 else ",0"
    rates = f"{first},{lr}{more},{last}"
    inits = f"0,{init}{more.replace('0', '-oo')},-1"
    zeros = ",".join("0" for _ in network.layers)

    return Problem.of(network, law), Parameterization.of(multiplier=zeros, init=inits, lr=rates)


@pytest.mark.parametrize("law", ["sgd", "adam"])
def test_orders_are_those_of_full_size_but_for_the_layer_itself(law: str) -> None:
    problem, small = given(NORMALIZED, law, *SMALL[law])
    sizes = Sizes.of(problem, small)
    assert (sizes.weights, sizes.numbers) == ({"own": Fraction(1, 2)}, {})
    assert sizes.full(small) == given(NORMALIZED, law, *RIGHT[law])[1]
    orders, full = (train_given(problem, one, 3).orders for one in (small, sizes.full(small)))
    others = [one for one in orders if one.layer != "own"]
    assert [orders[one] for one in others] == [full[one] for one in others]
    assert orders[Observable("dz", "own", 2)] == full[Observable("dz", "own", 2)] - Fraction(1, 2)


@pytest.mark.parametrize("law", ["sgd", "adam"])
def test_what_is_wrong_is_said_in_the_numbers_of_the_model(law: str) -> None:
    init, lr = SMALL[law]
    right = causes_of(*given(NORMALIZED, law, init, lr))
    assert isinstance(right, Repair)
    assert right.changes == ()
    wrong = str(Fraction(lr) - 1)
    found = causes_of(*given(NORMALIZED, law, init, wrong))
    assert isinstance(found, Repair)
    assert found.changes == (("own", "lr", Fraction(wrong), Fraction(lr)),)
    assert str(found.parameterization.layers[1].init) == init


@pytest.mark.parametrize(
    ("nodes", "law"),
    [
        ((UP, OWN, Norm("norm", "own"), OUT), "sgd+clip"),
        ((UP, OWN, Dense("out", "own", "w", WIDTH, fixed(1))), "sgd"),
        (
            (UP, OWN, Norm("norm", "own"), Sum("both", ("own", "norm")), HEAD),
            "sgd",
        ),
    ],
    ids=["clipping", "no norm", "read elsewhere"],
)
def test_what_else_depends_on_the_size_is_not_free(nodes: tuple[Node, ...], law: str) -> None:
    problem, small = given(Network(nodes), law, "-1", "-1")
    assert not Sizes.of(problem, small)
    found = causes_of(problem, small)
    assert isinstance(found, Repair)
    assert found.changes
