"""The report of `transfer`, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from math import exp

from rich.console import RenderableType
from rich.text import Text

from scalings.reports.documents import SCHEMA_VERSION, Document, fit_numbers, layers_document, regime_document
from scalings.reports.tables import STYLES, empty_table, in_theory, layers_table, verdict_text
from scalings.studies.transfer import TransferAgreement

_MOST_COLUMNS = 6
"""Widths that a table has room for; of more every other one is shown, and all are in the JSON."""


def transfer_report(agreement: TransferAgreement) -> Iterator[RenderableType]:
    """The text of `transfer`: the best and the largest stable learning rate by width, and their drifts."""
    found, derived = agreement.found, "none" if agreement.derived is None else str(agreement.derived)
    yield in_theory([(found.parameterization.name, agreement.check)], "Does the learning rate transfer?")
    given = found.parameterization
    laws = found.training.laws_of(found.network)
    yield layers_table(found.network, given.layers, given.scales, agreement.symbol, laws=laws)
    yield Text(
        f"\nFactors on all of these learning rates; {found.training.steps} updates on {found.training.batch} examples "
        f"of {found.training.data}, {sum(found.seeds.values())} seeds.\n"
    )
    every = 1 if len(found.seeds) <= _MOST_COLUMNS else 2
    widths = [f"{agreement.symbol} = {width}" for width in list(found.seeds)[::every]]
    columns = empty_table("learning rate", *widths, "drift", "95 % interval", "derived", "as derived")
    for rate in found.edges:
        fit, claimed = found.drifts.get(rate), agreement.as_derived.get(rate)
        if fit is None:
            columns.add_row(rate, *["" for _ in widths], "on the edge", "", derived, "")
            continue
        factors = [f"{exp(mean):.3g}" for _, mean, _ in fit.points[::every]]
        interval = f"[{fit.low:+.3f}, {fit.high:+.3f}]"
        judged = Text(claimed.verdict, style=STYLES[claimed.verdict]) if claimed else ""
        columns.add_row(rate, *factors, f"{fit.exponent:+.3f}", interval, derived, judged)
    yield columns
    yield verdict_text(agreement.verdict, agreement.reason)


def transfer_document(agreement: TransferAgreement) -> Document:
    """The JSON document of `transfer`."""
    found = agreement.found
    return {
        "schema_version": SCHEMA_VERSION,
        "parameterization": found.parameterization.name,
        **regime_document(agreement.check),
        "scale": found.scale,
        "layers": layers_document(found.network, found.parameterization.layers, found.training.laws_of(found.network)),
        "training": asdict(found.training),
        "seeds": {str(width): seeds for width, seeds in found.seeds.items()},
        "device": found.device,
        "interrupted": found.interrupted,
        "seconds": found.seconds,
        "verdict": agreement.verdict,
        "reason": agreement.reason,
        "derived": None if agreement.derived is None else str(agreement.derived),
        "grid": list(found.grid),
        "rates": [
            {
                "rate": rate,
                "edges": [{"width": width, "side": side} for width, side in edges],
                **(fit_numbers(found.drifts[rate]) if rate in found.drifts else {}),
                "as_derived": agreement.as_derived[rate].verdict if rate in agreement.as_derived else None,
            }
            for rate, edges in found.edges.items()
        ],
        "curves": {
            str(width): [{"factor": factor, "log_loss": loss} for factor, loss in curve]
            for width, curve in found.curves.items()
        },
    }
