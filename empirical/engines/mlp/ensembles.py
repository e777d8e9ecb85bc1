"""Ensembles: every seed's network at several settings of its hyperparameters, trained as one batch.

All settings of a seed share its draw of W(0). So the large matrices are drawn and read once for all of them, and
settings are compared without the noise of the draw. Members are ordered by seed, then by setting: a block of shape
(seeds * settings, batch, units) is one of shape (seeds, settings * batch, units), to which any `Weights` apply.

A member's g, sigma and eta are those of the perceptron times factors of its own. The training loop knows one number for
each layer, so here it is given g = eta = 1, with g W(0) for W(0) and, in `MemberUpdate`, g dW for dW: the law sees the
gradient g d h^T that it would see anyway, makes the same steps as for eta = 1, and their sum is scaled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from empirical.data.examples import Examples
from empirical.engines.mlp import drawing
from empirical.engines.mlp.perceptron import Perceptron
from empirical.engines.mlp.state import State
from empirical.engines.mlp.training import trajectory
from empirical.tensors.buffers import Terms
from empirical.weights import updates
from empirical.weights.dense import DenseWeights
from empirical.weights.updates import Update
from scalings.errors import ArgumentError
from scalings.results.trials import Training


@dataclass(frozen=True)
class SharedWeights:
    """W(0) of one layer for all members: `scales`, of shape (members, 1, 1), times what their seeds have drawn."""

    drawn: DenseWeights
    scales: Tensor

    def apply(self, block: Tensor) -> Tensor:
        return self._unfold(self.drawn.apply(self._fold(block)), len(block))

    def apply_transpose(self, block: Tensor) -> Tensor:
        return self._unfold(self.drawn.apply_transpose(self._fold(block)), len(block))

    def frobenius(self) -> Tensor:
        return self.drawn.frobenius().repeat_interleave(self._settings) * self.scales.flatten()

    def matrices(self) -> DenseWeights:
        """A matrix for each member, which laws that act on entries need."""
        return DenseWeights(self.drawn.matrix.repeat_interleave(self._settings, dim=0) * self.scales, self.drawn.pool)

    @property
    def _settings(self) -> int:
        return len(self.scales) // len(self.drawn.matrix)

    def _fold(self, block: Tensor) -> Tensor:
        return block.reshape(len(self.drawn.matrix), -1, block.shape[2])

    def _unfold(self, block: Tensor, members: int) -> Tensor:
        return block.reshape(members, -1, block.shape[2]).mul_(self.scales)


@dataclass(frozen=True)
class MemberUpdate:
    """g dW of one layer, each member's by its own g and eta, of shape (members, 1, 1)."""

    unscaled: Update
    multiplier: Tensor
    lr: Tensor

    def step(self, d: Terms, h: Terms, image: Terms) -> None:
        self.unscaled.step(tuple(self.multiplier * term for term in d), h, image)

    def apply(self, h: Terms) -> Tensor:
        return self.unscaled.apply(h).mul_(self.multiplier * self.lr)

    def apply_transpose(self, d: Terms) -> Tensor:
        return self.unscaled.apply_transpose(d).mul_(self.multiplier * self.lr)

    def frobenius(self) -> Tensor:
        return self.unscaled.frobenius() * (self.multiplier * self.lr).abs().flatten()

    def spectral(self) -> Tensor:
        return self.unscaled.spectral() * (self.multiplier * self.lr).abs().flatten()

    @property
    def shrunk(self) -> Tensor | None:
        return self.unscaled.shrunk

    def inner(self) -> Tensor:
        """<g W(0), g dW>."""
        return self.unscaled.inner() * (self.multiplier * self.lr).flatten()


@dataclass(frozen=True)
class Factors:
    """Factors on each layer's g, sigma and eta, each of shape (seeds, settings, layers)."""

    multiplier: Tensor
    init: Tensor
    lr: Tensor

    @classmethod
    def of_lr(cls, factors: Tensor, depth: int) -> Factors:
        """One factor for the learning rates of all layers, given as (seeds, settings)."""
        lr = factors[:, :, None].expand(-1, -1, depth)
        return cls(torch.ones_like(lr), torch.ones_like(lr), lr)


def check_training(training: Training) -> None:
    """Raises ArgumentError for an optimizer whose steps depend on the size of W(t), if there is more than one step.

    Steps that were made for eta = 1 then are not eta times too large. Nor may weights decay.
    """
    check_shared(training)
    if training.steps > 1 and any(law.weight for law in training.law.parts):
        raise ArgumentError(
            "optimizer",
            f"expected one whose steps do not depend on the size of a weight, but got {training.optimizer!r}: "
            "many learning rates are trained at once",
        )


def check_shared(training: Training) -> None:
    """Raises ArgumentError for an optimizer that decays weights, since all settings of a seed share its W(0).

    And for one that clips gradients, which here are those of g W and not of W.
    """
    if training.clips:
        many = "many hyperparameters are trained at once"
        raise ArgumentError("optimizer", f"expected one without clipping, but got {training.optimizer!r}: {many}")
    if any(law.decay != "none" for law in training.law.parts):
        raise ArgumentError(
            "optimizer",
            f"expected one without decay, but got {training.optimizer!r}: many hyperparameters are trained at once",
        )


def states(
    perceptron: Perceptron, training: Training, data: Examples, seeds: Sequence[int], settings: Factors, device: str
) -> Iterator[State]:
    """The states of all members after 0, 1, ..., `training.steps` updates.

    In them z, d and all changes are those of the networks meant; weights and updates are g times theirs.
    """
    multiplier, init, lr = (
        factor.to(device).flatten(0, 1).mT[:, :, None, None]
        for factor in (settings.multiplier, settings.init, settings.lr)
    )
    drawn = drawing.draw_dense(perceptron, seeds, device)
    shared, started = [], []
    rank = training.steps * training.batch
    for index, layer in enumerate(perceptron.layers):
        g, eta = layer.multiplier * multiplier[index], layer.lr * lr[index]
        own = SharedWeights(drawn[index], init[index])
        base = own if updates.is_low_rank(layer.optimizer) else own.matrices()
        unscaled = updates.start(
            layer.optimizer, base, lr=1.0, multiplier=1.0, epsilon=layer.epsilon, first=not index, rank=rank
        )
        shared.append(SharedWeights(drawn[index], g * init[index]))
        started.append(MemberUpdate(unscaled, g, eta))
    plain = replace(perceptron, layers=tuple(replace(layer, multiplier=1.0, lr=1.0) for layer in perceptron.layers))
    inputs, targets = (torch.tensor(array, device=device) for array in (data.inputs, data.targets))
    members = inputs.expand(multiplier.shape[1], -1, -1)
    quick = replace(training, kernel=False)
    return trajectory(plain, tuple(shared), quick, members, targets, started=tuple(started))
