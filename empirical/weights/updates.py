"""Updates: dW = W(t) - W(0), accumulated, for a batch of seeds.

A step of SGD is a sum of B outer products: G = g/B sum_b d_b h_b^T is of rank B, and so is every step of a law
that acts on singular values or scales G as a whole (empirical.weights.low_rank_laws). There

    dW  =  U^T C V,        U of shape (k, fan_out), V (k, fan_in), C (k, k), k = batch * steps,

stays in these factors: applying it costs k (fan_in + fan_out) a vector; |dW|_F^2 = <U U^T C, C V V^T>; and |dW|_2^2
is the largest eigenvalue of the k x k matrix L^T C (V V^T) C^T L, with U U^T = L L^T. No n x n matrix is ever
formed, unless k exceeds a fan.

Laws that act on the entries of G destroy its low rank: there dW is an explicit matrix. So it is for SGD where a side of
it is shorter than a few steps' factors are many, as a readout's. SGD on matrix-free weights has its dW in the bases
that these have anyway (empirical.weights.revealed_updates).
"""

from __future__ import annotations

import math
from typing import Protocol

from torch import Tensor

from empirical.tensors.buffers import Terms
from empirical.weights import decay as decays
from empirical.weights import entrywise_laws, low_rank_laws
from empirical.weights.dense import DenseWeights, Weights
from empirical.weights.factored_update import FactoredUpdate
from empirical.weights.matrix_update import MatrixUpdate
from empirical.weights.revealed import FreeWeights
from empirical.weights.revealed_updates import CoreUpdate, OneSidedUpdate
from scalings.errors import ArgumentError
from scalings.hyperparameters.update_laws import OPTIMIZERS
from scalings.results.trials import Training

_LAWS = {**low_rank_laws.LOW_RANK, **entrywise_laws.ENTRYWISE}
MEASURABLE = tuple(name for name in OPTIMIZERS if decays.plain(name) in _LAWS)
"""Of which there is a law of steps from gradients; each with any decay behind a + that it may have."""
_NARROW = 16


class Update(Protocol):
    """dW of one layer; shapes as in `Weights`, blocks given as sums. The only mutable thing in a training run."""

    def step(self, d: Terms, h: Terms, image: Terms) -> None:
        """One more update, from d (seeds, batch, fan_out), h (seeds, batch, fan_in) and image = g W(0) h.

        Each is a sum, of what it was at step 0 and its change.
        """
        ...

    def apply(self, h: Terms) -> Tensor: ...

    def apply_transpose(self, d: Terms) -> Tensor: ...

    def frobenius(self) -> Tensor: ...

    def spectral(self) -> Tensor: ...

    def inner(self) -> Tensor:
        """<W(0), dW>, of shape (seeds,)."""
        ...

    @property
    def shrunk(self) -> Tensor | None:
        """s of W = (1 - s) W(0) + dW, (seeds, 1, 1) or a number; None without decay."""
        ...


def start(
    optimizer: str,
    weights: Weights,
    *,
    lr: float,
    multiplier: float,
    decay: float = 0.0,
    epsilon: float = 0.0,
    first: bool = False,
    rank: float = 1,
) -> Update:
    """dW = 0 of a layer, or of the `first` one, which will be a sum of `rank` outer products: of math.inf, if dW is
    to be a matrix wherever it can be.

    Raises ArgumentError for an optimizer that cannot be measured.
    """
    check_optimizer(optimizer)
    fraction = decays.constant_fraction(optimizer, lr, decay)
    is_sgd = decays.plain(optimizer) == "sgd"
    if is_sgd and isinstance(weights, FreeWeights):
        return (OneSidedUpdate if first else CoreUpdate)(weights, lr=lr, multiplier=multiplier, fraction=fraction)
    law = low_rank_laws.low_rank(optimizer)
    full = isinstance(weights, DenseWeights) and (is_sgd or rank == math.inf) and _is_narrow(weights, rank)
    if law and not full:
        return FactoredUpdate(law, weights, lr=lr, multiplier=multiplier, fraction=fraction)
    if not isinstance(weights, DenseWeights):
        raise ArgumentError(
            "optimizer", f"{optimizer} acts on every entry of a weight matrix and needs the dense engine"
        )
    return MatrixUpdate(optimizer, weights, lr=lr, multiplier=multiplier, decay=decay, epsilon=epsilon)


def _is_narrow(weights: DenseWeights, rank: float) -> bool:
    """Whether factors of this rank are no smaller than the matrix."""
    fans = weights.matrix.shape[1:]
    return min(fans) <= _NARROW or rank > max(fans)


def check_optimizer(optimizer: str) -> None:
    """Raises ArgumentError, naming those that can be measured."""
    name = decays.plain(optimizer)
    if name not in _LAWS | low_rank_laws.FACTORED and not low_rank_laws.has_exponents(name):
        expected = f"expected one of {', '.join(MEASURABLE)}, or these with a decay as in lion+coupled"
        raise ArgumentError("optimizer", f"{expected}, which can be measured, but got {optimizer!r}")
    decays.kind(optimizer)


def check_optimizers(training: Training) -> None:
    """Raises ArgumentError for an optimizer of some weight that cannot be measured."""
    for optimizer in training.optimizers:
        check_optimizer(optimizer)
    if training.checkpoints and any(map(low_rank_laws.is_factored, training.optimizers)):
        raise ArgumentError("optimizer", "long training is by gradients in full, of which kfac and foof make no step")


def check_from_gradients(training: Training) -> None:
    """Raises ArgumentError as well for an optimizer that takes gradients apart, where weights have these alone."""
    check_optimizers(training)
    if factored := [name for name in training.optimizers if low_rank_laws.is_factored(name)]:
        reason = "takes what layers read and what comes back apart"
        where = "here only multilayer perceptrons in the width are trained by it"
        raise ArgumentError("optimizer", f"{factored[0]} {reason}: {where}")


def is_low_rank(optimizer: str) -> bool:
    """Whether updates keep the low rank of a gradient, as matrix-free layers need."""
    return low_rank_laws.low_rank(optimizer) is not None
