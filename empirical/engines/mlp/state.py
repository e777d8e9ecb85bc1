"""States: a network in training, as step 0 and what has changed since.

Tensors are (seeds, batch, units). d_l is the derivative of the loss by z_l, per example; j_l = (df/dz_l)^T
residual(0) is the same with the residual held at step 0, so that it changes only as the network's derivative does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from empirical.engines.mlp.perceptron import Layer
from empirical.tensors.buffers import BufferPool
from empirical.tensors.norms import gram, norms
from empirical.weights.decay import norm_now
from empirical.weights.dense import Weights
from empirical.weights.updates import Update


@dataclass(frozen=True)
class Initial:
    """One layer at step 0: its input h, its preactivation z, and the loss's derivatives by phi(z) and z."""

    h: Tensor
    z: Tensor
    d_h: Tensor
    d: Tensor

    @cached_property
    def grams(self) -> tuple[Tensor, Tensor]:
        """The inner products of h, and of j = d, over all pairs of examples."""
        return gram((self.h,)), gram((self.d,))


@dataclass(frozen=True)
class Change:
    """One layer's changes since step 0: of its input (None if that is the data), of z, of d and of j.

    dz = layer + passthrough + interaction, less what decay took; the last two are None at the first layer, and so is
    dj where j is not followed. Where nobody looks at the terms, `layer` has the interaction in it, which is None.
    """

    dh: Tensor | None
    layer: Tensor
    passthrough: Tensor | None
    interaction: Tensor | None
    dz: Tensor
    dd: Tensor
    dj: Tensor | None = None


@dataclass(frozen=True)
class State:
    """The network after `step` updates; one entry a layer in each tuple, `changes` empty at step 0.

    `updates` are the run's own dW: they move on with the next step.
    """

    step: int
    layers: tuple[Layer, ...]
    weights: tuple[Weights, ...]
    updates: tuple[Update, ...]
    initial: tuple[Initial, ...]
    pool: BufferPool
    changes: tuple[Change, ...] = ()
    gradients: tuple[Tensor, ...] = ()
    """|G|_F of the last update, (seeds,), if somebody looks at it."""

    @property
    def loss(self) -> Tensor:
        """Half the mean squared residual, (seeds,)."""
        return norms((self.initial[-1].d_h, *(change.dz for change in self.changes[-1:])))[0] ** 2 / 2

    def weight_norm(self, index: int) -> Tensor:
        """|W|_F of a layer as it is now, (seeds,)."""
        initial, update = self.weights[index].frobenius(), self.updates[index]
        if not self.changes:
            return initial
        return norm_now(initial, update.inner(), update.frobenius(), update.shrunk)

    def activation(self, index: int) -> tuple[Tensor, Tensor]:
        """A layer's h = phi(z) at step 0, and its change since; the last layer's is z."""
        if index + 1 == len(self.initial):
            return self.initial[index].z, self.changes[index].dz
        dh = self.changes[index + 1].dh
        assert dh is not None
        return self.initial[index + 1].h, dh
