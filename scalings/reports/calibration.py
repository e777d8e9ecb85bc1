"""The report of `calibrate`, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from math import exp

from rich.console import RenderableType
from rich.text import Text

from scalings.criteria.conditions import Condition
from scalings.reports.documents import SCHEMA_VERSION, Document, fit_numbers, solved_document
from scalings.reports.tables import STYLES, empty_table, verdict_text
from scalings.results.fits import Fit
from scalings.studies.calibration import CalibrationAgreement


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
        **solved_document(found, agreement),
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
