"""`check` and `predict` by the command line."""

from __future__ import annotations

import pytest

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
