"""What is observed of a multilayer perceptron: its changes as they are carried, its updates as they are kept."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from empirical.engines.mlp.state import State
from empirical.engines.observations import KernelLayer, Product, Representation, Update, View, Weight
from empirical.tensors.spectral_norms import spectral_norm
from empirical.weights.decay import norm_now
from empirical.weights.dense import DenseWeights
from scalings.results.trials import Observing


def view(state: State, observing: Observing = "all", *, spectra: bool = False) -> View:
    """All there is, or for a coordinate check representations and their changes alone.

    `spectra` adds the spectral norms of weights where they are matrices: many products with each of them.
    """
    if observing == "coordinates":
        return View(state.step, state.loss, _coordinates(state))
    return View(state.step, state.loss, _representations(state, spectra), kernel_layers(state))


def _coordinates(state: State) -> Iterator[Representation]:
    for index, (layer, at) in enumerate(zip(state.layers, state.initial, strict=True)):
        dz = (state.changes[index].dz,) if state.changes else ()
        yield Representation(layer.name, (at.z, *dz), dz)


def _representations(state: State, spectra: bool) -> Iterator[Representation]:
    for index, (layer, at) in enumerate(zip(state.layers, state.initial, strict=True)):
        if not state.changes:
            yield Representation(layer.name, (at.z,), d=(at.d,), weight=_weight(state, index, None, spectra))
            continue
        change, update = state.changes[index], state.updates[index]
        size = update.frobenius()
        moved = Update(size, state.gradients[index], update.spectral(), _decay(update.shrunk, size))
        yield Representation(
            layer.name,
            (at.z, change.dz),
            (change.dz,),
            (at.d, change.dd),
            (change.dd,),
            _weight(state, index, size, spectra),
            moved,
            Product(change.layer, change.passthrough, change.interaction, at.h, change.dh, layer.multiplier),
        )


def _weight(state: State, index: int, size: Tensor | None, spectra: bool) -> Weight:
    """W, where `size` is |dW|_F, None at step 0: |W|_F^2 is multiplied out, since neither matrix need be there."""
    weight, update = state.weights[index], state.updates[index]
    initial = weight.frobenius()
    now = initial if size is None else norm_now(initial, update.inner(), size, update.shrunk)
    if not spectra or not isinstance(weight, DenseWeights):
        return Weight(initial, now)
    matrix = weight.matrix
    if size is not None:
        identity = torch.eye(matrix.shape[2], dtype=matrix.dtype, device=matrix.device)
        kept = matrix if update.shrunk is None else (1 - update.shrunk) * matrix
        matrix = kept + update.apply((identity.expand(len(matrix), -1, -1),)).mT
    return Weight(initial, now, spectral_norm(matrix))


def _decay(shrunk: Tensor | None, size: Tensor) -> Tensor | None:
    """What decay took of W(0), (seeds,) as `size` is; None where it took nothing."""
    if shrunk is None or not shrunk.any():
        return None
    return shrunk.to(size).flatten().expand(len(size)).clone()


def kernel_layers(state: State) -> tuple[KernelLayer, ...]:
    """The tangent kernel's parts; none at step 0, and where j is not followed."""
    parts = zip(state.layers, state.initial, state.changes, strict=False)
    return tuple(
        KernelLayer(layer.lr * layer.multiplier**2, at.h, at.d, at.grams, change.dh, change.dj)
        for layer, at, change in parts
        if change.dj is not None
    )
