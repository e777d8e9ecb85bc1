"""`derive` by the command line: text, JSON and documents."""

from __future__ import annotations

import json

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
    assert len(good.splitlines()) < 20
    assert main(["check", "--preset", "standard", "--depth", "300"]) == 1
    bad = capsys.readouterr()
    assert "and 288 more reasons: --format json has them all" in bad.out
    assert len(bad.out.splitlines()) < 80
    assert "no repair is looked for" in bad.err
    main(["check", "--preset", "standard", "--depth", "300", "--format", "json"])
    assert len(json.loads(capsys.readouterr().out)["reasons"]) == 300
