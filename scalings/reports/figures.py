"""Figures: measured points and derived slopes, in log-log scale.

Each line has the exponent that was derived and only its height is fitted, so that a wrong exponent shows as
points leaving their line. Error bars are 95 % intervals of the mean over seeds, mostly smaller than the marker.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import stats

from empirical.measurement import Measurement
from empirical.paths import Path as Paths
from scalings.errors import ArgumentError
from scalings.exponents import Exponent
from scalings.fits import Fit
from scalings.observables import SYMBOLS, Observable, Quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS: Final = ("o", "s", "^", "D", "v", "P")
_PANELS: Final[tuple[Quantity, ...]] = ("layer", "passthrough", "dz", "dW_frobenius", "dW_spectral", "d")


def richness_figure(
    measurements: Sequence[tuple[str, Measurement, Fraction]],
    path: str | Path,
    *,
    quantity: Quantity = "dz",
    layer: str | None = None,
    step: int | None = None,
) -> None:
    """One quantity of one layer against the width, a line for each (label, measurement, derived exponent).

    Without `layer` and `step`, the last hidden layer after the last step. The file's ending is its format.
    Raises ArgumentError where a measurement has no exponent there.
    """
    figure, (axes,) = canvas(1, 1, size=(6.4, 4.2))
    heights = []
    for index, (label, measurement, exponent) in enumerate(measurements):
        name = layer or measurement.network.layers[-2].name
        at = Observable(quantity, name, measurement.training.steps if step is None else step)
        found = measurement.fits.get(at)
        if not isinstance(found, Fit):
            raise ArgumentError("observable", f"expected one with an exponent, but {at} of {label!r} gave {found}")
        heights.append(draw(axes, found, exponent, label, index / max(len(measurements) - 1, 1)))
        axes.set_ylabel(f"{SYMBOLS[quantity]} of {name} after {at.step} steps")
    legend(axes, heights, "points measured, slopes derived")
    axes.set_xlabel("width n")
    figure.savefig(path, dpi=200)


def exponents_figure(
    measurement: Measurement, predicted: Mapping[Observable, Exponent], path: str | Path, *, step: int | None = None
) -> None:
    """Small multiples of one measurement: a panel a quantity, a line a layer, after `step` (the last) updates.

    What has no exponent, measured or predicted, is left out.
    """
    at_step = measurement.training.steps if step is None else step
    figure, panels = canvas(2, 3, size=(10.0, 6.2))
    for panel, quantity in zip(panels, _PANELS, strict=True):
        heights = []
        for index, layer in enumerate(measurement.network.layers):
            at = Observable(quantity, layer.name, at_step)
            found, exponent = measurement.fits.get(at), predicted.get(at)
            if isinstance(found, Fit) and exponent is not None:
                position = index / (measurement.network.depth - 1)
                heights.append(draw(panel, found, exponent, layer.name, position))
        panel.set_title(SYMBOLS[quantity], loc="left")
        legend(panel, heights)
    for panel in panels[-3:]:
        panel.set_xlabel("width n")
    figure.suptitle(f"{measurement.parameterization.name} after {at_step} steps: points measured, slopes derived")
    figure.savefig(path, dpi=150)


def paths_figure(paths: Sequence[tuple[str, Paths]], path: str | Path) -> None:
    """Loss, feature movement and kernel change against the step, and the distance from the linearized network against
    the width: a line for each labelled path."""
    from matplotlib import colormaps

    figure, panels = canvas(2, 2, size=(10.0, 7.0))
    titles = ("loss", "|dz|/|z| of the last hidden layer", "|dK|/|K|", "distance from the linearized network")
    for index, (label, seen) in enumerate(paths):
        color = colormaps["viridis"](0.85 * index / max(len(paths) - 1, 1))
        for panel, values in zip(panels, (seen.loss, seen.movement, seen.kernel_change), strict=False):
            panel.plot(range(len(values)), values, color=color, label=label)
        widths = list(seen.distances)
        means = [float(np.exp(np.mean(np.log(values)))) for values in seen.distances.values()]
        panels[-1].plot(widths, means, color=color, marker=_MARKERS[index % len(_MARKERS)], label=label)
    for panel, title in zip(panels, titles, strict=True):
        panel.set_title(title, loc="left")
        panel.set_xlabel("step")
        panel.set_yscale("log")
    panels[-1].set_xscale("log", base=2)
    panels[-1].set_xlabel("width n")
    panels[0].legend(frameon=False, fontsize=9)
    figure.suptitle(f"From lazy to rich, at width {paths[0][1].width}")
    figure.savefig(path, dpi=150)


def canvas(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    # A Figure of its own, without pyplot: no window, no global state, nothing to close.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    panels: list[Axes] = list(figure.subplots(rows, columns, squeeze=False).flat)
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        panel.set_axisbelow(True)
        panel.grid(visible=True, alpha=0.25, linewidth=0.6)
    return figure, panels


def draw(axes: Axes, fit: Fit, exponent: Exponent, label: str, position: float) -> float:
    """One observable, `position` in [0, 1] picking color and marker; the height at which it ends."""
    from matplotlib import colormaps
    from matplotlib.ticker import FixedLocator, LogLocator, NullLocator

    widths, means, errors = (np.array(column) for column in zip(*fit.points, strict=True))
    color, marker = colormaps["viridis"](0.75 * position), _MARKERS[round(position * (len(_MARKERS) - 1))]
    values, reach = np.exp(means), stats.norm.ppf(0.975) * errors
    spread = values * np.stack([-np.expm1(-reach), np.expm1(reach)])
    power = "0" if math.isinf(exponent) else f"$n^{{{exponent}}}$"
    named = f"{label}:  {power}"
    axes.errorbar(widths, values, spread, fmt=marker, color=color, markersize=5, capsize=2, label=named)
    if not math.isinf(exponent):
        # Anchored by its height alone, on the wider half, where the order shows and 1/n no longer does.
        half = len(widths) // 2
        height = np.mean(means[half:] - float(exponent) * np.log(widths[half:]))
        axes.plot(widths, np.exp(height) * widths ** float(exponent), color=color, linewidth=1.2, alpha=0.7)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(FixedLocator([2.0**k for k in range(1, 31)]))
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(lambda value, _: f"{value:g}")
    return float(values[-1])


def legend(axes: Axes, heights: Sequence[float], title: str | None = None) -> None:
    """In the order in which the lines lie at the largest width."""
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(heights)), key=lambda index: -heights[index])
    if order:
        axes.legend([handles[i] for i in order], [labels[i] for i in order], title=title, frameon=False, fontsize=9)
