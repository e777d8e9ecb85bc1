"""Faults while a command runs: streams that close, signals, full disks, and errors that nobody thought of."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scalings.command_line import console, derive
from scalings.command_line.app import main
from scalings.command_line.console import (
    BROKEN_PIPE,
    CANNOT_WRITE,
    INCONCLUSIVE,
    INTERNAL_ERROR,
    INTERRUPTED,
)
from tests.scalings.command_line.running import run

ROOT = Path(__file__).parents[3]
PROGRAM = f"{sys.executable} -m scalings"
SLOW = pytest.mark.slow
SMALL_VERIFY = "verify --widths 8,12,16 --seeds 1"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError(), "out of memory"),
        (OverflowError("too\nlarge"), "OverflowError: too large"),
        (RecursionError("maximum recursion depth exceeded"), "RecursionError: maximum recursion depth exceeded"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
        (KeyError("decay"), "KeyError: 'decay'"),
        (AssertionError(), "AssertionError:"),
    ],
)
def test_an_error_that_nobody_thought_of_is_told_from_no(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(derive.ChosenModel, "resolve", fail)
    code, out, err = run(capsys, "derive")
    assert (code, out) == (INTERNAL_ERROR, "")
    assert re.fullmatch(rf"scalings: internal error, please report it: {re.escape(says)} \(test_faults.py:\d+\)\n", err)


def test_every_exit_code_is_documented() -> None:
    answers = ("YES", "NO", "UNUSABLE", "INCONCLUSIVE", "NOT_COMPARED")
    faults = ("INTERNAL_ERROR", "CANNOT_WRITE", "INTERRUPTED", "BROKEN_PIPE")
    codes = {str(getattr(console, name)) for name in (*answers, *faults)}
    assert codes == {"0", "1", "2", "3", "4", "70", "74", "130", "141"}
    reference = (ROOT / "docs/reference/exit-codes.md").read_text(encoding="utf-8")
    assert codes == set(re.findall(r"^\| (\d+)", reference, re.MULTILINE))
    for page in ("README.md", "scalings/command_line/app.py"):
        text = (ROOT / page).read_text(encoding="utf-8").partition("Exit codes:")[2].partition("\n\n")[0]
        assert codes <= set(re.findall(r"\d+", text))


@pytest.mark.parametrize("options", ["", "--format json"])
def test_an_interrupt_says_what_was_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: str
) -> None:
    """What comes last, after the certificate and the answer, is the exit code."""
    certificate = tmp_path / "c.json"
    asked = ("derive", "--depth", "2", *options.split(), "--certificate", str(certificate))

    monkeypatch.setattr(derive, "print_json" if options else "print_tables", _interrupted)
    code, out, err = run(capsys, *asked)
    assert (code, out) == (INTERRUPTED, "")
    assert err == f"scalings: interrupted; written by then: '{certificate}'\n"
    monkeypatch.undo()
    certificate.unlink()
    monkeypatch.setattr("symbolic.derivation.derive.derivation_of", _interrupted)
    code, out, err = run(capsys, *asked)
    assert (code, out, err) == (INTERRUPTED, "", "scalings: interrupted; nothing was written\n")
    assert not certificate.exists()


def _interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_an_interrupt_after_the_answer_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prints = derive.print_tables

    def print_and_interrupt(tables: list[object]) -> None:
        prints(tables)
        raise KeyboardInterrupt

    monkeypatch.setattr(derive, "print_tables", print_and_interrupt)
    code, out, err = run(capsys, "derive")
    assert (code, err) == (INTERRUPTED, "scalings: interrupted; written by then: the answer\n")
    assert out.startswith("Which powers")


def test_an_answer_whose_reader_has_left_still_has_its_figure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def leave(_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("scalings.command_line.output.print_tables", leave)
    figure = tmp_path / "law.png"
    asked = ("law", "sgd", "--steps", "1", "--points", "40", "--output", str(figure))
    with capsys.disabled():
        assert main(asked) == BROKEN_PIPE
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("options", ["", "--format json", "--format latex"])
def test_a_disk_that_is_full_is_no_wrong_argument(options: str) -> None:
    command = f"{PROGRAM} derive {options} > /dev/full"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (CANNOT_WRITE, "scalings: cannot write: No space left on device\n")


def test_a_figure_that_does_not_fit_on_the_disk(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The answer is printed all the same."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "law.png")

    monkeypatch.setattr("scalings.figures.optimizer_laws.law_figure", full)
    asked = ("law", "sgd", "--steps", "1", "--points", "40", "--output", str(tmp_path / "law.png"), "--format", "json")
    code, out, err = run(capsys, *asked)
    assert code == CANNOT_WRITE
    assert json.loads(out)["regime"]
    assert err.endswith("scalings: cannot read or write 'law.png': No space left on device\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "streams", ["2>&-", pytest.param("2> >(head -n 0)", marks=SLOW), pytest.param("2> /dev/full", marks=SLOW)]
)
def test_verify_needs_no_stderr(streams: str) -> None:
    command = f"{PROGRAM} {SMALL_VERIFY} --no-figure --format json {streams}"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert ended.returncode == INCONCLUSIVE
    assert json.loads(ended.stdout)["verdict"] == "INCONCLUSIVE"


@pytest.mark.slow
def test_verify_writes_its_figure_when_the_reader_of_its_answer_has_left(tmp_path: Path) -> None:
    figure = tmp_path / "verify.png"
    command = f"{PROGRAM} {SMALL_VERIFY} --output {figure} | head -n 0; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert ended.returncode == BROKEN_PIPE
    assert "Traceback" not in ended.stderr
    assert figure.exists()


@pytest.mark.parametrize("sent", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=SLOW)])
def test_a_process_that_is_ended_by_a_signal_says_so(sent: signal.Signals) -> None:
    # A job in the background, as a CI's may be, hands it down that interrupts are ignored.
    heeding = "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    module = "runpy.run_module('scalings', run_name='__main__')"
    command = [sys.executable, "-c", heeding + module, *["measure", "--preset", "mup", "--seeds", "500", "--yes"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stderr is not None
            assert process.stdout is not None
            first = process.stderr.readline()
            process.send_signal(sent)
            assert process.wait(timeout=60) == INTERRUPTED
            assert first.startswith("training takes about")
            assert process.stderr.read().endswith("scalings: interrupted; nothing was written\n")
            assert process.stdout.read() == ""
        finally:
            process.kill()
