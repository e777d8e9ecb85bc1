"""What every engine owes: one line, `class TestMine(EngineConformance): kind = MyEngine`, inherits all of it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import ClassVar

import numpy as np
import pytest

import scalings
from empirical.engines.engine import Engine, TrainingProblem
from empirical.engines.mlp.engine import DenseEngine
from empirical.tensors.arrays import Array
from scalings.criteria.observables import Observable
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.gauges import shifted
from scalings.hyperparameters.update_laws import OPTIMIZERS
from scalings.networks.architectures import mlp
from scalings.results.trials import Training

WIDTH = 16
PLAIN = Training(batch=4, steps=2)
PROBLEMS = {
    "sgd": PLAIN,
    "uncentered": replace(PLAIN, centered=False),
    "momentum": replace(Training.of("momentum"), batch=4, steps=2),
    "one step": replace(PLAIN, steps=1),
    "no kernel": replace(PLAIN, kernel=False),
    "coordinates": replace(PLAIN, observing="coordinates"),
}
every_problem = pytest.mark.parametrize("name", PROBLEMS)
Seen = dict[Observable, Array]


def same(left: Seen, right: Seen, tolerance: float) -> bool:
    """Whether all values are, to rounding relative to the largest of their kind."""
    return left.keys() == right.keys() and all(
        np.allclose(left[key], right[key], rtol=tolerance, atol=tolerance * np.abs(left[key]).max()) for key in left
    )


class EngineConformance:
    """Inherited by a test class for each engine; `kind` makes one from a problem."""

    kind: ClassVar[type[Engine]]

    def engine(self, name: str = "sgd", r: str = "1/4", **change: object) -> Engine:
        training = replace(PROBLEMS[name], **change)  # type: ignore[arg-type]
        family = scalings.derive(mlp(3), OPTIMIZERS[training.optimizer]).family
        assert family is not None
        return self.kind(TrainingProblem(mlp(3), family.member(r), training))  # type: ignore[call-arg]

    def rounding(self, name: str) -> float:
        """Of single precision in a coordinate check, where an engine uses it."""
        return 1e-4 if name == "coordinates" else 1e-8

    @every_problem
    def test_it_does_not_refuse(self, name: str) -> None:
        assert self.engine(name).refusal is None

    @every_problem
    def test_it_observes_every_seed_at_every_step(self, name: str) -> None:
        seen = self.engine(name).train(WIDTH, [3, 4, 8])
        assert {key.step for key in seen} == set(range(PROBLEMS[name].steps + 1))
        assert all(values.shape == (3,) and np.isfinite(values).all() for values in seen.values())
        assert {"z", "dz", "loss"} <= {key.quantity for key in seen}
        assert not [key for key in seen if key.quantity == "dz" and key.step == 0]

    @every_problem
    def test_what_it_observes_has_an_order(self, name: str) -> None:
        """And what is zero by structure is, or is left out."""
        problem = self.engine(name).problem
        law = OPTIMIZERS[problem.training.optimizer]
        orders = scalings.predict(problem.network, problem.parameterization, law, problem.training.steps)
        seen = self.engine(name).train(WIDTH, [3, 4])
        known = {key for key in seen if key in orders}
        assert len(known) > 8
        assert all(np.all(seen[key] == 0) == (orders[key] == MINUS_INFINITY) for key in known)

    @every_problem
    def test_a_seed_is_the_same_alone_and_again(self, name: str) -> None:
        engine = self.engine(name)
        together, alone, again = (engine.train(WIDTH, seeds) for seeds in ([3, 4, 8], [4], [4]))
        assert same({key: values[1:2] for key, values in together.items()}, alone, self.rounding(name))
        assert all(np.array_equal(alone[key], again[key]) for key in alone)
        assert not same({key: values[:1] for key, values in together.items()}, alone, 1e-3), "another seed is another"

    @every_problem
    def test_training_reduces_the_loss(self, name: str) -> None:
        seen = self.engine(name).train(WIDTH, range(6))
        last = max(key.step for key in seen)
        assert np.mean(seen[Observable("loss", "", last)]) < np.mean(seen[Observable("loss", "", 0)])

    @every_problem
    def test_a_gauge_changes_nothing_that_is_computed(self, name: str) -> None:
        engine = self.engine(name)
        problem, law = engine.problem, OPTIMIZERS[engine.problem.training.optimizer]
        layers = tuple(shifted(layer, Fraction(1, 2), law) for layer in problem.parameterization.layers)
        other = replace(problem, parameterization=replace(problem.parameterization, layers=layers))
        before, after = engine.train(WIDTH, [5]), self.kind(other).train(WIDTH, [5])  # type: ignore[call-arg]
        computed = [key for key in before if key.quantity in ("z", "dz", "loss", "layer", "passthrough")]
        assert same({key: before[key] for key in computed}, {key: after[key] for key in computed}, self.rounding(name))

    def test_a_step_of_sgd_is_in_proportion_to_its_learning_rate(self) -> None:
        sizes = [
            self.engine(lr=lr, steps=1).train(WIDTH, [1])[Observable("dW_frobenius", "layer2", 1)] for lr in (1, 2)
        ]
        np.testing.assert_allclose(sizes[1] / sizes[0], 2, rtol=1e-9)

    @every_problem
    def test_costs_are_positive_and_rise_with_the_width(self, name: str) -> None:
        engine = self.engine(name)
        for cost in (engine.operations, engine.seed_bytes):
            costs = [cost(width) for width in (16, 64, 256)]
            assert 0 < costs[0] <= costs[1] <= costs[2]
        assert engine.chunk_size(256) >= 1
        widths = engine.default_widths
        assert len(widths) >= 8
        assert list(widths) == sorted(set(widths))
        assert engine.default_seeds(widths) >= 1
        assert len(engine.terms(WIDTH)) <= len(engine.timed(widths))

    def test_what_it_cannot_train_is_refused_in_a_line(self) -> None:
        problem = replace(self.engine().problem, training=replace(PLAIN, optimizer="clip"))
        refusal = self.kind(problem).refusal  # type: ignore[call-arg]
        assert refusal is not None
        assert refusal.argument in ("optimizer", "engine")
        assert "\n" not in refusal.message

    @pytest.mark.parametrize("quantity", ["dz", "z", "layer", "dW_frobenius"])
    def test_its_law_is_that_of_matrices_drawn_in_full(self, quantity: str) -> None:
        """Means over 96 seeds of each, by a two-sample test; the seeds are fixed, and so is the answer."""
        logs = []
        for engine, first in ((self.engine(), 0), (DenseEngine(self.engine().problem), 1000)):
            seen = engine.train(WIDTH, range(first, first + 96))
            logs.append(np.log(seen[Observable(quantity, "layer2", 1)]))  # type: ignore[arg-type]
        spread = np.sqrt(sum(np.var(one, ddof=1) / len(one) for one in logs))
        assert abs(logs[0].mean() - logs[1].mean()) < 4 * spread
