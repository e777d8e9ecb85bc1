"""Prescriptions as text and as JSON: how a model is to be set at any width."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from scalings.hyperparameters.exponents import format_exponent
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.reports.documents import SCHEMA_VERSION, Document
from scalings.reports.tables import STYLES, empty_table
from scalings.results.prescription_code import code, written
from scalings.results.prescriptions import ParameterRule, Prescription, Scaled
from scalings.studies.model_checks import ModelCheck
from scalings.studies.prescribed_models import Parameterized


def prescription_report(answer: Parameterized) -> Iterator[RenderableType]:
    """How each weight is to be set, and the code that does."""
    given = answer.prescription
    yield Text(_summary(given), style="bold")
    yield Text()
    table = empty_table("parameter", "optimizer", "init scale", "learning rate", "decay")
    for rule in given.of_weights:
        cells = (written(given, one) for one in (rule.init, rule.lr, rule.decay))
        table.add_row(rule.weight, rule.optimizer, *cells)
    yield table
    yield from (Text(f"note: {note}") for note in given.notes)
    yield Text()
    yield Text(code(given))


def repair_report(answer: ModelCheck) -> Iterator[RenderableType]:
    """The repair of a model as code, and whether it was verified; nothing where there is none."""
    if not answer.repaired:
        return
    given = answer.repaired.prescription
    yield Text(f"\nThe repair, {given.as_yours}:")
    yield from (Text(f"note: {note}") for note in given.notes)
    yield Text(f"\n{code(given)}")
    if answer.verified:
        verdict = answer.verified.verdict
        yield Text.assemble("\nRepaired so: ", (verdict, STYLES[verdict]), f", {answer.verified.reason}")


def _summary(given: Prescription) -> str:
    richness = "" if given.richness is None else f", r = {format_exponent(given.richness)}"
    return f"as it is at width {given.base_width}, for any width n{richness}"


def prescription_document(answer: Parameterized) -> Document:
    """The JSON document: constants at the base width, and powers of n / n_0."""
    given = answer.prescription
    return {
        "schema_version": SCHEMA_VERSION,
        "base_width": given.base_width,
        "richness": None if given.richness is None else format_exponent(given.richness),
        "parameters": [_rule_document(given, rule) for rule in given.rules],
        "notes": list(given.notes),
        "code": code(given),
    }


def _rule_document(given: Prescription, rule: ParameterRule) -> Document:
    def number(one: Scaled) -> Document:
        constant = one.at({**given.ratios, WIDTH_SCALE: 1.0})
        return {"constant": constant, "power": format_exponent(one.power(WIDTH_SCALE)) if constant else None}

    return {
        "parameter": rule.name,
        "weight": rule.weight,
        "optimizer": rule.optimizer or None,
        "init": number(rule.init),
        "lr": number(rule.lr),
        "decay": number(rule.decay),
        "changed": list(rule.changed),
    }
