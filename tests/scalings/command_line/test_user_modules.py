"""Commands that are given a torch module of the user's own, as MODULE:NAME or as `trace` wrote it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scalings.command_line.running import run, run_json

MODULE = """
import torch
from torch import nn

print("imported")
data = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))

def build(width):
    return nn.Sequential(
        nn.Linear(6, width, bias=False), nn.ReLU(), nn.Linear(width, width, bias=False), nn.ReLU(),
        nn.Linear(width, 3, bias=False),
    )

def logits(output):
    return nn.functional.cross_entropy(output, torch.arange(8) % 3)
"""
BUILD = ("--network", "own_layers:build")
MEASURED = ("measure", *BUILD, "--preset", "family:1/2", "--widths", "24,32,48,64,96,128,192,256", "--steps", "1")


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "own_layers.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    yield
    assert sys.path == before
    sys.modules.pop("own_layers", None)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "muon"])
def test_it_has_the_family_of_the_ready_made_network(capsys: pytest.CaptureFixture[str], optimizer: str) -> None:
    _, own = run_json(capsys, "derive", *BUILD, "--optimizer", optimizer)
    _, ready = run_json(capsys, "derive", "--optimizer", optimizer)
    assert [layer.pop("name") for layer in own["layers"]] == ["0", "2", "4"]
    assert [layer.pop("name") for layer in ready["layers"]] == ["layer1", "layer2", "layer3"]
    assert (own["layers"], own["range"]) == (ready["layers"], ready["range"])


def test_layers_have_the_names_of_the_module(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "check", *BUILD, "--preset", "family:1/4", "--optimizer", "adam")
    assert (code, "imported" in err, "imported" in out) == (0, True, False)
    assert "lazy, r = 1/4" in out
    assert "useful update" in out


def test_what_trace_wrote_is_the_same_network(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _, written, _ = run(capsys, "trace", "own_layers:build", "--format", "json")
    (tmp_path / "net.json").write_text(written)
    assert run(capsys, "derive", "--network", "net.json")[1] == run(capsys, "derive", *BUILD)[1]


def test_training_is_compared_with_theory(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run_json(capsys, *MEASURED)
    assert (code, document["regime"]) == (3, "rich"), "four seeds are too few for a verdict at these widths"
    assert {one["layer"] for one in document["fits"]} >= {"0", "2", "4"}


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd", "muon+adamw"])
def test_training_agrees_with_theory(capsys: pytest.CaptureFixture[str], optimizer: str) -> None:
    """To a quarter, which is what theories differ by, with eight examples at small widths."""
    code, document = run_json(capsys, *MEASURED, "--seeds", "12", "--delta", "0.25", "--optimizer", optimizer)
    assert (code, document["verdict"]) == (0, "PASS"), document["reason"]


def test_its_loss_is_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = (*BUILD, "--module-loss", "logits")
    assert "cross-entropy" in run(capsys, "derive", *arguments)[1]
    code, out, err = run(capsys, "derive", *arguments, "--loss", "mse")
    assert (code, out) == (2, "")
    assert err.endswith("--loss: that of own_layers:build is cross-entropy, but got mse\n")


def test_a_certificate_of_it_is_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "derive", *BUILD, "--certificate", "proof.json")[0] == 0
    assert run(capsys, "certify", "proof.json")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("derive", "--network", "own_layers:nothing"), "--network: expected a name in own_layers"),
        (("derive", "--network", "no_such_module:build"), "--network: no_such_module cannot be imported"),
        (("derive", *BUILD, "--module-data", "nothing"), "--module-data: expected a name in own_layers"),
        (("derive", *BUILD, "--module-loss", "nothing"), "--module-loss: expected a name in own_layers"),
        (("derive", *BUILD, "--depth", "3"), "--depth: expected --network mlp or cnn"),
        (
            ("transfer", *BUILD, "--preset", "family:1/2"),
            "--network: expected a ready-made one or a list of operations",
        ),
        (("measure", "--network", "net.json", "--preset", "family:1/2"), "--network: expected MODULE:NAME"),
        ((*MEASURED, "--device", "cuda"), "--device: expected auto or cpu"),
        ((*MEASURED, "--batch", "4"), "--batch: expected none, since a module brings its own data"),
        ((*MEASURED, "--coordinates"), "--coordinates: expected none, since a module"),
        (("derive", "--module-loss", "logits"), "--module-loss: expected --network MODULE:NAME beside it, but got mlp"),
        ((*MEASURED, "--optimizer", "sgd+clip"), "--optimizer: expected one without clipping"),
    ],
    ids=range(12),
)
def test_what_it_cannot_use_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "net.json").write_text(run(capsys, "trace", "own_layers:build", "--format", "json")[1])
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert said in err.splitlines()[-1]


def test_every_value_is_predicted(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a ready-made network, only what criteria speak of."""
    _, own = run_json(capsys, "predict", *BUILD, "--preset", "family:1/2")
    _, ready = run_json(capsys, "predict", "--preset", "family:1/2")
    layers = [{one["layer"] for one in document["observables"]} for document in (own, ready)]
    assert layers == [{None, "0", "1.relu", "2", "3.relu", "4"}, {None, "layer1", "layer2", "layer3"}]
