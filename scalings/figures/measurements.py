"""The figure of `measure`: points beside derived slopes, and every exponent that is asserted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from scalings.criteria.observables import QUANTITIES, SYMBOLS, Observable, Quantity
from scalings.figures.forest import Column, Row, forest, forest_height, judged, subscripted
from scalings.figures.slopes import Line, slopes
from scalings.figures.style import MUTED, WIDTH, colour_of, heading, in_pairs, page, stacked, styled, title
from scalings.figures.texts import shortened
from scalings.networks.dimensions import WIDTH_SCALE, symbol_of
from scalings.networks.network import Network
from scalings.results.checks import Check
from scalings.results.fits import Diverged, Fit, Verdict
from scalings.results.trials import Training
from scalings.studies.comparisons import Agreement
from scalings.studies.equivalence import Comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from empirical.sweeps.measurement import Measurement

AGREES: Final[dict[Verdict, str]] = {
    "PASS": "training agrees with theory (PASS)",
    "FAIL": "training does not agree with theory (FAIL)",
    "INCONCLUSIVE": "whether training agrees with theory is open (INCONCLUSIVE)",
}
_PANELS: Final[tuple[Quantity, ...]] = ("dz", "layer", "passthrough", "d", "dW_frobenius", "dW_spectral", "z", "loss")
_MOST_PANELS: Final = 4
_PANEL: Final = 1.9
"""Inches of a panel's height."""


@styled
def measurement_figure(
    measurement: Measurement,
    agreement: Agreement,
    check: Check,
    *,
    scale: str = WIDTH_SCALE,
) -> Figure:
    """One measurement: slopes after the last update, a panel for each quantity, and a forest with a column for each
    number of updates. Only what was measured has a panel."""
    name, last = measurement.parameterization.name, measurement.training.steps
    symbol = symbol_of(scale)
    panels = {q: lines for q in _PANELS if (lines := list(_lines(measurement, agreement, q, check)))}
    shown = dict(list(panels.items())[:_MOST_PANELS])
    columns = columns_of(measurement.network, agreement, check)
    heights = [_PANEL * ((len(shown) + 1) // 2), forest_height(columns) if columns else 0.0]
    figure = page((WIDTH, sum(heights)))
    parts = stacked(figure, [height for height in heights if height])
    if columns:
        forest(parts.pop(), columns, agreement.delta)
    for axes, (quantity, lines) in zip(in_pairs(parts[0], len(shown)) if parts else (), shown.items(), strict=True):
        slopes(axes, lines, measurement.widths, scale=scale, symbol=symbol)
        heading(axes, f"{subscripted(SYMBOLS[quantity])} after {updates(last)}")
    sentence = f"{name}: {AGREES[agreement.verdict]}: {in_words(check)}"
    title(
        figure,
        sentence,
        as_sentence(agreement.reason),
        setting(measurement.training, measurement.widths, scale),
        verdict=agreement.verdict,
    )
    return figure


def in_words(check: Check) -> str:
    """What theory says of the parameterization: its regime, and its richness if it has one."""
    return f"{check.regime}, r = {check.richness}" if check.nontrivial else check.regime


def updates(steps: int) -> str:
    """A number of updates, in words."""
    return f"{steps} update{'s' * (steps != 1)}" if steps else "initialization"


def setting(training: Training, widths: Sequence[int], scale: str = WIDTH_SCALE) -> str:
    """How networks were trained, on what, and how wide they were."""
    return (
        f"{updates(training.steps).capitalize()} by {training.optimizer} on {training.batch} examples of "
        f"{training.data}, {scale}s {widths[0]} to {widths[-1]}. Points measured, lines derived."
    )


def as_sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."


def cells(network: Network, agreement: Agreement, check: Check) -> list[tuple[Row, Comparison[Observable]]]:
    """All comparisons that decide the verdict, with the rows that they are in.

    If training is unstable in theory, it may diverge, and what did has no exponent to compare.
    """
    known = [layer.name for layer in network.layers]

    def row(of: Observable) -> Row:
        place = known.index(of.layer) if of.layer in known else len(known)
        return Row((QUANTITIES.index(of.quantity), place), SYMBOLS[of.quantity], of.layer)

    decide = [one for one in judged(agreement.comparisons) if check.stable or isinstance(one.fit, Fit)]
    return [(row(one.of), one) for one in sorted(decide, key=lambda one: one.of.step)]


def columns_of(network: Network, agreement: Agreement, check: Check) -> list[Column]:
    """The columns of a forest: one for each number of updates."""
    compared, colour = cells(network, agreement, check), colour_of(check) if check.stable else MUTED

    def column(step: int) -> Column:
        when = f"after {updates(step)}" if step else "at initialization"
        return Column(when, None, colour, [(row, one) for row, one in compared if one.of.step == step])

    return [column(step) for step in sorted({one.of.step for _, one in compared})]


def _lines(measurement: Measurement, agreement: Agreement, quantity: Quantity, check: Check) -> Iterator[Line]:
    """A line for each layer, of what has an exponent or diverged, after the last update."""
    by_observable, colour = {one.of: one for one in agreement.comparisons}, colour_of(check)
    for layer in [*(layer.name for layer in measurement.network.layers), ""]:
        one = by_observable.get(Observable(quantity, layer, measurement.training.steps))
        if one is None:
            continue
        if isinstance(one.fit, Diverged):
            yield _diverged_line(measurement, one, colour)
            continue
        # Bounds on what explodes, as n^25, say nothing at widths that can be trained.
        is_bound = one.role != "asserted"
        derived = None if is_bound and not check.stable else one.derived
        yield Line(shortened(layer) or SYMBOLS[quantity], one.fit.points, derived, colour, is_bound)


def _diverged_line(measurement: Measurement, one: Comparison[Observable], colour: str) -> Line:
    """The widths at which all runs were finite, without intervals, and those at which some diverged."""
    by_width = measurement.values[one.of]
    finite = [width for width, values in by_width.items() if np.isfinite(values).all()]
    points = [(width, float(np.log(by_width[width]).mean()), 0.0) for width in finite if by_width[width].all()]
    diverged = [width for width in by_width if width not in finite]
    return Line(shortened(one.of.layer), points, None, colour, diverged=diverged)
