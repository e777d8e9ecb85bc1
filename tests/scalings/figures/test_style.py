"""The visual language: colours that keep their meaning, and files that are the same, byte for byte."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import rc_context
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from scalings.figures.style import FAILURE, INK, LAZY, MUTED, OPEN, RICH, colour_of, grey, legible, save, shade
from scalings.figures.texts import spread
from scalings.figures.transfer import transfer_figure
from scalings.hyperparameters.presets import preset
from scalings.networks.architectures import mlp
from symbolic.evaluation.check import check
from tests.scalings.figures import answers

FORMATS = ("png", "svg", "pdf")


def lightness(colour: str) -> float:
    """Relative luminance (WCAG 2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scale", [shade, grey])
def test_shades_get_darker(scale: object) -> None:
    """So that their order is seen without colour."""
    assert callable(scale)
    lights = [lightness(scale(k / 8)) for k in range(9)]
    assert all(one > other for one, other in pairwise(lights))


def test_colours_are_the_regimes() -> None:
    def colour(name: str) -> str:
        return colour_of(check(mlp(3), preset(name, 3), answers.SGD))

    assert (colour("ntp"), colour("mup"), colour("standard")) == (LAZY, RICH, FAILURE)
    still = replace(preset("mup", 3), layers=tuple(replace(one, lr=one.lr - 1) for one in preset("mup", 3).layers))
    assert colour_of(check(mlp(3), still, answers.SGD)) == MUTED


@pytest.mark.parametrize("colour", [LAZY, RICH, FAILURE, OPEN, INK, MUTED])
def test_letters_have_contrast(colour: str) -> None:
    assert 1.05 / (lightness(legible(colour)) + 0.05) >= 4.5


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(1, 8)), min_size=1, max_size=12),
)
def test_labels_keep_apart_in_their_order(given: list[tuple[float, float]]) -> None:
    wanted, sizes = sorted(at for at, _ in given), [size for _, size in given]
    found = spread(wanted, sizes, 0, 100)
    assert all(b - a >= (s + t) / 2 - 1e-9 for (a, b), (s, t) in zip(pairwise(found), pairwise(sizes), strict=True))
    assert found[0] - sizes[0] / 2 >= -1e-9
    assert found[-1] + sizes[-1] / 2 <= 100 + 1e-9
    room = all(b - a >= (s + t) / 2 for (a, b), (s, t) in zip(pairwise(wanted), pairwise(sizes), strict=True))
    if room and wanted[0] >= sizes[0] / 2 and wanted[-1] <= 100 - sizes[-1] / 2:
        assert found == pytest.approx(wanted)


def saved(figure: Figure, folder: Path) -> dict[str, str]:
    """The hash of the figure in each format."""
    found = {}
    for ending in FORMATS:
        save(figure, folder / f"figure.{ending}")
        found[ending] = hashlib.sha256((folder / f"figure.{ending}").read_bytes()).hexdigest()
    return found


def test_the_same_answer_is_the_same_file(tmp_path: Path) -> None:
    """Drawn twice, and in another process; another answer is another file."""
    first = saved(transfer_figure(answers.transfer()), tmp_path)
    assert saved(transfer_figure(answers.transfer()), tmp_path) == first
    other = saved(transfer_figure(answers.transfer(drift=0.1)), tmp_path)
    assert all(other[ending] != first[ending] for ending in FORMATS)
    code = (
        "from pathlib import Path; from scalings.figures.transfer import transfer_figure;"
        "from tests.scalings.figures import answers; from tests.scalings.figures.test_style import saved;"
        f"print(saved(transfer_figure(answers.transfer()), Path({str(tmp_path)!r})))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == str(first)


def test_settings_of_a_user_change_nothing(tmp_path: Path) -> None:
    first = saved(transfer_figure(answers.transfer()), tmp_path)
    mine = {
        "font.size": 20,
        "axes.grid": False,
        "savefig.transparent": True,
        "lines.linewidth": 9,
        "svg.hashsalt": None,
    }
    with rc_context(mine):
        assert saved(transfer_figure(answers.transfer()), tmp_path) == first


def test_pyplot_is_never_loaded(tmp_path: Path) -> None:
    """It would open windows, and keep figures."""
    code = (
        "import sys; from scalings.figures.style import save; from scalings.figures.transfer import transfer_figure;"
        "assert 'matplotlib' not in sys.modules;"
        "from tests.scalings.figures import answers;"
        f"save(transfer_figure(answers.transfer()), {str(tmp_path / 'a.png')!r});"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
