"""Every engine conforms; one without a class here is missed, and a wrong engine is found."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from empirical.engines.choice import choose
from empirical.engines.graph.engine import GraphEngine
from empirical.engines.mlp.engine import DenseEngine, RevealedEngine
from empirical.tensors.arrays import Array
from scalings.criteria.observables import Observable
from tests.conformance.engines import EngineConformance


class TestDense(EngineConformance):
    kind = DenseEngine


class TestRevealed(EngineConformance):
    kind = RevealedEngine


class TestGraph(EngineConformance):
    kind = GraphEngine


def test_no_engine_is_without_its_tests() -> None:
    engines = choose(TestDense().engine().problem).engines
    assert len(engines) >= 3
    assert {type(engine) for engine in engines} == {one.kind for one in EngineConformance.__subclasses__()}


class FirstSeedIsSpecial(DenseEngine):
    """Its numbers depend on who else is in the chunk."""

    def train(self, width: int, seeds: Sequence[int]) -> dict[Observable, Array]:
        seen = super().train(width, seeds)
        return {key: values * ([2.0] + [1.0] * (len(seeds) - 1)) for key, values in seen.items()}


class TwiceTheSteps(DenseEngine):
    """Its weights move twice as far as the loss says."""

    def train(self, width: int, seeds: Sequence[int]) -> dict[Observable, Array]:
        seen = super().train(width, seeds)
        return {key: values * (2 if key.quantity in ("dz", "layer") else 1) for key, values in seen.items()}


@pytest.mark.parametrize(
    ("wrong", "test", "argument"),
    [
        (FirstSeedIsSpecial, "test_a_seed_is_the_same_alone_and_again", "sgd"),
        (TwiceTheSteps, "test_its_law_is_that_of_matrices_drawn_in_full", "dz"),
    ],
)
def test_a_wrong_engine_is_found(wrong: type[DenseEngine], test: str, argument: str) -> None:
    judge = EngineConformance()
    judge.kind = wrong  # type: ignore[misc]
    with pytest.raises(AssertionError):
        getattr(judge, test)(argument)
