"""Conditions, measured: how far criteria are from their constants, as functions of the hyperparameters.

The hyperparameters are factors on each layer's g, sigma and eta, given by their logarithms, for each seed its own. All
settings of a call are trained as one batch on the same draws, so that differences between settings carry no noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from empirical.data.examples import Examples
from empirical.engines.mlp.ensembles import Factors, states
from empirical.engines.mlp.perceptron import Perceptron
from empirical.engines.mlp.state import State
from empirical.tensors.arrays import Array
from empirical.tensors.norms import norms
from scalings.criteria.conditions import System
from scalings.criteria.observables import Observable, Quantity
from scalings.hyperparameters.parameterizations import Which
from scalings.results.trials import Training

COLUMNS: tuple[Which, ...] = ("multiplier", "init", "lr")
"""The order of a row of logarithms: all multipliers, all init scales, all learning rates."""
_STEP = 0.02
"""Half the distance of a central difference, in log."""


@dataclass(frozen=True)
class Experiment:
    """Networks of some seeds at one width, and the conditions that they are asked about."""

    perceptron: Perceptron
    training: Training
    data: Examples
    system: System
    seeds: Sequence[int]
    device: str = "cpu"

    @property
    def depth(self) -> int:
        return len(self.perceptron.layers)

    def only(self, seeds: Sequence[int]) -> Experiment:
        """The experiment with these seeds only."""
        return replace(self, seeds=seeds)

    def asked(self, system: System) -> Experiment:
        """The same networks, asked about other conditions."""
        return replace(self, system=system)

    def residuals(self, logs: Array) -> Array:
        """log(left / right / constant) of every condition: (seeds, settings, 3L) to (seeds, settings, conditions)."""
        found = self._observe(logs)
        rows = []
        for condition in self.system:
            known = float(condition.exponent()) * np.log(self.perceptron.width) - np.log(condition.constant)
            terms = [sign * found[observable] for observable, sign in condition.factors()]
            rows.append(known + np.sum(terms, axis=0))
        return np.stack(rows, axis=2)

    def jacobian(self, logs: Array, columns: Sequence[int]) -> tuple[Array, Array]:
        """The residuals at logs of shape (seeds, 3L), and their derivatives by some of these columns.

        Of shapes (seeds, conditions) and (seeds, conditions, columns).
        """
        moves = np.zeros((2 * len(columns) + 1, logs.shape[1]))
        for number, column in enumerate(columns):
            moves[2 * number + 1, column], moves[2 * number + 2, column] = _STEP, -_STEP
        found = self.residuals(logs[:, None] + moves)
        slopes = (found[:, 1::2] - found[:, 2::2]) / (2 * _STEP)
        return found[:, 0], slopes.transpose(0, 2, 1)

    def _observe(self, logs: Array) -> dict[Observable, Array]:
        shape = logs.shape[:2]
        settings = Factors(*torch.split(torch.tensor(np.exp(logs)), self.depth, dim=2))
        found: dict[Observable, Array] = {}
        for state in states(self.perceptron, self.training, self.data, self.seeds, settings, self.device):
            for observable, value in _sizes(state).items():
                found[observable] = np.log(value.reshape(shape).cpu().numpy())
        return found


def _sizes(state: State) -> dict[Observable, Tensor]:
    """|z|, |d|, |dz| and |g dW h| of every layer at this step."""
    found = {}
    for index, (layer, at) in enumerate(zip(state.layers, state.initial, strict=True)):
        if not state.changes:
            quantities: tuple[Quantity, ...] = ("z", "d")
            values = norms((at.z,), (at.d,))
        else:
            change = state.changes[index]
            quantities = ("z", "d", "dz", "layer")
            values = norms((at.z, change.dz), (at.d, change.dd), (change.dz,), (change.layer,))
        for quantity, value in zip(quantities, values, strict=True):
            found[Observable(quantity, layer.name, state.step)] = value
    return found
