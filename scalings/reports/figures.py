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

from empirical.experiments.richness import LongRun
from empirical.sweeps.measurement import Measurement
from scalings.criteria.observables import SYMBOLS, Observable, Quantity
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.parameterizations import Hyperparameter
from scalings.results.experiments import Calibration, FreedomMeasurement, Transfer
from scalings.results.fits import Fit
from scalings.results.measured_laws import AXES, Axis, LawMeasurement

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS: Final = ("o", "s", "^", "D", "v", "P")
_PANELS: Final[tuple[Quantity, ...]] = ("layer", "passthrough", "dz", "dW_frobenius", "dW_spectral", "d")


def richness_figure(measurements: Sequence[tuple[str, Measurement, Fraction]], path: str | Path) -> None:
    """|dz| of the last hidden layer after the last step, a line for each (label, measurement, derived exponent).

    The file's ending is its format. Raises ArgumentError where a measurement has no exponent there.
    """
    figure, (axes,) = canvas(1, 1, size=(6.4, 4.2))
    heights = []
    for index, (label, measurement, exponent) in enumerate(measurements):
        name = measurement.network.layers[-2].name
        at = Observable("dz", name, measurement.training.steps)
        found = measurement.fits.get(at)
        if not isinstance(found, Fit):
            raise ArgumentError("observable", f"expected one with an exponent, but {at} of {label!r} gave {found}")
        heights.append(draw(axes, found, exponent, label, index / max(len(measurements) - 1, 1)))
        axes.set_ylabel(f"{SYMBOLS['dz']} of {name} after {at.step} steps")
    legend(axes, heights, "points measured, slopes derived")
    axes.set_xlabel("width n")
    save(figure, path, dpi=200)


def exponents_figure(measurement: Measurement, predicted: Mapping[Observable, Exponent], path: str | Path) -> None:
    """One measurement: a panel for each quantity with a line for each layer, after the last update.

    Observables without a measured or a predicted exponent are left out.
    """
    figure, panels = canvas(2, 3, size=(10.0, 6.2))
    for panel, quantity in zip(panels, _PANELS, strict=True):
        heights = []
        for index, layer in enumerate(measurement.network.layers):
            at = Observable(quantity, layer.name, measurement.training.steps)
            found, exponent = measurement.fits.get(at), predicted.get(at)
            if isinstance(found, Fit) and exponent is not None:
                position = index / (measurement.network.depth - 1)
                heights.append(draw(panel, found, exponent, layer.name, position))
        panel.set_title(SYMBOLS[quantity], loc="left")
        legend(panel, heights)
    for panel in panels[-3:]:
        panel.set_xlabel("width n")
    figure.suptitle(
        f"{measurement.parameterization.name} after {measurement.training.steps} steps: points measured, slopes derived"
    )
    save(figure, path)


def paths_figure(paths: Sequence[tuple[str, LongRun]], path: str | Path) -> None:
    """Long runs: loss, change of the features and of the kernel against the step, and the distance from the linearized
    network against the width, with a line for each (label, run)."""
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
    save(figure, path)


def save(figure: Figure, path: str | Path, *, dpi: int = 150) -> None:
    """Write the figure, in the format of the file's ending: the same bytes for the same figure, so without a date."""
    from matplotlib import rc_context

    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(Path(path).suffix.lower())
    with rc_context({"svg.hashsalt": "scalings"}):
        figure.savefig(path, dpi=dpi, metadata=undated)


def canvas(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """An empty figure of `size` inches, and its panels row by row."""
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
    """Draw one fit's points and a line with the given exponent; returns the value at the largest width.

    `position` in [0, 1] picks color and marker.
    """
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
        # Only the height is fitted, to the wider half of the widths, where the 1/n correction is small.
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
    """A legend in the order of the lines at the largest width, whose values are `heights`."""
    operator_parameters, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(heights)), key=lambda index: -heights[index])
    if order:
        axes.legend(
            [operator_parameters[i] for i in order], [labels[i] for i in order], title=title, frameon=False, fontsize=9
        )


_LABELS: dict[Axis, str] = {
    "gradient": "entries of G (root mean square)",
    "weight": "entries of W (root mean square)",
    "lr": "learning rate",
}


def law_figure(measured: LawMeasurement, path: str | Path) -> None:
    """The size of a step against gradient, weight and learning rate: measured points, and the power law at the base."""
    figure, panels = canvas(1, 3, size=(11.0, 3.6))
    for panel, axis in zip(panels, AXES, strict=True):
        x, y = (np.array(column) for column in zip(*measured.scans[axis], strict=True))
        panel.plot(x, y, "o", markersize=3.5, color="C0", label="measured")
        power, at = measured.regime.powers[axis].exact if measured.regime else None, measured.base[axis]
        if power is not None:
            height = np.exp(np.interp(np.log(at), np.log(x), np.log(y)))
            panel.plot(x, height * (x / at) ** float(power), color="C1", linewidth=1.0, label=f"power {power}")
        panel.axvline(measured.base[axis], color="0.6", linewidth=0.8, linestyle=":")
        for boundary in measured.boundaries:
            if boundary.axis == axis:
                panel.axvline(boundary.size, color="C3", linewidth=0.8, linestyle="--", label="the law changes")
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_ylim(y.min() / 3, y.max() * 3)
        panel.set_xlabel(_LABELS[axis])
        panel.legend(frameon=False, fontsize=8)
    panels[0].set_ylabel("|dW|_F of one step")
    figure.suptitle(f"One step of {measured.name}")
    save(figure, path)


def transfer_figure(found: Transfer, path: str | Path) -> None:
    """Left the loss against the learning rate, a line for each width; right the best and the largest stable rate.

    Learning rates are relative to the parameterization's: one that transfers has its minima at one place on the left,
    and is a horizontal line on the right.
    """
    from matplotlib import colormaps

    figure, (left, right) = canvas(1, 2, size=(10.0, 4.0))
    for number, (width, curve) in enumerate(found.curves.items()):
        factors, losses = zip(*curve, strict=True)
        color = colormaps["viridis"](0.9 * number / max(len(found.curves) - 1, 1))
        left.plot(factors, np.exp(losses), ".-", color=color, markersize=4, linewidth=1, label=f"n = {width}")
    left.set_xscale("log", base=2)
    left.set_yscale("log")
    left.set_xlabel("learning rate, relative to the parameterization's")
    left.set_ylabel("mean loss over the updates, relative")
    left.legend(frameon=False, fontsize=8)
    for rate, fit in found.drifts.items():
        widths, means, errors = (np.array(column) for column in zip(*fit.points, strict=True))
        spread = np.exp(means) * np.stack([-np.expm1(-1.96 * errors), np.expm1(1.96 * errors)])
        interval = f"n^({fit.exponent:+.3f} \u00b1 {fit.half_width:.3f})"
        right.errorbar(widths, np.exp(means), spread, fmt="o-", markersize=4, capsize=2, label=f"{rate}: {interval}")
    right.set_xscale("log", base=2)
    right.set_yscale("log", base=2)
    right.set_xlabel("width n")
    right.set_ylabel("learning rate, relative")
    if found.drifts:
        low, high = right.get_ylim()
        right.set_ylim(low / 2, high * 2)
        right.legend(frameon=False, fontsize=8)
    figure.suptitle(f"{found.parameterization.name}: does the learning rate transfer?")
    save(figure, path)


def calibration_figure(found: Calibration, derived: Mapping[Hyperparameter, Exponent], path: str | Path) -> None:
    """The init scales and learning rates solved for, against the width, with lines of the derived slopes."""
    figure, panels = canvas(1, 2, size=(10.0, 4.2))
    for panel, which, title in zip(panels, ("init", "lr"), ("init scale sigma", "learning rate eta"), strict=True):
        heights = []
        shown = [(one, fit) for one, fit in found.fits.items() if one.which == which]
        for index, (one, fit) in enumerate(shown):
            heights.append(draw(panel, fit, derived[one], one.layer, index / max(len(shown) - 1, 1)))
        panel.set_title(f"{title}: solved points, derived slopes", loc="left")
        panel.set_xlabel("width n")
        legend(panel, heights)
    save(figure, path)


def freedom_figure(measured: FreedomMeasurement, path: str | Path) -> None:
    """The singular values of the Jacobian (g = 1) against the width; the smallest, which should tend to 0, in red."""
    figure, (axes,) = canvas(1, 1, size=(6.4, 4.2))
    for number, one in enumerate(measured.singular_values, start=1):
        widths, means, errors = (np.array(column) for column in zip(*one.points, strict=True))
        color = "C3" if number == len(measured.singular_values) else "C0"
        axes.errorbar(widths, means, 2 * errors, fmt="o-", color=color, markersize=4, capsize=2)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel("width n")
    axes.set_ylabel("singular values, gauges aside")
    save(figure, path)
