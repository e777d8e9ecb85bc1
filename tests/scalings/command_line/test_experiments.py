"""The commands of the inverse experiments: contract, exit codes, figures, and one line for every wrong argument."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scalings.command_line.app import main

TINY = ("--widths", "16,24,32", "--batch", "8", "--seeds", "2")


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main([*arguments, "--format", "json"])
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    return code, document


def test_law(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    figure = tmp_path / "law.png"
    options = ("--options", "weight_decay=0.25,momentum=0.5", "--steps", "1", "--points", "40")
    code, document = run_json(capsys, "law", "sgd", *options, "--expect", "sgd", "--output", str(figure))
    assert (code, document["verdict"]) == (0, "PASS")
    assert document["weight_decay"] == pytest.approx(0.25)
    exact = {power: one["exact"] for power, one in document["regime"]["powers"].items()}
    assert exact == {"lr": "1", "gradient": "1", "fan_in": "0", "fan_out": "0", "larger_fan": "0", "weight": "0"}
    assert "sgd" in document["regime"]["law_of"]
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_law_as_text_and_an_expectation_that_is_not_met(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["law", "sgd", "--steps", "1", "--points", "40", "--expect", "sign"]) == 1
    out = capsys.readouterr().out
    assert "verdict: FAIL, it is not the law of sign: |G|_F has the power 1, not 0" in out


@pytest.mark.parametrize(
    ("name", "options", "written"),
    [
        ("sgd", "momentum=0.5", "law:1,0,0,0,0"),
        ("adamw", "weight_decay=0.1", "law:0,1,1,0,0+coupled"),
        ("adam", "eps=1e-2", None),
    ],
)
def test_a_law_is_written_as_derive_takes_it(
    capsys: pytest.CaptureFixture[str], name: str, options: str, written: str | None
) -> None:
    """At gradients of the size of its eps Adam's law bends, and there is nothing to derive with."""
    asked = ("law", name, "--options", options, "--steps", "1", "--points", "40")
    assert run_json(capsys, *asked)[1]["law"] == written
    main(asked)
    out = capsys.readouterr().out
    assert (f"scalings derive --optimizer {written}\n" in out) == (written is not None)
    assert written or "derive" not in out
    if written:
        assert run_json(capsys, "derive", "--optimizer", written)[1]["degrees_of_freedom"] == 1


def test_transfer(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    figure = tmp_path / "transfer.png"
    code, document = run_json(capsys, "transfer", "--preset", "mup", *TINY, "--steps", "2", "--output", str(figure))
    assert (code, document["verdict"], document["derived"]) == (3, "INCONCLUSIVE", "0")
    assert "at least 8 widths" in document["reason"]
    assert [rate["rate"] for rate in document["rates"]] == ["best", "largest stable"]
    assert set(document["curves"]) == {"16", "24", "32"}
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_transfer_on_the_edge(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transfer", "--preset", "mup", *TINY, "--steps", "2", "--grid", "-12,-7"]) == 3
    assert "lies on the high edge of the grid at width 16: give a --grid that goes higher" in capsys.readouterr().out


def test_calibrate(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    figure = tmp_path / "calibrate.png"
    code, document = run_json(capsys, "calibrate", "--depth", "2", *TINY, "--output", str(figure))
    assert (code, document["verdict"], document["richness"]) == (3, "INCONCLUSIVE", "1/2")
    assert [(one["layer"], one["hyperparameter"], one["predicted"]) for one in document["hyperparameters"]] == [
        ("layer1", "init", "0"),
        ("layer2", "init", "-1"),
        ("layer1", "lr", "1"),
        ("layer2", "lr", "-1"),
    ]
    assert document["conditions"][0] == {
        "criterion": "signal propagation",
        "layer": "layer1",
        "step": 0,
        "constant": 1.0,
    }
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_freedom(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    figure = tmp_path / "freedom.png"
    _, document = run_json(capsys, "freedom", "--depth", "2", *TINY, "--output", str(figure))
    assert len(document["singular_values"]) == 4
    assert {tuple(one["predicted"]) for one in document["entries"]} >= {("1", "1"), ("0", "1"), ("2", "2")}
    assert document["gauges"] < 0.05
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("command", ["law", "transfer", "calibrate", "freedom"])
def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"Example: scalings {command}" in out
    options = [line for line in out.splitlines() if "--" in line and "│" in line]
    assert options
    assert all(len(line.split(maxsplit=3)) == 4 for line in options), "an option without a word on what it does"


def test_law_says_that_it_runs_the_users_code(capsys: pytest.CaptureFixture[str]) -> None:
    main(["law", "--help"])
    assert "trust" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("law nope", "OPTIMIZER: expected one of adadelta, "),
        ("law json:nothing", "OPTIMIZER: 'json' has no function 'nothing'"),
        ("law no_such_module_at_all:f", "OPTIMIZER: 'no_such_module_at_all' cannot be imported: ModuleNotFound"),
        ("law lbfgs", "OPTIMIZER: LBFGS cannot be stepped: TypeError"),
        ("law adam --options eps", "--options: expected name=number or name=true, but got 'eps'"),
        ("law adam --options foo=1", "OPTIMIZER: it cannot be made: TypeError"),
        ("law adam --expect ada", "expected one of sgd, momentum"),
        ("law adam --points 3", "--points: expected at least 40, but got 3"),
        ("law sdg", "OPTIMIZER: did you mean sgd? expected one of adadelta, "),
        ("law adam --points 100000000", "--points: expected at most 10000, since every probe takes --steps, up to 16"),
        ("law adam --steps 100000000", "--steps: expected at most 1000, since every probe takes --steps, up to 16"),
        ("law adam --steps 2.5", "--steps: expected a whole number, but got '2.5'"),
        ("law adam --output=", "--output: expected the name of a file, but got ''"),
        ("law adam --steps 0", "--steps: expected at least 1, but got 0"),
        ("law adam --gradient 0", "--gradient: expected a number above 0, but got 0"),
        ("law adam --output law.txt", "--output: expected a file that ends in"),
        ("transfer --preset mup --grid a,b", "--grid: expected two powers of 2, as in -10,6, but got 'a,b'"),
        ("transfer --preset mup --grid nan,6", "--grid: expected two powers of 2, as in -10,6, but got 'nan,6'"),
        ("transfer --preset mup --grid 1", "--grid: expected two powers of 2, as in -10,6, but got '1'"),
        (
            "transfer --preset mup --grid 1,2",
            "--grid: expected a grid of at least 4 octaves, within 100 of 0, but got 1 to 2",
        ),
        ("transfer --preset mup --widths 64,32", "--widths: expected at least 3 widths"),
        (
            "transfer --preset mup --optimizer lion+independent --lr 0,0,0 --decay 0,0,0",
            "expected one without decay, but got 'lion+independent'",
        ),
        ("calibrate --richness 1", "--richness: expected 0 <= r <= 1/2, but got 1"),
        ("calibrate --richness x", "--richness: expected a fraction"),
        ("calibrate --optimizer adamw", "expected one without decay, but got 'adamw'"),
        ("calibrate --seeds 0", "--seeds: expected at least 1, but got 0"),
        ("freedom --seeds 1", "--seeds: expected at least 2, whose spread is the error, but got 1"),
        ("freedom --data cifar", "--data: expected one of digits, mnist, but got 'cifar'"),
    ],
)
def test_bad_input(capsys: pytest.CaptureFixture[str], arguments: str, expected: str) -> None:
    code = main(arguments.split())
    captured = capsys.readouterr()
    assert code == 2
    assert expected in captured.err
    assert captured.out == ""
    assert captured.err.count("\n") == 1


def test_transfer_in_the_depth_speaks_of_the_depth(capsys: pytest.CaptureFixture[str]) -> None:
    few = ("--widths", "2,3,4", "--seeds", "1", "--batch", "4", "--steps", "1", "--grid=-2,2")
    model = ("--network", "resmlp", "--scale", "depth", "--init", "0,0,0", "--lr", "0,-1,0", "--scales", "0")
    main(["transfer", *model, *few])
    out = capsys.readouterr().out
    assert out.startswith("In theory custom is unstable: ")
    assert "Does the learning rate transfer?" in out
    assert "m = 2" in out
    assert "n = " not in out
    assert run_json(capsys, "transfer", *model, *few)[1]["scale"] == "depth"
