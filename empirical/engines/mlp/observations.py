"""Observations: the norms of a state, keyed as the theory keys its orders (scalings.criteria.observables)."""

from __future__ import annotations

import torch
from torch import Tensor

from empirical.engines.mlp.state import Change, Initial, State
from empirical.tensors.norms import gram_change, norms
from empirical.tensors.spectral_norms import spectral_norm
from empirical.weights.decay import norm_now
from empirical.weights.dense import DenseWeights
from scalings.criteria.observables import Observable, Quantity


def observe(state: State, *, spectra: bool = False) -> dict[Observable, Tensor]:
    """Every observable of a state, each of shape (seeds,); what is zero by structure is left out.

    `spectra` adds the spectral norms of weights where they are matrices: many products with each of them.
    """
    values: dict[Observable, Tensor] = {}

    def record(quantity: Quantity, layer: str, value: Tensor) -> None:
        values[Observable(quantity, layer, state.step)] = value

    for index, layer in enumerate(state.layers):
        at, weight, update = state.initial[index], state.weights[index], state.updates[index]
        if not state.changes:
            z, d = norms((at.z,), (at.d,))
            record("z", layer.name, z)
            record("d", layer.name, d)
            record("W_frobenius", layer.name, weight.frobenius())
        else:
            for quantity, value in _changed(state, index).items():
                record(quantity, layer.name, value)
        if spectra and isinstance(weight, DenseWeights):
            matrix = weight.matrix
            if state.changes:
                identity = torch.eye(matrix.shape[2], dtype=matrix.dtype, device=matrix.device)
                kept = matrix if update.shrunk is None else (1 - update.shrunk) * matrix
                matrix = kept + update.apply((identity.expand(len(matrix), -1, -1),)).mT
            record("W_spectral", layer.name, spectral_norm(matrix))
    if state.changes and state.changes[0].dj is not None:
        record("ntk_change", "", kernel_change(state))
    record("loss", "", loss(state))
    return values


def coordinates(state: State) -> dict[Observable, Tensor]:
    """Sizes of representations, of their changes, and the loss: all that a coordinate check looks at."""
    values: dict[Observable, Tensor] = {}
    for index, layer in enumerate(state.layers):
        z, label = state.initial[index].z, layer.name
        if state.changes:
            dz = state.changes[index].dz
            values[Observable("z", label, state.step)], values[Observable("dz", label, state.step)] = norms(
                (z, dz), (dz,)
            )
        else:
            (values[Observable("z", label, 0)],) = norms((z,))
    return values | {Observable("loss", "", state.step): loss(state)}


def loss(state: State) -> Tensor:
    """Half the mean squared residual, (seeds,)."""
    return norms((state.initial[-1].d_h, *(change.dz for change in state.changes[-1:])))[0] ** 2 / 2


def _changed(state: State, index: int) -> dict[Quantity, Tensor]:
    """The observables of one layer after some update."""
    layer, weight, update = state.layers[index], state.weights[index], state.updates[index]
    at, change = state.initial[index], state.changes[index]
    size, initial = update.frobenius(), weight.frobenius()
    z, dz, d, dd, own = norms((at.z, change.dz), (change.dz,), (at.d, change.dd), (change.dd,), (change.layer,))
    found: dict[Quantity, Tensor] = {
        "z": z,
        "dz": dz,
        "d": d,
        "dd": dd,
        "layer": own,
        "alignment": _ratio(own, layer.multiplier * size * norms((at.h,))[0]),
        "gradient": state.gradients[index],
        "dW_frobenius": size,
        "dW_spectral": update.spectral(),
        "W_frobenius": norm_now(initial, update.inner(), size, update.shrunk),
    }
    if update.shrunk is not None and update.shrunk.any():
        found["decay"] = update.shrunk.to(size).flatten().expand(len(size)).clone()
    if change.dh is not None and change.passthrough is not None and change.interaction is not None:
        found["passthrough"], found["interaction"] = norms((change.passthrough,), (change.interaction,))
        moved = layer.multiplier * norms((change.dh,))[0]
        found["passthrough_alignment"] = _ratio(found["passthrough"], initial * moved)
        found["interaction_alignment"] = _ratio(found["interaction"], size * moved)
    return found


def weight_norm(state: State, index: int) -> Tensor:
    """|W|_F of a layer as it is now, (seeds,)."""
    initial, update = state.weights[index].frobenius(), state.updates[index]
    return norm_now(initial, update.inner(), update.frobenius(), update.shrunk) if state.changes else initial


def kernel_change(state: State) -> Tensor:
    """|K(t) - K(0)|_F / |K(0)|_F, with K = sum_l eta g^2 (j j^T) * (h h^T), entry by entry."""
    before = sum(_weight(state, index) * _product(*at.grams) for index, at in enumerate(state.initial))
    change = sum(
        _weight(state, index) * _product_change(at, state.changes[index]) for index, at in enumerate(state.initial)
    )
    return _ratio(*(torch.linalg.vector_norm(torch.as_tensor(kernel), dim=(1, 2)) for kernel in (change, before)))


def _weight(state: State, index: int) -> float:
    layer = state.layers[index]
    return layer.lr * layer.multiplier**2


def _product(representations: Tensor, signals: Tensor) -> Tensor:
    return representations * signals


def _product_change(at: Initial, change: Change) -> Tensor:
    assert change.dj is not None
    representations, signals = at.grams
    signals_change = gram_change(at.d, change.dj)
    if change.dh is None:
        return representations * signals_change
    representations_change = gram_change(at.h, change.dh)
    return representations_change * (signals + signals_change) + representations * signals_change


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole == 0, 0.0, part / whole)
