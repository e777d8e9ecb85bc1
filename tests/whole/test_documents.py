"""What the README and the documents say that commands print, and that Python answers, is what they do."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

from scalings.command_line.app import main

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


@pytest.mark.parametrize(
    ("command", "printed"), [one[1:] for one in SESSIONS], ids=[f"{name}: {command}" for name, command, _ in SESSIONS]
)
def test_a_session(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, printed: str
) -> None:
    """A line "..." stands for any lines that were left out; a block with a title is a file of that name."""
    monkeypatch.chdir(tmp_path)
    for title, content in FILES.items():
        (tmp_path / title).write_text(content)
    for earlier in command.split(" && python -m scalings "):
        main(shlex.split(earlier))
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    pattern = "\n".join(re.escape(line) if line != "..." else "(?:.*\n)*?.*" for line in printed.splitlines())
    assert re.fullmatch(pattern, "\n".join(lines)), "\n".join(lines)


@pytest.mark.parametrize("name", [name for name, text in DOCUMENTS.items() if ">>> " in text])
def test_the_examples_in_python(name: str) -> None:
    failed, attempted = doctest.testfile(str(ROOT / name), module_relative=False)
    assert not failed
    assert attempted


def test_there_are_sessions() -> None:
    assert len(SESSIONS) >= 6
    assert {name for name, text in DOCUMENTS.items() if "```console" in text} == {name for name, _, _ in SESSIONS}


def test_both_commands_are_one_line() -> None:
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert [command.split(" && ")[-1] for command in commands] == [
        ".venv/bin/python -m scalings verify --overwrite",
        ".venv/bin/pytest",
    ]
