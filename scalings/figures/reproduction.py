"""The figures of `reproduce`: each claim with what it rests on, alone or all on one page."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scalings.figures.measurements import as_sentence
from scalings.figures.slopes import Line, Z, slopes
from scalings.figures.style import (
    FAILURE,
    FAILURE_FILL,
    LAZY,
    MUTED,
    RICH,
    SMALL,
    TEXT,
    VERDICTS,
    WIDTH,
    canvas,
    end_label,
    grey,
    hatched,
    heading,
    page,
    styled,
    title,
)
from scalings.figures.ticks import count_axis, factor_axis, log_axis
from scalings.results.fits import Fit
from scalings.results.reproduction import RateCurves
from scalings.studies.reproduction.claims import Finding
from scalings.studies.reproduction.five_curves import BROKEN, GROUPS, FiveCurvesFinding
from scalings.studies.reproduction.learning_rates import RatesFinding, TransientFinding, stays
from scalings.studies.reproduction.plan import Reproduction
from scalings.studies.reproduction.rich_ends_lower import CONTROL, EndsLowerFinding
from scalings.studies.reproduction.rich_ends_lower import LAZY as NTP
from scalings.studies.reproduction.rich_ends_lower import RICH as MUP
from scalings.studies.reproduction.update_sizes import DERIVED, UpdateSizesFinding

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT: Final = 3.1
_COLOURS: Final = {"ntp": LAZY, "mup": RICH}
_DASHES: Final[tuple[Any, ...]] = ("-", (0, (5, 3)), (0, (1, 1.6)))
_LEARNED_NOTHING: Final = 0.1
"""The error of answering 0: one class of ten."""


@styled
def claim_figure(finding: Finding) -> Figure:
    """One claim: its verdict in the title, and what that rests on."""
    panels = _panels(finding)
    figure, axes = canvas(1, len(panels), (WIDTH, _HEIGHT))
    for at, (what, note, draw) in zip(axes, panels, strict=True):
        draw(at)
        if len(panels) > 1:
            _heading(at, what, note)
    title(figure, f"{finding.claim} ({finding.answer})", as_sentence(finding.reason), verdict=finding.verdict)
    return figure


@styled
def reproduction_figure(found: Reproduction) -> Figure:
    """All claims on one page, each panel with its verdict."""
    if len(found.findings) == 1:
        return claim_figure(found.findings[0])
    figure = page((WIDTH, _HEIGHT * len(rows := _in_rows(found.findings))))
    grid = figure.add_gridspec(len(rows), 2)
    for number, row in enumerate(rows):
        for place, (finding, (what, note, draw)) in enumerate(row):
            axes = figure.add_subplot(grid[number, place if len(row) > 1 else slice(None)])
            draw(axes)
            _heading(axes, f"{VERDICTS[finding.verdict][0]} {what}", note)
    held = sum(finding.verdict == "PASS" for finding in found.findings)
    title(
        figure,
        f"The tutorial's experiments: {held} of {len(found.findings)} claims held",
        f"Networks of n hidden units a layer, trained on {found.settings.data}; ntp is lazy (r = 0), mup is rich "
        "(r = 1/2).",
        *(
            f"{finding.answer}: {finding.claim}. {as_sentence(finding.reason)}"
            for finding in found.findings
            if finding.verdict != "PASS"
        ),
        verdict=found.verdict,
    )
    return figure


def _heading(axes: Axes, what: str, note: str) -> None:
    """A panel's heading and note, which may reach over the labels at the ends of lines."""
    for text in heading(axes, what, note):
        text.set_in_layout(False)


Panel = tuple[str, str, Callable[["Axes"], None]]


def _in_rows(findings: Sequence[Finding]) -> list[list[tuple[Finding, Panel]]]:
    """Rows of two panels; both of a claim that has two share one."""
    panels = [(finding, _panels(finding)) for finding in findings]
    alone = [(finding, each[0]) for finding, each in panels if len(each) == 1]
    pairs = [[(finding, one) for one in each] for finding, each in panels if len(each) == 2]
    return [alone[k : k + 2] for k in range(0, len(alone), 2)] + pairs


def _panels(finding: Finding) -> list[Panel]:
    """What each panel of a claim shows, a note on it, and what draws it."""
    match finding:
        case FiveCurvesFinding():
            worst = max(finding.differences.values())
            note = f"outputs differ by {worst:.0e} (broken gauge: {finding.broken:.1g})"
            return [("five parameterizations", note, partial(_five, finding=finding))]
        case EndsLowerFinding():
            diverged = math.isnan(finding.ratio.value)
            note = "diverged" if diverged else f"log ratio {finding.ratio}, null {finding.control_ratio}"
            return [(f"lazy and rich: {finding.what}", note, partial(_lower, finding=finding))]
        case UpdateSizesFinding():
            powers = [f"{fit.exponent:+.3f}" for fit in finding.fits.values() if isinstance(fit, Fit)]
            note = f"measured {' and '.join(powers)}; lines derived"
            return [("how far features move", note, partial(_sizes, finding=finding))]
        case RatesFinding():
            return [_of_rates(name, found) for name, found in finding.found_of.items()]
        case TransientFinding():
            note = f"rate ~ n^({finding.wide.drift}) beyond n = {min(finding.wide.curves)}"
            return [("ntp, narrow and wide", note, partial(_transient, finding=finding))]
    raise TypeError(f"expected a finding, but got {type(finding).__name__}")


def _of_rates(name: str, found: RateCurves) -> Panel:
    widths = list(found.curves)
    note = f"rate ~ n^({found.drift}); light {widths[0]}, dark {widths[-1]}"
    moves = "stays" if stays(found.drift) == "PASS" else "moves"
    return f"{name}: the best rate {moves}", note, partial(_rates, found=found, name=name)


def _epochs(axes: Axes, errors: Mapping[str, Sequence[float]]) -> None:
    last = max(len(values) for values in errors.values()) - 1
    axes.set_xlim(-0.3, last + 0.3)
    count_axis(axes, "epoch")
    log_axis(axes, "y", [value for values in errors.values() for value in values])
    axes.set_ylabel("test error")


def _five(axes: Axes, finding: FiveCurvesFinding) -> None:
    """A broad line for the first of each group, and thin dashed ones of the others along its middle."""
    _epochs(axes, finding.errors)
    for group, colour in zip(GROUPS, (LAZY, RICH), strict=True):
        for number, name in enumerate(group):
            values = finding.errors[name]
            how: dict[str, Any] = {"linewidth": 7, "alpha": 0.3, "solid_capstyle": "butt"}
            if number:
                how = {"linewidth": 1.6 if number == 1 else 3, "linestyle": _DASHES[number]}
            axes.plot(range(len(values)), values, color=colour, **how)
        end_label(axes, len(values) - 1, values[-1], "\n= ".join(group), colour)
    values = finding.errors[BROKEN]
    axes.plot(range(len(values)), values, "x-", color=FAILURE, linewidth=0.8, markersize=5)
    if math.isfinite(values[-1]):
        end_label(axes, len(values) - 1, values[-1], "broken\ngauge", FAILURE)


def _lower(axes: Axes, finding: EndsLowerFinding) -> None:
    means = {name: np.exp(np.log(values).mean(axis=1)).tolist() for name, values in finding.errors.items()}
    _epochs(
        axes, means | {f"{name} {k}": one for name, values in finding.errors.items() for k, one in enumerate(values.T)}
    )
    for name, colour in ((NTP, LAZY), (MUP, RICH)):
        epochs = range(len(means[name]))
        axes.plot(epochs, finding.errors[name], color=colour, linewidth=0.6, alpha=0.5)
        axes.plot(epochs, means[name], color=colour, linewidth=1.8)
        if math.isfinite(means[name][-1]):
            words = f"{name} (dotted:\nother draws)" if name == NTP else name
            end_label(axes, epochs[-1], means[name][-1], words, colour)
    axes.plot(range(len(means[CONTROL])), means[CONTROL], color=LAZY, linewidth=1.4, linestyle=_DASHES[2])
    if math.isnan(finding.ratio.value):
        return
    last, high, low = finding.epochs, means[NTP][-1], means[MUP][-1]
    axes.annotate(
        "",
        (last * 0.97, low),
        (last * 0.97, high),
        arrowprops={"arrowstyle": "<->", "color": MUTED, "linewidth": 1, "shrinkA": 2, "shrinkB": 2},
    )
    factor = f"\u00d7 {math.exp(finding.ratio.value):.2g}"
    axes.text(last * 0.94, (low * high) ** 0.5, factor, ha="right", va="center", weight="bold", size=TEXT + 1)


def _sizes(axes: Axes, finding: UpdateSizesFinding) -> None:
    lines = [
        Line(name, fit.points if isinstance(fit, Fit) else (), DERIVED[name], _COLOURS[name])
        for name, fit in finding.fits.items()
    ]
    slopes(axes, lines, finding.widths, scale="width", symbol="n")
    axes.set_ylabel("|dz|/|z| after one update")


def _rates(axes: Axes, found: RateCurves, name: str) -> None:
    """A curve for each width, and dots at the best rates, which a dashed line joins."""
    dots: list[tuple[float, float]] = []
    seen: list[tuple[float, float]] = []
    for number, (width, curve) in enumerate(found.curves.items()):
        learned = [point for point in curve if point[1] < 0.97 * _LEARNED_NOTHING]
        seen += learned
        if not learned:
            continue
        rates, errors = (np.array(column) for column in zip(*learned, strict=True))
        axes.plot(rates, errors, color=grey((number + 1) / len(found.curves)), linewidth=1.2)
        at = 2.0 ** found.best[width][0]
        dots.append((at, float(np.exp(np.interp(math.log(at), np.log(rates), np.log(errors))))))
    axes.plot(
        *np.reshape(dots, (-1, 2)).T, "o--", color=_COLOURS.get(name, RICH), linewidth=1, markersize=5.5, zorder=3
    )
    log_axis(axes, "y", [*(error for _, error in seen), _LEARNED_NOTHING])
    hatched(axes.axhspan(_LEARNED_NOTHING, axes.get_ylim()[1], zorder=0))
    at = 0.5, (_LEARNED_NOTHING * axes.get_ylim()[1]) ** 0.5
    box = {"facecolor": FAILURE_FILL, "edgecolor": "none", "pad": 1.5}
    middle = axes.get_yaxis_transform()
    axes.text(
        *at,
        "no better than answering 0",
        transform=middle,
        ha="center",
        va="center",
        size=SMALL,
        color=FAILURE,
        bbox=box,
    )
    tried = [rate for curve in found.curves.values() for rate, _ in curve]
    factor_axis(axes, "x", [rate for rate, _ in seen] or tried)
    axes.set_xlabel("learning rate")
    axes.set_ylabel("test error after one epoch")


def _transient(axes: Axes, finding: TransientFinding) -> None:
    """The best rate against the width: at narrow widths as it is, at wide ones on a line of the derived slope."""
    wide = [(n, math.log(2) * at, math.log(2) * error) for n, (at, error) in finding.wide.best.items()]
    widths = sorted({*finding.narrow.best, *finding.wide.best})
    slopes(axes, [Line("ntp", wide, Fraction(0), LAZY)], widths, scale="width", symbol="n")
    narrow = {n: best for n, best in finding.narrow.best.items() if n < min(finding.wide.best)}
    at, error = (np.array(column) for column in zip(*narrow.values(), strict=True))
    reach = 2.0**at * np.stack([1 - 2.0 ** (-Z * error), 2.0 ** (Z * error) - 1])
    axes.errorbar(list(narrow), 2.0**at, reach, fmt="o", color=MUTED, markersize=4.5, elinewidth=1.1, zorder=3)
    ends = [2.0 ** (at - Z * error), *np.exp([[mean + Z * error, mean - Z * error] for _, mean, error in wide])]
    log_axis(axes, "y", np.concatenate(ends).tolist())
    axes.set_ylabel("best learning rate")
