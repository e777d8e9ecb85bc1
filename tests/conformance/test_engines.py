"""Every engine conforms; one without a class here is missed, and one that is spoiled is caught."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from inspect import signature
from itertools import count

import numpy as np
import pytest

from empirical.engines.choice import choose
from empirical.engines.engine import Engine
from empirical.engines.graph.engine import GraphEngine
from empirical.engines.mlp.engine import DenseEngine, RevealedEngine
from empirical.tensors.arrays import Array
from scalings.criteria.observables import Observable
from scalings.errors import ArgumentError
from tests.conformance.engines import PROBLEMS, UNKNOWN, EngineConformance, Values, of


class TestDense(EngineConformance):
    kind = DenseEngine


class TestRevealed(EngineConformance):
    kind = RevealedEngine


class TestGraph(EngineConformance):
    kind = GraphEngine


SUITES = EngineConformance.__subclasses__()
FIRST = Observable("z", "layer1", 1)
RUNS, POSITIONS = count(1), np.arange(1, 200, dtype=np.float64)


def every(values: Values, factor: Array | float) -> Values:
    return {key: value * factor for key, value in values.items()}


def scaled(values: Values, factor: Array | float, *quantities: str) -> Values:
    return {**values, **every(of(values, *quantities), factor)}


CHANGED: dict[str, Callable[[Values], Values]] = {
    "values_are_numbers_one_for_each_seed": lambda given: scaled(given, np.nan, "loss"),
    "all_steps_are_there": lambda given: {key: value for key, value in given.items() if key != FIRST},
    "what_is_predicted_is_observed": lambda given: scaled(given, 0.0, "gradient"),
    "a_coordinate_check_observes_no_more": lambda given: {**given, Observable("d", "layer1", 1): given[FIRST]},
    "the_same_seed_gives_the_same_numbers": lambda given: every(given, next(RUNS)),
    "a_seed_is_the_same_among_others": lambda given: scaled(given, POSITIONS[: len(given[FIRST])], "dz"),
    "seeds_are_the_same_in_any_order": lambda given: scaled(given, POSITIONS[: len(given[FIRST])], "dz"),
    "a_longer_run_begins_as_a_shorter_one": lambda given: every(given, max(key.step for key in given)),
    "without_learning_rates_nothing_moves": lambda given: {
        key: value + 1 if key.quantity == "dz" else value for key, value in given.items()
    },
    "a_small_learning_rate_makes_the_loss_smaller": lambda given: scaled(given, -1, "loss"),
    "twice_the_learning_rate_makes_the_first_step_twice_as_long": lambda given: {
        key: value**2 if key.quantity == "dW_frobenius" else value for key, value in given.items()
    },
    "the_loss_falls_along_the_gradient": lambda given: scaled(given, 1.01, "gradient"),
    "norms_are_no_larger_than_they_can_be": lambda given: scaled(given, 1.01, "dz"),
    "a_gauge_changes_nothing_that_is_computed": lambda given: scaled(
        given, given[Observable("W_frobenius", "layer1", 0)], "dz"
    ),
    "its_law_is_that_of_dense_matrices": lambda given: scaled(given, 2, "dz"),
}
"""What is done to the values of an engine, so that the test of this name must catch it."""

REPLACED: dict[str, dict[str, object]] = {
    "it_takes_some_problem_and_no_unknown_optimizer": {"refusal": None},
    "it_says_in_one_line_why_it_refuses": {"refusal": ArgumentError("engine", "one line\nand another")},
    "what_a_seed_costs_grows_with_the_width": {"seed_bytes": lambda _, width: 10**9 // width},
    "a_sweep_can_be_planned": {"timed": lambda _engine, _widths: ()},
}
"""What is said instead of what an engine says."""


def spoiled(kind: type[Engine], test: str) -> type[Engine]:
    """This engine, so that the test must catch it."""
    if test in REPLACED:
        return type("Spoiled", (kind,), REPLACED[test])

    def train(self: Engine, width: int, seeds: Sequence[int]) -> Values:
        if test == "another_seed_gives_others":
            return kind.train(self, width, [seeds[0]] * len(seeds))
        if test == "it_computes_on_its_device":
            return kind.train(kind(replace(self.problem, device="cpu")), width, seeds)  # type: ignore[call-arg]
        return CHANGED[test](kind.train(self, width, seeds))

    return type("Spoiled", (kind,), {"train": train})


def run(kind: type[Engine], test: str) -> None:
    """One inherited test, on a problem that all engines take or refuse."""
    suite = EngineConformance()
    suite.kind = kind  # type: ignore[misc]  # of this one suite
    function = getattr(suite, f"test_{test}")
    function(
        *(UNKNOWN if argument == "refused" else PROBLEMS["shallow"] for argument in signature(function).parameters)
    )


TESTS = [name.removeprefix("test_") for name in vars(EngineConformance) if name.startswith("test_")]


@pytest.mark.slow
@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("suite", SUITES)
def test_every_test_can_fail(suite: type[EngineConformance], test: str) -> None:
    """And passes on the same problem as it is."""
    run(suite.kind, test)
    with pytest.raises(AssertionError):
        run(spoiled(suite.kind, test), test)


def test_no_engine_is_without_its_tests() -> None:
    kinds = {type(engine) for problem in PROBLEMS.values() for engine in choose(problem).engines}
    assert len(kinds) > 1
    assert kinds == {suite.kind for suite in SUITES}
    assert all(f"Test{suite.kind.__name__}" == f"{suite.__name__}Engine" for suite in SUITES)
