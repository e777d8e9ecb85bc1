"""What training commands refuse before torch is loaded, and what they ask for --yes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from empirical.sweeps.costs import Cost
from empirical.sweeps.sweep import Sweep
from scalings.command_line.bounds import HOUR
from scalings.command_line.console import INCONCLUSIVE, UNUSABLE
from tests.scalings.command_line.running import SMALL, run

ROOT = Path(__file__).parents[3]
TRAINING = {
    "measure": "--preset family:1/2",
    "transfer": "--preset mup",
    "calibrate": "",
    "freedom": "",
    "richness": "",
    "verify": "--no-figure",
}
WRONG = [
    *(
        (command, f"--seeds {10**9}", "--seeds: expected at most 10000, which give an error of 1 %")
        for command in TRAINING
    ),
    *((command, "--seeds 0", "--seeds: expected at least ") for command in TRAINING),
    *((command, "--widths 64,32", "--widths: expected at least 3 widths, strictly increasing") for command in TRAINING),
    *((command, f"--widths 2,3,{10**12}", "--widths: expected widths up to 1000000000") for command in TRAINING),
    *((command, "--widths x", "--widths: expected whole numbers, but got 'x'") for command in TRAINING),
    *((command, "--device tpu", "--device: expected one of auto, cpu, cuda, but got 'tpu'") for command in TRAINING),
    ("reproduce", "--only five", "--only: expected one of five-curves, rich-ends-lower, update-sizes"),
    ("reproduce", "--output a.txt", "--output: expected a file that ends in .png, .pdf, .svg, or a folder"),
    ("reproduce", "--output nowhere/a", "--output: expected a file in an existing folder, but there is no 'nowhere'"),
    ("reproduce", "--data cifar", "--data: expected one of digits, mnist, but got 'cifar'"),
    ("reproduce", "--device tpu", "--device: expected one of auto, cpu, cuda, but got 'tpu'"),
    *((command, "--data cifar", "--data: expected one of digits, mnist, but got 'cifar'") for command in TRAINING),
    *(
        (command, f"--widths {','.join(map(str, range(2, 70)))}", "--widths: expected at most 64 of them, since more")
        for command in TRAINING
    ),
    *(
        (command, "--batch 1797", "--batch: expected 1 to 256 examples, beside which widths are large")
        for command in ("measure", "transfer", "calibrate", "freedom")
    ),
    *(
        (command, f"--steps {10**9}", "--steps: expected at most 100, since orders settle within few")
        for command in ("measure", "transfer", "richness")
    ),
    (
        "measure",
        "--network transformer --grows heads --loss cross-entropy --batch 15",
        "--batch: expected 1 to 14 lines of text",
    ),
    ("measure", "--engine fast", "--engine: expected one of auto, dense, matrix-free, but got 'fast'"),
    ("measure", "--spectra --coordinates", "--spectra: a coordinate check does not look at weights"),
    ("measure", "--depth 3 --init 0,0", "--init: 3 layers need 3 exponents"),
    ("transfer", "--grid a,b", "--grid: expected two powers of 2"),
    ("calibrate", "--richness 1", "--richness: expected 0 <= r <= 1/2, but got 1"),
    ("freedom", "--depth 1000", "--depth: expected at most 128 weights to derive for"),
]


@pytest.mark.slow
def test_wrong_options_are_refused_before_torch_is_loaded() -> None:
    """All of them in one process, which is asked whether torch was imported; the control comes last, and imports it."""
    lines = [f"{command} {TRAINING.get(command, '')} {options}" for command, options, _ in WRONG]
    control = "measure --preset mup --lr 1,-1,-1 --optimizer adam --engine matrix-free"
    code = (
        "import sys; from scalings.command_line.app import main\n"
        f"for line in {[*lines, control]!r}:\n"
        "    print(main(line.split()), 'torch' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ended.stdout.splitlines() == [*["2 False"] * len(WRONG), "2 True"]
    said = ended.stderr.splitlines()
    assert len(said) == len(WRONG) + 1
    for (command, options, expected), line in zip(WRONG, said[:-1], strict=True):
        assert line.startswith(f"scalings: {expected}"), f"{command} {options}: {line}"


@pytest.mark.slow
@pytest.mark.parametrize("command", TRAINING)
def test_over_an_hour_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """With a clock that says so; one second less, and the sizes of a toy, are trained."""
    cost = Cost(HOUR + 1.0, 2**20)
    monkeypatch.setattr(Sweep, "cost", lambda _: cost)
    monkeypatch.setattr("empirical.experiments.richness.LongRuns.cost", lambda _: cost)
    monkeypatch.setattr("scalings.studies.verification.estimate", lambda *_, **__: cost)
    for name in ("transfer", "calibration", "freedom"):
        monkeypatch.setattr(f"empirical.experiments.{name}.estimate", lambda *_: cost)
    widths = "8,12,16,24" if command == "richness" else "8,12,16"
    asked = (command, *TRAINING[command].split(), "--widths", widths, "--seeds", "2")
    code, out, err = run(capsys, *asked)
    assert (code, out) == (UNUSABLE, "")
    assert err == (
        "scalings: --yes: training takes about 3601 s and 1 MiB, which is 1.0 hours: "
        "expected --yes for over an hour, or fewer --widths, --seeds or --steps\n"
    )
    cost = Cost(float(HOUR), 2**20)
    _, out, err = run(capsys, *asked)
    assert err.startswith("training takes about 3600 s and 1 MiB\n")
    assert out


def test_yes_means_yes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sweep, "cost", lambda _: Cost(HOUR * 17.3, 2**20))
    assert run(capsys, "measure", "--preset", "mup", *SMALL)[0] == UNUSABLE
    code, _, err = run(capsys, "measure", "--preset", "mup", *SMALL, "--yes")
    assert code == INCONCLUSIVE
    assert err.startswith("training takes about 62280 s and 1 MiB\n")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["transfer --preset mup", "calibrate", "freedom"])
def test_ten_thousand_seeds_are_seen_to_take_hours(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """With the true clock."""
    code, out, err = run(capsys, *command.split(), "--seeds", "10000")
    assert (code, out) == (UNUSABLE, "")
    assert err.startswith("scalings: --yes: training takes about")
