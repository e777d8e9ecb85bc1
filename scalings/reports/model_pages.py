"""A check of a model as a page: one file of HTML without scripts, which asks no network for anything.

Its template is `model_check.html`; whatever it is given is escaped there, except what is made of HTML here.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from math import isfinite
from typing import Any

from scalings import __version__
from scalings.criteria.observables import QUANTITIES, SYMBOLS, Observable
from scalings.hyperparameters.exponents import format_exponent, format_power
from scalings.reports.displays import raised_powers
from scalings.reports.model_checks import consequence, corrections, established, training_in_words
from scalings.reports.model_settings import other_multipliers, settings_columns, settings_rows, shown_law
from scalings.reports.tables import glossary
from scalings.results.fits import Diverged, Fit, Verdict
from scalings.results.prescription_code import code
from scalings.results.printable import printable
from scalings.studies.model_checks import ModelCheck
from scalings.studies.model_findings import meant, sentences
from scalings.studies.model_tensors import NOT_ASSERTED, TensorSaid, TensorVerdict

MARKS: dict[TensorSaid, str] = {"PASS": "✓", "FAIL": "✗", "INCONCLUSIVE": "?", NOT_ASSERTED: "·"}


def model_check_page(answer: ModelCheck, name: str, figure: str | None = None) -> str:
    """The page of a check; `figure` is SVG that `scalings.figures` draws."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    room = Environment(
        loader=PackageLoader("scalings", "reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    room.filters["raised"] = lambda words: Markup(raised_powers(_shown(words)))
    room.filters["shown"] = _shown
    rows = [
        (row, shown_law(row), [[(pair.shown, pair.instead) for pair in pairs] for pairs in cells])
        for row, cells in settings_rows(answer)
    ]
    return room.get_template("model_check.html").render(
        answer=answer,
        name=name,
        version=__version__,
        marks=MARKS,
        cards=list(_cards(answer)),
        wrong=sentences([one for one in answer.findings if one.is_wrong]),
        meant=list(meant(answer.findings)),
        columns=settings_columns(answer),
        rows=rows,
        other_multipliers=[(place, (pair.shown, pair.instead)) for place, pair in other_multipliers(answer)],
        changes=any(wanted for _, _, cells in rows for pairs in cells for _, wanted in pairs),
        repair=_repair(answer),
        figure=Markup(figure) if figure else None,
        tensors=[(one, verdict, list(_orders(answer, verdict))) for one, verdict in answer.tensors.items()],
        consequence=consequence(answer),
        training=training_in_words(answer),
        corrections=corrections(answer),
        code_base=answer.reading.traced.widths[0],
        established=established(answer),
        glossary=[line.partition(": ") for line in glossary().plain.strip().splitlines()],
    )


def _shown(words: object) -> str:
    return printable(str(words), keep="\n")


def _cards(answer: ModelCheck) -> Iterator[tuple[str, str, str]]:
    """What stands at the top: a verdict that gives its colour, a few words, and what they are."""
    richness = "" if answer.richness is None else f", r = {format_exponent(answer.richness)}"
    yield "PASS" if answer.check.stable else "FAIL", f"{answer.regime}{richness}", "in theory, at infinite width"
    measured = answer.measured_richness
    if measured is not None and isfinite(measured.half_width) and answer.check.stable:
        yield "PASS", f"r = {measured.exponent:.2f} ± {measured.half_width:.2f}", "richness, as measured"
    wrong = sum(one.is_wrong for one in answer.findings)
    yield "FAIL" if wrong else "PASS", f"{wrong or 'nothing'} to change", "by theory and training"
    asserted = [one for one in answer.agreement.comparisons if one.role == "asserted"]
    if asserted and answer.check.stable:
        agree = sum(one.verdict == "PASS" for one in asserted)
        yield answer.agreement.verdict, f"{agree} of {len(asserted)} orders", "confirmed by training"


def _repair(answer: ModelCheck) -> dict[str, Any] | None:
    """The repair as code, also as an address that holds it, to be saved as a file."""
    if not answer.repaired:
        return None
    given = answer.repaired.prescription
    written = code(given)
    address = f"data:text/x-python;base64,{b64encode(written.encode()).decode()}"
    as_yours = given.as_yours.removeprefix("for ")
    return {"as_yours": as_yours, "notes": given.notes, "code": written, "address": address}


def _orders(answer: ModelCheck, tensor: TensorVerdict) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Of a value: what, when, derived, measured, its interval, and whether both agree."""
    judged = {one.of: one for one in answer.agreement.comparisons if one.role != "reported"}
    said: dict[Verdict, str] = {"PASS": "agree", "FAIL": "differ", "INCONCLUSIVE": "open"}
    for key, fit in sorted(tensor.measured.items(), key=lambda pair: _place(pair[0])):
        derived = format_power(tensor.derived[key], "n") if key in tensor.derived else "not derived"
        verdict = said[judged[key].verdict] if key in judged else "not judged"
        yield SYMBOLS[key.quantity], _when(key), derived, *_measured(fit), verdict


def _place(of: Observable) -> tuple[int, int]:
    return of.step, QUANTITIES.index(of.quantity)


def _when(key: Observable) -> str:
    return f"after {key.step} update{'s' * (key.step > 1)}" if key.step else "at the start"


def _measured(fit: Fit | Diverged) -> tuple[str, str]:
    if isinstance(fit, Diverged):
        return "diverged", f"at width {fit.width}"
    interval = f"{fit.low:+.2f} to {fit.high:+.2f}" if isfinite(fit.half_width) else "none, of so few widths"
    return f"{fit.exponent:+.2f}", interval
