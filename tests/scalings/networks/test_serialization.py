"""Networks as JSON: what is written is read back, and what is wrong is named with its path, in one line."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalings.errors import ArgumentError
from scalings.networks.architectures import cnn, mlp, resmlp, transformer
from scalings.networks.dimensions import ONE, WIDTH, Dimension, fixed
from scalings.networks.functions import FUNCTIONS
from scalings.networks.network import Network
from scalings.networks.nodes import (
    INPUT,
    Bias,
    Dense,
    Elementwise,
    Embedding,
    Factor,
    Mean,
    Power,
    Product,
    Rearrange,
    Softmax,
    Weight,
)
from scalings.networks.serialization import (
    KINDS,
    network_from_json,
    network_from_text,
    network_to_json,
    network_to_text,
)

PRIMITIVES = Network(
    (
        Dense("layer", INPUT, "w", fixed(64), WIDTH),
        Weight("h.*.state", "a", fixed(2), Dimension(Fraction(1, 2), Fraction(1)), "zero", frozen=True),
        Rearrange("both", ("layer", "h.*.state"), WIDTH),
        Power("square", "both", Fraction(2)),
        Mean("variance", "square", ONE, WIDTH, coherent=True),
        Power("root", "variance", Fraction(-1, 2)),
        Product("normalized", "layer", "root", WIDTH),
        Product("similarity", "normalized", "both", ONE, WIDTH, coherent=True),
        Factor("score", "similarity", Fraction(-1, 2), 0.125),
        Softmax("attention", "score"),
        Product("f", "attention", "normalized", WIDTH),
    )
)
NETWORKS = [
    PRIMITIVES,
    mlp(3, "tanh", biases=True),
    cnn(3, depthwise=True),
    resmlp(branch=2, norm=True),
    transformer(gains=True, biases=True, tied=True),
    transformer(grows="heads"),
]
WIDE = {"size": 1, "order": "1"}


@pytest.mark.parametrize(
    "network", NETWORKS, ids=["primitives", "mlp", "cnn", "resmlp", "tied transformer", "transformer"]
)
def test_a_network_survives_json_and_text(network: Network) -> None:
    assert network_from_json(json.loads(json.dumps(network_to_json(network)))) == network
    text = network_to_text(network)
    assert network_from_text(text) == network
    assert len(text.splitlines()) >= len(network.flat), "an operation a line"
    assert network_from_text(text.replace('"random"', '"zero"', 1)) != network


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


def refusal(text: str) -> str:
    """Empty for a network."""
    try:
        network_from_text(text)
    except ArgumentError as error:
        return str(error)
    return ""


def test_the_reference_page_has_every_field_of_every_operation() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "network-files.md").read_text()
    rows = dict(re.findall(r"^\| `(.*?)` \| (.*?) \|", page, re.MULTILINE))
    assert rows.keys() == KINDS.keys()
    for op, kind in KINDS.items():
        written = [
            f"`{field.name}`"
            if field.default is MISSING
            else f"[`{field.name}` {1 if field.default == ONE else json.dumps(field.default)}]"
            for field in fields(kind)
            if field.name != "name"
        ]
        assert rows[op] == ", ".join(written)


def layer(**changes: Any) -> dict[str, Any]:
    return {"op": "dense", "name": "a", "source": "input", "weight": "w", "fan_in": 64, "fan_out": WIDE} | changes


def power(**changes: Any) -> list[dict[str, Any]]:
    return [layer(fan_out=WIDE | changes)]


def block(nodes: Any) -> list[dict[str, Any]]:
    return [layer(), {"op": "repeat", "name": "r", "source": "a", "nodes": nodes, "times": 2}]


SIZE = 'expected a size from 1 to 1000000000, or an object such as {"size": 4, "order": "1"} for 4 n, but got '
WHOLE = "expected a whole number from 1 to 1000000000, but got "
NAME = "expected a name of 1 to 100 letters, digits and any of _ . : / * -, but got "
OPS = ", ".join(op for op in KINDS if op != "repeat")
KERNEL = {"op": "convolution", "name": "a", "source": "input", "weight": "w", "channels_in": 3, "channels_out": WIDE}
CASES: dict[str, tuple[object, str]] = {
    "no list": ({}, "$: expected a list of one or more operations, but got {}"),
    "no operations": ([], "$: expected a list of one or more operations, but got []"),
    "no operation": ([[1]], '$[0]: expected an operation such as {"op": "pool", '),
    "no op": ([{}], f"$[0]: expected an op among {OPS}, repeat, but got {{}}"),
    "another op": ([{"op": "denes"}], f'$[0].op: expected an op among {OPS}, repeat, but got "denes"'),
    "an op that is a list": ([{"op": ["dense"]}], 'repeat, but got ["dense"]'),
    "missing fields": (
        [{"op": "dense"}],
        '$[0]: dense needs name, source, weight, fan_in, fan_out, but got {"op": "dense"}',
    ),
    "an unknown field": (
        [{"op": "pool", "name": "a", "source": "input", "size": 2}],
        '$[0]: pool has no "size"; expected name, source',
    ),
    "a name that is a number": ([layer(name=3)], "$[0].name: " + NAME + "3"),
    "an empty name": ([layer(name="")], "$[0].name: " + NAME + '""'),
    "markup": ([layer(name="[/]")], "$[0].name: " + NAME + '"[/]"'),
    "a lone surrogate": ([layer(name="\ud800")], "$[0].name: " + NAME + '"\\ud800"'),
    "a weight with a line break": ([layer(weight="w\n")], "$[0].weight: " + NAME + '"w\\n"'),
    "a source that is a number": ([layer(source=3)], "$[0].source: " + NAME + "3"),
    "a size in words": ([layer(fan_in="n")], "$[0].fan_in: " + SIZE + '"n"'),
    "true": ([layer(fan_in=True)], "$[0].fan_in: " + SIZE + "true"),
    "no units": ([layer(fan_in=0)], "$[0].fan_in: " + SIZE + "0"),
    "too many units": ([layer(fan_in=10**30)], "$[0].fan_in: " + SIZE + "1000000000000000000000000000000"),
    "no size": ([layer(fan_in={"order": "1"})], "$[0].fan_in: " + SIZE + '{"order": "1"}'),
    "more than a size": (power(orders=1), "$[0].fan_out: " + SIZE + '{"size": 1, "order": "1", "orders": 1}'),
    "a size that is true": (
        power(size=True),
        '$[0].fan_out.size: expected a number from 1/1000000000 to 1000000000, such as 1 or "1/2", but got true',
    ),
    "a huge order": (
        power(order="1e999"),
        '$[0].fan_out.order: expected a number from 0 to 100, such as 1 or "1/2", but got "1e999"',
    ),
    "a negative order": (power(order="-1"), "$[0].fan_out.order: expected a number from 0 to 100"),
    "powers in a list": (power(others=[1]), '$[0].fan_out.others: expected an object such as {"depth": "1"}, but got'),
    "a power in words": (power(others={"depth": "m"}), "$[0].fan_out.others.depth: expected a number from -100 to 100"),
    "the width again": (power(others={"width": 1}), "$[0].fan_out.others: expected scale variables such as depth"),
    "the batch": (power(others={"batch:noise": 1}), 'other than the width, but got "batch:noise"'),
    "another start": ([layer(start="never")], '$[0].start: expected one of random, zero, one, but got "never"'),
    "another activation": (
        [layer(), {"op": "elementwise", "name": "b", "source": "a", "activation": "softmax"}],
        f'$[1].activation: expected one of {", ".join(FUNCTIONS)}, but got "softmax"',
    ),
    "an infinite power": (
        [layer(), {"op": "power", "name": "b", "source": "a", "exponent": "1e999"}],
        '$[1].exponent: expected a number from -100 to 100, such as 1 or "1/2", but got "1e999"',
    ),
    "no power": (
        [layer(), {"op": "power", "name": "b", "source": "a", "exponent": 0}],
        "b: expected an exponent other than 0",
    ),
    "a factor of zero": (
        [layer(), {"op": "factor", "name": "b", "source": "a", "order": -1, "size": 0}],
        "$[1].size: expected a number other than 0, such as 0.125, but got 0",
    ),
    "a factor in words": (
        [layer(), {"op": "factor", "name": "b", "source": "a", "order": -1, "size": "1/8"}],
        '$[1].size: expected a number other than 0, such as 0.125, but got "1/8"',
    ),
    "an infinite factor": (
        [layer(), {"op": "factor", "name": "b", "source": "a", "order": -1, "size": float("inf")}],
        "$[1].size: expected a number other than 0, such as 0.125, but got Infinity",
    ),
    "a negative kernel": (
        [KERNEL | {"kernel": -9}],
        "$[0].kernel: " + WHOLE + "-9",
    ),
    "a kernel in a list": (
        [KERNEL | {"kernel": [3]}],
        "$[0].kernel: " + WHOLE + "[3]",
    ),
    "an empty sum": (
        [layer(), {"op": "sum", "name": "s", "sources": []}],
        "$[1].sources: expected a list of one or more names, but got []",
    ),
    "sources in a word": ([layer(), {"op": "sum", "name": "s", "sources": "aa"}], 'names, but got "aa"'),
    "a block in a word": (block("abc"), '$[1].nodes: expected a list of one or more operations, but got "abc"'),
    "a block in a block": (
        block(block([layer()])),
        f'$[1].nodes[1].op: expected an op among {OPS}, but got "repeat"',
    ),
    "a mistake in a block": (block([layer(), layer(fan_in=0)]), "$[1].nodes[1].fan_in: " + SIZE + "0"),
    "sizes that do not fit": ([layer(), layer(name="b", weight="v", source="a")], "b takes 64 units, but a gives 1 n"),
}


@pytest.mark.parametrize(("document", "message"), CASES.values(), ids=CASES)
def test_a_mistake_is_named_with_its_path(document: object, message: str) -> None:
    assert message in refusal(json.dumps(document))
    assert "\n" not in refusal(json.dumps(document))


GOOD = json.dumps([layer(), layer(name="out", source="a", weight="v", fan_in=WIDE, fan_out=10)])


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ('"name"', '"name": "b", "name"', '$[0]: expected each key once, but got "name" twice'),
        ('"size"', '"size": 2, "size"', '$[0].fan_out: expected each key once, but got "size" twice'),
        ("64", "9" * 5000, "$[0].fan_in: " + SIZE + '"' + "9" * 56 + "..."),
        ("64", "NaN", "$[0].fan_in: " + SIZE + "NaN"),
        ("[", "[" * 100_000, "it is nested too deeply"),
        ("[", "[" * 400, "it is not JSON: Expecting ',' delimiter"),
        ("[", "", "it is not JSON: Extra data"),
    ],
    ids=["name twice", "size twice", "5000 digits", "NaN", "deep", "open", "not open"],
)
def test_what_json_may_hold_and_networks_may_not(written: str, instead: str, message: str) -> None:
    assert network_from_text(GOOD).depth == 2
    assert refusal(GOOD.replace(written, instead, 1)).startswith(f"network: {message}")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["dense", "input", "a", "1/2"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["op", "name", "size", "order", "nodes"]) | st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["op", "name", "source", "weight", "fan_in", "fan_out", "start"]))
def test_any_value_anywhere_is_read_or_refused(value: object, field: str) -> None:
    for document in (value, [value], [layer(**{field: value})], block(value), block([value])):
        assert "\n" not in refusal(json.dumps(document)), "and nothing but an ArgumentError is raised"
