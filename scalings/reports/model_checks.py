"""The report of `check_model`: what is wrong first, then how the model is set, and what theory and training say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from scalings.criteria.tutorial import STABILITY
from scalings.hyperparameters.exponents import MINUS_INFINITY, format_exponent
from scalings.reports.documents import SCHEMA_VERSION, Document
from scalings.reports.measurements import agreement_table
from scalings.reports.model_settings import Pair, other_multipliers, settings_columns, settings_rows, shown_law
from scalings.reports.prescriptions import prescription_document, repair_report
from scalings.reports.tables import STYLES, empty_table
from scalings.results.checks import Repair
from scalings.results.fits import Diverged, Fit
from scalings.studies.comparisons import Agreement
from scalings.studies.model_checks import ModelCheck
from scalings.studies.model_findings import meant, sentences
from scalings.studies.model_tensors import NOT_ASSERTED
from scalings.studies.model_words import consequence_in_words, correction_as_code, listed

_VERDICTS = ("PASS", NOT_ASSERTED, "INCONCLUSIVE", "FAIL")
_MOST = 12
"""The most rows that do not agree which are shown; the others are counted."""


def model_check_report(answer: ModelCheck) -> Iterator[RenderableType]:
    """The text of a check of a model."""
    yield Text.assemble((answer.verdict, STYLES[answer.verdict]), f": {answer.reason}")
    yield Text()
    if wrong := [one for one in answer.findings if one.is_wrong]:
        yield from (Text(f"  {sentence}") for sentence in sentences(wrong))
        if so := consequence(answer):
            yield Text(f"  As it is, at larger and larger widths: {so}")
        yield Text()
    yield _settings_table(answer)
    yield from _multiplied_elsewhere(answer)
    yield from map(Text, meant(answer.findings))
    yield Text()
    richness = "" if answer.richness is None else f", r = {format_exponent(answer.richness)}"
    measured = answer.measured_richness
    seen = "" if measured is None or not answer.check.stable else f" r = {measured.shown()};"
    kind = {"explodes": " (it explodes)", "vanishes": " (signals vanish)"}.get(_instability(answer), "")
    yield Text(f"In theory it is {answer.regime}{kind}{richness}; training:{seen} {training_in_words(answer)}")
    judged = [one for one in answer.agreement.comparisons if one.role != "reported" and answer.check.stable]
    differing = [one for one in judged if one.verdict == "FAIL"]
    if differing:
        shown = Agreement(tuple(differing[:_MOST]), (), answer.agreement.delta, "FAIL", "")
        for step in sorted({one.of.step for one in shown.comparisons}):
            yield Text(f"after {step} update{'s' * (step != 1)} they differ in")
            yield agreement_table([("", shown)], step)
    yield from (Text(f"note: {note}") for note in answer.notes)
    yield from map(Text, _of_values(answer))
    if said := established(answer):
        yield Text(f"What this establishes: {said}")
    yield from _in_the_code(answer)
    yield from repair_report(answer)


def consequence(answer: ModelCheck) -> str:
    """What the numbers as they are do to training, of all criteria that theory finds broken the first; empty if none
    is, or if theory takes means for zero that are not."""
    if any(row.mean != MINUS_INFINITY for row in answer.settings):
        return ""
    return next((consequence_in_words(one) for one in answer.check.findings if not one.satisfied), "")


def training_in_words(answer: ModelCheck) -> str:
    """What training says. Where theory has found what is wrong, it is asked for contradictions alone: that some of its
    orders are open then leaves nothing open."""
    agreement = answer.agreement
    if answer.verdict != "FAIL" or agreement.verdict != "INCONCLUSIVE":
        return agreement.reason
    exploding = "it does not explode yet at these widths; " if _instability(answer) == "explodes" else ""
    compared = sum(one.role != "reported" for one in agreement.comparisons)
    return f"{exploding}of {compared} orders that were compared it contradicts none"


def _instability(answer: ModelCheck) -> str:
    """Which kind of unstable a model is: whether something explodes, or is too small from the start; empty if none."""
    broken = [one for one in answer.check.findings if one.criterion in STABILITY and not one.satisfied]
    if answer.check.growing or any(one.found > one.required for one in broken):
        return "explodes"
    return "vanishes" if broken else ""


def _of_values(answer: ModelCheck) -> Iterator[str]:
    """How many values have which verdict, and which have another one than PASS."""
    by_verdict: dict[str, list[str]] = {}
    for name, one in answer.tensors.items():
        by_verdict.setdefault(one.verdict, []).append(name)
    named = [
        f"{len(names)} {verdict}" + (f" ({listed(names)})" if verdict != "PASS" else "")
        for verdict, names in sorted(by_verdict.items(), key=lambda one: _VERDICTS.index(one[0]))
    ]
    if named:
        yield f"of {len(answer.tensors)} values by themselves, consequences included: {', '.join(named)}"


def established(answer: ModelCheck) -> str:
    """What a verdict establishes, in a paragraph; empty if it is INCONCLUSIVE, or was asked for another regime."""
    compared = answer.agreement.comparisons
    widths = [width for one in compared if isinstance(one.fit, Fit) for width, *_ in one.fit.points]
    if not widths or answer.verdict == "INCONCLUSIVE":
        return ""
    steps = max(one.of.step for one in compared)
    where = f"at widths {min(widths)} to {max(widths)}, on this batch and in {steps} update{'s' * (steps != 1)},"
    if answer.verdict == "PASS":
        has = "has" if answer.agreement.verdict == "PASS" else "contradicts none of"
        return (
            f"{where} training {has} the orders by which every use of a parameter is alike at every width; "
            "of larger widths and later updates that holds as far as the rules of the traced functions do"
        )
    if any(one.what == "training" for one in answer.findings):
        return f"{where} training does something else than the traced functions would by their rules"
    return (
        f"with numbers as they are at widths {min(widths)} to {max(widths)}, training is not alike at every width, "
        "as far as the rules of the traced functions hold; constants decide how much of that shows at one width"
    )


def corrections(answer: ModelCheck) -> list[str]:
    """What is to be done in the code, ready to be pasted: at the smallest width that was traced all stays as it is."""
    functions, base = answer.reading.traced.translation.reading, answer.reading.traced.widths[0]
    return [
        correction_as_code(one.parameter, functions[one.parameter] if one.what == "multiplier" else "", one.power, base)
        for one in answer.findings
        if one.what in ("multiplier", "structure") and one.power is not None
    ]


def _in_the_code(answer: ModelCheck) -> Iterator[Text]:
    if listed_ones := corrections(answer):
        base = answer.reading.traced.widths[0]
        yield Text(f"\nThe repair in the code, for a model of any width n, which at {base} is as yours is:")
        yield from (Text(f"    {one}") for one in listed_ones)
        if isinstance(answer.repair, Repair):
            then = f"{answer.repair.verdict.regime}, r = {answer.repair.richness}"
            yield Text(f"With all that is said above changed it is in theory {then}; no training was run of it.")


def _settings_table(answer: ModelCheck) -> Table:
    """How each weight is set, and how it should be where that differs."""
    table = empty_table(*settings_columns(answer))
    for row, cells in settings_rows(answer):
        table.add_row(row.weight, row.shape, row.role, *map(_cell, cells), shown_law(row))
    return table


def _cell(pairs: Sequence[Pair]) -> Text:
    return Text(", ").join(map(_exponent, pairs))


def _exponent(pair: Pair) -> Text:
    if pair.instead is None:
        return Text(pair.shown)
    return Text.assemble((pair.shown, STYLES["FAIL"]), f" -> {pair.instead}")


def _multiplied_elsewhere(answer: ModelCheck) -> Iterator[Text]:
    if others := list(other_multipliers(answer)):
        listed_ones = Text(", ").join(Text.assemble(_exponent(pair), f" at {place}") for place, pair in others)
        yield Text.assemble("The code also multiplies by ", listed_ones)


def model_check_document(answer: ModelCheck) -> Document:
    """The JSON document of a check of a model."""
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": answer.verdict,
        "reason": answer.reason,
        "regime": answer.regime,
        "richness": None if answer.richness is None else format_exponent(answer.richness),
        "findings": [
            {
                "parameter": one.parameter,
                "what": one.what,
                "power": None if one.power is None else format_exponent(one.power),
                "sentence": one.sentence,
                "is_wrong": one.is_wrong,
            }
            for one in answer.findings
        ],
        "settings": [
            {
                "weight": row.weight,
                "parameters": list(row.parameters),
                "shape": row.shape,
                "role": row.role,
                "multipliers": {one.use: format_exponent(one.order) for one in row.multipliers},
                "init": format_exponent(row.init),
                "start": row.start,
                "mean": format_exponent(row.mean),
                "lr": format_exponent(row.lr),
                "decay": format_exponent(row.decay),
                "law": row.law,
                "measured": row.measured,
                "epsilon": format_exponent(row.epsilon),
            }
            for row in answer.settings
        ],
        "other_multipliers": {place: format_exponent(pair.given) for place, pair in other_multipliers(answer)},
        "repair": [
            {"layer": layer, "exponent": which, "from": format_exponent(old), "to": format_exponent(new)}
            for layer, which, old, new in answer.repair.changes
        ]
        if isinstance(answer.repair, Repair)
        else None,
        "forbidden_by": [] if isinstance(answer.repair, Repair) else list(answer.repair.criteria),
        "measured_richness": _fitted(answer.measured_richness),
        "training": {"verdict": answer.agreement.verdict, "reason": answer.agreement.reason},
        "consequence": consequence(answer) or None,
        "establishes": established(answer) or None,
        "corrections": corrections(answer),
        "tensors": [
            {
                "name": name,
                "verdict": one.verdict,
                "reason": one.reason,
                "orders": [
                    {
                        "quantity": key.quantity,
                        "step": key.step,
                        "derived": format_exponent(one.derived[key]) if key in one.derived else None,
                        "measured": _fitted(one.measured.get(key)),
                    }
                    for key in sorted({*one.derived, *one.measured})
                ],
            }
            for name, one in answer.tensors.items()
        ],
        "notes": list(answer.notes),
        "repaired": prescription_document(answer.repaired) if answer.repaired else None,
        "verified": {"verdict": answer.verified.verdict, "reason": answer.verified.reason} if answer.verified else None,
    }


def _fitted(fit: Fit | Diverged | None) -> dict[str, float] | str | None:
    """What was measured, in JSON, which has no infinite numbers."""
    if isinstance(fit, Diverged):
        return "diverged"
    if fit is None or not isfinite(fit.half_width):
        return None
    return {"exponent": fit.exponent, "low": fit.low, "high": fit.high}
