"""The figure of `verify`: the slopes that tell richnesses apart, and every exponent that is asserted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from scalings.criteria.observables import SYMBOLS, Observable
from scalings.figures.forest import Column, forest, forest_height
from scalings.figures.measurements import AGREES, cells, setting, updates
from scalings.figures.slopes import Line, slopes
from scalings.figures.style import WIDTH, colour_of, heading, page, stacked, styled, title
from scalings.networks.dimensions import WIDTH_SCALE, symbol_of
from scalings.results.fits import Fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scalings.studies.verification import Member, Verification

_SLOPES: Final = 2.3
"""Inches of the panel above the forest."""


@styled
def verification_figure(verification: Verification) -> Figure:
    """|dz| of the last hidden layer against the width, a line for each member, above all exponents that are asserted:
    a column for each member, and in a cell an interval for each number of updates."""
    members = sorted(verification.members, key=lambda member: member.richness)
    network, training = members[0].measurement.network, members[0].measurement.training
    columns = [_column(member) for member in members]
    figure = page((WIDTH, _SLOPES + forest_height(columns)))
    above, below = stacked(figure, (_SLOPES, forest_height(columns)))
    at = Observable("dz", network.layers[-2].name, training.steps)
    axes = above.subplots()
    slopes(
        axes,
        [line for member in members for line in _line(member, at)],
        members[0].measurement.widths,
        scale=WIDTH_SCALE,
        symbol=symbol_of(WIDTH_SCALE),
    )
    heading(axes, f"{SYMBOLS['dz']} of {at.layer} after {updates(at.step)}: the richer, the steeper")
    forest(below, columns, verification.delta)
    agree = sum(one.verdict == "PASS" for column in columns for _, one in column.cells)
    total = sum(len(column.cells) for column in columns)
    sentence = AGREES[verification.verdict]
    title(
        figure,
        f"{sentence[:1].upper()}{sentence[1:]}: {agree} of {total} exponents",
        setting(training, members[0].measurement.widths),
        verdict=verification.verdict,
    )
    return figure


def _line(member: Member, at: Observable) -> list[Line]:
    for one in member.agreement.comparisons:
        if one.of == at and isinstance(one.fit, Fit):
            return [
                Line(
                    f"r = {member.richness}, {member.check.regime}",
                    one.fit.points,
                    one.derived,
                    colour_of(member.check),
                )
            ]
    return []


def _column(member: Member) -> Column:
    named, _, gauges = member.name.partition(", gauges ")
    heading = f"{named}\nanother gauge" if gauges else named
    found = cells(member.measurement.network, member.agreement, member.check)
    return Column(heading, member.agreement.verdict, colour_of(member.check), found)
