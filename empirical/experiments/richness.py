"""Long runs: members of a family followed over many steps, and compared with their linearization at the end.

What is followed is the loss, the feature movement |dz|/|z(0)| of the last hidden layer and the change of the tangent
kernel, at every step of the widest networks. At the end, the *distance* |F*(t) - F*_lin(t)| / |F*_lin(t)|, over
examples that were not trained on, says how far a network is from the predictor of its own initial kernel
(`empirical.engines.mlp.linearized`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch

from empirical.data import examples
from empirical.engines.choice import cheapest, willing
from empirical.engines.engine import TrainingProblem
from empirical.engines.mlp.drawing import draw
from empirical.engines.mlp.engine import DenseEngine, RevealedEngine
from empirical.engines.mlp.linearized import linearized
from empirical.engines.mlp.training import outputs_of, trajectory
from empirical.engines.mlp.view import kernel_layers
from empirical.engines.observations import kernel_change
from empirical.statistics import regression
from empirical.sweeps import costs, workers
from empirical.sweeps.costs import Cost
from empirical.sweeps.plans import allocate, check_plan
from empirical.tensors import memory
from empirical.tensors.arrays import Array
from empirical.tensors.buffers import BufferPool
from empirical.tensors.norms import norms
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.network import Network
from scalings.results.fits import Diverged, Fit
from scalings.results.trials import EngineName, Training

_OTHERS = 32
"""Examples that are looked at beside those that are trained on."""
_CAP = 8
"""Times as many seeds a small width may get as the largest."""


@dataclass(frozen=True)
class LongRun:
    """Means over the seeds of the largest width at steps 0, 1, ...; distances over seeds at every width."""

    width: int
    loss: tuple[float, ...]
    movement: tuple[float, ...]
    kernel_change: tuple[float, ...]
    distances: Mapping[int, Array] = field(repr=False)

    @cached_property
    def fit(self) -> Fit | Diverged | None:
        """The exponent of n of the distance."""
        return regression.fit(self.distances)


@dataclass(frozen=True)
class _Followed:
    """What an engine trains, followed to the end of a long run."""

    engine: DenseEngine | RevealedEngine

    @property
    def name(self) -> EngineName:
        return self.engine.name

    @property
    def problem(self) -> TrainingProblem:
        return self.engine.problem

    def timed(self, widths: Sequence[int]) -> tuple[tuple[int, int], ...]:
        return self.engine.timed(widths)

    def terms(self, width: int) -> tuple[float, ...]:
        return self.engine.terms(width)

    def train(
        self, width: int, seeds: Sequence[int], *, path: bool = False, stopped: threading.Event | None = None
    ) -> tuple[Array | None, Array]:
        """The mean loss, movement and kernel change after every step, (3, steps + 1), and the distance of each seed.

        Only a `path` that is asked for is followed. Raises KeyboardInterrupt once `stopped` is set.
        """
        on, at = self.problem.device, self.engine.perceptron(width)
        training = replace(self.problem.training, kernel=path)
        pool = BufferPool(on)
        initial = draw(at, training, seeds, on, self.name, pool)
        data = examples.load(training.data, training.batch + _OTHERS)
        every = torch.tensor(data.inputs, device=on).expand(len(seeds), -1, -1)
        inputs, apart = every[:, : training.batch], every[:, training.batch :]
        targets = torch.tensor(data.targets[: training.batch], device=on)
        seen: list[torch.Tensor] = []
        for state in trajectory(at, initial, training, inputs, targets, pool):
            if stopped and stopped.is_set():
                raise KeyboardInterrupt
            if not path:
                continue
            moved = changed = torch.zeros(len(seeds), dtype=torch.float64, device=on)
            if state.changes:
                dz, z = norms((state.changes[-2].dz,), (state.initial[-2].z,))
                moved, changed = dz / z, kernel_change(kernel_layers(state))
            seen.append(torch.stack([state.loss, moved, changed]).mean(dim=1))
        ended = outputs_of(state, training, apart)
        frozen = linearized(at, initial, inputs, targets, apart, training.steps)
        distance, size = norms((ended - frozen,), (frozen,))
        return torch.stack(seen, dim=1).cpu().numpy() if path else None, (distance / size).cpu().numpy()


@dataclass(frozen=True)
class LongRuns:
    """Members of a family to be followed at every width, checked at the door: raises ArgumentError.

    `seeds` is their number at the largest width.
    """

    network: Network
    members: tuple[Parameterization, ...]
    training: Training
    widths: tuple[int, ...]
    seeds: int
    device: str

    def __post_init__(self) -> None:
        examples.load(self.training.data, self.training.batch + _OTHERS)
        engines = self._engines[0]
        check_plan(self.widths, self.seeds, 0, lambda width: cheapest(engines, width).refusal_at(width))
        memory.check_room(self.widths, self._bytes, self.device)

    @cached_property
    def _engines(self) -> tuple[tuple[DenseEngine | RevealedEngine, ...], ...]:
        """Those that train each member."""
        # With the tangent kernel, which is followed at the largest width alone: so that a width's engine is the same
        # wherever it is.
        training, found = replace(self.training, kernel=True), []
        for member in self.members:
            problem = TrainingProblem(self.network, member, training, self.device)
            both: tuple[DenseEngine | RevealedEngine, ...] = (DenseEngine(problem), RevealedEngine(problem))
            found.append(willing(both))
        return tuple(found)

    @property
    def allocation(self) -> dict[int, int]:
        """The number of seeds at each width."""
        return allocate(self.widths, self.seeds, _CAP)

    def _at(self, width: int, number: int = 0) -> _Followed:
        """A member at this width; what it costs is the same for all."""
        return _Followed(cheapest(self._engines[number], width))

    def _bytes(self, width: int) -> int:
        seeds = self.allocation.get(width, self.seeds)
        return workers.count(self.device) * seeds * self._at(width).engine.seed_bytes(width)

    def cost(self) -> Cost:
        """The seconds and bytes that it will take, estimated from a fraction of a second of training."""
        one = costs.seconds({width: self._at(width) for width in self.widths}, self.allocation)
        return Cost(len(self.members) * one, max(map(self._bytes, self.widths)))

    def carry_out(self, progress: Callable[[float, str], None] | None = None) -> dict[int, LongRun]:
        """The long run of each member, by its number.

        An interrupt leaves out members that some width is missing of; the first and the last are trained first.
        """
        # Workers take tasks from both ends: one goes from the first member on, and one from the last.
        tasks = [(number, width) for number in range(len(self.members)) for width in reversed(self.widths)]
        seeds, widest = self.allocation, self.widths[-1]
        share = {width: number * self._at(width).engine.operations(width) for width, number in seeds.items()}
        total, done = len(self.members) * sum(share.values()), 0.0
        found: dict[tuple[int, int], tuple[Array | None, Array]] = {}
        stopped = threading.Event()

        def run(task: tuple[int, int]) -> tuple[Array | None, Array]:
            number, width = task
            with memory.exhausted_as(lambda: memory.did_not_do(self.device, f"width {width}")):
                followed = self._at(width, number)
                return followed.train(width, range(seeds[width]), path=width == widest, stopped=stopped)

        try:
            for task, result in workers.spread(run, tasks, self.device, stopped):
                found[task] = result
                done += share[task[1]] / total
                if progress:
                    progress(min(done, 1.0), f"{self.members[task[0]].name}: width {task[1]}")
        except KeyboardInterrupt:
            if not self._done(found):
                raise
        return {number: self._long_run(number, found) for number in self._done(found)}

    def _done(self, found: Mapping[tuple[int, int], object]) -> list[int]:
        """The numbers of the members that no width is missing of."""
        numbers = range(len(self.members))
        return [number for number in numbers if all((number, width) in found for width in self.widths)]

    def _long_run(self, number: int, found: Mapping[tuple[int, int], tuple[Array | None, Array]]) -> LongRun:
        path = found[number, self.widths[-1]][0]
        assert path is not None, "it is followed at the largest width"
        loss, movement, kernel = (tuple(column.tolist()) for column in path)
        return LongRun(
            self.widths[-1], loss, movement, kernel, {width: found[number, width][1] for width in self.widths}
        )
