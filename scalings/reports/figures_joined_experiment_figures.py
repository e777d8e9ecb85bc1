"""Figures of the inverse experiments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from empirical.figures import canvas, draw, legend
from scalings.calibrations import Calibration, Hyperparameter
from scalings.exponents import Exponent
from scalings.freedoms import FreedomMeasurement
from scalings.laws import AXES, Axis, LawMeasurement
from scalings.transfers import Transfer

_LABELS: dict[Axis, str] = {
    "gradient": "entries of G (root mean square)",
    "weight": "entries of W (root mean square)",
    "lr": "learning rate",
}


def law_figure(measured: LawMeasurement, path: str | Path) -> None:
    """The size of a step along gradient, weight and learning rate: what was seen, and the power law there."""
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
    figure.savefig(path, dpi=150)


def transfer_figure(found: Transfer, path: str | Path) -> None:
    """Left the loss against the learning rate, a line a width; right the best and the largest stable one against width.

    Both relative to what the parameterization says, so that a learning rate that transfers is a vertical valley on the
    left and a horizontal line on the right.
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
    figure.savefig(path, dpi=150)


def calibration_figure(found: Calibration, derived: Mapping[Hyperparameter, Exponent], path: str | Path) -> None:
    """Init scales and learning rates that were solved for against width, with the derived slopes."""
    figure, panels = canvas(1, 2, size=(10.0, 4.2))
    for panel, which, title in zip(panels, ("init", "lr"), ("init scale sigma", "learning rate eta"), strict=True):
        heights = []
        shown = [(one, fit) for one, fit in found.fits.items() if one.which == which]
        for index, (one, fit) in enumerate(shown):
            heights.append(draw(panel, fit, derived[one], one.layer, index / max(len(shown) - 1, 1)))
        panel.set_title(f"{title}: solved points, derived slopes", loc="left")
        panel.set_xlabel("width n")
        legend(panel, heights)
    figure.savefig(path, dpi=150)


def freedom_figure(measured: FreedomMeasurement, path: str | Path) -> None:
    """The singular values of the Jacobian with g = 1 against width: one of them is not like the others."""
    figure, (axes,) = canvas(1, 1, size=(6.4, 4.2))
    for number, one in enumerate(measured.singular_values, start=1):
        widths, means, errors = (np.array(column) for column in zip(*one.points, strict=True))
        color = "C3" if number == len(measured.singular_values) else "C0"
        axes.errorbar(widths, means, 2 * errors, fmt="o-", color=color, markersize=4, capsize=2)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel("width n")
    axes.set_ylabel("singular values, gauges aside")
    figure.savefig(path, dpi=150)
