"""The figure of `law`: the size of an optimizer's step against gradient, weight and learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from scalings.figures.style import GRID, INK, MUTED, RICH, WIDTH, end_label, in_pairs, page, styled, title
from scalings.figures.ticks import log_axis
from scalings.hyperparameters.update_laws import UpdateLaw
from scalings.results.measured_laws import AXES, Axis, LawMeasurement

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ALONG: Final[dict[Axis, str]] = {
    "gradient": "entries of G (root mean square)",
    "weight": "entries of W (root mean square)",
    "lr": "learning rate",
}
_SYMBOLS: Final[dict[Axis, str]] = {"gradient": "|G|", "weight": "|W|", "lr": r"\eta"}
_HEIGHT: Final = 5.8


@styled
def law_figure(measured: LawMeasurement, expected: UpdateLaw | None = None) -> Figure:
    """|dW|_F of one step: measured points, the fitted power through the point that was asked about, and in grey the
    ranges in which another law holds."""
    figure = page((WIDTH, _HEIGHT))
    for axes, axis in zip(in_pairs(figure, len(AXES)), AXES, strict=True):
        _scan(axes, measured, axis)
    title(figure, _sentence(measured, expected), _detail(measured, expected), verdict=measured.meets(expected))
    return figure


def _sentence(measured: LawMeasurement, expected: UpdateLaw | None) -> str:
    verdict = measured.meets(expected)
    if verdict == "PASS":
        return f"{measured.name} follows {measured.reason(expected)} (PASS)"
    if verdict == "FAIL":
        return f"{measured.name} does not follow {f'the law of {expected.name}' if expected else 'one law'} (FAIL)"
    return f"Which law {measured.name} follows is open (INCONCLUSIVE)"


def _detail(measured: LawMeasurement, expected: UpdateLaw | None) -> str:
    reason = "" if measured.meets(expected) == "PASS" else f"{measured.reason(expected)}. "
    changes = ", grey another law" if measured.boundaries else ""
    return f"{reason}Step {measured.steps}. Points measured, lines fitted powers, dotted where it was asked{changes}"


def _scan(axes: Axes, measured: LawMeasurement, axis: Axis) -> None:
    x, y = (np.array(column) for column in zip(*measured.scans[axis], strict=True))
    log_axis(axes.xaxis, x)
    log_axis(axes.yaxis, y)
    at = measured.base[axis]
    for boundary in measured.boundaries:
        if boundary.axis == axis:
            low, high = axes.get_xlim()
            beyond = (low, boundary.size) if boundary.size < at else (boundary.size, high)
            axes.axvspan(*beyond, color=GRID, alpha=0.7, linewidth=0, zorder=0)
    axes.axvline(at, color=MUTED, linewidth=1.0, linestyle=":", zorder=1)
    axes.plot(x, y, "o", markersize=3.2, color=INK, zorder=3)
    power = measured.regime.powers[axis] if measured.regime else None
    if power is not None:
        height = np.exp(np.interp(np.log(at), np.log(x), np.log(y)))
        exponent = power.value if power.exact is None else float(power.exact)
        line = height * (x / at) ** exponent
        axes.plot(x, line, color=RICH, linewidth=1.4, zorder=2)
        written = f"{exponent:.2f}" if power.exact is None else str(power.exact)
        end_label(axes, x[-1], line[-1], f"${_SYMBOLS[axis]}^{{{written}}}$", RICH)
    axes.set_xlabel(_ALONG[axis])
    axes.set_title("|dW|$_F$ of one step")
