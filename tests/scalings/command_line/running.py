"""Running commands in a test, as a person or a program would."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scalings.command_line.app import main

SMALL = ("--widths", "16,24,32", "--seeds", "2", "--batch", "8")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code, out, _ = run(capsys, *arguments, "--format", "json")
    document = json.loads(out)
    assert document["schema_version"] == 1
    return code, document
