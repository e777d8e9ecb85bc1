"""Engines: what it takes to train one problem at any width, and to plan how many seeds at a time.

All engines are exact and observe the same (`empirical.engines.observations`). They differ in the networks and
optimizers that they take, in what a seed costs, and in which numbers a seed draws. `empirical.engines.choice` finds the
one that trains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from empirical.data import tasks
from empirical.data.tasks import Task
from empirical.tensors.arrays import Array
from scalings.criteria.observables import Observable
from scalings.errors import ArgumentError
from scalings.hyperparameters.parameterizations import Parameterization, wrong_scales
from scalings.networks.dimensions import EXPERTS_SCALE, ONE, WIDTH_SCALE
from scalings.networks.network import Network, wrong_depth
from scalings.networks.nodes import Embedding
from scalings.results.trials import EngineName, Training


@dataclass(frozen=True)
class Scaling:
    """Which scale variable is varied, where the others stand, and their exponents there."""

    variable: str = WIDTH_SCALE
    sizes: Mapping[str, int] = field(default_factory=dict)
    beside: Mapping[str, Parameterization] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingProblem:
    """What is trained on a device, "cpu" or "cuda", at values of a scale variable, here called widths.

    Raises ArgumentError for what no engine trains: a scale variable that is none of the network's or that the data
    would have to grow with, data that is not there or does not fit the network, and exponents that are not one for each
    of its weights.
    """

    network: Network
    parameterization: Parameterization
    training: Training
    device: str = "cpu"
    scaling: Scaling = Scaling()

    def __post_init__(self) -> None:
        if self.training.steps < 1:
            raise ArgumentError("steps", f"expected at least 1, but got {self.training.steps}")
        given, names = self.parameterization, [node.name for node in self.network.multipliers]
        if given.depth != self.network.depth:
            raise wrong_depth(self.network, given.depth)
        if given.scales and len(given.scales) != len(names):
            raise wrong_scales(names, len(given.scales))
        self.task  # noqa: B018 - that it can be loaded is checked here too
        if self.variable not in (known := self._trained_scales()):
            raise ArgumentError(
                "scale", f"expected one of {', '.join(known)}, with which networks grow here, but got {self.variable!r}"
            )

    def _trained_scales(self) -> list[str]:
        """The scale variables of the network in which neither its input nor its output grows, and not the number of
        experts: a fixed batch has no tokens for ever more of them."""
        first, network = self.network.nodes[0], self.network
        data = (first.vocabulary if isinstance(first, Embedding) else ONE, network.units[network.output.name])
        fixed = [scale for scale in network.scales if all(size.order_in(scale) == 0 for size in data)]
        return [scale for scale in fixed if scale != EXPERTS_SCALE]

    @property
    def variable(self) -> str:
        return self.scaling.variable

    @cached_property
    def task(self) -> Task:
        return tasks.load(self.network, self.training)


class Trained(Protocol):
    """What sweeps have to know of what is trained: a network, or a module that was translated into one."""

    @property
    def network(self) -> Network: ...

    @property
    def parameterization(self) -> Parameterization: ...

    @property
    def training(self) -> Training: ...

    @property
    def device(self) -> str: ...

    @property
    def variable(self) -> str:
        """The scale variable that is varied."""
        ...


class Engine(Protocol):
    """One way to train a problem."""

    @property
    def name(self) -> EngineName:
        """How it keeps initial weights: "dense", drawn in full, or "matrix-free", revealed where they are applied."""
        ...

    @property
    def problem(self) -> Trained: ...

    @property
    def refusal(self) -> ArgumentError | None:
        """Why it does not train this problem; about the argument "engine" where another engine might."""
        ...

    def refusal_at(self, width: int) -> ArgumentError | None:
        """Why there is no network of this width, as with heads that do not divide it; None if there is."""
        ...

    @property
    def default_widths(self) -> tuple[int, ...]:
        """The widths of a sweep that names none."""
        ...

    def default_seeds(self, widths: Sequence[int]) -> int:
        """The number of seeds at the largest of these widths, of a sweep that names none."""
        ...

    def operations(self, width: int) -> float:
        """The operations of one seed, in a unit that all engines share.

        They are counted, not timed: which engine is cheaper, and so which numbers are drawn, is then the same on every
        machine.
        """
        ...

    def seed_bytes(self, width: int) -> int:
        """The bytes that one seed takes at most."""
        ...

    def chunk_size(self, width: int) -> int:
        """How many seeds are trained together."""
        ...

    def runs_alone(self, width: int) -> bool:
        """Whether a seed is worth all threads, and has no other beside it."""
        ...

    def timed(self, widths: Sequence[int]) -> tuple[tuple[int, int], ...]:
        """(width, seeds) of short runs whose times tell what a sweep of these widths will take."""
        ...

    def terms(self, width: int) -> tuple[float, ...]:
        """The counts that the seconds of one seed are a linear combination of; no more of them than timed runs."""
        ...

    def train(self, width: int, seeds: Sequence[int]) -> dict[Observable, Array]:
        """Every observable at every step, each an array over these seeds."""
        ...


class RateEngine(Engine, Protocol):
    """An engine that trains a seed at many learning rates."""

    @property
    def rates_refusal(self) -> ArgumentError | None:
        """Why it does not train many learning rates with this problem's optimizer, or None."""
        ...

    def losses(self, width: int, seeds: Sequence[int], factors: Array) -> Array:
        """The loss at every step, (steps + 1, seeds, settings), with all learning rates times factors (seeds,
        settings)."""
        ...


def refused(check: Callable[[], None]) -> ArgumentError | None:
    """The error that a check raises, or None."""
    try:
        check()
    except ArgumentError as error:
        return error
    return None
