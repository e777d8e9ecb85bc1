"""Points and intervals of slopes are those of the fits, and lines have the derived exponents."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer

from scalings.figures.slopes import Line, slopes
from scalings.figures.style import FAILURE, RICH, canvas, styled
from scalings.hyperparameters.exponents import MINUS_INFINITY
from tests.scalings.figures import answers
from tests.scalings.figures.legible import illegible

POINTS = ((64, 0.1, 0.02), (128, 0.45, 0.01), (256, 0.8, 0.01), (512, 1.14, 0.05))


@styled
def drawn(*lines: Line, widths: tuple[int, ...] = (64, 128, 256, 512)) -> Axes:
    _, (axes,) = canvas(1, 1, (6.0, 3.0))
    slopes(axes, lines, widths, scale="width", symbol="n")
    return axes


def test_intervals_are_those_of_the_fit() -> None:
    axes = drawn(Line("layer1", POINTS, Fraction(1, 2), RICH))
    [bars] = [one for one in axes.containers if isinstance(one, ErrorbarContainer)]
    [segments] = [one.get_segments() for one in bars.lines[2]]
    for (width, mean, error), segment in zip(POINTS, segments, strict=True):
        expected = np.exp([mean - 1.959964 * error, mean + 1.959964 * error])
        assert np.asarray(segment) == pytest.approx(np.stack([[width, width], expected], axis=1), rel=1e-6)


@pytest.mark.parametrize("exponent", [Fraction(1, 2), Fraction(0), Fraction(-3, 4)])
def test_the_line_has_the_derived_slope(exponent: Fraction) -> None:
    axes = drawn(Line("layer1", POINTS, exponent, RICH))
    x, y = axes.lines[0].get_data()
    assert np.polyfit(np.log(np.asarray(x)), np.log(np.asarray(y)), 1)[0] == pytest.approx(float(exponent))
    assert [text.get_text() for text in axes.texts] == [f"layer1  $n^{{{exponent}}}$"]


def test_a_bound_is_dashed_and_says_so() -> None:
    asserted, bound = (drawn(Line("layer1", POINTS, Fraction(0), RICH, bound)) for bound in (False, True))
    assert (asserted.lines[0].get_linestyle(), bound.lines[0].get_linestyle()) == ("-", "--")
    assert "≤" in bound.texts[0].get_text()


@pytest.mark.parametrize("exponent", [None, MINUS_INFINITY])
def test_without_an_exponent_there_are_only_points(exponent: float | None) -> None:
    axes = drawn(Line("layer1", POINTS, exponent, RICH))
    assert [line.get_linestyle() for line in axes.lines] == ["None"]


def test_widths_that_diverged_are_crosses() -> None:
    """Not by colour alone."""
    axes = drawn(Line("layer1", POINTS[:2], None, RICH, diverged=(256, 512)))
    [crosses] = [line for line in axes.lines if line.get_marker() == "x"]
    assert list(np.asarray(crosses.get_xdata())) == [256, 512]
    assert crosses.get_color() == FAILURE
    assert [text.get_text() for text in axes.texts] == ["layer1", "diverged"]


def test_an_axis_of_nothing_has_no_numbers() -> None:
    axes = drawn(Line("layer1", (), None, RICH, diverged=(64, 128, 256, 512)))
    assert len(axes.get_yticks()) == 0


def test_many_layers_of_one_exponent_share_a_label() -> None:
    lines = [
        Line(f"layer{k}", [(w, m + 0.01 * k, e) for w, m, e in POINTS], Fraction(k == 20, 2), RICH) for k in range(21)
    ]
    axes = drawn(*lines)
    assert sorted(text.get_text() for text in axes.texts) == ["20 layers  $n^{0}$", "layer20  $n^{1/2}$"]


@pytest.mark.parametrize("widths", [(8, 12, 16), (13, 17), (2, 2**20), tuple(range(100, 140)), answers.WIDTHS])
@pytest.mark.parametrize("span", [0.001, 1.0, 40.0, 600.0])
def test_numbers_along_axes_never_overprint(widths: tuple[int, ...], span: float) -> None:
    means = np.linspace(-span / 2, span / 2, len(widths))
    points = [(width, float(mean), 0.001) for width, mean in zip(widths, means, strict=True)]
    axes = drawn(Line("layer1", points, None, RICH), widths=widths)
    assert len(axes.get_xticks()) >= 2
    assert len(axes.get_yticks()) >= 2
    figure = axes.get_figure(root=True)
    assert figure is not None
    assert illegible(figure) == []
