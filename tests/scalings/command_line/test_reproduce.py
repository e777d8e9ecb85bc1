"""The command `reproduce`: its contract on toys, and what an interrupt leaves."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from empirical.sweeps.costs import Cost
from scalings.command_line import reproduce
from scalings.command_line.bounds import HOUR
from scalings.studies.reproduction import plan as plans
from scalings.studies.reproduction.claims import Settings
from scalings.studies.reproduction.five_curves import FiveCurves, broken
from scalings.studies.reproduction.plan import ReproductionPlan
from scalings.studies.reproduction.update_sizes import UpdateSizes
from tests.scalings.command_line.running import run, run_json

DIGITS = ("reproduce", "--data", "digits")


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two experiments of a second each, in an empty folder."""

    def plan(settings: Settings, *, full: bool, **_: object) -> ReproductionPlan:
        widths = tuple(2**k for k in range(6, 14))
        planted = broken() if full else None
        five = FiveCurves(Settings(device=settings.device), width=16, epochs=1, planted=planted)
        return ReproductionPlan(settings, (five, UpdateSizes(settings, widths=widths)))

    monkeypatch.setattr(plans, "plan", plan)
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_reproduce_prints_the_table_of_claims_and_saves_its_figure(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, err = run(capsys, *DIGITS)
    assert code == 0
    assert err.startswith("training takes about ")
    assert " left\n" in err
    assert "Five curves are two" in out
    assert out.count("HELD") == 2
    assert out.endswith("verdict: PASS, 2 of 2 claims held; figure: reproduction.png\n")
    assert (tmp_path / "reproduction.png").read_bytes().startswith(b"\x89PNG")
    assert "--output: 'reproduction.png' exists" in run(capsys, *DIGITS)[2]
    assert run(capsys, *DIGITS, "--no-figure")[0] == 0


@pytest.mark.slow
def test_a_folder_gets_a_figure_of_each(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(capsys, *DIGITS, "--output", "figures")[0] == 0
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["five-curves.png", "update-sizes.png"]
    code, _, err = run(capsys, *DIGITS, "--output", "figures")
    assert (code, "five-curves.png' exists" in err) == (2, True)
    assert run(capsys, *DIGITS, "--output", "figures", "--overwrite")[0] == 0


def test_reproduce_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run_json(capsys, *DIGITS, "--no-figure")
    assert (code, document["verdict"], document["interrupted"], document["figure"]) == (0, "PASS", False, None)
    first, second = document["claims"]
    assert (first["name"], first["verdict"], sorted(first["differences"])) == (
        "five-curves",
        "HELD",
        ["mfp", "mup-lr", "ntp-lr"],
    )
    assert set(second["fits"]) == {"ntp", "mup"}
    assert all(one[key] for one in document["claims"] for key in ("claim", "statistic", "null", "found", "control"))


def test_a_planted_parameterization_is_not_held(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, *DIGITS, "--full", "--no-figure")
    assert code == 1
    assert "NOT HELD five-curves: outputs of ntp-lr differ by" in out
    assert out.endswith("verdict: FAIL, 1 of 2 claims held\n")


def test_without_mnist_it_runs_on_the_digits_and_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("empirical.data.examples.find_spec", lambda _: None)
    code, out, err = run(capsys, "reproduce", "--no-figure")
    assert code == 0
    assert err.startswith("the tutorial's mnist needs the extra \"data\" (pip install 'scalings[data]'): trained on")
    assert "on digits" in out


def test_over_an_hour_is_asked_for(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReproductionPlan, "cost", lambda _: Cost(HOUR + 1.0, 2**20))
    code, out, err = run(capsys, *DIGITS)
    assert (code, out) == (2, "")
    assert err.endswith("expected --yes for over an hour, or --only one experiment\n")


def test_an_interrupt_keeps_the_claims_that_were_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(_: float, what: str) -> None:
        if what.startswith("update-sizes"):
            raise KeyboardInterrupt

    monkeypatch.setattr(reproduce, "progress_bar", lambda: nullcontext(interrupt))
    code, out, err = run(capsys, *DIGITS)
    assert code == 130
    assert "of the experiments measured by then: five-curves" in err
    assert out.endswith("verdict: PASS, 1 of 1 claims held; figure: reproduction.png\n")
    assert (tmp_path / "reproduction.png").exists()
