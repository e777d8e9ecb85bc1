"""What `calibrate` and `freedom` print: tables for a person, documents for a program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from math import exp

from rich.console import RenderableType
from rich.text import Text

from scalings.calibrations import Condition
from scalings.documents import SCHEMA_VERSION, Document, fit_numbers
from scalings.fits import Fit
from scalings.freedoms import Limit
from scalings.inverse import CalibrationAgreement
from scalings.jacobians import FreedomAgreement
from scalings.reports import verdict_text
from scalings.tables import STYLES, empty_table


def calibration_report(agreement: CalibrationAgreement) -> Iterator[RenderableType]:
    """The hyperparameters solved for at some widths, their powers, and the criteria that were not asked for."""
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
    for one in agreement.solved.values():
        values = {width: exp(mean) for width, mean, _ in one.fit.points}
        columns.add_row(
            one.name,
            *(f"{values[width]:.3g}" if width in values else "" for width in widths),
            str(one.derived),
            *_numbers(one.fit),
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
    """The answer of `calibrate`."""
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
    """The Jacobian as n grows beside the derived one, its singular values, and the direction that nothing notices."""
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
    """The answer of `freedom`."""
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
