"""The command on a model of the user's own: check MODULE:NAME, which is check-model."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from scalings.command_line.app import main
from tests.scalings.command_line.running import run, run_json

MODULE = """
import torch
from torch import nn

print("imported")
data = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))

def build(width):
    model = nn.Sequential(nn.Linear(6, width, bias=False), nn.Tanh(), nn.Linear(width, 3, bias=False))
    nn.init.normal_(model[0].weight, std=0.4)
    nn.init.normal_(model[2].weight, std=1 / width)
    return model

def optimizer(model):
    up, down = model.parameters()
    return torch.optim.Adam([{"params": up, "lr": 0.01}, {"params": down, "lr": 0.2 / down.shape[1]}])

def one_rate(model):
    return torch.optim.Adam(model.parameters())

def loss(output):
    return (output - 1).square().mean()

class right:
    build, optimizer, data, loss = staticmethod(build), staticmethod(optimizer), data, staticmethod(loss)

def wrong():
    return {"build": build, "optimizer": one_rate, "data": data}

lazy = {"build": build, "optimizer": optimizer, "data": data, "regime": "lazy"}
few = {"build": build, "optimizer": optimizer, "data": data, "widths": [64, 128, 256], "steps": 1, "seeds": 1}
many = {"build": build, "optimizer": optimizer, "data": data, "seeds": 10**9}
huge = {"build": build, "optimizer": optimizer, "data": data, "widths": [64, 128, 10**12]}
halves = {"build": build, "optimizer": optimizer, "data": data, "widths": [64.5, 128, 256]}
no_data = {"build": build, "optimizer": optimizer}
misspelled = {"build": build, "optimizer": optimizer, "data": data, "seed": 3}
no_optimizer = {"build": build, "optimizer": lambda model: model, "data": data}

def leaves():
    raise SystemExit(0)
"""


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "own_check.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("own_check", None)


def test_a_model_that_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    """In short, and by its name; what the user's code prints is no part of the answer, nor is progress."""
    code, out, err = run(capsys, "check", "own_check", "--quick")
    assert (code, out.partition(":")[0]) == (0, "PASS")
    assert "imported" in err
    assert "100% width 256" in err


@pytest.mark.slow
def test_a_model_that_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run_json(capsys, "check-model", "own_check:wrong", "--quick")
    assert (code, document["verdict"]) == (1, "FAIL")
    assert [(one["parameter"], one["what"], one["power"]) for one in document["findings"]] == [("2.weight", "lr", "1")]


def test_markdown_junit_and_a_page(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ("check", "own_check:wrong", "--quick", "--format", "markdown", "--junit", "found.xml")
    code, out, _ = run(capsys, *arguments, "--page", "found.html")
    lines = out.splitlines()
    assert code == 1
    assert lines[0] == "### `own_check:wrong` FAIL"
    assert "| `2.weight` | 3 x n | output | n^(-1) | n^0 → **n^(-1)** | 0 | adam |" in lines
    suite = ElementTree.fromstring((tmp_path / "found.xml").read_text()).find("testsuite")
    assert suite is not None
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "1",
        "failures": "1",
        "errors": "0",
        "skipped": "0",
    }
    properties = {one.get("name"): one.get("value") for one in suite.iter("property")}
    assert properties["2.weight lr"] == "0"
    assert str(properties["|dW|_F 2 step 1"]).startswith("derived 1/2, measured +0.5")
    (case,) = suite.findall("testcase")
    (failure,) = case.findall("failure")
    assert case.get("name") == "own_check:wrong"
    assert str(failure.get("message")).startswith("the learning rate of 2.weight is the same at every width n, and")
    assert "In theory it is unstable" in str(failure.text)
    assert lines[-1] == "```"
    page = (tmp_path / "found.html").read_text()
    assert "<title>FAIL: own_check:wrong</title>" in page
    assert "the learning rate of 2.weight is the same at every width n, and should fall like 1/n" in page
    code, _, err = run(capsys, *arguments)
    assert (code, err) == (2, "scalings: --junit: 'found.xml' exists; give another name, or --overwrite\n")


def test_what_is_inconclusive_is_skipped(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = run(capsys, "check", "own_check:few", "--junit", "found.xml")
    assert (code, out.partition(":")[0]) == (3, "INCONCLUSIVE")
    assert "training takes about" in err
    suite = ElementTree.fromstring((tmp_path / "found.xml").read_text()).find("testsuite")
    assert suite is not None
    assert suite.get("skipped") == "1"
    assert "at least 8 widths" in str(suite.findall("testcase/skipped")[0].get("message"))


@pytest.mark.slow
def test_a_repair_is_verified_where_that_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "check", "own_check:wrong", "--quick")
    assert "Repaired so" not in out
    code, out, _ = run(capsys, "check", "own_check:wrong", "--quick", "--verify")
    assert (code, "Repaired so: PASS, it is rich, r = 1/2; " in out) == (1, True), out


@pytest.mark.slow
def test_a_regime_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """By the model, or by the option, which wins."""
    code, out, _ = run(capsys, "check", "own_check:lazy", "--quick")
    assert code == 1
    assert out.startswith(
        "FAIL: it is rich, but lazy was asked for: the learning rate of 0.weight is the same at every"
    )
    assert 'group("0.weight", lr=0.01 * (n / 64) ** -0.5' in out, out
    assert main(["check", "own_check:lazy", "--quick", "--regime", "rich"]) == 0
    assert main(["check", "own_check:lazy", "--quick", "--richness", "1/2"]) == 0
    code, out, _ = run(capsys, "check", "own_check:right", "--quick", "--richness", "1/4")
    assert (code, "r = 1/4 was asked for" in out) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("own_check:nothing", "MODEL: expected a name in own_check, but there is no 'nothing'"),
        (
            "own_check:build",
            "MODEL: own_check:build fails, which is to be called without arguments: TypeError: build()",
        ),
        ("own_check:leaves", "MODEL: own_check:leaves fails, which is to be called without arguments: SystemExit: 0"),
        ("own_check:no_data", "MODEL: expected build, optimizer, data in own_check:no_data, but there is no data"),
        ("own_check:misspelled", "MODEL: did you mean seeds? expected one of build, optimizer, data, loss, widths,"),
        ("own_check:no_optimizer", "MODEL: optimizer: expected a torch optimizer, a list of them, or a pair with a"),
        ("nowhere_to_be_found", "MODEL: nowhere_to_be_found cannot be imported: ModuleNotFoundError: No module"),
        ("standard", "MODEL: did you mean --preset standard? standard cannot be imported"),
        ("family:1/2", "MODEL: did you mean --preset family:1/2? expected MODULE:NAME, as in mymodule:build"),
        (
            "./own_check.py",
            "MODEL: did you mean own_check? expected a module, or MODULE:NAME, but got './own_check.py'",
        ),
        (
            "rooms/own.py:right",
            "MODEL: did you mean rooms.own:right? expected MODULE:NAME, as in mymodule:build, but got",
        ),
        ("own-check", "MODEL: expected a module, or MODULE:NAME, but got 'own-check'"),
        ("own_check --seeds 0", "--seeds: expected at least 1, but got 0"),
        ("own_check --widths 8", "--widths: expected at least 3 widths"),
        ("own_check --clip 0", "--clip: expected a number above 0, but got 0.0"),
        ("own_check:many", "--seeds: expected at most 10000"),
        ("own_check:huge", "--widths: expected widths up to 1000000000"),
        ("own_check:halves", "--widths: expected whole numbers, but got [64.5, 128, 256]"),
        ("own_check --device tpu", "--device: expected one of auto, cpu, cuda, but got 'tpu'"),
        pytest.param(
            *("own_check --device cuda", "--device: expected cpu or auto, since torch finds no CUDA device"),
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there"),
        ),
        ("own_check --regime rihc", 'Invalid value "rihc" for --regime'),
        ("own_check:right --richness much", "richness: expected a fraction"),
        ("own_check:right --richness 1/4 --regime rich", "richness: expected none beside the regime 'rich'"),
        ("own_check --junit found.txt", "--junit: expected a file that ends in .xml, but got 'found.txt'"),
        ("own_check --page found.xml", "--page: expected a file that ends in .html, but got 'found.xml'"),
        ("own_check --page nowhere/found.html", "--page: expected a file in an existing folder, but there is no 'now"),
    ],
)
def test_what_cannot_be_used_is_one_line(capsys: pytest.CaptureFixture[str], arguments: str, said: str) -> None:
    code, out, err = run(capsys, "check", *arguments.split())
    *_, last = err.splitlines()
    assert (code, out) == (2, "")
    assert said in last
