"""The visual language: colours that keep their meaning, and files that are the same, byte for byte."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import rc_context
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from scalings.figures.style import (
    FAILURE,
    INK,
    LAZY,
    MUTED,
    OPEN,
    RICH,
    WIDTH,
    canvas,
    colour_of,
    end_label,
    grey,
    hatched,
    legible,
    save,
    shade,
    styled,
    title,
)
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


@styled
def small() -> Figure:
    """With an area that is hatched, a line with points, and a label at its end."""
    figure, (axes,) = canvas(1, 1, (WIDTH, 2.0))
    hatched(axes.axhspan(0, 1))
    axes.errorbar([0, 1], [0, 2], [0.1, 0.1], fmt="o-")
    end_label(axes, 1, 2, "a line  $n^{1/2}$", RICH)
    title(figure, "A verdict", verdict="FAIL")
    return figure


def saved(figure: Figure, folder: Path) -> dict[str, str]:
    """The hash of the figure in each format."""
    found = {}
    for ending in FORMATS:
        save(figure, folder / f"figure.{ending}")
        found[ending] = hashlib.sha256((folder / f"figure.{ending}").read_bytes()).hexdigest()
    return found


@pytest.mark.slow
def test_the_same_answer_is_the_same_file(tmp_path: Path) -> None:
    """And another answer another file."""
    first = saved(transfer_figure(answers.transfer()), tmp_path)
    assert saved(transfer_figure(answers.transfer()), tmp_path) == first
    other = saved(transfer_figure(answers.transfer(drift=0.1)), tmp_path)
    assert all(other[ending] != first[ending] for ending in FORMATS)


@pytest.mark.slow
def test_another_process_writes_the_same_file_and_loads_no_pyplot(tmp_path: Path) -> None:
    """pyplot would open windows, and keep figures."""
    first = saved(small(), tmp_path)
    code = (
        "import sys; from pathlib import Path; from tests.scalings.figures.test_style import saved, small;"
        f"sys.stdout.write(str(saved(small(), Path({str(tmp_path)!r}))));"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == str(first)


def test_settings_of_a_user_change_nothing(tmp_path: Path) -> None:
    first = saved(transfer_figure(answers.transfer()), tmp_path)
    mine: dict[Any, Any] = {
        "font.size": 20,
        "axes.grid": False,
        "savefig.transparent": True,
        "lines.linewidth": 9,
        "svg.hashsalt": None,
    }
    with rc_context(mine):
        assert saved(transfer_figure(answers.transfer()), tmp_path) == first
