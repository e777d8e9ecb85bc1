"""The command `verify`: what an interrupt leaves."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from scalings.command_line import verify
from scalings.studies.verification import MEMBERS
from tests.scalings.command_line.running import run_json


def test_an_interrupted_verify_keeps_the_members_that_were_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(_: float, what: str) -> None:
        if what.startswith("r = 1/2"):
            raise KeyboardInterrupt

    monkeypatch.setattr(verify, "progress_bar", lambda: nullcontext(interrupt))
    figure = tmp_path / "verify.png"
    code, document = run_json(capsys, "verify", "--widths", "8,12,16", "--seeds", "1", "--output", str(figure))
    assert (code, document["interrupted"], document["verdict"]) == (130, True, "INCONCLUSIVE")
    assert [member["name"] for member in document["members"]] == ["r = 0", "r = 1/4"]
    assert figure.exists()


def test_an_interrupted_verify_keeps_the_widths_of_its_first_member(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(done: float, _: str) -> None:
        if done > 0.75 / MEMBERS:
            raise KeyboardInterrupt

    monkeypatch.setattr(verify, "progress_bar", lambda: nullcontext(interrupt))
    few = ("--widths", "8,12,16,24,32", "--seeds", "1", "--output", str(tmp_path / "verify.png"))
    code, document = run_json(capsys, "verify", *few)
    assert (code, [member["name"] for member in document["members"]]) == (130, ["r = 0"])
    assert len(document["members"][0]["fits"][0]["points"]) == 4
