"""Forgeries are refused, at once, and no text of a file is printed as it is."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from scalings.criteria.problem import Problem
from scalings.hyperparameters.epsilons import with_epsilon
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp, resmlp
from scalings.networks.dimensions import Dimension
from scalings.reports.certificates import certificate_document, certificate_report
from scalings.studies.rechecking import Recheck, recheck
from symbolic.certificates.writing import derivation_certificate
from tests.symbolic.certificates.bombs import BOMBS
from tests.symbolic.certificates.forgeries import FORGERIES, NAMES, criterion_named

SECONDS = 20
"""Any refusal of a file of a few hundred KB takes less, on a machine that is busy otherwise too."""


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


@pytest.mark.parametrize("name", [*FORGERIES, *BOMBS])
def test_a_forgery_is_refused(name: str) -> None:
    document = {**FORGERIES, **BOMBS}[name]()
    with in_time():
        assert recheck(document).refusal is not None


def test_values_follow_from_what_is_given_alone() -> None:
    """A refusal that imposes a violated equation first, and then another criterion: the facts contradict each other."""
    document = FORGERIES["a monomial's exponent, after an equation that contradicts what is given"]()
    document["proof"] = [line for line in document["proof"] if "monomial" not in line]
    checked = recheck(document)
    values = {one["of"]: one["value"] for one in certificate_document(checked)["monomials"]}
    assert values == {"|z| layer1 step 0": "1", "|z| layer2 step 0": "2"}
    assert "|z| layer2 step 0 has the exponent sigma_1 + sigma_2 + 1 = 2" in printed(checked)


def printed(checked: Recheck) -> str:
    console = Console(file=StringIO(), width=200, highlight=False)
    for renderable in certificate_report(checked):
        console.print(renderable)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_report_says_what_a_law_and_a_network_are() -> None:
    """By exponents, alignments, sizes and weights: what is told apart is printed apart."""
    wide = mlp(2, hidden=[Dimension(1, Fraction(2))])
    problems = [
        Problem(mlp(2), optimizer("adam")),
        Problem(mlp(2), replace(optimizer("adam"), alpha=Fraction(0))),
        Problem(mlp(2), replace(optimizer("adam"), omega=Fraction(0))),
        Problem(mlp(2), with_epsilon(optimizer("adam"), "-9")),
        Problem(mlp(2), optimizer("lars")),
        Problem(wide, optimizer("adam")),
        Problem(resmlp(), optimizer("adam")),
    ]
    reports = [printed(recheck(json.loads(json.dumps(derivation_certificate(one))))) for one in problems]
    abouts = [report.partition("Unknown exponents")[0] for report in reports]
    assert len({*abouts}) == len(abouts)
    assert "|dW|_F = eta fan_in^(1/2) fan_out^(1/2), alpha = 0, omega = 1." in abouts[1]
    assert "fan_in 64, fan_out 1 n^2" in abouts[5]
    assert "\n  branch1" in abouts[6]


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_is_escaped(kind: str) -> None:
    checked = recheck(criterion_named(NAMES[kind]))
    report = printed(checked)
    assert all(character.isascii() and (character.isprintable() or character == "\n") for character in report)
    assert report.split("\n").count("valid") <= 1
    assert NAMES[kind].encode("unicode_escape").decode() in report
    assert certificate_document(checked)["valid"]
