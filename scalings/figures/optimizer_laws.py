"""The figure of `law`: the size of an optimizer's step against gradient, weight and learning rate."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from scalings.figures.measurements import as_sentence
from scalings.figures.style import (
    FAILURE,
    GRID,
    INK,
    MUTED,
    RICH,
    WIDTH,
    end_label,
    heading,
    in_pairs,
    page,
    styled,
    title,
)
from scalings.figures.ticks import log_axis
from scalings.hyperparameters.update_laws import UpdateLaw
from scalings.results.measured_laws import AXES, Axis, LawMeasurement

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from empirical.tensors.arrays import Array

_ALONG: Final[dict[Axis, str]] = {
    "gradient": "entries of G (root mean square)",
    "weight": "entries of W (root mean square)",
    "lr": "learning rate",
}
_SYMBOLS: Final[dict[Axis, str]] = {"gradient": "|G|", "weight": "|W|", "lr": r"\eta"}
_HEIGHT: Final = 5.0


@styled
def law_figure(measured: LawMeasurement, expected: UpdateLaw | None = None) -> Figure:
    """|dW|_F of one step: measured points, the fitted power through the point that was asked about, and in grey the
    ranges in which another law holds."""
    figure = page((WIDTH, _HEIGHT))
    for axes, axis in zip(in_pairs(figure, len(AXES)), AXES, strict=True):
        _scan(axes, measured, axis, expected)
    title(figure, _sentence(measured, expected), *_details(measured, expected), verdict=measured.meets(expected))
    return figure


def _sentence(measured: LawMeasurement, expected: UpdateLaw | None) -> str:
    verdict = measured.meets(expected)
    if verdict == "PASS":
        return f"{measured.name} follows {measured.reason(expected)} (PASS)"
    if verdict == "FAIL":
        return f"{measured.name} does not follow {f'the law of {expected.name}' if expected else 'one law'} (FAIL)"
    return f"Which law {measured.name} follows is open (INCONCLUSIVE)"


def _details(measured: LawMeasurement, expected: UpdateLaw | None) -> list[str]:
    reason = [] if measured.meets(expected) == "PASS" else [as_sentence(measured.reason(expected))]
    changes = ", grey is another law" if measured.boundaries else ""
    return [
        *reason,
        f"Points are measured at step {measured.steps}, lines fitted; dotted is where it was asked{changes}.",
    ]


def _scan(axes: Axes, measured: LawMeasurement, axis: Axis, expected: UpdateLaw | None) -> None:
    x, y = (np.array(column) for column in zip(*measured.scans[axis], strict=True))
    log_axis(axes, "x", x)
    log_axis(axes, "y", y)
    at, (low, high) = measured.base[axis], axes.get_xlim()
    within = np.ones(len(x), dtype=bool)
    for boundary in measured.boundaries:
        if boundary.axis == axis:
            beyond = (low, boundary.size) if boundary.size < at else (boundary.size, high)
            axes.axvspan(*beyond, color=GRID, alpha=0.7, linewidth=0, zorder=0)
            within &= (x < beyond[0]) | (x > beyond[1])
    axes.axvline(at, color=MUTED, linewidth=1.0, linestyle=":", zorder=1)
    axes.plot(x, y, "o", markersize=3.2, color=INK, zorder=3)
    power = measured.regime.powers[axis] if measured.regime else None
    height = float(np.exp(np.interp(np.log(at), np.log(x), np.log(y))))
    holds = np.sort([*x[within], at])
    if power is not None:
        exponent = power.value if power.exact is None else power.exact
        _power(axes, axis, holds, height * (holds / at) ** float(exponent), exponent, RICH)
    if expected and (wanted := _wanted(expected, axis)) != (power.exact if power else None):
        _power(axes, axis, holds, height * (holds / at) ** float(wanted), wanted, FAILURE, expected.name)
    axes.set_xlabel(_ALONG[axis])
    heading(axes, "|dW|$_F$ of one step")


def _power(
    axes: Axes, axis: Axis, x: Array, line: Array, exponent: Fraction | float, colour: str, name: str = ""
) -> None:
    """A power law, named at its end; dashed if it is expected and not what was found."""
    axes.plot(x, line, color=colour, linewidth=1.4, linestyle=(0, (4, 2)) if name else "-", zorder=2)
    written = str(exponent) if isinstance(exponent, Fraction) else f"{exponent:.2f}"
    end_label(axes, x[-1], line[-1], f"{name} ${_SYMBOLS[axis]}^{{{written}}}$".strip(), colour)


def _wanted(law: UpdateLaw, axis: Axis) -> Fraction:
    """The power of a law along an axis; all are proportional to the learning rate."""
    return {"gradient": Fraction(law.gradient), "weight": Fraction(law.weight), "lr": Fraction(1)}[axis]
