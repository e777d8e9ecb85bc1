"""Reports of `calibrate`, `freedom`, `law` and `transfer`, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from math import exp
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from scalings.criteria.conditions import Condition
from scalings.hyperparameters.update_laws import UpdateLaw
from scalings.reports.documents import SCHEMA_VERSION, Document, fit_numbers, layers_document
from scalings.reports.tables import STYLES, empty_table, layers_table, verdict_text
from scalings.results.experiments import Limit
from scalings.results.fits import Fit
from scalings.results.measured_laws import AXES, POWERS, SYMBOLS, Axis, LawMeasurement, LawRegime, RegimeBoundary
from scalings.studies.calibration import CalibrationAgreement
from scalings.studies.freedom import FreedomAgreement
from scalings.studies.transfer import TransferAgreement


def calibration_report(agreement: CalibrationAgreement) -> Iterator[RenderableType]:
    """The text of `calibrate`: the hyperparameters solved for, their exponents, and the criteria not asked for."""
    found = agreement.calibration
    yield Text("At every width, by training, the init scales and learning rates (g = 1) for which\n")
    for condition in found.system:
        yield Text(f"  {condition}: {_relation(condition)}")
    yield Text(
        f"\nafter {found.training.steps} update(s) of {found.training.optimizer} on {found.training.batch} examples of "
        f"{found.training.data}; {sum(found.seeds.values())} networks, each solved on its own.\n"
    )
    widths = [width for number, width in enumerate(found.seeds) if number % 2 == 0]
    columns = empty_table(
        "hyperparameter", *(f"n = {n}" for n in widths), "derived", "solved", "95 % interval", "verdict"
    )
    for key, one in agreement.solved.items():
        fit = found.fits[key]
        values = {width: exp(mean) for width, mean, _ in fit.points}
        columns.add_row(
            str(key),
            *(f"{values[width]:.3g}" if width in values else "" for width in widths),
            str(one.derived),
            *_numbers(fit),
            Text(one.verdict, style=STYLES[one.verdict]),
        )
    for name, fit in found.others.items():
        columns.add_row(f"implied: {name}", *["" for _ in widths], "0", *_numbers(fit), Text("(reported)", style="dim"))
    yield columns
    yield verdict_text(agreement.verdict, agreement.reason)


def _numbers(fit: Fit) -> tuple[str, str]:
    return f"{fit.exponent:+.3f}", f"[{fit.low:+.3f}, {fit.high:+.3f}]"


def _relation(condition: Condition) -> str:
    sides = []
    for side in (condition.criterion.left, condition.criterion.right):
        factors = [f"|{quantity}|" if quantity != "layer" else "|g dW h|" for quantity, _ in side.factors]
        power = side.constant(condition.layer)
        sides.append(" ".join([*factors, *([f"n^({power})"] if power else [])]))
    return f"{sides[0]} = {condition.constant:g} {sides[1]}".rstrip()


def calibration_document(agreement: CalibrationAgreement) -> Document:
    """The JSON document of `calibrate`."""
    found = agreement.calibration
    return {
        "schema_version": SCHEMA_VERSION,
        "richness": str(agreement.richness),
        "training": asdict(found.training),
        "conditions": [
            {"criterion": one.criterion.name, "layer": one.layer.name, "step": one.step, "constant": one.constant}
            for one in found.system
        ],
        "seeds": {str(width): seeds for width, seeds in found.seeds.items()},
        "unsolved": {str(width): seeds for width, seeds in found.unsolved.items()},
        "interrupted": found.interrupted,
        "seconds": found.seconds,
        "verdict": agreement.verdict,
        "reason": agreement.reason,
        "hyperparameters": [
            {
                "layer": key.layer,
                "hyperparameter": key.which,
                **fit_numbers(one.fit),
                "predicted": str(one.derived),
                "verdict": one.verdict,
            }
            for key, one in agreement.solved.items()
        ],
        "implied": [{"criterion": name, **fit_numbers(fit)} for name, fit in found.others.items()],
    }


def freedom_report(agreement: FreedomAgreement) -> Iterator[RenderableType]:
    """The text of `freedom`: the Jacobian beside the derived one, its singular values, and its null direction."""
    measured = agreement.measured
    names = [hyperparameter for _, hyperparameter in measured.entries]
    hyperparameters = list(dict.fromkeys(names))
    yield Text("Percent by which left / right of a criterion changes with a percent of a hyperparameter, as n grows:\n")
    columns = empty_table("criterion", "", *map(str, hyperparameters))
    for condition in map(str, measured.conditions):
        places = [(condition, hyperparameter) for hyperparameter in hyperparameters]
        limits = [measured.entries[place] for place in places]
        columns.add_row(condition, "measured", *(f"{one.value:+.3f}" for one in limits))
        columns.add_row("", "+- (95 %)", *(f"{(one.high - one.low) / 2:.3f}" for one in limits))
        columns.add_row("", "derived", *(str(agreement.derived[place]) for place in places))
        columns.add_section()
    yield columns
    widths = list(measured.seeds)
    yield Text(f"\nGauges change no criterion: {measured.gauges:.1g} at most. Singular values without them (g = 1):\n")
    values = empty_table("", *(f"n = {width}" for width in widths[::2]), "limit", "95 % interval")
    for number, one in enumerate(measured.singular_values, start=1):
        at = {width: f"{mean:.4f} +- {2 * error:.4f}" for width, mean, error in one.points}
        values.add_row(
            str(number), *(at[n] for n in widths[::2]), f"{one.value:.4f}", f"[{one.low:.4f}, {one.high:.4f}]"
        )
    yield values
    yield Text("\nThe direction of the last one, and that of the richness in the derived family:\n")
    direction = empty_table("", *map(str, measured.direction))
    direction.add_row("measured", *(f"{mean:+.3f} +- {2 * error:.3f}" for mean, error in measured.direction.values()))
    direction.add_row("derived", *(f"{agreement.direction[key]:+.3f}" for key in measured.direction))
    yield direction
    yield verdict_text(agreement.verdict, agreement.reason)


def freedom_document(agreement: FreedomAgreement) -> Document:
    """The JSON document of `freedom`."""
    measured = agreement.measured
    least, most = measured.freedoms(float(agreement.delta))
    return {
        "schema_version": SCHEMA_VERSION,
        "training": asdict(measured.training),
        "seeds": {str(width): seeds for width, seeds in measured.seeds.items()},
        "unsolved": {str(width): seeds for width, seeds in measured.unsolved.items()},
        "interrupted": measured.interrupted,
        "seconds": measured.seconds,
        "verdict": agreement.verdict,
        "reason": agreement.reason,
        "degrees_of_freedom": least if least == most else None,
        "entries": [
            {
                "criterion": condition,
                "layer": hyperparameter.layer,
                "hyperparameter": hyperparameter.which,
                **_limit(limit),
                "predicted": [str(entry.low), str(entry.high)],
                "verdict": agreement.entry_verdict((condition, hyperparameter)),
            }
            for ((condition, hyperparameter), limit) in measured.entries.items()
            for entry in (agreement.derived[condition, hyperparameter],)
        ],
        "singular_values": [_limit(one) for one in measured.singular_values],
        "direction": [
            {
                "layer": key.layer,
                "hyperparameter": key.which,
                "component": mean,
                "standard_error": error,
                "predicted": agreement.direction[key],
            }
            for key, (mean, error) in measured.direction.items()
        ],
        "gauges": measured.gauges,
    }


def _limit(limit: Limit) -> Document:
    points = [{"width": width, "mean": mean, "standard_error": error} for width, mean, error in limit.points]
    return {"limit": limit.value, "low": limit.low, "high": limit.high, "points": points}


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


def transfer_report(agreement: TransferAgreement) -> Iterator[RenderableType]:
    """The text of `transfer`: the best and the largest stable learning rate by width, and their drifts."""
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
    """The JSON document of `transfer`."""
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
