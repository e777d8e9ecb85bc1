"""Primitives: layers, normalization and attention, written in them, have the orders that they have as nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product

import pytest

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import OPTIMIZERS
from scalings.networks.dimensions import ONE, WIDTH, Dimension, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import (
    INPUT,
    Bias,
    Dense,
    Elementwise,
    Factor,
    Gain,
    Mean,
    Mix,
    Node,
    Norm,
    Power,
    Product,
    Rearrange,
    Scale,
    Scores,
    Softmax,
    Sum,
    Weight,
)
from symbolic.derivation.derive import derive
from symbolic.evaluation.predict import predict
from symbolic.orders.algebra import EXACT
from symbolic.propagation.state import Run
from symbolic.propagation.training import RULES, train

QUARTER, HALF = Fraction(1, 4), Fraction(1, 2)
LAWS = ("sgd", "adam", "muon")


def orders(nodes: Sequence[Node], given: Parameterization, law: str) -> dict[Observable, Exponent]:
    return dict(predict(Network(tuple(nodes)), given, law, 3))


def is_stable(orders: Mapping[Observable, Exponent]) -> bool:
    """Whether nothing has changed by more than it was."""
    moved = {key: order for key, order in orders.items() if key.quantity == "dz" and key.layer != "out"}
    return all(order <= orders[Observable("z", key.layer, 0)] for key, order in moved.items())


def differing(one: Sequence[Node], other: Sequence[Node], given: Parameterization, law: str) -> list[Observable]:
    """What is not the same of what both have; their names are those of what corresponds."""
    first, second = orders(one, given, law), orders(other, given, law)
    both = [key for key in first if key in second and key.quantity in ("z", "dz", "d", "gradient", "dW_frobenius")]
    assert {key.layer for key in both} >= {"first", "out"}
    return [key for key in both if first[key] != second[key]]


def parameterizations(depth: int, scales: int = 0) -> Iterator[Parameterization]:
    """Learning rates from those of maximal updates down, one layer or all, and some readouts."""
    halves = [Fraction(0), *[-HALF] * (depth - 1)]
    for readout in (-HALF, Fraction(-1), MINUS_INFINITY):
        init = [*halves[:-1], readout]
        for slowest, by in product(range(depth + 1), (Fraction(0), QUARTER)):
            lr = [2 * half - (by if slowest in (number, depth) else 0) - HALF for number, half in enumerate(halves)]
            yield Parameterization.of(multiplier=[0] * depth, init=init, lr=lr, scales=[Fraction(-1)] * scales)


LEAST = 10
FIRST = Dense("first", INPUT, "w1", fixed(64), WIDTH)
OUT = Dense("out", "h", "w2", WIDTH, fixed(10))
OUT_OF_F = Dense("out", "f", "w2", WIDTH, fixed(10))


@pytest.mark.parametrize("law", LAWS)
def test_a_normalization_in_parts_is_a_normalization(law: str) -> None:
    """h = z (mean of z^2)^(-1/2), on what was passed on by a layer before."""
    before = [FIRST, Elementwise("phi", "first", "relu"), Dense("second", "phi", "w", WIDTH, WIDTH)]
    root = [Power("root", "variance", -HALF), Product("h", "second", "root", WIDTH), OUT]
    square, whole = Power("square", "second", Fraction(2)), [*before, Norm("h", "second"), OUT]
    parts = [*before, square, Mean("variance", "square", ONE, WIDTH, coherent=True), *root]
    wrong = [*before, square, Mean("variance", "square", ONE, WIDTH), *root]
    stable = [one for one in parameterizations(3) if is_stable(orders(whole, one, law))]
    assert len(stable) > LEAST
    for given in stable:
        assert not differing(whole, parts, given, law)
        assert differing(whole, wrong, given, law)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("heads", [fixed(8), Dimension(1, HALF)])
def test_attention_in_parts_is_attention(law: str, heads: Dimension) -> None:
    size = Dimension(1 / Fraction(heads.size), 1 - heads.order)
    before = [FIRST, Elementwise("phi", "first", "relu")]
    before += [Dense(name, "phi", f"w_{name}", WIDTH, WIDTH) for name in ("query", "key", "value")]
    whole = [*before, Scores("scores", "query", "key", heads, size), Mix("h", "scores", "value"), OUT]
    scores = [Product("product", "query", "key", heads, size), Scale("scores", "product")]
    parts = [*before, *scores, Softmax("p", "scores"), Product("h", "p", "value", WIDTH), OUT]
    wrong = [*before, *scores, Product("h", "scores", "value", WIDTH), OUT]
    for given in parameterizations(5, 1):
        assert not differing(whole, parts, given, law)
        assert [key.layer for key in differing(whole, wrong, given, law)]


@pytest.mark.parametrize("law", LAWS)
def test_rotations_and_normalizations_between_queries_and_scores_change_nothing(law: str) -> None:
    """What queries' own weights did lies along keys behind them, too; behind another matrix it would not."""
    before = [FIRST, *(Dense(name, "first", f"w_{name}", WIDTH, WIDTH) for name in ("query", "key", "value"))]

    def attention(*between: Node) -> list[Node]:
        query = between[-1].name if between else "query"
        product = Product("product", query, "key", ONE, WIDTH)
        scores = [product, Factor("scores", "product", Fraction(-1)), Softmax("p", "scores")]
        return [*before, *between, *scores, Product("h", "p", "value", WIDTH), OUT]

    rotated = [Rearrange("rotated", ("query",), WIDTH), Norm("normed", "rotated"), Elementwise("f", "normed", "linear")]
    plain, turned = attention(), attention(*rotated)
    stable = [one for one in parameterizations(5) if is_stable(orders(plain, one, law))]
    assert len(stable) > LEAST
    for given in stable:
        assert not differing(plain, turned, given, law)


def test_behind_a_frozen_matrix_queries_meet_keys_by_chance() -> None:
    """Of one step on queries alone."""
    before = [FIRST, *(Dense(name, "first", f"w_{name}", WIDTH, WIDTH) for name in ("query", "key", "value"))]
    first: list[Exponent] = []
    for between in ([], [Dense("mixed", "query", "w_mixed", WIDTH, WIDTH)]):
        query = "mixed" if between else "query"
        after = [Product("scores", query, "key", ONE, WIDTH), Softmax("p", "scores"), Product("h", "p", "value", WIDTH)]
        depth = 5 + len(between)
        lr = [MINUS_INFINITY, Fraction(0), *[MINUS_INFINITY] * (depth - 2)]
        given = Parameterization.of(multiplier=[0] * depth, init=[0, *[-HALF] * (depth - 2), -1], lr=lr)
        first.append(orders([*before, *between, *after, OUT], given, "adam")[Observable("dz", "scores", 1)])
    assert first[1] == first[0] - HALF


@pytest.mark.parametrize(("moving", "change"), [("v", 0), ("g", HALF)])
def test_only_what_a_weight_writes_itself_lies_along_its_input(moving: str, change: Fraction) -> None:
    """W = g v, row by row, under Adam: one step on v with |dW| = 1, and one on g with |dW| = n^(1/2), move h alike."""
    made = Product("w", "v", "g", WIDTH * WIDTH)
    nodes = (FIRST, Weight("v", "v", WIDTH, WIDTH), Weight("g", "g", ONE, WIDTH), made)
    network = Network((*nodes, Product("h", "first", "w", WIDTH, WIDTH), OUT))
    rates = [{"v": Fraction(-1), "g": Fraction(0)}[name] if name == moving else MINUS_INFINITY for name in ("v", "g")]
    given = Parameterization.of(multiplier=[0] * 4, init=[0, -HALF, 0, -1], lr=[MINUS_INFINITY, *rates, MINUS_INFINITY])
    found = dict(train(Problem(network, OPTIMIZERS["adam"]), given.layers, EXACT, 2, everywhere=True))
    assert found[Observable("dz", "w", 1)] == change
    for step in (1, 2):
        assert found[Observable("dz", "h", step)] == found[Observable("z", "h", 0)] == HALF


@pytest.mark.parametrize("law", LAWS)
def test_layers_in_parts_are_layers(law: str) -> None:
    """Gains, biases and matrices as values, multiplied with or added."""
    gain, scale = Gain("one", "first", "w", WIDTH), Weight("own", "w", ONE, WIDTH, "one")
    bias, shift = Bias("one", "first", "w", WIDTH), Weight("own", "w", ONE, WIDTH, "zero")
    matrix, value = Dense("one", "first", "w", WIDTH, WIDTH), Weight("own", "w", WIDTH, WIDTH)
    cases: list[tuple[Node, Node, Node]] = [
        (gain, scale, Product("both", "first", "own", WIDTH)),
        (bias, shift, Sum("both", ("first", "own"))),
        (matrix, value, Product("both", "first", "own", WIDTH, WIDTH)),
    ]
    for layer, weight, parts in cases:
        whole = [FIRST, layer, Elementwise("h", "one", "relu"), OUT]
        taken = [FIRST, weight, parts, Elementwise("h", "both", "relu"), OUT]
        stable = [one for one in parameterizations(3) if is_stable(orders(whole, one, law))]
        assert len(stable) > LEAST
        for given in stable:
            assert not differing(whole, taken, given, law)
            first, second = orders(whole, given, law), orders(taken, given, law)
            for quantity in ("gradient", "dW_frobenius"):
                for step in (1, 2, 3):
                    assert first[Observable(quantity, "one", step)] == second[Observable(quantity, "own", step)]


def run_of(*nodes: Node, **initial: Exponent) -> Run[Exponent]:
    """A run of these operations at the second update, with norms of what they read; changes are those of 1/4 less."""
    network = Network((*(Weight(name, name, ONE, WIDTH) for name in initial), *nodes))
    run: Run[Exponent] = Run(Problem(network, OPTIMIZERS["sgd"]), EXACT, {}, {}, RULES, step=2)
    run.initial |= initial
    run.change |= {name: (order - QUARTER,) for name, order in initial.items()}
    for node in nodes:
        list(run.initialize(node))
        list(run.forward(node))
    run.signal[nodes[-1].name] = (Fraction(0),)
    for node in reversed(nodes):
        list(run.backward(node))
    return run


@pytest.mark.parametrize(
    ("node", "entries", "value", "change", "back"),
    [
        # Of entries n^e: those of the result, of its change, and the signal that comes back; all norms of n units.
        (Elementwise("h", "z", "silu"), -QUARTER, -QUARTER, -HALF, 0),
        (Elementwise("h", "z", "sin"), HALF, 0, 0, 0),
        (Elementwise("h", "z", "sigmoid"), -HALF, 0, -3 * QUARTER, 0),
        (Elementwise("h", "z", "softplus"), HALF, HALF, QUARTER, 0),
        (Elementwise("h", "z", "softplus"), -HALF, 0, -3 * QUARTER, 0),
        (Power("h", "z", Fraction(2)), HALF, 1, 3 * QUARTER, HALF),
        (Power("h", "z", HALF), -HALF, -QUARTER, -HALF, QUARTER),
        (Power("h", "z", -HALF), -HALF, QUARTER, 0, 3 * QUARTER),
        (Power("h", "z", Fraction(1)), HALF, HALF, QUARTER, 0),
        (Factor("h", "z", Fraction(-1), 3.0), HALF, -HALF, -3 * QUARTER, -1),
        (Softmax("h", "z"), HALF, 0, 0, 0),
        (Softmax("h", "z"), 0, 0, -QUARTER, 0),
        (Softmax("h", "z", WIDTH), 0, -1, -5 * QUARTER, -1),
    ],
    ids=str,
)
def test_what_acts_on_one_value(
    node: Node, entries: Fraction, value: Fraction, change: Fraction, back: Fraction
) -> None:
    run = run_of(node, z=entries + HALF)
    assert run.initial["h"] == value + HALF
    assert run.change["h"] == (change + HALF,)
    assert run.signal["z"] == (back,)


def test_sums_over_units() -> None:
    run = run_of(Mean("h", "z", ONE, WIDTH, coherent=True), z=HALF)
    assert (run.initial["h"], run.change["h"], run.signal["z"]) == (0, (-QUARTER,), (-HALF,))
    run = run_of(Mean("h", "z", ONE, WIDTH), z=HALF)
    assert (run.initial["h"], run.change["h"], run.signal["z"]) == (-HALF, (-QUARTER,), (-HALF,))


def test_entries_are_kept_where_they_are_rearranged() -> None:
    few = Dimension(1, HALF)
    run = run_of(Rearrange("h", ("z",), few), z=HALF)
    assert (run.initial["h"], run.change["h"], run.signal["z"]) == (QUARTER, (0,), (0,))
    run = run_of(Rearrange("h", ("y", "z"), WIDTH), y=QUARTER, z=HALF)
    assert (run.initial["h"], run.change["h"], run.signal["y"]) == (HALF, (QUARTER,), (0,))


@pytest.mark.parametrize(("exponent", "change"), [(Fraction(2), 1), (HALF, QUARTER), (-HALF, 0)])
def test_powers_of_what_changes_by_more_than_it_was(exponent: Fraction, change: Fraction) -> None:
    """Entries of 1 that change by n^(1/2): to n^(p/2), and to less than 1 if p < 0."""
    node = Power("h", "z", exponent)
    run = run_of(node, z=HALF)
    run.change["z"] = (Fraction(1),)
    list(run.forward(node))
    assert run.change["h"] == (change + HALF,)


@pytest.mark.parametrize("exponent", [HALF, -HALF])
def test_no_slope_of_a_power_at_zero(exponent: Fraction) -> None:
    with pytest.raises(ArgumentError, match=r"h takes the power .* of z, which is zero"):
        run_of(Power("h", "z", exponent), z=MINUS_INFINITY)
    assert run_of(Power("h", "z", Fraction(2)), z=MINUS_INFINITY).initial["h"] == MINUS_INFINITY


@pytest.mark.parametrize(
    ("function", "back"), [("relu", MINUS_INFINITY), ("cos", MINUS_INFINITY), ("silu", 0), ("sigmoid", 0)]
)
def test_what_comes_back_through_zero(function: str, back: Exponent) -> None:
    run = run_of(Elementwise("h", "z", function), z=MINUS_INFINITY)
    assert run.signal["z"] == (back,)


def test_factors_are_powers_of_the_width_alone() -> None:
    network = Network((Dense("a", INPUT, "w", fixed(4), WIDTH), Factor("f", "a", Fraction(-1)), OUT_OF_F))
    given = Parameterization.of(multiplier="0,0", init="0,0", lr="0,0")
    orders = {scale: predict(network, given, scale=scale) for scale in ("width", "batch:noise")}
    assert [dict(one)[Observable("z", "out", 0)] for one in orders.values()] == [-HALF, 0]


def test_gates_are_asked_not_to_grow() -> None:
    """A router starts no larger than n^(-1), as a readout does: its logits would else explode with what it reads."""
    router = Dense("router", "phi", "w_r", WIDTH, fixed(4))
    mixed = [router, Softmax("gate", "router"), Product("h", "gate", "expert", WIDTH)]
    before = [FIRST, Elementwise("phi", "first", "relu"), Dense("expert", "phi", "w_e", WIDTH, WIDTH)]
    network = Network((*before, *mixed, OUT))
    gate = next(one for one in network.representations if one.name == "router")
    assert (gate.part, gate.is_hidden, gate.first_update) == ("gate", False, 2)
    [found] = derive(network, "adam").polyhedra
    assert "-sigma_3 - 1 >= 0" in {f"{one} >= 0" for one in found.inequalities}
