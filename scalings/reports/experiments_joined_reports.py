"""What `law` and `transfer` print: tables for a person, documents for a program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from math import exp
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from scalings.documents import SCHEMA_VERSION, Document, fit_numbers, layers_document
from scalings.fits import Verdict
from scalings.inverse import TransferAgreement
from scalings.laws import AXES, POWERS, SYMBOLS, Axis, Boundary, LawMeasurement, Regime
from scalings.optimizers import UpdateLaw
from scalings.tables import STYLES, empty_table, layers_table

_ENTRIES: dict[Axis, str] = {"gradient": "entries of G", "weight": "entries of W", "lr": "learning rate"}


def verdict_text(verdict: Verdict, reason: str) -> Text:
    """The last line of a report."""
    return Text.assemble("\nverdict: ", (verdict, STYLES[verdict]), f", {reason}")


def law_report(measured: LawMeasurement, expected: UpdateLaw | None) -> Iterator[RenderableType]:
    """The law where it was asked, those beside it, where they meet, and what else was noticed."""
    yield Text(f"|dW|_F of a step of {measured.name} (the last of {measured.steps}), as a product of powers:\n")
    columns = empty_table("regime", "", "eta", *(SYMBOLS[power] for power in POWERS[1:]), "law of")
    for name, regime in _regimes(measured):
        columns.add_row(name, "measured", *(f"{regime.powers[power].value:+.3f}" for power in POWERS), "")
        half = [(regime.powers[power].high - regime.powers[power].low) / 2 for power in POWERS]
        columns.add_row("", "+- (95 %)", *(f"{width:.3f}" for width in half), "")
        exact = [regime.powers[power].exact for power in POWERS]
        names = ", ".join(regime.names) if regime.law else "none"
        columns.add_row("", "exact", *("?" if one is None else str(one) for one in exact), names)
        columns.add_section()
    yield columns
    yield Text("\nProbed at (root mean square):")
    for name, regime in _regimes(measured):
        ranges = ", ".join(f"{_ENTRIES[axis]} {low:.1g} to {high:.1g}" for axis, (low, high) in regime.ranges.items())
        yield Text(f"  {name}: {ranges}; {regime.points} probes, departure {regime.departure:.1g} e-folds")
    yield from (Text(f"The law changes at {_boundary(boundary)}") for boundary in measured.boundaries)
    if measured.decay is None:
        yield Text("Without a gradient a step is not -eta lambda W: what decays the weight is part of the law above")
    elif measured.decay:
        yield Text(f"Weight decay: every step adds -eta lambda W with lambda = {measured.decay:.4g}, taken out above")
    yield verdict_text(measured.meets(expected), measured.reason(expected))


def _regimes(measured: LawMeasurement) -> list[tuple[str, Regime]]:
    others = [(f"beside it, {number}", one) for number, one in enumerate(measured.others, start=1)]
    return [("as asked", measured.regime), *others] if measured.regime else others


def _boundary(boundary: Boundary) -> str:
    where = f"{_ENTRIES[boundary.axis]} of about {boundary.size:.1e}"
    if boundary.fan_in is None or boundary.fan_out is None:
        return where
    symbol = SYMBOLS[boundary.axis]
    return f"{where}; {symbol} there goes like fan_in^({boundary.fan_in}) fan_out^({boundary.fan_out})"


def law_document(measured: LawMeasurement, expected: UpdateLaw | None) -> Document:
    """The answer of `law`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "optimizer": measured.name,
        "steps": measured.steps,
        "expected": expected.name if expected else None,
        "verdict": measured.meets(expected),
        "reason": measured.reason(expected),
        "regime": _regime(measured.regime) if measured.regime else None,
        "others": [_regime(regime) for regime in measured.others],
        "boundaries": [
            {
                "axis": boundary.axis,
                "size": boundary.size,
                "fan_in": None if boundary.fan_in is None else str(boundary.fan_in),
                "fan_out": None if boundary.fan_out is None else str(boundary.fan_out),
            }
            for boundary in measured.boundaries
        ],
        "weight_decay": measured.decay,
        "coupling": measured.coupling,
        "base": dict(measured.base),
        "scans": {axis: [{"size": x, "step": y} for x, y in measured.scans[axis]] for axis in AXES},
        "seconds": measured.seconds,
    }


def _regime(regime: Regime) -> Document:
    powers: dict[str, Any] = {
        power: {
            "exponent": one.value,
            "low": one.low,
            "high": one.high,
            "exact": None if one.exact is None else str(one.exact),
        }
        for power, one in regime.powers.items()
    }
    return {
        "ranges": {axis: list(ends) for axis, ends in regime.ranges.items()},
        "powers": powers,
        "constant": exp(regime.log_constant),
        "departure": regime.departure,
        "noise": regime.noise,
        "points": regime.points,
        "law_of": list(regime.names),
        "is_law": regime.law is not None,
    }


def transfer_report(agreement: TransferAgreement) -> Iterator[RenderableType]:
    """Both learning rates at every width, their drifts beside the derived one, and whether they transfer."""
    found, derived = agreement.found, "none" if agreement.derived is None else str(agreement.derived)
    yield layers_table(found.network, found.parameterization.layers)
    yield Text(
        f"\nFactors on all of these learning rates; {found.training.steps} updates on {found.training.batch} examples "
        f"of {found.training.data}, {sum(found.seeds.values())} seeds.\n"
    )
    widths = [f"n = {width}" for width in found.seeds]
    columns = empty_table("learning rate", *widths, "drift", "95 % interval", "derived", "as derived")
    for rate in found.edges:
        fit, claimed = found.drifts.get(rate), agreement.as_derived.get(rate)
        if fit is None:
            columns.add_row(rate, *["" for _ in found.seeds], "on the edge", "", derived, "")
            continue
        factors = [f"{exp(mean):.3g}" for _, mean, _ in fit.points]
        interval = f"[{fit.low:+.3f}, {fit.high:+.3f}]"
        judged = Text(claimed.verdict, style=STYLES[claimed.verdict]) if claimed else ""
        columns.add_row(rate, *factors, f"{fit.exponent:+.3f}", interval, derived, judged)
    yield columns
    yield verdict_text(agreement.verdict, agreement.reason)


def transfer_document(agreement: TransferAgreement) -> Document:
    """The answer of `transfer`."""
    found = agreement.found
    return {
        "schema_version": SCHEMA_VERSION,
        "parameterization": found.parameterization.name,
        "layers": layers_document(found.network, found.parameterization.layers),
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
