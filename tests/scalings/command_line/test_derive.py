"""`derive` by the command line: text, JSON and documents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scalings.command_line.app import main
from tests.scalings.command_line.running import run, run_json


def test_derive(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run_json(capsys, "derive", "--depth", "3")
    assert code == 0
    assert (document["degrees_of_freedom"], document["parameter"], document["range"]) == (1, "r", ["0", "1/2"])
    assert document["layers"][1] == {
        "name": "layer2",
        "role": "hidden",
        "multiplier": "0",
        "init": "-1/2",
        "lr": "2*r - 1",
    }
    assert document["gauge"] == "unit-multiplier"
    assert document["assumptions"]
    assert document["steps"][0]["criterion"] == "signal propagation"


@pytest.mark.parametrize("depth", [2, 5, 12])
def test_derive_as_text(capsys: pytest.CaptureFixture[str], depth: int) -> None:
    code, out, _ = run(capsys, "derive", "--depth", str(depth))
    assert code == 0
    assert "1 degree of freedom is left" in out
    assert "0 <= r <= 1/2" in out
    assert f"layer{depth}  " in out


def test_derive_without_a_criterion(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run_json(capsys, "derive", "--without", "maximality")
    assert code == 0
    assert document["parameter"] is document["range"] is None
    assert document["degrees_of_freedom"] == 3
    assert document["pieces"]


@pytest.mark.parametrize(("form", "expected"), [("latex", r"\eta_{2} &\sim n^{2r-1}"), ("markdown", "| n^(2r-1) |")])
def test_derive_for_a_document(capsys: pytest.CaptureFixture[str], form: str, expected: str) -> None:
    code, out, _ = run(capsys, "derive", "--format", form)
    assert code == 0
    assert expected in out


def test_many_layers_that_say_the_same_are_one_row(capsys: pytest.CaptureFixture[str]) -> None:
    """A table of hundreds of layers stays readable; reasons beyond a dozen are counted, and JSON has them all."""
    assert main(["check", "--preset", "mup", "--depth", "300"]) == 0
    good = capsys.readouterr().out
    assert "layer2 to layer299" in good
    assert len(good.partition("\nNot covered")[0].splitlines()) < 20
    assert main(["check", "--preset", "standard", "--depth", "300"]) == 1
    bad = capsys.readouterr()
    assert "and 288 more reasons: --format json has them all" in bad.out
    assert len(bad.out.splitlines()) < 80
    assert "no repair is looked for" in bad.err
    main(["check", "--preset", "standard", "--depth", "300", "--format", "json"])
    assert len(json.loads(capsys.readouterr().out)["reasons"]) == 300


@pytest.mark.slow
@pytest.mark.parametrize("tied", [[], ["--tied"]])
def test_a_transformer_has_its_table_and_its_member(tied: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """It leaves no freedom, and had neither; the control is a richness that it has not."""
    chosen = ("--network", "transformer", *tied)
    code, text, _ = run(capsys, "derive", *chosen, "--gauge", "global-lr")
    assert code == 0
    assert "piece 1, dimension 0, global-lr\nlayer" in text
    assert "l = 1 embedding, 2 query" in text
    _, document = run_json(capsys, "derive", *chosen, "--gauge", "unit-init")
    [piece] = document["pieces"]
    assert (piece["richness"], piece["range"]) == ("1/2", ["1/2", "1/2"])
    assert document["layers"] == piece["layers"]
    assert {layer["init"] for layer in piece["layers"]} == {"0"}, "in the wished gauge"
    assert document["unknowns"]["kappa_1"] == {"exponent": "multiplier", "name": "scores"}
    for command in ("check", "predict"):
        code, document = run_json(capsys, command, *chosen, "--preset", "family:1/2")
        assert (code, document["choice"]) == (0, None)
    code, _, error = run(capsys, "check", *chosen, "--preset", "family:1/4")
    assert code == 2
    assert "expected family:R with a fraction R = 1/2, but got 'family:1/4'" in error


def test_a_choice_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A multiplier in front of a weight is a freedom beside the richness: `family:R` says which point it took."""
    fixed, wide = {"size": 64, "order": "0"}, {"size": 1, "order": "1"}
    operations = [
        {"op": "dense", "name": "in", "source": "input", "weight": "w1", "fan_in": fixed, "fan_out": wide},
        {"op": "elementwise", "name": "relu", "source": "in", "activation": "relu"},
        {"op": "scale", "name": "scale", "source": "relu"},
        {"op": "dense", "name": "out", "source": "scale", "weight": "w2", "fan_in": wide, "fan_out": fixed},
    ]
    file = tmp_path / "scaled.json"
    file.write_text(json.dumps(operations))
    chosen = ("--network", str(file))
    code, text, _ = run(capsys, "check", *chosen, "--preset", "family:1/2")
    assert code == 0
    assert "family:1/2: r = 1/2 leaves the learning rate of out, the init scale of out, the multiplier of scale" in text
    assert "rich, r = 1/2" in text
    _, document = run_json(capsys, "predict", *chosen, "--preset", "family:1/4")
    assert document["choice"].startswith("r = 1/4 leaves")
    _, derived = run_json(capsys, "derive", *chosen)
    assert derived["degrees_of_freedom"] == 2
    assert derived["pieces"][0]["range"] == ["0", "1/2"]
