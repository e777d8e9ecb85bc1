"""Checks of models as Markdown, as JUnit's XML and as a page: well-formed, whole, and whatever a module is called."""

from __future__ import annotations

import ast
import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from scalings.figures.model_checks import COLOURS, model_check_svg
from scalings.figures.style import contrast
from scalings.reports.model_check_files import model_check_junit, model_check_markdown
from scalings.reports.model_checks import consequence, established
from scalings.reports.model_pages import model_check_page
from scalings.results.fits import Diverged
from scalings.results.prescription_code import code
from scalings.studies.model_checks import ModelCheck
from scalings.studies.model_findings import sentences
from tests.scalings.reports.hostile import NAMES, WORDS, Named, checked, hostile

CHECKS = {"FAIL": checked, "PASS": lambda: checked(right=True), "hostile": hostile}
EVERY = pytest.mark.parametrize("which", CHECKS)


# The repair


def test_code_of_any_names_runs() -> None:
    """Names with quotes, spaces, hyphens and what no terminal should be sent."""
    repaired = checked().repaired
    assert repaired
    written = code(repaired.prescription)
    assert all(one.isprintable() or one == "\n" for one in written)
    scope: dict[str, Any] = {}
    exec(written, scope)
    groups = scope["groups"](Named(96), 96)["AdamW"]
    assert sorted(name for group in groups for name in group["param_names"]) == sorted(f"{one}.weight" for one in NAMES)


# Markdown


def rendered(text: str) -> list[Any]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def raw_html(text: str) -> set[str]:
    """What of the text is HTML and neither words nor code."""
    every = [child for token in rendered(text) for child in (token, *(token.children or ()))]
    return {tag for one in every if one.type.startswith("html") for tag in re.findall(r"<.*?>", one.content)}


def marks(text: str) -> set[str]:
    """The kinds of emphasis, links and images in it."""
    every = [child.type for token in rendered(text) for child in token.children or ()]
    return {kind for kind in every if kind.startswith(("link_open", "image", "em_open"))}


def hidden(text: str) -> bool:
    return any("<details>" in token.content for token in rendered(text) if token.type == "html_block")


@EVERY
def test_markdown_has_the_repair_and_no_more_than_its_own_marks(which: str) -> None:
    answer = CHECKS[which]()
    text = model_check_markdown(answer, "mymodule")
    fences = [token for token in rendered(text) if token.type == "fence"]
    assert [token.content.rstrip("\n") for token in fences] == [
        code(one.prescription) for one in [answer.repaired] if one
    ]
    assert raw_html(text) <= {"<details>", "<summary>", "</summary>", "</details>", "<!-- -->"}
    assert marks(text) == set()


def test_names_in_markdown_stay_on_their_line_and_in_their_code() -> None:
    rows = tuple(replace(row, weight="a\n`b`\n\n# c") for row in checked().settings)
    text = model_check_markdown(replace(checked(), reading=replace(checked().reading, rows=rows)), "my`\nmodule")
    kinds = [token.type for token in rendered(text)]
    assert (kinds.count("tr_open"), kinds.count("heading_open")) == (1 + len(rows), 1)


def test_marks_are_seen() -> None:
    """The control to the test above."""
    assert raw_html("a <b>x</b>\n\n<script>\n") == {"<b>", "</b>", "<script>"}
    assert marks("*a* [b](c) ![d](e)") == {"em_open", "link_open", "image"}
    assert raw_html("```\n<b>\n```") == set()


def test_a_long_repair_is_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not hidden(model_check_markdown(checked(), "mymodule"))
    monkeypatch.setattr("scalings.reports.model_check_files._LONG", 3)
    assert hidden(model_check_markdown(checked(), "mymodule"))


# JUnit

ALLOWED: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url", "version"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "testcase": (
        {"name"},
        {"time", "classname", "group"},
        {"skipped", "errors", "failure", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "failure": (set(), {"type", "message"}, set()),
    "skipped": (set(), {"type", "message"}, set()),
}
"""Of elements of xunit2 (junit-10.xsd of Jenkins' xunit plugin): attributes that each has, those that it may have, and
what may stand in it."""


def wrong_parts(element: ElementTree.Element) -> Iterator[str]:
    """What the schema does not allow."""
    if element.tag not in ALLOWED:
        yield f"an element {element.tag}"
        return
    needed, others, children = ALLOWED[element.tag]
    given = element.attrib
    if not needed <= set(given) <= needed | others:
        yield f"attributes {sorted(given)} of {element.tag}"
    if "time" in given and not re.fullmatch(r"[0-9]*(\.[0-9]{0,3})?", given["time"]):
        yield f"a time {given['time']}"
    for child in element:
        if child.tag not in children:
            yield f"{child.tag} in {element.tag}"
        yield from wrong_parts(child)


@EVERY
def test_junit_is_what_the_schema_says(which: str) -> None:
    """Parsed from bytes, as a build server does, and with all that was said."""
    written = model_check_junit(CHECKS[which](), NAMES[1], 12.3456)
    suites = ElementTree.fromstring(written.encode())
    assert suites.tag == "testsuites"
    assert [*wrong_parts(suites)] == []
    (case,) = suites.iter("testcase")
    assert case.attrib["name"].startswith("x\\x1b[31m\\x00")
    if which == "hostile":
        assert "onerror=a()> </li></section><script>" in suites.find(".//failure").attrib["message"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('tests="1"', ""),
        ('tests="1"', 'tests="1" colour="red"'),
        ("<testcase", "<case/><testcase"),
        ('time="12.346"', 'time="12 s"'),
        ("<properties>", "<properties><failure/>"),
    ],
)
def test_what_the_schema_does_not_allow_is_seen(old: str, new: str) -> None:
    written = model_check_junit(checked(), "mymodule", 12.3456).replace(old, new, 1)
    assert [*wrong_parts(ElementTree.fromstring(written.encode()))] != []


# The page

VOID = {"meta", "br", "link", "img", "input", "hr"}
OUTSIDE = ("src", "srcset", "action", "data", "poster", "ping")


class Page(HTMLParser):
    """A page as a browser or a screen reader takes it, and what is wrong with it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.named_by: list[str] = []
        self.headings: list[int] = []
        self.tags: set[str] = set()
        self.words = ""
        self.saved: list[str] = []
        self.feed(text)
        self.close()
        self._whole()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.named_by += (given.get("aria-labelledby") or "").split()
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        address = given.get("href") or given.get("xlink:href") or "#"
        if tag == "a" and address.startswith("data:text/x-python;base64,"):
            self.saved.append(address)
        elif not address.startswith("#") or any(one in given for one in OUTSIDE):
            self.wrong.append(f"{tag} asks for {address}")
        if tag == "script" or any(one.startswith("on") for one in given):
            self.wrong.append(f"{tag} runs a script")
        if tag == "th" and given.get("scope") not in ("row", "col"):
            self.wrong.append("a heading of no row or column")
        if (given.get("role") == "img" or tag == "img") and not (given.get("aria-label") or given.get("alt")):
            self.wrong.append("a picture without words")

    def handle_endtag(self, tag: str) -> None:
        self.words += " " * (tag in ("td", "th"))
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"{tag} is closed out of turn")

    def handle_data(self, data: str) -> None:
        self.words += data

    def _whole(self) -> None:
        steps = zip([0, *self.headings], self.headings, strict=False)
        if self.headings.count(1) != 1 or any(after > before + 1 for before, after in steps):
            self.wrong.append(f"headings {self.headings}")
        if len(set(self.ids)) < len(self.ids) or not set(self.named_by) <= set(self.ids):
            self.wrong.append("ids that are there twice, or not")
        if self.open or not {"html", "title", "main"} <= self.tags:
            self.wrong.append(f"open at the end: {self.open}")


def page_of(answer: ModelCheck, name: str = "mymodule") -> str:
    return model_check_page(answer, name, model_check_svg(answer))


@EVERY
def test_a_page_is_valid_and_asks_for_nothing(which: str) -> None:
    answer = CHECKS[which]()
    text = page_of(answer, WORDS)
    page = Page(text)
    assert page.wrong == []
    assert text.startswith("<!DOCTYPE html>")
    assert all(one.isprintable() or one == "\n" for one in text)
    text.encode()
    assert ("svg" in page.tags) == (which == "PASS")
    assert len(page.saved) == (which != "PASS")
    assert not {"img", "b"} & page.tags
    assert "<script>a()</script> \\x1b[2J\\x00\\ud800" in page.words
    assert "{{ 7*7 }}" in page.words


def test_a_page_has_what_the_report_has() -> None:
    """The verdict and what to change first, then settings, orders with intervals, the repair, and what it all means."""
    answer = checked()
    words = " ".join(Page(page_of(answer)).words.split())
    assert words.index("FAIL") < words.index(sentences(answer.findings)[0]) < words.index("The repair")
    assert answer.repaired
    assert " ".join(code(answer.repaired.prescription).split()) in words
    assert all(row.weight in words for row in answer.settings)
    assert consequence(answer) in words
    assert established(answer) in words
    right = checked(right=True)
    words = " ".join(Page(page_of(right)).words.split())
    assert established(right) in words
    assert established(answer) not in words
    for one in right.agreement.comparisons:
        if one.role == "asserted" and one.of.layer in right.tensors:
            assert f"{one.fit.exponent:+.2f} {one.fit.low:+.2f} to {one.fit.high:+.2f}" in words  # type: ignore[union-attr]


def test_the_repair_is_saved_as_the_code_that_is_shown() -> None:
    (address,) = Page(page_of(checked())).saved
    saved = base64.b64decode(address.partition(",")[2]).decode()
    assert isinstance(ast.parse(saved).body[-1], ast.FunctionDef)


def test_a_value_that_diverged_or_has_no_interval_is_said() -> None:
    answer = checked()
    name, one = next(iter(answer.tensors.items()))
    fits = {
        key: Diverged(96, 3) if number else replace(fit, low=float("-inf"), high=float("inf"))  # type: ignore[type-var]
        for number, (key, fit) in enumerate(one.measured.items())
    }
    words = Page(page_of(replace(answer, tensors={name: replace(one, measured=fits)}))).words
    assert "at width 96" in words
    assert "none, of so few widths" in words
    assert not re.search(r"\binf\b", words)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("</main>", ""),
        ("</ul>", "</ol>"),
        ('<th scope="col">', "<th>"),
        ("<p>", '<p><img src="https://example.org/a.png">'),
        ("<p>", "<p><script></script>"),
        ('<h2 id="change">', '<h2 id="set">'),
        ("<h2", "<h4></h4><h2"),
        ("<p>", '<p onclick="a()">'),
    ],
)
def test_a_page_that_is_wrong_is_seen(old: str, new: str) -> None:
    text = page_of(checked())
    assert old in text
    assert Page(text.replace(old, new, 1)).wrong


def test_colours_are_those_of_the_page() -> None:
    """Dark where the page is: the figure has no colour of its own, and each has a value in both."""
    text = page_of(checked(right=True))
    svg = text[text.index("<svg") : text.index("</svg>")]
    used = set(re.findall(r"var\((--[a-z]+)\)", text))
    light, dark = re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    assert not re.search("#[0-9a-f]{6}", svg)
    assert {"--ink", "--rich"} <= used - {"--tone"}
    assert all(f"{name}:" in light and f"{name}:" in dark for name in used - {"--tone"})
    assert COLOURS.items() <= dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", light)).items()


def test_words_can_be_read_light_and_dark() -> None:
    """With the contrast that WCAG 2 asks for; the control is a colour of grids."""
    for block in re.findall(r":root \{(.*?)\}", page_of(checked()), re.DOTALL):
        colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", block))
        for name in ("ink", "muted", "rich", "failure", "open"):
            assert contrast(colours[name], colours["paper"]) > 4.5, name
        assert contrast(colours["ink"], colours["code"]) > 4.5
        assert contrast(colours["grid"], colours["paper"]) < 4.5
