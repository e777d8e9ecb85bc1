"""`check` and `predict` by the command line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scalings.criteria.observables import SYMBOLS
from scalings.reports.tables import glossary
from tests.scalings.command_line.running import run, run_json


@pytest.mark.parametrize(
    ("arguments", "code", "regime", "richness"),
    [
        (["--init", "0,-1/2,-1", "--lr", "1,0,-1"], 0, "rich", "1/2"),
        (["--preset", "standard"], 1, "unstable", None),
        (["--preset", "standard", "--lr", "-1,-1,-1"], 0, "lazy", "0"),
        (["--preset", "standard", "--lr=-1,-1,-1"], 0, "lazy", "0"),
        (["--preset", "standard", "--lr=-2,-2,-2"], 1, "trivial", None),
        (["--preset", "family:1/4", "--depth", "5", "--optimizer", "adam"], 0, "lazy", "1/4"),
        (["--preset", "mup", "--init", "-1/2,-1/2,-oo"], 0, "rich", "1/2"),
    ],
)
def test_check(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, regime: str, richness: str | None
) -> None:
    found, document = run_json(capsys, "check", *arguments)
    assert (found, document["regime"], document["richness"]) == (code, regime, richness)
    assert document["stable"] == (regime != "unstable")
    assert document["nontrivial"] == (code == 0)
    assert document["feature_learning"] == (regime == "rich")
    assert {"criterion", "layer", "found", "required", "satisfied"} <= document["criteria"][0].keys()
    assert (document["repair"] is None) == (code == 0)


def test_check_may_ask_for_the_tutorials_criteria(capsys: pytest.CaptureFixture[str]) -> None:
    standard = ("check", "--preset", "standard", "--lr", "-1,-1,-1")
    assert run(capsys, *standard)[0] == 0
    assert run(capsys, *standard, "--criteria", "tutorial")[0] == 1
    assert run(capsys, "check", "--preset", "mup", "--criteria", "tutorial")[0] == 0


def test_check_as_text_gives_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "check", "--preset", "standard")
    assert "stable output at layer3 after 1 update: n^(3/2) is not <= n^0" in out
    assert "lr of layer3 from n^0 to n^(-1)" in out


def test_predict(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run_json(capsys, "predict", "--preset", "ntp", "--steps", "2")
    assert code == 0
    exponents = {(o["quantity"], o["layer"], o["step"]): o["exponent"] for o in document["observables"]}
    assert exponents["dz", "layer3", 2] == "0"
    assert exponents["passthrough", "layer1", 1] == "-oo"
    assert exponents["loss", None, 0] == "0"


def test_the_tutorials_criteria_are_reasons_too(capsys: pytest.CaptureFixture[str]) -> None:
    standard = ("check", "--preset", "standard", "--lr", "-1,-1,-1", "--criteria", "tutorial")
    _, document = run_json(capsys, *standard)
    assert (document["stable"], document["satisfied"]) == (True, False)
    assert any(reason.startswith("useful update at layer1") for reason in document["reasons"])


def test_a_check_asks_for_criteria_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = ("--criterion", "quiet: dz <= n^(1/4) at hidden after updates")
    code, out, _ = run(capsys, "check", "--preset", "mup", *quiet)
    assert code == 1
    assert "quiet at layer1 after 1 update: n^(1/2) is not <= n^(1/4)" in out
    assert run(capsys, "check", "--preset", "ntp", *quiet)[0] == 0
    lazy_head = ("check", "--init", "0,-1/2,-1/2", "--lr", "0,-5/4,-1", "--criteria", "tutorial")
    assert run(capsys, *lazy_head)[0] == 1
    assert run(capsys, *lazy_head, "--without", "maximality", "--without", "useful update")[0] == 0


@pytest.mark.parametrize(
    ("lr", "frozen"), [("1,0,-oo", ["layer3"]), ("-oo,-oo,-1", ["layer1", "layer2"]), ("1,0,-1", [])]
)
def test_a_frozen_layer_is_named_and_makes_no_useful_update(
    capsys: pytest.CaptureFixture[str], lr: str, frozen: list[str]
) -> None:
    """Whatever the others do: the readout's preactivation changes with what it reads."""
    asked = ("check", "--init", "0,-1/2,-1/2" if lr.startswith("-oo") else "0,-1/2,-1", "--lr", lr)
    _, document = run_json(capsys, *asked)
    useful = {
        one["layer"]: (one["found"], one["satisfied"])
        for one in document["criteria"]
        if one["criterion"] == "useful update"
    }
    assert [layer for layer, (found, satisfied) in useful.items() if not satisfied] == frozen
    assert all(useful[layer] == ("-oo", False) for layer in frozen)
    rates = "is frozen: its learning rate is 0" if len(frozen) == 1 else "are frozen: their learning rates are 0"
    assert document["notes"] == ([f"{', '.join(frozen)} {rates}"] if frozen else [])
    assert document["nontrivial"], "the verdict is on the network, frozen layers or not"
    _, out, _ = run(capsys, *asked)
    assert out.count("frozen") == bool(frozen)
    for layer in frozen:
        assert re.search(rf"^useful update +{layer} +1 +0 +~ +n\^0 +no", out, re.MULTILINE)


def test_many_frozen_layers_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    frozen = ",".join(["1"] + ["-oo"] * 8 + ["-1"])
    _, document = run_json(capsys, "check", "--preset", "mup-lr", "--depth", "10", "--lr", frozen)
    assert document["notes"] == ["layer2, layer3, layer4, layer5 and 4 more are frozen: their learning rates are 0"]


def test_weights_that_no_update_moves_are_told_from_frozen_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """Steps in proportion to a readout that is zero are zero, and so is every gradient behind it."""
    asked = ("check", "--optimizer", "law:0,0,0,0,1", "--init", "0,-1/2,-oo", "--lr", "0,0,0")
    _, document = run_json(capsys, *asked)
    assert document["notes"] == ["layer1, layer2, layer3 are moved by no update: every one is 0"]


def test_no_order_proves_that_a_frozen_layer_is_of_no_use(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    frozen = ("check", "--init", "0,-1/2,-1", "--lr", "1,0,-oo", "--criteria", "tutorial")
    file = tmp_path / "proof.json"
    code, _, err = run(capsys, *frozen, "--without", "maximality", "--certificate", str(file))
    assert (code, file.exists()) == (2, False)
    assert "--certificate: no order of the run violates what is asked: a frozen layer has no useful update" in err
    assert run(capsys, *frozen, "--certificate", str(file))[0] == 1
    assert run(capsys, "certify", str(file))[0] == 0


def test_predict_says_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    """A heading, what was asked about, the orders, and what their symbols stand for, unless that is known."""
    asked = ("predict", "--preset", "mup-lr", "--steps", "1", "--optimizer", "momentum", "--lr", "1,0,-1")
    code, out, _ = run(capsys, *asked)
    assert code == 0
    heading, _, columns, *_ = out.splitlines()
    assert heading == "Orders of training with momentum, as powers of the width n; 0 for what is zero by structure."
    assert columns.split()[:2] == ["layer", "role"]
    assert re.search(r"^layer3 +output +n\^0 +n\^\(-1\) +n\^\(-1\)", out, re.MULTILINE)
    assert out.splitlines()[-5:] == str(glossary()).splitlines()[1:]
    _, quiet, _ = run(capsys, *asked, "--quiet")
    assert out == f"{quiet}{glossary()}\n"
    assert run(capsys, *asked, "--quiet", "--format", "json") == run(capsys, *asked, "--format", "json")


def test_the_glossary_has_every_kind_of_symbol() -> None:
    explained = str(glossary())
    single = [
        symbol for quantity, symbol in SYMBOLS.items() if not quantity.endswith("alignment") and quantity != "loss"
    ]
    assert [symbol for symbol in single if symbol not in explained] == []
    assert SYMBOLS["alignment"] in explained
    assert max(map(len, explained.splitlines())) <= 120
