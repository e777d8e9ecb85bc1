"""A training run on orders with given exponents, trained once for all that is asked of it.

A longer run has the orders of a shorter one, so that the verdict (`check`) and the prediction (`predict`) share one:

>>> from scalings.hyperparameters.presets import preset
>>> from scalings.hyperparameters.update_laws import optimizer
>>> from scalings.networks.architectures import mlp
>>> run = train_given(Problem(mlp(3), optimizer("sgd")), preset("mup", 3), updates=2)
>>> str(run.until(1)[Observable("dz", "layer2", 1)]), Observable("dz", "layer2", 2) in run.until(1)
('1/2', False)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from symbolic.orders.algebra import EXACT
from symbolic.propagation.training import UPDATES, train

TELLS_GROWTH = UPDATES + 1
"""A run that is within its bounds for three updates has settled, unless the optimizer's update grows with the weight
itself; so one more update tells growth from rest."""


@dataclass(frozen=True)
class GivenRun:
    """The orders of what the training loop computes, at every step of so many updates."""

    problem: Problem
    parameterization: Parameterization
    updates: int
    orders: Mapping[Observable, Exponent]

    def until(self, step: int) -> dict[Observable, Exponent]:
        """Those of the run that ends after this many updates."""
        return {observable: order for observable, order in self.orders.items() if observable.step <= step}


def train_given(problem: Problem, parameterization: Parameterization, updates: int = TELLS_GROWTH) -> GivenRun:
    """Train once. Raises ArgumentError if there is not one entry for each layer and multiplier of the network."""
    run = train(problem, parameterization.layers, EXACT, updates, scales=parameterization.scales)
    return GivenRun(problem, parameterization, updates, dict(run))
