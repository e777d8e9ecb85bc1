"""Hostile input, each of which once crashed a command or kept it busy for minutes: one line and exit code 2."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from scalings.command_line.console import NO, UNUSABLE, YES
from tests.scalings.command_line.running import run

SECONDS = 5.0
"""Of CPU, more than any refusal takes; each of these took over 20."""
WIDE = {"size": 1, "order": "1"}
FIRST: dict[str, Any] = {"op": "dense", "name": "a", "source": "input", "weight": "w", "fan_in": 64, "fan_out": WIDE}
LAST: dict[str, Any] = {"op": "dense", "name": "out", "source": "a", "weight": "v", "fan_in": WIDE, "fan_out": 10}
CONVOLUTION = {"op": "convolution", "name": "a", "source": "input", "weight": "w", "channels_in": 1}
POOL = {"op": "pool", "name": "p", "source": "a"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("derive", "--optimizer", "adam" + "+l2" * 30_000), "--optimizer: expected at most 500 characters, but got"),
        (("derive", "--optimizer", "adam+l2+l2"), "--optimizer: adam+l2 decays already"),
        (("derive", "--criterion", "a: " + "~" * 40_000), "--criterion: expected at most 1000 characters, all of them"),
        (
            ("derive", "--criterion", f"a: {' * '.join(['z'] * 200)} ~ 1 at hidden initially"),
            "--criterion: expected at most 12 quantities in a product, but got 'z * z",
        ),
        (("derive", "--criterion", "\udcff: z ~ 1 at hidden initially"), "--criterion: expected at most 1000 charac"),
        (("derive", "--criterion", "a\nb: z ~ 1 at hidden initially"), "--criterion: expected at most 1000 characters"),
        (("derive", *["--criterion", "a: z ~ 1 at hidden initially"] * 101), "--criterion: expected at most 100 of "),
        (("derive", "--depth", "300"), "--depth: expected at most 128 weights to derive for, since the time grows"),
        (("check", "--preset", "family:1/4", "--depth", "500"), "--depth: expected at most 128 weights to derive fam"),
        (("derive", "--depth", "100", "--minimal"), "--depth: expected at most 64 weights with --minimal"),
        (
            ("derive", "--depth", "64", "--certificate", "/tmp/c.json"),
            "--depth: expected at most 32 weights with a --c",
        ),
        (("predict", "--preset", "mup", "--depth", "10000"), "--depth: expected at most 1000 weights times --steps"),
        (("predict", "--preset", "mup", "--steps", "1" + "0" * 20), "--steps: expected a whole number, but got '1000"),
        (("derive", "--alpha", "1e-30000000"), "--alpha: expected a fraction from 0 to 1"),
        (("measure", "--preset", "family:1/4", "--gamma", "1e-30000000"), "--gamma: expected a number above 0"),
        (
            ("measure", "--preset", "family:1/4", "--gamma", "1e999"),
            "--gamma: expected a number within a factor of 10^9",
        ),
        (("derive", "--optimizer", "x" * 100_000), "--optimizer: expected at most 500 characters, but got 100000"),
        (("derive", "--network", "x" * 100_000), "--network: expected one of mlp, cnn"),
        (("derive", "--" + "x" * 100_000), "Unknown option: --xxx"),
        (("x" * 100_000,), "Unknown command"),
    ],
    ids=range(20),
)
def test_what_is_too_much(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str) -> None:
    begin = time.process_time()
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (UNUSABLE, "")
    assert says in err
    assert err.count("\n") == 1
    assert len(err) < 1100
    assert time.process_time() - begin < SECONDS


def network(*nodes: dict[str, Any]) -> str:
    return json.dumps(nodes)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (network(FIRST, LAST).replace("64", "9" * 5000), "$[0].fan_in: expected a size from 1 to 1000000000"),
        (network(FIRST | {"fan_in": True}, LAST), "$[0].fan_in: expected a size from 1 to 1000000000"),
        (network(FIRST | {"fan_in": {"size": True}}, LAST), "$[0].fan_in.size: expected a number"),
        (network(FIRST | {"fan_out": WIDE | {"order": True}}, LAST), "$[0].fan_out.order: expected a number"),
        (network(FIRST | {"fan_out": WIDE | {"order": "1e999"}}, LAST), "$[0].fan_out.order: expected a number"),
        (network(FIRST | {"fan_out": WIDE | {"order": {"a": 1}}}, LAST), "$[0].fan_out.order: expected a number"),
        (network(FIRST | {"fan_in": float("nan")}, LAST), "$[0].fan_in: expected a size"),
        (network(FIRST | {"fan_in": float("inf")}, LAST), "$[0].fan_in: expected a size"),
        (network(FIRST | {"name": 3}, LAST), "$[0].name: expected a name of 1 to 100 letters"),
        (network(FIRST | {"name": {"a": 1}}, LAST), "$[0].name: expected a name of 1 to 100 letters"),
        (network(FIRST | {"name": "\ud800"}, LAST), "$[0].name: expected a name of 1 to 100 letters"),
        (network(FIRST | {"name": "[/]"}, LAST), "$[0].name: expected a name of 1 to 100 letters"),
        (network(FIRST | {"op": {"a": 1}}, LAST), "$[0].op: expected an op among dense"),
        (network(FIRST | {"op": ["dense"]}, LAST), "$[0].op: expected an op among dense"),
        (
            network(FIRST, {"op": "elementwise", "name": "e", "source": "a", "activation": {"a": 1}}, LAST),
            "$[1].activation: expected one of relu",
        ),
        (network(CONVOLUTION | {"channels_out": WIDE, "kernel": -9}, POOL, LAST), "$[0].kernel: expected a whole"),
        (network(CONVOLUTION | {"channels_out": WIDE, "kernel": [3]}, POOL, LAST), "$[0].kernel: expected a whole"),
        (
            network(FIRST, {"op": "mix", "name": "m", "scores": "a", "values": "a"}, LAST | {"source": "m"}),
            "m mixes by a",
        ),
        ('[{"op": "dense", "op": "dense"}]', '$[0]: expected each key once, but got "op" twice'),
        ('[{"op": "dense", "fan_in": {"size": 1, "size": 2}}]', "$[0]: dense needs name, source, weight, fan_out"),
        (network(FIRST, LAST).replace('"order": "1"', '"order": "1", "order": "0"'), "$[0].fan_out: expected each key"),
        ("[" * 100_000, "it is nested too deeply"),
        ("\ufeff[]", "it is not JSON: Unexpected UTF-8 BOM"),
        (network(*[FIRST | {"name": f"a{n}"} for n in range(20_100)]), "expected at most 20001 operations, but got"),
    ],
    ids=range(24),
)
def test_a_network_file_that_is_none(capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "mine.json"
    file.write_text(text)
    code, out, err = run(capsys, "derive", "--network", str(file))
    assert (code, out) == (UNUSABLE, "")
    assert err.startswith(f"scalings: --network: {says}")
    assert err.count("\n") == 1


def test_the_network_that_these_are_mistakes_in(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The control."""
    file = tmp_path / "mine.json"
    for text in (
        network(FIRST, LAST),
        network(CONVOLUTION | {"channels_out": WIDE, "kernel": 9}, POOL, LAST | {"source": "p"}),
    ):
        file.write_text(text)
        assert run(capsys, "derive", "--network", str(file))[0] == YES


def test_weights_that_do_not_decay_beside_others_that_do(capsys: pytest.CaptureFixture[str]) -> None:
    """Biases have no decay."""
    asked = ("check", "--biases", "--optimizer", "adamw", "--preset", "family:1/4")
    assert run(capsys, *asked)[0] == YES
    assert run(capsys, *asked, "--lr", "1,0,0,0,0,0")[0] == NO


@pytest.mark.parametrize("lr", ["1,0,0,0,0", "0,0,0,0,0,0,0"])
def test_lists_that_replace_a_part_of_a_preset_still_have_a_length(capsys: pytest.CaptureFixture[str], lr: str) -> None:
    code, _, err = run(capsys, "check", "--biases", "--optimizer", "adamw", "--preset", "family:1/4", "--lr", lr)
    assert code == UNUSABLE
    assert re.match("scalings: --lr: ([68]) layers need \\1 exponents, but got [57] ", err)
