"""Forgeries are refused, at once, and no text of a file is printed as it is."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from scalings.reports.certificates import certificate_document, certificate_report
from scalings.studies.rechecking import Recheck, recheck
from tests.symbolic.certificates.forgeries import FORGERIES, NAMES, criterion_named

SECONDS = 5
"""Any refusal of a file of a few hundred KB takes less."""


@contextmanager
def in_time(seconds: int = SECONDS) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_refused(name: str) -> None:
    document = FORGERIES[name]()
    with in_time():
        assert recheck(document).refusal is not None


def printed(checked: Recheck) -> str:
    console = Console(file=StringIO(), width=200, highlight=False)
    for renderable in certificate_report(checked):
        console.print(renderable)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_is_escaped(kind: str) -> None:
    checked = recheck(criterion_named(NAMES[kind]))
    report = printed(checked)
    assert all(character.isascii() and (character.isprintable() or character == "\n") for character in report)
    assert report.split("\n").count("valid") <= 1
    assert NAMES[kind].encode("unicode_escape").decode() in report
    assert certificate_document(checked)["valid"]
