"""What every engine owes: one line, `class TestMine(EngineConformance): kind = MyEngine`, inherits all of it.

Each test trains each of the `PROBLEMS` that the engine takes. `test_engines` spoils an engine for every test in turn,
which must catch it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pytest

import scalings
from empirical.engines.choice import choose
from empirical.engines.engine import Engine, Scaling, TrainingProblem
from empirical.engines.mlp.engine import DenseEngine
from empirical.tensors.arrays import Array
from scalings.criteria.observables import Observable
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.networks.architectures import mlp, resmlp
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.results.trials import Training
from tests.agreement.experiments import decoder
from tests.empirical.engines.no_device import DEVICE, no_device

Values = Mapping[Observable, Array]

_TRAINING = Training(batch=4, steps=2, lr=0.1)
_MUP, _NTP = preset("mup", 3), preset("ntp", 3)
_ZERO_READOUT = replace(_MUP, layers=(*_MUP.layers[:2], replace(_MUP.layers[2], init=MINUS_INFINITY)))
_ADAM = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="0,-1,-1")
_SPLIT = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="0,0,-1")
_DEEP = Parameterization.of(multiplier="0,0,0", init="0,0,0", lr="0,1,0", scales="-1")

PROBLEMS = {
    "shallow": TrainingProblem(mlp(2), preset("mup", 2), _TRAINING),
    "uncentered": TrainingProblem(mlp(3, "gelu"), _NTP, replace(_TRAINING, centered=False)),
    "coordinates": TrainingProblem(mlp(3), _MUP, replace(_TRAINING, observing="coordinates")),
    "zero readout": TrainingProblem(mlp(3, "tanh"), _ZERO_READOUT, _TRAINING),
    "momentum": TrainingProblem(mlp(3, "tanh"), _MUP, replace(_TRAINING, optimizer="momentum")),
    "adam": TrainingProblem(mlp(3), _ADAM, replace(_TRAINING, optimizer="adam", lr=0.02)),
    "a law for each layer": TrainingProblem(
        mlp(3), _SPLIT, replace(_TRAINING, optimizer="muon+adam;layer3=sgd", lr=0.02)
    ),
    "depth": TrainingProblem(resmlp(1), _DEEP, _TRAINING, scaling=Scaling("depth", {"width": 16}, {"width": _MUP})),
    "text": TrainingProblem(decoder(), preset("mup", 8), replace(_TRAINING, batch=2, loss="cross-entropy")),
}
WIDTH, WIDTHS = 12, (8, 12, 16, 24, 32)
SEEDS = (3, 8, 5)
UNASKED = {"W_spectral", "ntk_change"}
"""What is predicted and not always observed: spectra are to be asked for, and graphs have no tangent kernel."""
COORDINATES = {"z", "dz", "loss"}
MANY = 64


def with_training(problem: TrainingProblem, **options: object) -> TrainingProblem:
    return replace(problem, training=replace(problem.training, **options))  # type: ignore[arg-type]


UNKNOWN = with_training(PROBLEMS["shallow"], optimizer="unknown")


def predicted(problem: TrainingProblem) -> dict[Observable, Exponent]:
    law, training = problem.training.law, problem.training
    given = problem.network, problem.parameterization, law, training.steps
    return scalings.predict(*given, scale=problem.variable, loss=training.loss)


def alike(found: Array, expected: Array) -> bool:
    """To half of the digits: rounding, and what it grows to where values are subtracted."""
    return np.allclose(found, expected, rtol=np.finfo(found.dtype).eps ** 0.5, atol=0)


def differing(found: Values, expected: Values, places: Sequence[int] = (0, 1, 2)) -> list[Observable]:
    """Observables that are not alike, the expected ones taken at these places."""
    assert found.keys() == expected.keys()
    return [key for key, values in found.items() if not alike(values, expected[key][list(places)])]


def of(values: Values, *quantities: str) -> dict[Observable, Array]:
    return {key: value for key, value in values.items() if key.quantity in quantities}


class EngineConformance:
    """Inherited by a test class for each engine, `kind`."""

    kind: ClassVar[type[Engine]]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Arguments of tests: `problem` is each that the engine takes, and `refused` each that it does not.

        Of those taken, `sgd` are those by plain SGD with gradients observed, `shared` those that `DenseEngine` takes.
        """
        taken = {name: one for name, one in PROBLEMS.items() if self.engine(one).refusal is None}
        plain = {name: one for name, one in taken.items() if one.training.optimizer == "sgd"}
        choices = {
            "problem": taken,
            "refused": {"unknown": UNKNOWN, **{name: one for name, one in PROBLEMS.items() if name not in taken}},
            "sgd": {name: one for name, one in plain.items() if one.training.observing == "all"},
            "shared": {name: one for name, one in taken.items() if DenseEngine(one).refusal is None},
        }
        for argument, problems in choices.items():
            if argument in metafunc.fixturenames:
                metafunc.parametrize(argument, problems.values(), ids=problems)

    def engine(self, problem: TrainingProblem) -> Engine:
        return self.kind(problem)  # type: ignore[call-arg]  # a Protocol does not say how it is made

    def train(self, problem: TrainingProblem, seeds: Sequence[int] = SEEDS, width: int = WIDTH) -> Values:
        return self.engine(problem).train(width, seeds)

    def test_it_takes_some_problem_and_no_unknown_optimizer(self) -> None:
        assert None in [self.engine(one).refusal for one in PROBLEMS.values()]
        assert self.engine(UNKNOWN).refusal is not None

    def test_it_says_in_one_line_why_it_refuses(self, refused: TrainingProblem) -> None:
        """What is about the engine is trained by another one."""
        refusal = self.engine(refused).refusal
        assert isinstance(refusal, ArgumentError)
        assert refusal.argument in ("engine", "optimizer")
        assert refusal.message
        assert "\n" not in str(refusal)
        if refusal.argument == "engine":
            assert choose(refused).engines

    def test_values_are_numbers_one_for_each_seed(self, problem: TrainingProblem) -> None:
        for key, values in self.train(problem).items():
            assert values.shape == (len(SEEDS),), key
            assert np.issubdtype(values.dtype, np.floating), key
            assert np.isfinite(values).all(), key

    def test_all_steps_are_there(self, problem: TrainingProblem) -> None:
        """And no change at step 0."""
        steps: dict[tuple[str, str], list[int]] = {}
        for key in sorted(self.train(problem)):
            steps.setdefault((key.quantity, key.layer), []).append(key.step)
        assert {quantity for quantity, _ in steps} >= COORDINATES
        whole = list(range(problem.training.steps + 1))
        for (quantity, layer), found in steps.items():
            always = quantity in ("z", "d", "loss", "W_frobenius", "W_spectral")
            assert found == (whole if always else whole[1:]), (quantity, layer)

    def test_what_is_predicted_is_observed(self, problem: TrainingProblem) -> None:
        """What is zero by structure is zero, and what has an order is not."""
        values, orders = self.train(problem), predicted(problem)
        asked = problem.training.observing == "all"
        for key, order in orders.items():
            if key in values:
                assert values[key].any() == (order != MINUS_INFINITY), key
            elif order != MINUS_INFINITY:
                assert key.quantity in UNASKED if asked else key.quantity not in COORDINATES, key
        assert len(values.keys() & orders.keys()) > len(COORDINATES)

    def test_a_coordinate_check_observes_no_more(self, problem: TrainingProblem) -> None:
        found = self.train(with_training(problem, observing="coordinates"))
        assert found.keys() == of(self.train(with_training(problem, observing="all")), *COORDINATES).keys()

    def test_the_same_seed_gives_the_same_numbers(self, problem: TrainingProblem) -> None:
        first, second = self.train(problem), self.train(problem)
        assert first.keys() == second.keys()
        assert all(np.array_equal(first[key], second[key]) for key in first)

    def test_another_seed_gives_others(self, problem: TrainingProblem) -> None:
        label = problem.network.layers[0].name
        values = self.train(problem)[Observable("z", label, 0)]
        assert len(set(values.tolist())) == len(SEEDS)

    def test_a_seed_is_the_same_among_others(self, problem: TrainingProblem) -> None:
        together = self.train(problem)
        for place, seed in enumerate(SEEDS):
            assert not differing(self.train(problem, [seed]), together, [place])

    def test_seeds_are_the_same_in_any_order(self, problem: TrainingProblem) -> None:
        order = (2, 0, 1)
        assert not differing(self.train(problem, [SEEDS[place] for place in order]), self.train(problem), order)

    def test_a_longer_run_begins_as_a_shorter_one(self, problem: TrainingProblem) -> None:
        short = self.train(with_training(problem, steps=1))
        longer = self.train(problem)
        assert not differing(short, {key: longer[key] for key in short})

    def test_without_learning_rates_nothing_moves(self, problem: TrainingProblem) -> None:
        """Where their constant is zero, and where their exponents are -oo."""
        given = problem.parameterization
        frozen = replace(given, layers=tuple(replace(layer, lr=MINUS_INFINITY) for layer in given.layers))
        for still in (with_training(problem, lr=0.0), replace(problem, parameterization=frozen)):
            values = self.train(still)
            assert not any(change.any() for change in of(values, "dz", "dd", "layer", "dW_frobenius").values())
            losses = list(of(values, "loss").values())
            assert all(np.array_equal(loss, losses[0]) for loss in losses)

    def test_a_small_learning_rate_makes_the_loss_smaller(self, problem: TrainingProblem) -> None:
        values = self.train(with_training(problem, lr=problem.training.lr / 100))
        losses = [values[Observable("loss", "", step)] for step in range(problem.training.steps + 1)]
        assert all((after < before).all() for before, after in pairwise(losses))

    def test_twice_the_learning_rate_makes_the_first_step_twice_as_long(self, problem: TrainingProblem) -> None:
        """Of any optimizer here, and so the first layer's output moves twice as far."""
        once, twice = (self.train(with_training(problem, lr=lr, steps=1)) for lr in (0.01, 0.02))
        moved = Observable("dz", problem.network.layers[0].name, 1)
        for key in (moved, *of(once, "dW_frobenius")):
            assert alike(twice[key], 2 * once[key]), key

    def test_the_loss_falls_along_the_gradient(self, sgd: TrainingProblem) -> None:
        """By sum_l eta_l |G_l|^2 = sum_l |dW_l| |G_l|, but for terms of the order eta^2: at most 3e-5 of it here, and
        ten times as much at 1e-4. Of a depth of 2, whose first and last blocks are observed, nothing is left out."""
        width = WIDTH if sgd.variable == WIDTH_SCALE else 2
        values = self.train(with_training(sgd, lr=1e-5, steps=1), width=width)
        updates = of(values, "dW_frobenius")
        slope = sum(size * values[replace(key, quantity="gradient")] for key, size in updates.items())
        before, after = (values[Observable("loss", "", step)] for step in (0, 1))
        assert np.allclose(before - after, slope, rtol=1e-3, atol=0)

    def test_norms_are_no_larger_than_they_can_be(self, problem: TrainingProblem) -> None:
        """|dz| than its terms, |z(t)| than |z(0)| + |dz|, |dW|_2 than |dW|_F, |dW h| than |dW| |h|."""
        values = self.train(problem)
        slack = 1 + np.finfo(next(iter(values.values())).dtype).eps ** 0.5
        for key, change in of(values, "dz").items():
            before, after = (values[Observable("z", key.layer, step)] for step in (0, key.step))
            assert (after <= slack * (before + change)).all(), key
            terms = [values.get(replace(key, quantity=term)) for term in ("layer", "passthrough", "interaction")]
            if terms[0] is not None:
                assert (change <= slack * sum(term for term in terms if term is not None)).all(), key
        for key, norm in of(values, "dW_spectral").items():
            assert (norm <= slack * values[replace(key, quantity="dW_frobenius")]).all(), key
        assert all((values <= slack).all() for values in of(values, "alignment").values())

    def test_a_gauge_changes_nothing_that_is_computed(self, problem: TrainingProblem) -> None:
        """And does change how large weights are."""
        given, laws = problem.parameterization, problem.training.laws_of(problem.network)
        by = [Fraction((-1) ** number, 3) for number in range(given.depth)]
        before = self.train(problem)
        after = self.train(replace(problem, parameterization=given.shifted(by, laws)))
        assert not differing(of(after, *COORDINATES), of(before, *COORDINATES))
        for key in of(before, "W_frobenius"):
            assert not before[key].any() or not alike(after[key], before[key])

    def test_what_a_seed_costs_grows_with_the_width(self, problem: TrainingProblem) -> None:
        engine = self.engine(problem)
        for cost in (engine.seed_bytes, engine.operations):
            costs = [cost(width) for width in WIDTHS]
            assert costs[0] >= 0
            assert costs == sorted(costs)
        chunks = [engine.chunk_size(width) for width in WIDTHS]
        assert engine.seed_bytes(WIDTHS[0]) > 0
        assert chunks == sorted(chunks, reverse=True)
        assert chunks[-1] >= 1

    def test_a_sweep_can_be_planned(self, problem: TrainingProblem) -> None:
        """Its time is a sum of no more terms than runs are timed, and it has widths of its own."""
        engine = self.engine(problem)
        timed = engine.timed(WIDTHS)
        assert all(width >= 1 and seeds >= 1 for width, seeds in timed)
        assert 1 <= len(engine.terms(WIDTH)) <= len(timed)
        assert all(term > 0 for term in engine.terms(WIDTH))
        widths = engine.default_widths
        assert list(widths) == sorted(set(widths))
        assert engine.default_seeds(widths) >= 1

    def test_it_computes_on_its_device(self, problem: TrainingProblem) -> None:
        """On one that has shapes and no numbers: wide enough for all directions there are, and as deep as before."""
        engine = self.engine(replace(problem, device=DEVICE))
        with no_device() as calls:
            found = engine.train(64 if problem.variable == WIDTH_SCALE else 2, SEEDS[:1])
        assert {one.device.type for one in calls.fetched} == {DEVICE}
        here = self.train(problem)
        assert {key: values.dtype for key, values in found.items()} == {k: values.dtype for k, values in here.items()}

    def test_its_law_is_that_of_dense_matrices(self, shared: TrainingProblem) -> None:
        """Means of log |dz| over seeds of its own, by two-sample z tests: beyond 5 once in a million of them.

        They were 2.6 at most, and refute factors of 1.2 to 1.8.
        """
        expected = of(DenseEngine(shared).train(16, range(MANY)), "dz")
        found = of(self.train(shared, range(MANY, 2 * MANY), 16), "dz")
        assert found.keys() == expected.keys()
        for key in found:
            if expected[key].any():
                one, other = np.log(found[key]), np.log(expected[key])
                error = np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / MANY)
                assert abs(one.mean() - other.mean()) < 5 * error, key
