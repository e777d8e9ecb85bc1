"""What a sweep saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from empirical.statistics import regression
from empirical.tensors.arrays import Array
from empirical.weights.low_rank_laws import orthogonalizes
from scalings.criteria.observables import Observable
from scalings.displays import Displayed
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.network import Network
from scalings.results.fits import Diverged, Fit
from scalings.results.trials import EngineName, Record, Training, Trial


@dataclass(frozen=True, repr=False)
class Measurement(Displayed):
    """What a sweep saw: for each observable and width, the values over seeds.

    `seeds` is the number of them at each width; they are `first_seed`, `first_seed` + 1, ...
    """

    network: Network
    parameterization: Parameterization
    training: Training
    seeds: Mapping[int, int]
    first_seed: int
    device: str
    engines: Mapping[int, EngineName]
    seconds: float
    values: Mapping[Observable, Mapping[int, Array]]

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(self.seeds)

    @property
    def engine(self) -> str:
        """Which of the two exact engines trained: at all widths, or up to which one."""
        dense = [width for width, engine in self.engines.items() if engine == "dense"]
        if len(dense) in (0, len(self.engines)):
            return "dense" if dense else "matrix-free"
        return f"dense up to width {max(dense)}, matrix-free above"

    @cached_property
    def fits(self) -> Mapping[Observable, Fit | Diverged]:
        """The exponent of every observable that has one: what is zero in half of the runs of some width is left out."""
        return regression.fit_all(self.values, orthogonalized=any(map(orthogonalizes, self.training.optimizers)))

    def trials(self) -> Iterator[Trial]:
        """Every training run of the sweep, by width and seed."""
        for width, seeds in self.seeds.items():
            for seed in range(self.first_seed, self.first_seed + seeds):
                yield Trial(self.network, self.parameterization, self.training, width, seed, self.engines[width])

    def records(self) -> Iterator[Record]:
        """Every number that was seen, by observable, width and seed."""
        for observable, by_width in self.values.items():
            for width, values in by_width.items():
                for seed, value in enumerate(values.tolist(), start=self.first_seed):
                    yield Record(observable, width, seed, value)


class Interrupted(KeyboardInterrupt):
    """A sweep was interrupted; `measurement` is of the widths that were done, enough for fits."""

    def __init__(self, measurement: Measurement) -> None:
        super().__init__()
        self.measurement = measurement
