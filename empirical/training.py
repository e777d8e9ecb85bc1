"""Training: the MLP under a parameterization, all seeds of a width at once, carried out on the changes.

    z_l = g_l W_l h_(l-1),   h_l = phi(z_l),   loss = 1/(2B) sum_b |residual_b|^2,   d_l = B dloss/dz_l

The observables are mostly changes since step 0. A loop that stores z(t) and subtracts z(0) would lose them
to rounding as the width grows; this one never does: it carries dz, dh and dd. With slope = phi', and d_h
the derivative with respect to h as d is to z,

    forward    dz_l   =  g dW h(0)  +  g W(0) dh  +  g dW dh       [layer, passthrough, interaction]
               dh_l   =  phi(z + dz) - phi(z)
    loss       dd_h   =  dz_L                                      (at the output, centered or not)
    backward   dd_l   =  slope(z + dz) dd_h + (slope(z + dz) - slope(z)) d_h(0)
               dd_h   =  g W(0)^T dd_l + g dW^T d_l(t)             (of the layer below)

which in exact arithmetic is the same training. Tensors are (seeds, batch, units), float64, on any device.

`train` draws weights and follows the run; `trajectory` yields the state after every update, `observe` takes
a state's norms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from empirical import gaussians, updates, weights
from empirical.activations import Phi
from empirical.chains import Chain, Layer
from empirical.examples import Examples
from empirical.updates import Update
from empirical.weights import Weights
from scalings.observables import Observable, Quantity
from scalings.trials import Engine, Training

Array = npt.NDArray[np.float64]

_DRAW: dict[Engine, Callable[[Chain, Sequence[int], str], tuple[Weights, ...]]] = {
    "dense": weights.draw,
    "matrix-free": gaussians.draw,
}


_SLAB = 2**17
"""Numbers of a block that are worked on at a time on a CPU: a megabyte."""


@dataclass(frozen=True)
class Initial:
    """One layer at step 0: its input h, its preactivation z, and the loss's derivatives by phi(z) and z."""

    h: Tensor
    z: Tensor
    d_h: Tensor
    d: Tensor


@dataclass(frozen=True)
class Change:
    """One layer's changes since step 0: of its input (None if that is the data), of z and of d.

    dz = layer + passthrough + interaction; the last two are None at the first layer.
    """

    dh: Tensor | None
    layer: Tensor
    passthrough: Tensor | None
    interaction: Tensor | None
    dz: Tensor
    dd: Tensor


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
    changes: tuple[Change, ...] = ()


def train(
    chain: Chain, training: Training, data: Examples, seeds: Sequence[int], device: str, engine: Engine = "dense"
) -> dict[Observable, Array]:
    """Every observable at every step, each an array over these seeds."""
    initial = _DRAW[engine](chain, seeds, device)
    h, targets = (torch.tensor(array, device=device) for array in (data.inputs, data.targets))
    values: dict[Observable, Tensor] = {}
    # No name for a state here: the changes of one step, gigabytes if wide, are free before the next ones are made.
    for seen in map(observe, trajectory(chain, initial, training, h.expand(len(seeds), -1, -1), targets)):
        values |= seen
    return {observable: value.cpu().numpy() for observable, value in values.items()}


def trajectory(
    chain: Chain, weights: tuple[Weights, ...], training: Training, inputs: Tensor, targets: Tensor
) -> Iterator[State]:
    """The states after 0, 1, ..., `training.steps` full-batch updates.

    `inputs` (seeds, batch, inputs) and `targets` (batch, outputs) are the examples.
    """
    initial = _initial(chain, weights, training, inputs, targets)
    started = tuple(
        updates.start(training.optimizer, weight, lr=layer.lr, multiplier=layer.multiplier)
        for layer, weight in zip(chain.layers, weights, strict=True)
    )
    state = State(0, chain.layers, weights, started, initial)
    yield state
    for step in range(1, training.steps + 1):
        _update(state)
        state = State(step, chain.layers, weights, started, initial)
        state = replace(state, changes=_backward(state, _forward(state)))
        yield state


def _initial(
    chain: Chain, weights: tuple[Weights, ...], training: Training, inputs: Tensor, targets: Tensor
) -> tuple[Initial, ...]:
    h, hs, zs = inputs, [], []
    for layer, weight in zip(chain.layers, weights, strict=True):
        hs.append(h)
        zs.append(weight.apply(h).mul_(layer.multiplier))
        h = layer.phi.value(zs[-1])
    d_h = -targets.expand_as(h) if training.centered else h - targets
    found: list[Initial] = []
    for index in reversed(range(len(zs))):
        layer, z = chain.layers[index], zs[index]
        d = _by_units(lambda z, d_h, phi=layer.phi: phi.slope(z) * d_h, z, d_h)
        found.insert(0, Initial(hs[index], z, d_h, d))
        if index:
            d_h = weights[index].apply_transpose(d).mul_(layer.multiplier)
    return tuple(found)


def _update(state: State) -> None:
    """One step of the optimizer, from d and h as they are now."""
    if not state.changes:
        for update, at in zip(state.updates, state.initial, strict=True):
            update.step(at.d, at.h, at.z)
        return
    for update, at, change in zip(state.updates, state.initial, state.changes, strict=True):
        h = at.h if change.dh is None else at.h + change.dh
        image = at.z if change.passthrough is None else at.z + change.passthrough
        update.step(at.d + change.dd, h, image)


def _forward(state: State) -> list[Change]:
    """The changes of this step from input to output, dd still missing."""
    changes: list[Change] = []
    dh = None
    for layer, weight, update, at in zip(state.layers, state.weights, state.updates, state.initial, strict=True):
        g = layer.multiplier
        own = update.apply(at.h).mul_(g)
        if dh is None:
            passthrough, interaction, dz = None, None, own
        else:
            passthrough, interaction = weight.apply(dh).mul_(g), update.apply(dh).mul_(g)
            dz = (own + passthrough).add_(interaction)
        changes.append(Change(dh, own, passthrough, interaction, dz, dd=dz))
        dh = _by_units(layer.phi.change, at.z, dz)
    return changes


def _backward(state: State, changes: list[Change]) -> tuple[Change, ...]:
    """The same changes with their dd, from output to input."""
    dd_h = changes[-1].dz
    for index in reversed(range(len(changes))):
        layer, at, change = state.layers[index], state.initial[index], changes[index]
        dd = _by_units(partial(_backward_change, layer.phi), at.z, change.dz, at.d_h, dd_h)
        changes[index] = Change(change.dh, change.layer, change.passthrough, change.interaction, change.dz, dd)
        if index:
            dd_h = state.weights[index].apply_transpose(dd)
            dd_h = dd_h.add_(state.updates[index].apply_transpose(at.d + dd)).mul_(layer.multiplier)
    return tuple(changes)


def _backward_change(phi: Phi, z: Tensor, dz: Tensor, d_h: Tensor, dd_h: Tensor) -> Tensor:
    return phi.slope(z + dz) * dd_h + phi.slope_change(z, dz) * d_h


def observe(state: State) -> dict[Observable, Tensor]:
    """Every observable of a state, each of shape (seeds,); what is zero by structure is left out."""
    values: dict[Observable, Tensor] = {}

    def record(quantity: Quantity, layer: str, value: Tensor) -> None:
        values[Observable(quantity, layer, state.step)] = value

    residual = state.initial[-1].d_h
    for index, layer in enumerate(state.layers):
        at, initial = state.initial[index], state.weights[index].frobenius()
        if not state.changes:
            record("z", layer.name, _norm(at.z))
            record("d", layer.name, _norm(at.d))
            record("W_frobenius", layer.name, initial)
            continue
        change, update = state.changes[index], state.updates[index]
        size = update.frobenius()
        record("z", layer.name, _norm(at.z, change.dz))
        record("dz", layer.name, _norm(change.dz))
        record("d", layer.name, _norm(at.d, change.dd))
        record("dd", layer.name, _norm(change.dd))
        record("layer", layer.name, _norm(change.layer))
        if change.passthrough is not None and change.interaction is not None:
            record("passthrough", layer.name, _norm(change.passthrough))
            record("interaction", layer.name, _norm(change.interaction))
        record("alignment", layer.name, _ratio(_norm(change.layer), layer.multiplier * size * _norm(at.h)))
        record("dW_frobenius", layer.name, size)
        record("dW_spectral", layer.name, update.spectral())
        record("W_frobenius", layer.name, (initial**2 + 2 * update.inner() + size**2).clamp(min=0).sqrt())
    if state.changes:
        residual = residual + state.changes[-1].dz
    record("loss", "", _norm(residual) ** 2 / 2)
    return values


def _norm(*terms: Tensor) -> Tensor:
    """Of the sum, Euclidean over units, root-mean-square over examples: (seeds, batch, units) to (seeds,)."""
    parts = [torch.linalg.vector_norm(sum(pieces), dim=(1, 2)) for pieces in _slabs(*terms)]
    norm: Tensor = torch.linalg.vector_norm(torch.stack(parts), dim=0)
    return norm / math.sqrt(terms[0].shape[1])


def _by_units(function: Callable[..., Tensor], *blocks: Tensor) -> Tensor:
    """What an elementwise function makes of blocks of one shape."""
    found = blocks[0].new_empty(blocks[0].shape)
    for out, *pieces in _slabs(found, *blocks):
        out.copy_(function(*pieces))
    return found


def _slabs(*blocks: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Cut along units: what is computed on the way then fits the cache, where whole blocks are gigabytes."""
    seeds, batch, units = blocks[0].shape
    size = max(1, _SLAB // (seeds * batch)) if blocks[0].device.type == "cpu" else units
    return zip(*(torch.split(block, size, dim=2) for block in blocks), strict=True)


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole == 0, 0.0, part / whole)
