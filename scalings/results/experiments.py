"""Results of the experiments `freedom`, `calibrate` and `transfer`.

`freedom` measures the Jacobian of the criteria, d log(left / right) / d log(hyperparameter), with a row for each
criterion at each layer and a column for each hyperparameter. Where left / right is a product of powers, the entries are
its exponents at any width, as in the derived linear system. Where it is a sum of terms of one order, an entry lies
between the exponents of the terms.

The null space of the Jacobian is the freedom that the criteria leave. Each layer's gauge direction lies in it exactly;
in the gauge g = 1 one dimension is left, the richness.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Literal, TypeAlias

from scalings.criteria.conditions import Condition, System
from scalings.hyperparameters.parameterizations import Hyperparameter, Parameterization
from scalings.networks.network import Network
from scalings.results.fits import Fit
from scalings.results.trials import Training

Place: TypeAlias = tuple[str, Hyperparameter]
"""An entry of the Jacobian: a condition (as `str` gives it) and a hyperparameter."""


@dataclass(frozen=True)
class Limit:
    """The limit of a number as n grows, with its 95 % interval.

    `points` are (width, mean, standard error over seeds).
    """

    value: float
    low: float
    high: float
    points: tuple[tuple[int, float, float], ...] = field(default=(), repr=False)

    def within(self, low: float, high: float) -> bool:
        """Whether the interval is contained in [low, high]."""
        return low <= self.low and self.high <= high

    def outside(self, low: float, high: float) -> bool:
        """Whether the interval is disjoint from [low, high]."""
        return self.high < low or self.low > high


@dataclass(frozen=True)
class FreedomMeasurement:
    """The measured Jacobian of the criteria: its entries, its singular values, and its direction of least change.

    - `seeds`, `unsolved`: by width, the number of networks, and of those for which no solution was found.
    - `singular_values`: in the gauge g = 1, largest first.
    - `direction`: the right singular vector of the smallest one at the largest width, per hyperparameter: mean and
      standard error over seeds.
    - `gauges`: the largest change of any condition along a gauge direction, 0 up to the error of finite differences.
    - `interrupted`: whether an interrupt left out the widths that were to follow.
    """

    network: Network
    training: Training
    conditions: tuple[Condition, ...]
    seeds: Mapping[int, int]
    unsolved: Mapping[int, int]
    entries: Mapping[Place, Limit] = field(repr=False)
    singular_values: tuple[Limit, ...]
    direction: Mapping[Hyperparameter, tuple[float, float]]
    gauges: float
    interrupted: bool
    seconds: float = field(compare=False)

    def freedoms(self, delta: float) -> tuple[int, int]:
        """The least and the largest possible number of singular values with a limit within delta of 0."""
        zero = sum(one.within(-inf, delta) for one in self.singular_values)
        maybe = sum(not one.outside(-inf, delta) for one in self.singular_values)
        return zero, maybe


@dataclass(frozen=True)
class Calibration:
    """The hyperparameters that meet a system of conditions at each width, fitted as powers of n.

    - `seeds`, `unsolved`: by width, the number of networks, and of those for which no solution was found.
    - `fits`: the exponent of each hyperparameter.
    - `others`: the exponent of left / right for each criterion outside the system, near 0 if the system implies it.
    - `interrupted`: whether an interrupt left out the widths that were to follow.
    """

    network: Network
    training: Training
    system: System
    seeds: Mapping[int, int]
    unsolved: Mapping[int, int]
    fits: Mapping[Hyperparameter, Fit]
    others: Mapping[str, Fit]
    interrupted: bool
    seconds: float = field(compare=False)


Rate = Literal["best", "largest stable"]
Side = Literal["low", "high"]


@dataclass(frozen=True)
class Transfer:
    """The best and the largest stable learning rate at each width, relative to the parameterization's.

    - `drifts`: their exponents of n, 0 if the learning rate transfers; without a rate that lay on the edge of the grid.
    - `edges`: the widths at which a rate lay on the edge of the grid, and on which side.
    - `grid`: the ends of the factors on the learning rate that were tried, as powers of 2.
    - `curves`: for each width (factor, mean over seeds of log loss).
    - `scale`: the scale variable, values of which are called widths here.
    - `interrupted`: whether an interrupt left out the widths that were to follow.
    """

    network: Network
    parameterization: Parameterization
    training: Training
    scale: str
    seeds: Mapping[int, int]
    grid: tuple[float, float]
    drifts: Mapping[Rate, Fit]
    edges: Mapping[Rate, tuple[tuple[int, Side], ...]]
    device: str
    interrupted: bool
    seconds: float = field(compare=False)
    curves: Mapping[int, tuple[tuple[float, float], ...]] = field(repr=False, default_factory=dict)
