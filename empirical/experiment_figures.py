"""Figures of the inverse experiments."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from empirical.figures import canvas
from scalings.laws import AXES, Axis, LawMeasurement

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
