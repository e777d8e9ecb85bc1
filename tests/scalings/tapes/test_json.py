"""Traced networks are written to JSON and read back; anything else is refused in one line."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalings.errors import ArgumentError
from scalings.networks.dimensions import Dimension
from scalings.tapes.alignment import align
from scalings.tapes.arguments import Power, Reading, Ref, Span
from scalings.tapes.network import TracedNetwork
from scalings.tapes.tape import Operation, Value
from tests.scalings.tapes.tapes import chain

NETWORK = align([chain(width, 6, scale=width**-0.5) for width in (64, 128, 256)])
DOCUMENT = json.loads(NETWORK.to_json())


def with_every_argument() -> TracedNetwork:
    tape, number = NETWORK.tape, len(NETWORK.tape.values)
    arguments = (
        *(True, None, 3, -1.5, math.inf, -math.inf, "torch.float32", "...", ()),
        *(Ref(0), Reading(0, 2.5), Reading(1, 7), Power(1.5, Fraction(-1, 2)), Span(None, Power(1.0, Fraction(1)), 2)),
        ((1, (Ref(1),)), "é\x1b"),
    )
    extra = Operation(
        "all", "path", arguments, (("dim", -1), ("out", Ref(1))), (number,), ((1, number + 1),), (1.5, True)
    )
    value = Value((Dimension(Fraction(1, 3), Fraction(1, 2)), Dimension(0)), "boolean", "operation", "", False)
    tape = replace(tape, values=(*tape.values, value, value), operations=(*tape.operations, extra))
    return replace(NETWORK, tape=tape, unreached=("some.weight",))


def test_round_trip() -> None:
    for network in (NETWORK, with_every_argument()):
        assert TracedNetwork.from_json(network.to_json()) == network
        assert TracedNetwork.from_json(json.dumps(json.loads(network.to_json()))) == network


def test_files_that_do_not_say_how_parameters_start() -> None:
    """As those of version 0.1: all are random."""
    document = copy.deepcopy(DOCUMENT)
    for parameter in document["parameters"]:
        assert parameter.pop("start") == "random"
    assert TracedNetwork.from_json(json.dumps(document)) == NETWORK
    document["parameters"][0]["start"] = "zero"
    assert TracedNetwork.from_json(json.dumps(document)).tape.parameters[0].start == "zero"
    document["parameters"][0]["start"] = "two"
    with pytest.raises(ArgumentError, match=r"\$\.parameters\[0\]\.start: expected one of random, zero, one"):
        TracedNetwork.from_json(json.dumps(document))


def put(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    """A change that puts the value at the path; None takes the key away."""

    def change(document: dict[str, Any]) -> None:
        part: Any = document
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = value

    return change


OPERATION = ("operations", 0)
WRONG: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (put("schema_version", value=2), "expected a traced network of schema version 1"),
    (put("mine", value=1), "$: a traced network has no 'mine'"),
    (put("widths", value=[]), "$.widths: expected widths that increase, but got []"),
    (put("widths", value=[64, 64]), "$.widths: expected widths that increase"),
    (put("widths", value=[0]), "$.widths[0]: expected a whole number from 1 to 1000000000, but got 0"),
    (put("loss", value=10**6), "$.loss: expected a whole number from 0 to"),
    (put("loss", value=True), "$.loss: expected a whole number from 0 to"),
    (put("values", 0, "kind", value="real "), "$.values[0].kind: expected one of real, integer, boolean, complex"),
    (put("values", 0, "origin", value="operation"), "$.operations[0]: it reads value 0, which nothing made yet"),
    (put("values", 0, "shape", value=[-1]), "$.values[0].shape[0]: expected a size"),
    (put("values", 0, "name", value="x" * 1001), "$.values[0].name: expected a string of at most 1000 characters"),
    (put(*OPERATION, "outputs", value=[0]), "$.operations[1]: it reads value 2, which nothing made yet"),
    (put("operations", -1, "outputs", value=[]), ": nothing makes it"),
    (put("operations", -1, "outputs", value=[3]), "it makes value 3, which is there already"),
    (put(*OPERATION, "overwritten", value=[[0]]), "$.operations[0].overwritten[0]: expected a list of two"),
    (
        put(*OPERATION, "arguments", 0, value={"value": -1}),
        "$.operations[0].arguments[0].value: expected a whole number",
    ),
    (put(*OPERATION, "arguments", 0, value={"eval": "1"}), 'expected an object such as {"value": 3}'),
    (put(*OPERATION, "arguments", 0, value={"factor": "1", "order": "1"}), "factor: expected a finite number"),
    (
        put(*OPERATION, "arguments", 0, value={"factor": 1, "order": "1e9999"}),
        "order: expected a number from -100 to 100",
    ),
    (put(*OPERATION, "arguments", 0, value={"slice": [1, 2]}), 'expected an object such as {"value": 3}'),
    (put(*OPERATION, "arguments", 0, value=math.inf), "$.operations[0].arguments[0]: expected a finite number"),
    (put(*OPERATION, "arguments", 0, value=[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]), "it is nested too deeply"),
    (put("repeats", 0, "copies", value=["1", "1"]), "$.repeats[0].copies: expected two or more different names"),
    (put("repeats", 0, "stop", value=1), "$.repeats[0].stop: expected a number above 2"),
    (put("lists", 0, "classes", value=[]), "$.lists[0].classes: expected 6 classes"),
    (put("parameters", 0, "trainable", value=1), "$.parameters[0].trainable: expected true or false"),
    (put("parameters", 0, "names", value=[]), "$.parameters[0].names: expected a list of one or more names"),
]


@pytest.mark.parametrize(("change", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_is_wrong_is_said_with_its_path(change: Callable[[dict[str, Any]], None], said: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    change(document)
    with pytest.raises(ArgumentError) as error:
        TracedNetwork.from_json(json.dumps(document))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def paths(part: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [path, *(one for key, inner in pairs for one in paths(inner, (*path, key)))]


JUNK = st.none() | st.booleans() | st.integers(-2, 3) | st.floats() | st.text(max_size=3) | st.just([]) | st.just({})


@given(st.sampled_from(paths(DOCUMENT)[1:]), JUNK)
def test_any_value_anywhere_is_read_or_refused(path: tuple[Any, ...], value: Any) -> None:
    document = copy.deepcopy(DOCUMENT)
    put(*path, value=value)(document)
    try:
        network = TracedNetwork.from_json(json.dumps(document))
    except ArgumentError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either answer is right
    else:
        assert str(network)


@pytest.mark.parametrize("text", ["", "[]", "3", "{", '{"a": 1, "a": 2}', "[" * 100_000, "__import__('os')"])
def test_other_texts(text: str) -> None:
    with pytest.raises(ArgumentError):
        TracedNetwork.from_json(text)


def test_names_of_a_file_are_escaped_when_they_are_printed() -> None:
    document = copy.deepcopy(DOCUMENT)
    for part in document["parameters"]:
        part["names"] = ["\x1b[2J\u202e"]
    document["unreached"] = ["\x07"]
    text = str(TracedNetwork.from_json(json.dumps(document)))
    assert r"\x1b[2J\u202e" in text
    assert r"\x07" in text
    assert all(character.isprintable() or character == "\n" for character in text)
