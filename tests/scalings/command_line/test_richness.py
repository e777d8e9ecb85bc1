"""The command `richness`: its contract, and what an interrupt leaves."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from empirical.sweeps import workers
from scalings.command_line import richness
from tests.scalings.command_line.running import run, run_json

TINY = ("richness", "--widths", "16,24,32", "--steps", "3")


def test_richness(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    figure = tmp_path / "richness.svg"
    code, out, err = run(capsys, *TINY, "--output", str(figure))
    assert code in (0, 1, 3)
    assert err.startswith("training takes about ")
    assert out.startswith("In theory\n  lazy: r = 0; r = 1/8; r = 1/4; r = 3/8\n  rich: r = 1/2\nDoes training follow")
    assert "|dK|/|K|: the relative change of the tangent kernel" in out
    assert "<svg" in figure.read_text()
    assert "|dK|/|K|: " not in run(capsys, *TINY, "--quiet")[1]


def test_richness_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    _, document = run_json(capsys, *TINY)
    members = document["members"]
    assert [(one["richness"], one["regime"]) for one in members][::4] == [("0", "lazy"), ("1/2", "rich")]
    assert all(len(one[path]) == 4 for one in members for path in ("loss", "movement", "ntk_change"))
    assert document["interrupted"] is False


def test_an_interrupt_keeps_the_members_that_were_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(done: float, _: str) -> None:
        if done > 0.5:
            raise KeyboardInterrupt

    monkeypatch.setattr(richness, "progress_bar", lambda: nullcontext(interrupt))
    monkeypatch.setattr(workers, "count", lambda _: 1)
    code, document = run_json(capsys, *TINY)
    assert (code, document["interrupted"], document["verdict"]) == (130, True, "INCONCLUSIVE")
    assert [one["richness"] for one in document["members"]] == ["0", "1/8"]
