"""The result of `predict`: the order of every observable, with what it was predicted for."""

from __future__ import annotations

from collections.abc import Mapping

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.displays import Displayed
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.parameterizations import Parameterization


class Prediction(Displayed, dict[Observable, Exponent]):
    """A mapping from observables to exponents of the scale variable, -oo for what is zero by structure."""

    def __init__(
        self, orders: Mapping[Observable, Exponent], problem: Problem, parameterization: Parameterization
    ) -> None:
        super().__init__(orders)
        self.problem = problem
        self.parameterization = parameterization
