"""The report of `measure`, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from scalings.criteria.observables import QUANTITIES, SYMBOLS, TERMS, Observable
from scalings.hyperparameters.exponents import format_exponent
from scalings.reports.documents import (
    SCHEMA_VERSION,
    Document,
    fit_numbers,
    layers_document,
    observable_document,
)
from scalings.reports.tables import STYLES, empty_table
from scalings.results.fits import Diverged, Fit
from scalings.studies.comparisons import Agreement
from scalings.studies.equivalence import Comparison

if TYPE_CHECKING:
    from empirical.sweeps.measurement import Measurement


def measurement_document(measurement: Measurement, agreement: Agreement) -> Document:
    """The JSON document of `measure`: does training agree with theory? It has `gamma` where that is not 1."""
    given = measurement.parameterization
    return {
        "schema_version": SCHEMA_VERSION,
        "parameterization": given.name,
        "choice": given.choice or None,
        **({"gamma": str(given.gamma)} if given.gamma != 1 else {}),
        "layers": layers_document(measurement.network, given.layers, measurement.training.laws_of(measurement.network)),
        "training": asdict(measurement.training),
        "seeds": {str(width): seeds for width, seeds in measurement.seeds.items()},
        "engine": measurement.engine,
        "device": measurement.device,
        "seconds": measurement.seconds,
        "verdict": agreement.verdict,
        "reason": agreement.reason,
        "fits": [_fit(comparison) for comparison in agreement.comparisons],
    }


def _fit(comparison: Comparison[Observable]) -> Document:
    return {
        **observable_document(comparison.of),
        **fit_numbers(comparison.fit),
        "predicted": format_exponent(comparison.derived),
        "role": comparison.role,
        "verdict": comparison.verdict,
    }


def agreement_table(agreements: Iterable[tuple[str, Agreement]], step: int, *, everything: bool = True) -> Table:
    """A table of derived and measured exponents after `step` updates, asserted ones first in each agreement.

    Without `everything`, of the observables that are only reported |dz| and its three terms alone are shown.
    """
    table = empty_table("member", "observable", "layer", "derived", "measured", "95 % interval", "verdict")
    order = {"asserted": 0, "upper bound": 1, "reported": 2}
    for name, agreement in agreements:
        shown = [one for one in agreement.comparisons if one.of.step == step and _is_shown(one, everything)]
        shown.sort(key=lambda one: (order[one.role], QUANTITIES.index(one.of.quantity)))
        for number, comparison in enumerate(shown):
            table.add_row(name if number == 0 else "", *_agreement_row(comparison))
        table.add_section()
    return table


def fits_table(fits: Mapping[Observable, Fit | Diverged], step: int) -> Table:
    """A table of measured exponents after `step` updates."""
    table = empty_table("observable", "layer", "measured", "95 % interval")
    for of in sorted(fits, key=lambda one: (QUANTITIES.index(one.quantity), one.layer)):
        if of.step == step:
            table.add_row(SYMBOLS[of.quantity], of.layer, *_measured(fits[of]))
    return table


def _measured(fit: Fit | Diverged) -> tuple[str, str]:
    if isinstance(fit, Diverged):
        return "diverged", f"from width {fit.width} on"
    return f"{fit.exponent:+.3f}", f"[{fit.low:+.3f}, {fit.high:+.3f}]"


def _is_shown(comparison: Comparison[Observable], everything: bool) -> bool:
    return everything or comparison.role != "reported" or comparison.of.quantity in ("dz", *TERMS)


def _agreement_row(comparison: Comparison[Observable]) -> list[RenderableType]:
    bound = comparison.role == "upper bound"
    derived = ("<= " if bound else "") + format_exponent(comparison.derived)
    measured, interval = _measured(comparison.fit)
    verdict = Text(comparison.verdict, style=STYLES[comparison.verdict])
    if comparison.role == "reported" or (bound and comparison.verdict != "FAIL"):
        verdict = Text(f"({comparison.verdict})", style="dim")
    observable = comparison.of
    return [SYMBOLS[observable.quantity], observable.layer, derived, measured, interval, verdict]
