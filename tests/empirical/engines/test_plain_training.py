"""Every engine beside a plain training loop: from the same draws to rounding, from its own draws by its law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from empirical.engines.engine import Engine, TrainingProblem
from empirical.engines.graph.engine import GraphEngine
from empirical.engines.mlp.engine import DenseEngine, RevealedEngine
from empirical.tensors.arrays import Array
from scalings.criteria.observables import Observable
from tests.empirical.engines.judged import OPTIMIZERS, Judged, train_and_tell
from tests.empirical.engines.two_samples import told_apart

ENGINES: tuple[Callable[[TrainingProblem], Engine], ...] = (DenseEngine, RevealedEngine, GraphEngine)
ACTIVATIONS = ("relu", "tanh")
UNOBSERVED = {DenseEngine: set(), RevealedEngine: {"W_spectral"}, GraphEngine: {"ntk_change"}}
"""What an engine does not have."""
CASES = [
    pytest.param(kind, judged, id=f"{kind.__name__} {judged}")
    for kind in ENGINES
    for judged in (Judged(*names) for names in product(OPTIMIZERS, ACTIVATIONS, (True, False)))
    if kind(judged.problem()).refusal is None
]


def deviations(found: dict[Observable, Array], judged: dict[Observable, Array]) -> dict[Observable, float]:
    """The largest relative deviation of each observable."""
    return {key: float(np.max(np.abs(values / judged[key] - 1))) for key, values in found.items()}


@pytest.mark.parametrize(("kind", "judged"), CASES)
def test_from_the_same_draws_it_is_the_plain_loop(kind: type[Engine], judged: Judged) -> None:
    values, initial = train_and_tell(kind(judged.problem()), range(3))
    expected = judged.judged(initial)
    assert {key.quantity for key in expected.keys() - values.keys()} == UNOBSERVED[kind]
    assert max(deviations(values, expected).values()) < 1e-9
