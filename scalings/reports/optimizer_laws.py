"""The report of `law`, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from scalings.hyperparameters.update_laws import UpdateLaw
from scalings.reports.documents import SCHEMA_VERSION, Document
from scalings.reports.tables import empty_table, verdict_text
from scalings.results.measured_laws import AXES, POWERS, SYMBOLS, Axis, LawMeasurement, LawRegime, RegimeBoundary

_ENTRIES: dict[Axis, str] = {"gradient": "entries of G", "weight": "entries of W", "lr": "learning rate"}


def law_report(measured: LawMeasurement, expected: UpdateLaw | None) -> Iterator[RenderableType]:
    """The text of `law`: the law that was asked about, neighbouring regimes and boundaries, decay and verdict."""
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
    if measured.written:
        yield Text(f"To derive with it: scalings derive --optimizer {measured.written}")
    yield verdict_text(measured.meets(expected), measured.reason(expected))


def _regimes(measured: LawMeasurement) -> list[tuple[str, LawRegime]]:
    others = [(f"beside it, {number}", one) for number, one in enumerate(measured.others, start=1)]
    return [("as asked", measured.regime), *others] if measured.regime else others


def _boundary(boundary: RegimeBoundary) -> str:
    where = f"{_ENTRIES[boundary.axis]} of about {boundary.size:.1e}"
    if boundary.fan_in is None or boundary.fan_out is None:
        return where
    symbol = SYMBOLS[boundary.axis]
    return f"{where}; {symbol} there goes like fan_in^({boundary.fan_in}) fan_out^({boundary.fan_out})"


def law_document(measured: LawMeasurement, expected: UpdateLaw | None) -> Document:
    """The JSON document of `law`."""
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
        "law": measured.written,
        "coupling": measured.coupling,
        "base": dict(measured.base),
        "scans": {axis: [{"size": x, "step": y} for x, y in measured.scans[axis]] for axis in AXES},
        "seconds": measured.seconds,
    }


def _regime(regime: LawRegime) -> Document:
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
