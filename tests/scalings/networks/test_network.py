"""Networks are lists of operations that read one another; what cannot be such a list is refused by name."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from scalings.errors import ArgumentError
from scalings.networks.architectures import cnn, mlp, resmlp, transformer
from scalings.networks.dimensions import WIDTH, Dimension, fixed, times
from scalings.networks.network import Network
from scalings.networks.nodes import (
    INPUT,
    Bias,
    Convolution,
    Dense,
    Elementwise,
    Embedding,
    Gain,
    Node,
    Norm,
    Repeat,
    Scale,
    Scores,
    Sum,
)
from scalings.networks.serialization import network_from_json, network_to_json

NETWORKS = [
    mlp(3, "tanh", biases=True),
    cnn(3, depthwise=True),
    resmlp(branch=2, norm=True),
    transformer(gains=True, biases=True, tied=True),
]


@pytest.mark.parametrize("network", NETWORKS, ids=["mlp", "cnn", "resmlp", "transformer"])
def test_a_network_survives_json(network: Network) -> None:
    assert network_from_json(json.loads(json.dumps(network_to_json(network)))) == network


def test_sizes_and_orders() -> None:
    network = transformer(grows="heads")
    assert network.units["scores"].order == 1
    assert network.units["mix"] == WIDTH
    assert network.copies["query"].order_in("depth") == 1
    assert transformer().units["scores"].order == 0
    assert Dimension(4, Fraction(1)).at(32) == 128
    assert [layer.role for layer in mlp(3, biases=True).layers] == [
        "input", "input", "hidden", "input", "output", "output",
    ]  # fmt: skip


@pytest.mark.parametrize("grows", ["head-size", "heads"])
def test_heads_share_the_units_of_a_transformer_in_number(grows: str) -> None:
    network = transformer(grows=grows)  # type: ignore[arg-type]
    (scores,) = (node for node in network.flat if isinstance(node, Scores))
    assert scores.heads * scores.head_size == WIDTH == network.units["query"]
    for width in (128, 512):
        assert scores.heads.at(width) * scores.head_size.at(width) == width


def test_normalized_inputs_have_the_datas_size() -> None:
    Network((Norm("norm", INPUT), Dense("a", "norm", "w", fixed(64), WIDTH)))


def test_shared_weights_are_one_parameter() -> None:
    assert [layer.name for layer in transformer(tied=True).layers].count("readout") == 0
    assert transformer(tied=True).depth == transformer().depth - 1


def test_queries_and_keys_are_behind_scores() -> None:
    late = {one.name for one in transformer(gains=True).representations if one.first_update == 2}
    assert late == {"query", "key"}


def dense(name: str, source: str, weight: str = "w") -> Dense:
    return Dense(name, source, weight, WIDTH, WIDTH)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([], "expected at least one operation"),
        ([dense("a", "b")], "a reads 'b', which does not come before it"),
        ([dense("a", INPUT), dense("a", "a", "v")], "expected names that differ, but got 'a' twice"),
        ([dense("a", INPUT), Gain("b", "a", "w", WIDTH)], "a and b cannot share w"),
        ([Repeat("r", INPUT, (dense("a", "r"),), times(2))], "r is not residual"),
        ([Repeat("r", INPUT, (Sum("s", (INPUT, "r")),), times(2))], "s reads 'input'"),
        ([dense("a", INPUT), Repeat("r", "a", (Scale("a", "r"), Sum("s", ("r", "a"))), times(2))], "'a' twice"),
        (
            [Repeat("r", INPUT, (Repeat("q", "r", (Sum("s", ("q",)),), times(2)), Sum("t", ("r", "q"))), times(2))],
            "one level is understood",
        ),
        (
            [dense("a", INPUT), Dense("b", "a", "v", fixed(10), WIDTH)],
            "b takes 10 units, but a gives 1 n",
        ),
        (
            [dense("a", INPUT), Convolution("c", "a", "v", Dimension(2, Fraction(1)), WIDTH, 9)],
            "c takes 2 n units, but a gives 1 n",
        ),
        (
            [dense("a", INPUT), Bias("b", "a", "v", Dimension(1, Fraction(1, 2)))],
            "b takes 1 n\\^1/2 units, but a gives 1 n",
        ),
        (
            [dense("a", INPUT), Dense("b", "a", "v", WIDTH, fixed(10)), Sum("s", ("a", "b"))],
            "s takes 1 n units, but b gives 10",
        ),
        (
            [dense("a", INPUT), dense("b", "a", "v"), Scores("s", "a", "b", fixed(8), WIDTH)],
            "s takes 8 n units, but a gives 1 n",
        ),
        (
            [dense("a", INPUT), Dense("b", "a", "w", WIDTH, fixed(10))],
            "a and b cannot share w: it is 1 n by 1 n for one and 10 by 1 n for the other",
        ),
        (
            [Embedding("e", INPUT, "w", fixed(50), WIDTH), Dense("b", "e", "w", WIDTH, fixed(49))],
            "e and b cannot share w: it is 1 n by 50 for one and 49 by 1 n for the other",
        ),
    ],
)
def test_what_is_not_a_network_is_refused(nodes: list[Node], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Network(tuple(nodes))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "expected a list of operations"),
        ([{"op": "denes"}], "operation 1: expected an op among dense, convolution"),
        ([{"op": "scale", "name": "a"}], "operation 1: scale needs source"),
        ([{"op": "pool", "name": "a", "source": "input", "size": 2}], "operation 1: pool has no 'size'"),
        ([{"op": "bias", "name": "a", "source": "input", "weight": "b", "units": "n"}], "units is a size, or has"),
    ],
)
def test_what_is_not_a_graph_is_refused(document: object, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        network_from_json(document)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: cnn(1), "depth: expected 2 to 10000 weight matrices, but got 1"),
        (lambda: cnn(3, kernel=0), "kernel: expected 1 to"),
        (lambda: resmlp(branch=3), "branch: expected 1 or 2 layers in a branch, but got 3"),
        (lambda: resmlp(0), "blocks: expected 1 to"),
        (lambda: transformer(grows="depth"), "grows: expected one of head-size, heads, but got 'depth'"),  # type: ignore[arg-type]
        (lambda: transformer(activation="softmax"), "activation: expected one of relu"),  # type: ignore[arg-type]
    ],
)
def test_architectures_refuse_what_they_are_not(build, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ArgumentError, match=message):
        build()


def test_a_list_of_operations_with_sizes_as_a_person_writes_it() -> None:
    wide = {"size": 1, "order": 1}
    document = [
        {"op": "embedding", "name": "e", "source": "input", "weight": "t", "vocabulary": 50, "fan_out": wide},
        {"op": "elementwise", "name": "phi", "source": "e", "activation": "relu"},
        {"op": "dense", "name": "out", "source": "phi", "weight": "w", "fan_in": wide, "fan_out": 50},
        {"op": "bias", "name": "b", "source": "out", "weight": "v", "units": 50},
    ]
    assert network_from_json(document).nodes == (
        Embedding("e", INPUT, "t", fixed(50), WIDTH),
        Elementwise("phi", "e", "relu"),
        Dense("out", "phi", "w", WIDTH, fixed(50)),
        Bias("b", "out", "v", fixed(50)),
    )
