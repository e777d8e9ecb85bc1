"""The figures of derive, check and predict by the command line."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from scalings.figures.style import VERDICTS
from scalings.networks.architectures import mlp
from scalings.networks.serialization import network_to_text
from tests.scalings.command_line.running import run, run_json

COMMANDS = {
    "derive": ("derive",),
    "check": ("check", "--preset", "standard"),
    "predict": ("predict", "--preset", "ntp", "--steps", "1"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_figure_stands_beside_the_answer(capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str) -> None:
    figure = tmp_path / "figure.svg"
    code, out, err = run(capsys, *COMMANDS[name], "--output", str(figure))
    assert (code, out, err) == run(capsys, *COMMANDS[name])
    assert figure.read_text().startswith("<?xml")
    code, _, err = run(capsys, *COMMANDS[name], "--output", str(figure))
    assert (code, err.count("\n")) == (2, 1)
    assert "exists; give another name, or --overwrite" in err
    before = figure.read_bytes()
    run_json(capsys, *COMMANDS[name], "--output", str(figure), "--overwrite")
    assert figure.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(
            "derive --network transformer --scales 0,?,?",
            "--output: there is nothing to draw: derive without it says",
            marks=pytest.mark.slow,
        ),
        ("derive --lr 0,0,0", "--output: there is nothing to draw"),
        ("derive --network resmlp --scale width,depth", "--scale: with several"),
        ("check --depth 65 --preset mup", "--depth: expected at most 64 weights with an --output"),
        ("predict --preset mup --steps 101", "--steps: expected at most 100"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: str, sentence: str
) -> None:
    figure = tmp_path / "figure.png"
    code, out, err = run(capsys, *arguments.split(), "--output", str(figure))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert sentence in err
    assert not figure.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("check --preset mup --lr 1,0,-oo", "no phase diagram: lr of layer3 is 0 as given"),
        pytest.param(
            "check --network transformer --preset family:1/2",
            "needs a derived family of one freedom, but 0 freedoms",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_where_there_is_no_phase_diagram_the_answer_stands(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: str, sentence: str
) -> None:
    figure = tmp_path / "figure.png"
    plain, drawn = run(capsys, *arguments.split()), run(capsys, *arguments.split(), "--output", str(figure))
    assert drawn[:2] == plain[:2]
    assert drawn[2].startswith("scalings: no figure is written: ")
    assert sentence in drawn[2]
    assert drawn[2].count("\n") == 1
    assert not figure.exists()


def test_a_wished_richness_is_where_the_arrow_ends(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    figures = [tmp_path / name for name in ("nearest.svg", "rich.svg")]
    for figure, wish in zip(figures, ((), ("--richness", "1/2")), strict=True):
        assert run(capsys, *COMMANDS["check"], *wish, "--output", str(figure))[0] == 1
    assert figures[0].read_bytes() != figures[1].read_bytes()


@pytest.mark.parametrize("name", COMMANDS)
def test_names_of_a_hundred_letters_leave_room_for_the_figure(
    capsys: pytest.CaptureFixture[str], name: str, tmp_path: Path
) -> None:
    """matplotlib warns if axes have no room."""
    text = network_to_text(mlp(3)).replace('"layer', f'"{"a" * 93}.layer')
    (tmp_path / "mine.json").write_text(text, encoding="utf-8")
    network = ("--network", str(tmp_path / "mine.json"))
    given = () if name == "derive" else ("--init", "0,-1/2,-1/2", "--lr", "0,0,0")
    code, _, err = run(capsys, name, *network, *given, "--output", str(tmp_path / "figure.png"))
    assert (code in (0, 1), err) == (True, "")


@pytest.mark.parametrize(
    ("arguments", "verdict"),
    [
        ("--preset ntp --richness 1/2", "ntp is lazy: r = 1/2 was asked for"),
        ("--preset ntp --richness 3/4", "ntp is lazy: r = 3/4 was asked for"),
        ("--preset ntp --richness 0", "ntp is lazy, r = 0, and meets all criteria"),
        ("--preset mup --criterion 'still: |dz| <= n^(1/4) at hidden after updates'", "mup is rich: still is not met"),
    ],
)
def test_the_title_is_the_answer_to_what_was_asked(
    capsys: pytest.CaptureFixture[str], arguments: str, verdict: str, tmp_path: Path
) -> None:
    figure = tmp_path / "phases.svg"
    code, *_ = run(capsys, "check", *shlex.split(arguments), "--output", str(figure))
    drawn = figure.read_text(encoding="utf-8")
    assert f"<!-- {verdict} -->" in drawn
    assert (f"<!-- {VERDICTS['FAIL'][0]} -->" in drawn) == (code == 1)


@pytest.mark.slow
@pytest.mark.parametrize(("options", "loaded"), [((), False), (("--output", "figure.svg"), True)])
def test_matplotlib_is_loaded_for_a_figure_alone(tmp_path: Path, options: tuple[str, ...], loaded: bool) -> None:
    code = (
        "import sys; from scalings.command_line.app import main; main(sys.argv[1:]); "
        "print(['matplotlib' in sys.modules], file=sys.stderr)"
    )
    root = str(Path(__file__).parents[3])
    for command in COMMANDS.values():
        arguments = [sys.executable, "-c", code, *command, "--overwrite", *options]
        done = subprocess.run(
            arguments, cwd=tmp_path, env={"PYTHONPATH": root}, capture_output=True, text=True, check=True
        )
        assert json.loads(done.stderr.splitlines()[-1].lower()) == [loaded]


@pytest.mark.parametrize("arguments", ["derive --without maximality", "derive --network transformer --gauge unit-init"])
def test_an_answer_that_is_no_family_is_drawn(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: str
) -> None:
    figure = tmp_path / "figure.svg"
    code, out, _ = run(capsys, *arguments.split(), "--output", str(figure))
    assert code == 0
    assert "of freedom, in one piece" in out
    assert figure.read_text().startswith("<?xml")
