"""The command `trace`, which runs a module of the user's own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scalings.command_line.app import main
from scalings.tapes.network import TracedNetwork

MODULE = """
import torch

print("imported")
data = torch.ones(4, 6)
other = (torch.zeros(4, 6),)

class inner:
    widths = {n: lambda n=n: build(n) for n in (8, 16, 32)}

def build(width):
    print("built")
    return torch.nn.Sequential(torch.nn.Linear(6, width), torch.nn.Tanh(), torch.nn.Linear(width, 1))

def loss(output):
    return output.sum()

def leaves(width):
    raise SystemExit(0)
"""


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "own_model.py").write_text(MODULE)
    (tmp_path / "own_broken.py").write_text("import nowhere_to_be_found")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    yield
    assert sys.path == before
    for name in ("own_model", "own_broken"):
        sys.modules.pop(name, None)


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "own_model:build"]) == 0
    printed = capsys.readouterr()
    rows = [line.rstrip() for line in printed.out.splitlines()]
    assert rows[:2] == ["parameter  shape  role    read by", "0.weight   n x 6  input   linear"]
    assert "imported" in printed.err  # what the user's code prints is no part of the answer


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["own_model:inner.widths", "--data", "other", "--loss", "own_model:loss", "--format", "json"]
    assert main(["trace", *arguments]) == 0
    text = capsys.readouterr().out
    network = TracedNetwork.from_json(text)
    assert network.widths == (8, 16, 32)
    assert network.functions == ("linear", "sum", "tanh")
    assert json.loads(text)["schema_version"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["own_model"], "scalings: BUILD: expected MODULE:NAME, as in mymodule:build, but got 'own_model:'"),
        (["own model:build"], "scalings: BUILD: expected MODULE:NAME, as in mymodule:build"),
        (["..:build"], "scalings: BUILD: expected MODULE:NAME, as in mymodule:build"),
        (["own_model:__import__('os')"], "scalings: BUILD: expected MODULE:NAME"),
        (
            ["nowhere:build"],
            "scalings: BUILD: nowhere cannot be imported: ModuleNotFoundError: No module named 'nowhere'",
        ),
        (["own_broken:build"], "scalings: BUILD: own_broken cannot be imported: ModuleNotFoundError"),
        (["own_model:nothing"], "scalings: BUILD: expected a name in own_model, but there is no 'nothing'"),
        (["own_model:leaves"], "scalings: BUILD: it fails at width 64: SystemExit: 0"),
        (["own_model:data"], "scalings: BUILD: expected a function of the width, or a dict of widths, but got build="),
        (["own_model:build", "--data", "nothing"], "scalings: --data: expected a name in own_model, but there is no"),
        (["own_model:build", "--data", "build"], "scalings: --data: expected a tensor, a tuple, a dict"),
        (["own_model:build", "--loss", "data"], "scalings: --loss: expected a function of the module's output"),
        (["own_model:build", "--widths", "8,16"], "scalings: --widths: expected three or more whole numbers"),
        (["own_model:build", "--widths", "8,16,x"], "scalings: --widths: expected whole numbers, but got 'x'"),
    ],
)
def test_what_it_cannot_use(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert main(["trace", *arguments]) == 2
    printed = capsys.readouterr()
    assert not printed.out
    assert said in printed.err
    assert printed.err.splitlines()[-1].startswith("scalings: ")


def test_the_help_says_that_it_runs_the_users_code(capsys: pytest.CaptureFixture[str]) -> None:
    main(["trace", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "imports your module from the current folder and runs its code" in text
