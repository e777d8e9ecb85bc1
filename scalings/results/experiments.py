"""Freedoms, counted: how criteria answer to hyperparameters, and which change of them no criterion notices.

The Jacobian has a row for each criterion at each layer and a column for each hyperparameter: by how many percent
left / right changes with a percent of the hyperparameter. Where orders are products, its entries are the exponents of
those products, whatever the width: the matrix of the derived constraints. Where they are sums of terms of one order an
entry is a share, somewhere between the exponents of the terms.

A direction that it maps to 0 is a freedom. Gauges are such directions exactly, one a layer; with g = 1 they are gone,
and what is left must be one, the richness.
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
"""A criterion at a layer, as it prints, and a hyperparameter."""


@dataclass(frozen=True)
class Limit:
    """What a number tends to as n grows, with its 95 % interval, and (width, mean, standard error over seeds)."""

    value: float
    low: float
    high: float
    points: tuple[tuple[int, float, float], ...] = field(default=(), repr=False)

    def within(self, low: float, high: float) -> bool:
        """Whether the whole interval lies between these."""
        return low <= self.low and self.high <= high

    def outside(self, low: float, high: float) -> bool:
        """Whether none of it does."""
        return self.high < low or self.low > high


@dataclass(frozen=True)
class FreedomMeasurement:
    """The Jacobian's entries, its singular values with g = 1 (largest first), and its direction of least change.

    `direction` is that of unit length, per hyperparameter, at the largest width: mean and standard error over seeds.
    `gauges` is the largest change that any gauge makes to any condition, which should be 0 but for finite differences.
    An interrupt leaves out the widths that were to follow.
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
        """The fewest and the most singular values that tend to 0, as far as is known: within delta of it."""
        zero = sum(one.within(-inf, delta) for one in self.singular_values)
        maybe = sum(not one.outside(-inf, delta) for one in self.singular_values)
        return zero, maybe


@dataclass(frozen=True)
class Calibration:
    """What was solved for at each width, and the powers of n that come of it.

    `unsolved` counts the seeds at a width for which no solution was found. `others` are the criteria that were not
    asked for, as exponents of left / right: near 0 where they are implied. An interrupt leaves out the widths that
    were to follow.
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
    """What was measured: the drift exponents, and what they come from.

    `drifts` lacks a rate that lay on the edge of the grid at some width; `edges` says at which widths and on which
    side. `curves` are, for each width, (factor, mean over seeds of log loss). An interrupt leaves out the widths that
    were to follow.
    """

    network: Network
    parameterization: Parameterization
    training: Training
    seeds: Mapping[int, int]
    grid: tuple[float, float]
    drifts: Mapping[Rate, Fit]
    edges: Mapping[Rate, tuple[tuple[int, Side], ...]]
    device: str
    interrupted: bool
    seconds: float = field(compare=False)
    curves: Mapping[int, tuple[tuple[float, float], ...]] = field(repr=False, default_factory=dict)
