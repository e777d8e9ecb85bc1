"""What the README and the documents say that commands print, and that Python answers, is what they do."""

from __future__ import annotations

import doctest
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

import pytest

from scalings.command_line.app import main
from tests.empirical.tracing.libraries import needed
from tests.scalings.figures.legible import is_same_picture

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
DOCUMENTS = {str(path.relative_to(ROOT)): path.read_text() for path in PAGES}
SESSIONS = [
    (name, command, printed)
    for name, text in DOCUMENTS.items()
    for command, printed in re.findall(r"```console\n\$ python -m scalings (.*)\n((?:.|\n)*?)```", text)
]
FILES = {
    title: content
    for text in DOCUMENTS.values()
    for title, content in re.findall(r'```(?:json|python) title="(.*)"\n((?:.|\n)*?)```', text)
}


LONG = {
    "README.md",
    "docs/reference/derivations-as-json.md",
    *(f"docs/how-to/check-a-{name}.md" for name in ("model", "lightning-module", "hugging-face-model")),
    *(f"docs/how-to/{name}.md" for name in ("apply-the-theory", "coming-from-mup")),
}
SLOW = "transformer", "moe", "attention:build --module-loss"
NEEDS = {
    "docs/how-to/check-a-hugging-face-model.md": ("transformers", "accelerate"),
    "docs/how-to/check-a-lightning-module.md": ("lightning",),
}
"""Libraries without which a page is not run; what they warn of is theirs."""


def write_files(folder: Path) -> None:
    for title, content in FILES.items():
        (folder / title).write_text(content)


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        pytest.param(
            command, printed, id=f"{name}: {command}", marks=[pytest.mark.slow] * any(name in command for name in SLOW)
        )
        for name, command, printed in SESSIONS
    ],
)
def test_a_session(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, printed: str
) -> None:
    """A line "..." stands for any lines that were left out; a block with a title is a file of that name."""
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    for earlier in command.split(" && python -m scalings "):
        main(shlex.split(earlier))
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    pattern = "\n".join(re.escape(line) if line != "..." else "(?:.*\n)*?.*" for line in printed.splitlines())
    assert re.fullmatch(pattern, "\n".join(lines)), "\n".join(lines)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=[pytest.mark.slow] * (name in LONG) + [pytest.mark.filterwarnings("ignore")] * (name in NEEDS),
        )
        for name, text in DOCUMENTS.items()
        if ">>> " in text
    ],
)
def test_the_examples_in_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    """As in sessions, "..." stands for what was left out, and blocks with a title can be imported."""
    if name in NEEDS:
        needed(*NEEDS[name])
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    failed, attempted = doctest.testfile(str(ROOT / name), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert not failed
    assert attempted


def test_a_first_check_takes_eight_lines() -> None:
    """From nothing but a model and its loss to the report of what is wrong, and of the repair."""
    examples = doctest.DocTestParser().get_examples(README)
    sources = [example.source for example in examples]
    last = next(count for count, source in enumerate(sources, start=1) if "found.repaired.check" in source)
    assert sum(source.count("\n") for source in sources[:last]) <= 8
    reports = [example.want for example in examples[:last] if example.source.startswith("print")]
    assert [report.partition(":")[0] for report in reports] == ["FAIL", "PASS"]


def unlinked(front: str, pages: Iterable[Path]) -> set[str]:
    linked = {target for target, _ in LINK.findall(without_code(front))}
    return {str(page.relative_to(ROOT)) for page in pages} - linked


def test_the_readme_links_every_page() -> None:
    assert unlinked(README, PAGES[1:]) == set()
    assert unlinked("[a](docs/reference/models.md) `[b](docs/reference/networks.md)`", PAGES[1:]) >= {
        "docs/reference/networks.md"
    }


def test_there_are_sessions() -> None:
    assert len(SESSIONS) >= 6
    assert {name for name, text in DOCUMENTS.items() if "```console" in text} == {name for name, _, _ in SESSIONS}


def test_both_commands_are_one_line() -> None:
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert [command.split(" && ")[-1] for command in commands] == [
        ".venv/bin/python -m scalings verify --overwrite",
        ".venv/bin/pytest",
    ]


LINK = re.compile(r"\]\(([^)\s#]*)(?:#([^)\s]*))?\)")


def without_code(page: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", page, flags=re.DOTALL)


def anchors(page: str) -> set[str]:
    """Of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    found = []
    for target, anchor in LINK.findall(without_code(page.read_text(encoding="utf-8"))):
        if target.startswith(("http", "mailto:")):
            continue
        path = page.parent / target if target else page
        if not path.exists() or (anchor and anchor not in anchors(path.read_text(encoding="utf-8"))):
            found.append(f"{target}#{anchor}")
    return found


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    assert broken_links(page) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One heading\n[a](page.md#one-heading) [b](page.md#two) [c](none.md) ![d](none.png) `[e](none)`")
    assert broken_links(page) == ["page.md#two", "none.md#", "none.png#"]


def missing_files(page: str) -> set[str]:
    """Python files that a page names, by a path from the root or the end of one, and that are not there."""
    rooms = ("scalings", "symbolic", "empirical", "tests", "benchmarks")
    there = "\n".join(f"/{path.relative_to(ROOT)}" for room in rooms for path in (ROOT / room).rglob("*.py"))
    named = set(re.findall(r"(?<![\w/>*])[\w/]*\w\.py\b", page)) - FILES.keys()
    return {name for name in named if not re.search(rf"/{re.escape(name)}$", there, re.MULTILINE)}


def test_files_that_documents_name_are_there() -> None:
    assert {name: missing_files(text) for name, text in DOCUMENTS.items() if missing_files(text)} == {}
    assert missing_files("`scalings/nowhere.py`, `orders/algebra.py`, `lgebra.py`") == {
        "scalings/nowhere.py",
        "lgebra.py",
    }


def test_the_phase_diagram_of_the_page_is_what_the_command_draws(tmp_path: Path) -> None:
    figure = tmp_path / "phases.png"
    assert main(["check", "--preset", "standard", "--output", str(figure)]) == 1
    assert is_same_picture(ROOT / "docs" / "phases.png", figure)
