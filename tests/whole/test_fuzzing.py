"""A few seconds of fuzzing, the same examples each time; and faults that are planted are found."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalings.command_line import network
from tests.whole import fuzzing
from tests.whole.fuzzing import COMMANDS, READERS, TRAINING, command_lines, judge, judge_file, network_files


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def draw(count: int, test: Callable[..., None], **drawn: st.SearchStrategy[Any]) -> None:
    settings(max_examples=count, database=None)(given(**drawn)(test))()


def test_command_lines() -> None:
    draw(60, judge, arguments=command_lines(tuple(set(COMMANDS) - set(TRAINING))))


@pytest.mark.slow
def test_command_lines_of_training() -> None:
    draw(12, judge, arguments=command_lines(TRAINING))


@pytest.mark.slow
def test_network_files() -> None:
    draw(80, judge_file, text=network_files(), reader=st.sampled_from(READERS))


def _crash(_: object) -> str:
    raise KeyError("decay")


def _spill(_: object) -> str:
    sys.stdout.write("not what was asked for\n")
    raise ValueError


def _toil(_: object) -> str:
    """Fuzzing bounds CPU time, which sleep takes none of."""
    start = time.process_time()
    while time.process_time() < start + 0.2:
        pass
    return ""


def _trace(_: object) -> str:
    return "Traceback (most recent call last):"


@pytest.mark.slow
@pytest.mark.parametrize("fault", [_crash, _spill, _toil, _trace])
def test_a_planted_fault_is_found(monkeypatch: pytest.MonkeyPatch, fault: Callable[[object], str]) -> None:
    """In the command that prints networks, where it is given a file that holds one."""
    monkeypatch.setattr(network, "network_to_text", fault)
    monkeypatch.setattr(fuzzing, "SECONDS", 0.1 if fault is _toil else 20)
    with pytest.raises((AssertionError, TimeoutError)):
        draw(80, judge_file, text=network_files(), reader=st.sampled_from(["network"]))


def test_much_memory_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = iter([0, fuzzing.BYTES])
    monkeypatch.setattr(fuzzing, "_peak_bytes", lambda: next(peaks))
    with pytest.raises(AssertionError, match="2048 MiB"):
        judge(("network",))


def test_what_is_no_json_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalings.command_line.derive.print_json", print)
    with pytest.raises(ValueError, match="Expecting"):
        judge(("derive", "--depth", "2", "--format=json"))
