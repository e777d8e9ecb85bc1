"""The forest plot shows every exponent that decides, with its own interval, and what fails is marked."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from scalings.criteria.observables import Observable
from scalings.figures.forest import Column, Row, forest, forest_height, judged
from scalings.figures.measurements import cells
from scalings.figures.style import FAILURE, RICH, WIDTH, page, styled
from scalings.figures.verification import verification_figure
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.results.fits import Diverged, Fit
from scalings.studies.equivalence import Comparison, compare_one
from tests.scalings.figures import answers
from tests.scalings.figures.legible import illegible

DELTA = Fraction(1, 20)


def comparison(middle: float, half: float = 0.01, derived: float | Fraction = Fraction(1, 2)) -> Comparison[str]:
    at = middle + (0.0 if derived == MINUS_INFINITY else float(derived))
    return compare_one("it", derived, Fit(at, at - half, at + half, 20, at, components=((at, half / 2, 1.0),)), DELTA)


@styled
def drawn(*comparisons: Comparison[str]) -> Axes:
    rows = [Row((0, number), "|dz|", f"layer{number}") for number in range(len(comparisons))]
    column = Column("r = 1/2", None, RICH, list(zip(rows, comparisons, strict=True)))
    figure = page((WIDTH, forest_height([column])))
    [axes] = forest(figure, [column], DELTA)
    return axes


def marks(axes: Axes) -> dict[str, list[tuple[float, float]]]:
    """Places of marks by their marker; hollow ones as "hollow"."""
    found: dict[str, list[tuple[float, float]]] = {}
    for line in axes.lines:
        if (name := str(line.get_marker())) != "None":
            name = "hollow" if line.get_markerfacecolor() == "white" else name
            found.setdefault(name, []).extend(map(tuple, np.asarray(line.get_xydata())))
    return found


def test_intervals_are_those_of_the_fits() -> None:
    found, agreement, check = answers.measurement()
    all_cells = cells(found.network, agreement, check)
    axes = drawn(*(one for _, one in all_cells))  # type: ignore[arg-type]
    segments = [
        segment for one in axes.collections if isinstance(one, LineCollection) for segment in one.get_segments()
    ]
    fits = [(one.fit, float(one.derived)) for _, one in all_cells if isinstance(one.fit, Fit)]
    expected = [[[fit.low - at, k], [fit.high - at, k]] for k, (fit, at) in enumerate(fits)]
    assert np.asarray(segments) == pytest.approx(np.asarray(expected))
    assert len(segments) == len(judged(agreement.comparisons)) > 50


def test_every_asserted_exponent_of_every_member_is_there() -> None:
    verification = answers.verification()
    figure = verification_figure(verification)
    shown = sum(len(places) for axes in figure.axes[1:] for places in marks(axes).values())
    agreements = [member.agreement for member in verification.members]
    assert shown == sum(one.role == "asserted" for agreement in agreements for one in agreement.comparisons)


def test_marks_say_without_colour_what_follows() -> None:
    """Within the margin, open, outside of it, and far beyond the axis to either side."""
    inside = [comparison(0.001 * k) for k in range(60)][:30]
    axes = drawn(*inside, comparison(0.045), comparison(-0.07), comparison(3.0), comparison(-3.0))
    found = marks(axes)
    assert {name: len(places) for name, places in found.items()} == {"o": 30, "hollow": 1, "x": 1, ">": 1, "<": 1}
    assert np.asarray(found["x"]) == pytest.approx(np.array([[-0.07, 31]]))
    for marker in "x><":
        [line] = [one for one in axes.lines if one.get_marker() == marker]
        assert line.get_color() == FAILURE


def test_what_has_no_exponent_is_at_the_end_of_the_axis() -> None:
    diverged = compare_one("it", Fraction(1, 2), Diverged(64, 3), DELTA)
    axes = drawn(comparison(0.0), diverged, comparison(0.2, derived=MINUS_INFINITY))
    assert [y for _, y in marks(axes)[">"]] == [1, 2]


def test_the_margin_is_a_band() -> None:
    axes = drawn(comparison(0.0))
    [band] = axes.patches
    assert band.get_extents().transformed(axes.transData.inverted()).intervalx == pytest.approx([-0.05, 0.05])


def test_upper_bounds_are_there_if_they_are_exceeded() -> None:
    at = Observable("z", "layer3", 2)
    _, kept, check = answers.measurement()
    found, exceeded, _ = answers.measurement(off={at: 0.4})
    assert at not in [one.of for one in judged(kept.comparisons)]
    assert at in [one.of for _, one in cells(found.network, exceeded, check)]


def test_rows_of_any_number_can_be_read() -> None:
    for count in (1, 40, 200):
        axes = drawn(*(comparison(0.001 * k % 0.1) for k in range(count)))
        figure = axes.get_figure(root=True)
        assert figure is not None
        assert illegible(figure) == []
