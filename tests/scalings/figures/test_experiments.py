"""What figures of experiments show: points that diverged, derived drifts, thresholds, and no logarithm of 0."""

from __future__ import annotations

import numpy as np
import pytest

from scalings.figures.calibration import calibration_figure
from scalings.figures.freedom import freedom_figure
from scalings.figures.optimizer_laws import law_figure
from scalings.figures.richness import richness_figure
from scalings.figures.style import FAILURE, GRID
from scalings.figures.transfer import transfer_figure
from scalings.hyperparameters.update_laws import optimizer
from tests.scalings.figures import answers


def slope(x: object, y: object) -> float:
    return float(np.polyfit(np.log(np.asarray(x)), np.log(np.asarray(y)), 1)[0])


def test_losses_that_diverged_are_crosses_and_no_line() -> None:
    agreement = answers.transfer(drift=0.25)
    axes = transfer_figure(agreement).axes[0]
    curves = [line for line in axes.lines if line.get_marker() == "None"]
    assert len(curves) == len(answers.WIDTHS)
    assert all(np.asarray(curve.get_ydata()).max() < 1 for curve in curves)
    [crosses] = [line for line in axes.lines if line.get_marker() == "x"]
    first = []
    for curve in agreement.found.curves.values():
        stable = [factor for factor, loss in curve if loss < 0]
        first += [min(factor for factor, _ in curve if factor > max(stable))]
    assert list(np.asarray(crosses.get_xdata())) == pytest.approx(first)
    assert (np.asarray(crosses.get_ydata()) > 1).all()
    [band] = axes.patches
    assert (crosses.get_color(), band.get_hatch() is not None) == (FAILURE, True)


def test_the_derived_drift_is_drawn_beside_the_measured_one() -> None:
    axes = transfer_figure(answers.transfer(drift=0.5)).axes[1]
    lines = [line for line in axes.lines if line.get_linestyle() == "-"]
    assert [slope(*line.get_data()) for line in lines] == pytest.approx([0.0, 0.0], abs=1e-9)
    labels = [text.get_text() for text in axes.texts]
    assert all("derived  $n^{0}$" in label for label in labels)
    assert all(r"measured $n^{+0.50 \pm 0.0" in label for label in labels)
    assert [label.split("\n")[0] for label in labels] == ["best", "largest stable"]


def test_the_axis_says_what_a_learning_rate_is_relative_to() -> None:
    axes = transfer_figure(answers.transfer()).axes[0]
    assert axes.get_xlabel() == "factor on the learning rates of the parameterization"


def test_no_logarithm_of_zero_and_intervals_of_the_distance() -> None:
    figure = richness_figure(answers.richness())
    for axes in figure.axes:
        if axes.get_yscale() == "log":
            assert all((np.asarray(line.get_ydata()) > 0).all() for line in axes.lines)
    distance, exponents, loss, moved, changed = figure.axes
    assert all(
        np.asarray(axes.lines[0].get_xdata())[0] == first for axes, first in ((loss, 0), (moved, 1), (changed, 1))
    )
    assert len(distance.containers) == len(exponents.containers) == 5, "points with intervals"
    bounds = [line for line in distance.lines if line.get_linestyle() == "--"]
    assert [slope(*line.get_data()) for line in bounds] == pytest.approx([-1 / 2, -3 / 8, -1 / 4, -1 / 8, 0], abs=1e-9)


def test_singular_values_have_names_and_a_threshold() -> None:
    agreement = answers.freedom()
    values, direction = freedom_figure(agreement).axes
    names = [text.get_text().split(" =")[0] for text in values.texts if "=" in text.get_text()]
    assert names == ["$s_1", "$s_2", "$s_3", "$s_4"]
    [band] = values.patches
    assert band.get_extents().transformed(values.transData.inverted()).y1 == pytest.approx(float(agreement.delta))
    assert [label.get_text() for label in direction.get_yticklabels()] == [str(key) for key in agreement.direction]


def test_solved_hyperparameters_have_the_derived_slopes() -> None:
    agreement = answers.calibration()
    init, lr, compared = calibration_figure(agreement).axes
    for axes, which in ((init, "init"), (lr, "lr")):
        derived = [float(one.derived) for key, one in agreement.solved.items() if key.which == which]
        lines = [line for line in axes.lines if line.get_linestyle() == "-"]
        assert [slope(*line.get_data()) for line in lines] == pytest.approx(derived, abs=1e-9)
    assert [label.get_text() for label in compared.get_yticklabels()] == ["layer1", "layer2"] * 2


def test_another_law_than_the_expected_one_is_dashed() -> None:
    gradient = law_figure(answers.law(), optimizer("adam")).axes[0]
    [expected] = [line for line in gradient.lines if line.get_linestyle() == "--"]
    assert slope(*expected.get_data()) == pytest.approx(0, abs=1e-9)
    assert "adam" in gradient.texts[-1].get_text()
    as_expected = law_figure(answers.law(), optimizer("sgd")).axes[0]
    assert not [line for line in as_expected.lines if line.get_linestyle() == "--"]


def test_another_law_beyond_a_boundary_is_grey() -> None:
    measured = answers.law("adam")
    [boundary] = [one for one in measured.boundaries if one.axis == "gradient"]
    axes = law_figure(measured).axes[0]
    [band] = axes.patches
    x0, x1 = band.get_extents().transformed(axes.transData.inverted()).intervalx
    assert x1 == pytest.approx(boundary.size)
    assert band.get_facecolor()[:3] == pytest.approx([int(GRID[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    [line] = [one for one in axes.lines if one.get_linestyle() == "-" and len(np.asarray(one.get_xdata())) > 2]
    assert np.asarray(line.get_xdata()).min() > boundary.size, "it does not hold there"
    assert x0 < x1
