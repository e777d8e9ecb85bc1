"""The frozen answers are those of today."""

from __future__ import annotations

import pytest

from tests.whole.answers import FOLDER, answer, commands, path


@pytest.mark.parametrize("command", commands())
def test_an_answer_is_what_it_was(command: str) -> None:
    """If the change is meant: python -m tests.whole.answers, and look at the diff."""
    assert answer(command) == path(command).read_text(encoding="utf-8")


def test_no_answer_is_left_over() -> None:
    assert {path(command) for command in commands()} == set(FOLDER.glob("*.txt"))
    assert len(commands()) >= 40
