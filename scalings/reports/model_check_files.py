"""A check of a model as files of other programs: Markdown for a comment, JUnit's XML for a build server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from scalings.hyperparameters.exponents import Exponent, format_exponent, format_power
from scalings.reports.articles import markdown_table
from scalings.reports.displays import text
from scalings.reports.model_checks import COLUMNS, settings_rows, shown_law, training_in_words
from scalings.results.fits import Fit
from scalings.studies.model_checks import ModelCheck


def model_check_markdown(answer: ModelCheck, name: str) -> str:
    """For a pull request: the verdict and what to change, then the settings, then what training says."""
    lines = [f"### `{name}` {answer.verdict}", "", _escaped(answer.reason)]
    if answer.findings:
        lines += ["", *(f"- {_escaped(one.sentence)}" for one in answer.findings)]
    lines += ["", *markdown_table(COLUMNS, list(_rows(answer)))]
    richness = "" if answer.richness is None else f", r = {format_exponent(answer.richness)}"
    lines += ["", f"In theory it is {answer.regime}{richness}. Training: {_escaped(training_in_words(answer))}"]
    if answer.notes:
        lines += ["", *(f"- note: {_escaped(note)}" for note in answer.notes)]
    return "\n".join(lines)


def _escaped(words: str) -> str:
    """Words with the characters escaped that Markdown takes for more."""
    return re.sub(r"([\\`*_<>\[\]])", r"\\\1", words)


def _rows(answer: ModelCheck) -> Iterator[tuple[str, ...]]:
    for row, exponents in settings_rows(answer):
        yield f"`{row.weight}`", row.shape, row.role, *(_cell(*pair) for pair in exponents), shown_law(row)


def _cell(given: Exponent, wanted: Exponent | None) -> str:
    shown = format_power(given, "n")
    return shown if wanted is None else f"{shown} → **{format_power(wanted, 'n')}**"


def model_check_junit(answer: ModelCheck, name: str, seconds: float) -> str:
    """A suite of one test, in the format xunit2: exponents are properties, INCONCLUSIVE is skipped."""
    counts = {"FAIL": {"failures": "1"}, "INCONCLUSIVE": {"skipped": "1"}, "PASS": {}}[answer.verdict]
    took = f"{seconds:.3f}"
    suites = ElementTree.Element("testsuites")
    common = {"errors": "0", "failures": "0", "skipped": "0", "tests": "1", "time": took}
    suite = ElementTree.SubElement(suites, "testsuite", {"name": "scalings", **common, **counts})
    listed = ElementTree.SubElement(suite, "properties")
    for one, value in properties(answer):
        ElementTree.SubElement(listed, "property", {"name": one, "value": value})
    case = ElementTree.SubElement(suite, "testcase", {"classname": "scalings", "name": name, "time": took})
    if answer.verdict == "FAIL":
        ElementTree.SubElement(case, "failure", {"message": answer.reason}).text = text(answer)
    if answer.verdict == "INCONCLUSIVE":
        ElementTree.SubElement(case, "skipped", {"message": answer.reason})
    ElementTree.indent(suites)
    written: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return f"{written.decode()}\n"


def properties(answer: ModelCheck) -> Iterator[tuple[str, str]]:
    """The verdict, how each weight is set, and every derived order with the measured one, by names."""
    yield "verdict", answer.verdict
    yield "regime", answer.regime
    if answer.richness is not None:
        yield "richness", format_exponent(answer.richness)
    for row in answer.settings:
        for what, exponent in (("init", row.init), ("lr", row.lr), ("decay", row.decay)):
            yield f"{row.weight} {what}", format_exponent(exponent)
        yield f"{row.weight} law", row.law
    for one in answer.agreement.comparisons:
        if one.role != "reported" and isinstance(one.fit, Fit):
            seen = f"derived {format_exponent(one.derived)}, measured {one.fit.exponent:+.3f}"
            yield str(one.of), f"{seen} [{one.fit.low:+.3f}, {one.fit.high:+.3f}]"
