"""What the README says its commands print is what they print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scalings.command_line import main

README = (Path(__file__).parent.parent / "README.md").read_text()
SESSIONS = re.findall(r"```console\n\$ python -m scalings (.*)\n((?:.|\n)*?)```", README)


@pytest.mark.parametrize(("command", "printed"), SESSIONS, ids=[command for command, _ in SESSIONS])
def test_a_session(capsys: pytest.CaptureFixture[str], command: str, printed: str) -> None:
    main(command.split())
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == printed.splitlines()


def test_there_are_sessions() -> None:
    assert len(SESSIONS) == 2


def test_both_commands_are_one_line() -> None:
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert [command.split(" && ")[-1] for command in commands] == [
        ".venv/bin/python -m scalings verify --overwrite",
        ".venv/bin/pytest",
    ]
