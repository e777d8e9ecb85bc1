"""What may start small, what is late by it, and which uses of a weight are not heard of, by where they stand."""

from __future__ import annotations

from fractions import Fraction

import pytest

from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import USEFUL_UPDATE
from scalings.networks.architectures import lora, mlp, transformer
from scalings.networks.dimensions import ONE, WIDTH, fixed
from scalings.networks.first_updates import waits
from scalings.networks.network import Network
from scalings.networks.nodes import (
    INPUT,
    Bias,
    Dense,
    Elementwise,
    Gain,
    Node,
    Norm,
    Power,
    Product,
    Softmax,
    Sum,
    Weight,
)
from symbolic.propagation.requirements import requirements

UP = Dense("up", INPUT, "w_up", fixed(6), WIDTH)
DOWN = Dense("down", "up", "w_down", WIDTH, fixed(5))
SHARE = Dense("share", "up", "w_share", WIDTH, fixed(5))


def dense(name: str, source: str, weight: str = "") -> Dense:
    return Dense(name, source, weight or f"w_{name}", WIDTH, WIDTH)


@pytest.mark.parametrize(
    ("nodes", "small", "late"),
    [
        ((UP, DOWN), {"down"}, set()),
        ((UP, DOWN, Bias("f", "down", "b", fixed(5))), {"down", "f"}, set()),
        ((UP, DOWN, Gain("f", "down", "g", fixed(5))), {"down", "f"}, {"f"}),
        ((UP, Norm("norm", "up"), Gain("gain", "norm", "g", WIDTH), Dense("f", "gain", "w", WIDTH, ONE)), {"f"}, set()),
        (
            (UP, SHARE, Softmax("softmax", "share", fixed(5)), DOWN, Product("f", "softmax", "down", fixed(5))),
            {"share", "down", "f"},
            {"share", "softmax"},
        ),
        (
            (UP, DOWN, Dense("again", "down", "w_again", fixed(5), WIDTH), Dense("f", "again", "w", WIDTH, ONE)),
            {"down", "again", "f"},
            {"up", "down", "again", "f"},
        ),
        (
            (UP, DOWN, Elementwise("gate", "down", "sigmoid"), Dense("again", "gate", "w", fixed(5), WIDTH)),
            {"down"},
            {"up", "down", "gate"},
        ),
        ((UP, DOWN, Power("f", "down", Fraction(2))), {"down", "f"}, {"up", "down"}),
        ((UP, DOWN, Power("f", "down", Fraction(1, 2))), {"down", "f"}, set()),
        ((UP, Power("square", "up", Fraction(2)), Dense("f", "square", "w", WIDTH, ONE)), {"f"}, set()),
        ((UP, Weight("position", "p", ONE, WIDTH), Sum("h", ("up", "position")), dense("f", "h")), {"position"}, set()),
    ],
    ids=[
        "readout",
        "bias",
        "scale",
        "gain of a norm",
        "mixture",
        "latent",
        "sigmoid",
        "square",
        "root",
        "square of a hidden value",
        "position",
    ],
)
def test_what_may_start_small(nodes: tuple[Node, ...], small: set[str], late: set[str]) -> None:
    network = Network(nodes)
    assert (network.small, network.late) == (small, late)


QUERY, KEY, VALUE = dense("query", "up"), dense("key", "up"), dense("value", "up")


def attention(of_queries: Node, *between: Node) -> Network:
    """Attention, spelled out, of one head over a fixed number of keys, with these operations before the softmax."""
    scores = Product("scores", of_queries.name, "key", fixed(5), WIDTH)
    last = between[-1].name if between else "scores"
    shares = Softmax("shares", last, fixed(5)), Product("mixed", "shares", "value", WIDTH, fixed(5))
    unit = () if of_queries is QUERY else (of_queries,)
    head = Dense("f", "mixed", "w_f", WIDTH, fixed(3))
    return Network((UP, QUERY, KEY, VALUE, *unit, scores, *between, *shares, head))


def test_what_multiplies_a_late_sum_waits_for_it() -> None:
    """Values move first, then queries and keys, which makes scores large: then what multiplies these, one by one."""
    scale = Gain("scale", "scores", "g", fixed(5))
    waiting = waits(attention(QUERY, scale))
    late = {"query": 1, "key": 1, "scores": 1, "scale": 2, "shares": 1}
    assert {name: updates for name, updates in waiting.items() if updates} == late
    first = {one.name: one.first_update for one in attention(QUERY, scale).representations}
    assert (first["value"], first["query"], first["scale"]) == (1, 2, 3)
    bias = Bias("scale", "scores", "b", fixed(5))
    assert waits(attention(QUERY, bias))["scale"] == 1, "a bias multiplies nothing"
    gain = Gain("scale", "query", "g", WIDTH)
    assert waits(attention(gain))["scale"] == 1, "queries are not small"


def test_a_sum_of_a_late_sum_waits_for_both() -> None:
    twice = Gain("scale", "scores", "g", fixed(5)), Gain("again", "scale", "g2", fixed(5))
    assert waits(attention(QUERY, *twice))["again"] == 2, "as what it reads, both of which queries make large"


def test_what_waits_for_itself_is_asked_at_last() -> None:
    """Of two sums that are small, each times the other, each waits for the other."""
    factors = [dense(name, "up") for name in ("one", "two", "three", "four")]
    first, second = (
        Product(name, left, right, fixed(5), WIDTH)
        for name, left, right in (("first", "one", "two"), ("second", "three", "four"))
    )
    network = Network((UP, *factors, first, second, Product("f", "first", "second", fixed(5))))
    assert waits(network)["one"] > 3
    asked = requirements(Problem.of(network, "sgd"), (USEFUL_UPDATE,), 3)
    assert {one.step for one in asked if one.layer.name == "one"} == {3}


def test_of_ready_made_networks_only_what_is_dormant_is_late() -> None:
    assert all(network.late == network.dormant for network in (mlp(4), transformer(), lora()))
    assert transformer().late
    assert mlp(4).small == {"layer4"}


@pytest.mark.parametrize(
    ("stops", "trained"), [("detach", {"first", "second"}), ("relu", {"first", "second", "again"})]
)
def test_a_use_of_a_weight_is_unheard_only_behind_what_stops_gradients(stops: str, trained: set[str]) -> None:
    """And only where others are heard: a weight of which none is does not learn, and is asked to."""
    view = dense("again", "up", "w_first"), Elementwise("target", "again", stops)
    network = Network(
        (UP, dense("first", "up"), *view, dense("second", "first"), Product("f", "second", "target", WIDTH))
    )
    found = {one.name for one in network.representations if one.is_trained} - {"up"}
    assert found == trained
    alone = Network(
        (UP, dense("only", "up"), Elementwise("target", "only", "detach"), Product("f", "up", "target", WIDTH))
    )
    assert {one.name for one in alone.representations if one.is_trained} == {"up", "only"}
