"""A check of a model as files of other programs: Markdown for a comment, JUnit's XML for a build server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from scalings.hyperparameters.exponents import format_exponent
from scalings.reports.articles import markdown_table
from scalings.reports.displays import text
from scalings.reports.model_checks import consequence, corrections, established, training_in_words
from scalings.reports.model_settings import Pair, other_multipliers, settings_columns, settings_rows, shown_law
from scalings.results.fits import Fit
from scalings.results.prescription_code import code
from scalings.results.printable import printable
from scalings.studies.model_checks import ModelCheck
from scalings.studies.model_findings import meant, sentences


def model_check_markdown(answer: ModelCheck, name: str) -> str:
    """For a pull request: the verdict and what to change, then the settings, then what training says."""
    lines = [f"### {_as_code(name)} {answer.verdict}", "", _escaped(answer.reason)]
    if wrong := [one for one in answer.findings if one.is_wrong]:
        lines += ["", *(f"- {_escaped(sentence)}" for sentence in sentences(wrong))]
        if so := consequence(answer):
            lines += ["", f"As it is, at larger and larger widths: {_escaped(so)}"]
    lines += ["", *markdown_table(settings_columns(answer), list(_rows(answer)))]
    if others := [f"{_exponent(pair)} at {_as_code(place)}" for place, pair in other_multipliers(answer)]:
        lines += ["", f"The code also multiplies by {', '.join(others)}"]
    for said in meant(answer.findings):
        lines += ["", _escaped(said)]
    richness = "" if answer.richness is None else f", r = {format_exponent(answer.richness)}"
    lines += ["", f"In theory it is {answer.regime}{richness}. Training: {_escaped(training_in_words(answer))}"]
    if answer.notes:
        lines += ["", *(f"- note: {_escaped(note)}" for note in answer.notes)]
    if said := established(answer):
        lines += ["", f"What this establishes: {_escaped(said)}"]
    return "\n".join([*lines, *_repair(answer)])


_LONG = 24
"""Lines of code that are folded away."""


def _repair(answer: ModelCheck) -> Iterator[str]:
    """The repair as code to copy, folded away if it is long, and whether it was verified."""
    if listed := corrections(answer):
        base = answer.reading.traced.widths[0]
        yield from ("", f"The repair in the code, for a model of any width n, which at {base} is as yours is:", "")
        yield from (f"- {_as_code(one)}" for one in listed)
    if not answer.repaired:
        return
    given = answer.repaired.prescription
    lines = code(given).splitlines()
    heading = f"The repair, {_escaped(given.as_yours)}:"
    yield from ("", *(f"- note: {_escaped(note)}" for note in given.notes))
    yield from (f"<details><summary>{heading}</summary>",) if len(lines) > _LONG else (heading,)
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", code(given)))])
    yield from ("", f"{fence}python", *lines, fence)
    if len(lines) > _LONG:
        yield from ("", "</details>")
    if answer.verified:
        yield from ("", f"Repaired so: **{answer.verified.verdict}**, {_escaped(answer.verified.reason)}")


def _as_code(words: str) -> str:
    """On one line, in a span that nothing in them ends."""
    return f"`{printable(words).replace('`', '_')}`"


def _escaped(words: str) -> str:
    """Words on one line, with what Markdown and GitHub take for more escaped: marks, links, mathematics, mentions.

    >>> print(_escaped("a_b <i> $x$ https://a.b @you"))
    a\\_b \\<i\\> \\$x\\$ https:\\//a.b @<!-- -->you
    """
    marks = re.sub(r"([\\`*_<>\[\]&|~$#!]|(?<=:)/|(?<=www)\.)", r"\\\1", printable(" ".join(words.split())))
    return marks.replace("@", "@<!-- -->")


def _rows(answer: ModelCheck) -> Iterator[tuple[str, ...]]:
    for row, cells in settings_rows(answer):
        shown = (", ".join(map(_exponent, pairs)) for pairs in cells)
        yield _as_code(row.weight), row.shape, row.role, *shown, shown_law(row)


def _exponent(pair: Pair) -> str:
    return pair.shown if pair.instead is None else f"{pair.shown} → **{pair.instead}**"


def model_check_junit(answer: ModelCheck, name: str, seconds: float) -> str:
    """A suite of one test, in the format xunit2: exponents are properties, INCONCLUSIVE is skipped."""
    counts = {"FAIL": {"failures": "1"}, "INCONCLUSIVE": {"skipped": "1"}, "PASS": {}}[answer.verdict]
    took = f"{seconds:.3f}"
    suites = ElementTree.Element("testsuites")
    common = {"errors": "0", "failures": "0", "skipped": "0", "tests": "1", "time": took}
    suite = ElementTree.SubElement(suites, "testsuite", {"name": "scalings", **common, **counts})
    listed = ElementTree.SubElement(suite, "properties")
    for one, value in properties(answer):
        ElementTree.SubElement(listed, "property", {"name": _in_xml(one), "value": _in_xml(value)})
    case = ElementTree.SubElement(suite, "testcase", {"classname": "scalings", "name": _in_xml(name), "time": took})
    message = {"message": _in_xml(answer.reason)}
    if answer.verdict == "FAIL":
        ElementTree.SubElement(case, "failure", message).text = _in_xml(text(answer))
    if answer.verdict == "INCONCLUSIVE":
        ElementTree.SubElement(case, "skipped", message)
    ElementTree.indent(suites)
    written: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return f"{written.decode()}\n"


def _in_xml(words: str) -> str:
    """XML has no control characters."""
    return printable(words, keep="\n")


def properties(answer: ModelCheck) -> Iterator[tuple[str, str]]:
    """The verdict, how each weight is set, and every derived order with the measured one, by names."""
    yield "verdict", answer.verdict
    yield "regime", answer.regime
    if answer.richness is not None:
        yield "richness", format_exponent(answer.richness)
    for row in answer.settings:
        for what, exponent in (("init", row.init), ("lr", row.lr), ("decay", row.decay)):
            yield f"{row.weight} {what}", format_exponent(exponent)
        for use in row.multipliers:
            if use.order:
                yield f"{row.weight} multiplier at {use.use}", format_exponent(use.order)
        yield f"{row.weight} law", row.law
    for one in answer.agreement.comparisons:
        if one.role != "reported" and isinstance(one.fit, Fit):
            seen = f"derived {format_exponent(one.derived)}, measured {one.fit.exponent:+.3f}"
            yield str(one.of), f"{seen} [{one.fit.low:+.3f}, {one.fit.high:+.3f}]"
