"""How often a command runs the training loop on orders, told by the arithmetic that it runs over."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from scalings.command_line.app import main
from scalings.criteria.problem import Problem
from scalings.hyperparameters.presets import preset
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp
from symbolic.certificates.writing import check_certificate, parameterization_certificate
from symbolic.evaluation.check import check
from symbolic.evaluation.given_run import train_given
from symbolic.evaluation.predict import predict
from symbolic.evaluation.repair import repair
from symbolic.propagation import training

STANDARD = preset("standard", 3)


class Runs:
    """Runs by arithmetic ("ExactAlgebra", "Tracer"), but for those of `derive`; exact ones also by their exponents."""

    def __init__(self) -> None:
        self.over = Counter[str]()
        self.exact = Counter[Any]()

    @property
    def given(self) -> int:
        """Exact runs with the exponents of the standard parameterization."""
        return self.exact[STANDARD.layers]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """What runs the training loop from here on: every run begins with `_start`."""
    found, start = Runs(), training._start

    def counted(problem: Any, layers: Any, algebra: Any, scales: Any, **options: Any) -> Any:
        found.over[type(algebra).__name__] += not getattr(algebra, "keeps_minima", False)
        if type(algebra).__name__ == "ExactAlgebra":
            found.exact[tuple(layers)] += 1
        return start(problem, layers, algebra, scales, **options)

    monkeypatch.setattr(training, "_start", counted)
    return found


def test_a_refused_parameterization_is_trained_once(runs: Runs, tmp_path: Path) -> None:
    """The verdict, the repair and both parts of the certificate; the repaired parameterization is trained once too.

    Each part's program is one run of its own, in which nothing but its zeros is known.
    """
    assert main(["check", "--preset", "standard", "--certificate", str(tmp_path / "c.json")]) == 1
    assert runs.given == 1
    assert sorted(runs.exact.values()) == [1, 1]
    assert runs.over["Tracer"] == 2


def test_an_accepted_parameterization_is_trained_once(runs: Runs, tmp_path: Path) -> None:
    assert main(["check", "--preset", "mup", "--certificate", str(tmp_path / "c.json")]) == 0
    assert runs.exact == {preset("mup", 3).layers: 1}
    assert runs.over["Tracer"] == 1


@pytest.mark.parametrize("steps", ["2", "6"])
def test_measuring_predicts_and_checks_with_one_run(runs: Runs, steps: str) -> None:
    sizes = ("--widths", "16,24,32", "--seeds", "1", "--batch", "4", "--steps", steps)
    main(["measure", "--preset", "standard", *sizes])
    assert runs.given == 1
    assert runs.over == {"ExactAlgebra": 1}


def test_a_certificate_is_compared_with_one_run(runs: Runs, tmp_path: Path) -> None:
    path = str(tmp_path / "c.json")
    assert main(["derive", "--certificate", path]) == 0
    before = runs.over["Tracer"]
    assert main(["certify", path]) == 0
    assert (before, runs.over["Tracer"]) == (1, 2)


def test_what_is_not_handed_on_is_seen_to_run_again(runs: Runs) -> None:
    """The control."""
    problem = Problem(mlp(3), optimizer("sgd"))
    verdict = check(mlp(3), STANDARD)
    predict(mlp(3), STANDARD)
    assert runs.given == 2
    parameterization_certificate(problem, STANDARD)
    assert (runs.given, runs.over["Tracer"]) == (3, 1)
    check_certificate(problem, STANDARD, verdict, repair(mlp(3), STANDARD))
    assert (runs.given, runs.over["Tracer"]) == (3, 3)
    train_given(problem, STANDARD)
    assert runs.given == 4
