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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from empirical import free_weights, updates, weights
from empirical.activations import Phi
from empirical.blocks import Pool, Terms, by_units, norms
from empirical.chains import Chain, Layer
from empirical.examples import Examples
from empirical.updates import Update
from empirical.weights import Weights
from scalings.observables import Observable, Quantity
from scalings.trials import Engine, Training

Array = npt.NDArray[np.float64]


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
    pool: Pool
    changes: tuple[Change, ...] = ()

    def activation(self, index: int) -> tuple[Tensor, Tensor]:
        """A layer's h = phi(z) at step 0, and its change since; the last layer's is z."""
        if index + 1 == len(self.initial):
            return self.initial[index].z, self.changes[index].dz
        dh = self.changes[index + 1].dh
        assert dh is not None
        return self.initial[index + 1].h, dh


def train(
    chain: Chain, training: Training, data: Examples, seeds: Sequence[int], device: str, engine: Engine = "dense"
) -> dict[Observable, Array]:
    """Every observable at every step, each an array over these seeds."""
    pool, room = Pool(device), training.batch * (training.steps + 1)
    initial: tuple[Weights, ...]
    if engine == "dense":
        initial = weights.draw(chain, seeds, device)
    else:
        initial = free_weights.draw(chain, seeds, device, room=room, pool=pool)
    h, targets = (torch.tensor(array, device=device) for array in (data.inputs, data.targets))
    values: dict[Observable, Tensor] = {}
    # No name for a state here: the changes of one step, gigabytes if wide, are free before the next ones are made.
    for seen in map(observe, trajectory(chain, initial, training, h.expand(len(seeds), -1, -1), targets, pool)):
        values |= seen
    return {observable: value.cpu().numpy() for observable, value in values.items()}


def trajectory(
    chain: Chain,
    weights: tuple[Weights, ...],
    training: Training,
    inputs: Tensor,
    targets: Tensor,
    pool: Pool | None = None,
) -> Iterator[State]:
    """The states after 0, 1, ..., `training.steps` full-batch updates.

    `inputs` (seeds, batch, inputs) and `targets` (batch, outputs) are the examples.
    """
    pool = pool or Pool(inputs.device)
    initial = _initial(chain, weights, training, inputs, targets, pool)
    started = tuple(
        updates.start(training.optimizer, weight, lr=layer.lr, multiplier=layer.multiplier, first=not index)
        for index, (layer, weight) in enumerate(zip(chain.layers, weights, strict=True))
    )
    state = State(0, chain.layers, weights, started, initial, pool)
    yield state
    for step in range(1, training.steps + 1):
        _update(state)
        state = State(step, chain.layers, weights, started, initial, pool)
        state = replace(state, changes=tuple(_forward(state)))
        state = replace(state, changes=_backward(state))
        yield state


def _initial(
    chain: Chain, weights: tuple[Weights, ...], training: Training, inputs: Tensor, targets: Tensor, pool: Pool
) -> tuple[Initial, ...]:
    h, hs, zs = inputs, [inputs], []
    for layer, weight in zip(chain.layers, weights, strict=True):
        zs.append(weight.apply(h).mul_(layer.multiplier))
        h = zs[-1] if layer is chain.layers[-1] else by_units(pool, layer.phi.value, zs[-1])
        hs.append(h)
    d_h = -targets.expand_as(h) if training.centered else h - targets
    found: list[Initial] = []
    for index in reversed(range(len(zs))):
        layer, z = chain.layers[index], zs[index]
        d = by_units(pool, lambda z, h, d_h, phi=layer.phi: phi.slope(z, h) * d_h, z, hs[index + 1], d_h)
        found.insert(0, Initial(hs[index], z, d_h, d))
        if index:
            d_h = weights[index].apply_transpose(d).mul_(layer.multiplier)
    return tuple(found)


def _update(state: State) -> None:
    """One step of the optimizer, from d and h as they are now."""
    if not state.changes:
        for update, at in zip(state.updates, state.initial, strict=True):
            update.step((at.d,), (at.h,), (at.z,))
        return
    for update, at, change in zip(state.updates, state.initial, state.changes, strict=True):
        h = (at.h,) if change.dh is None else (at.h, change.dh)
        image = (at.z,) if change.passthrough is None else (at.z, change.passthrough)
        update.step((at.d, change.dd), h, image)


def _forward(state: State) -> Iterator[Change]:
    """The changes of this step from input to output, dd still missing."""
    dh = None
    for index, (layer, weight, update, at) in enumerate(
        zip(state.layers, state.weights, state.updates, state.initial, strict=True)
    ):
        g = layer.multiplier
        own = update.apply(at.h).mul_(g)
        if dh is None:
            passthrough, interaction, dz = None, None, own
        else:
            passthrough, interaction = weight.apply(dh).mul_(g), update.apply(dh).mul_(g)
            dz = by_units(state.pool, _sum_of_terms, own, passthrough, interaction)
        yield Change(dh, own, passthrough, interaction, dz, dd=dz)
        if index + 1 < len(state.layers):
            dh = by_units(state.pool, layer.phi.change, at.z, state.initial[index + 1].h, dz)


def _sum_of_terms(own: Tensor, passthrough: Tensor, interaction: Tensor) -> Tensor:
    return own + passthrough + interaction


def _backward(state: State) -> tuple[Change, ...]:
    """The changes of this step with their dd, from output to input."""
    changes = list(state.changes)
    dd_h = changes[-1].dz
    for index in reversed(range(len(changes))):
        layer, at, change = state.layers[index], state.initial[index], changes[index]
        h, dh = state.activation(index)
        dd = by_units(state.pool, partial(_backward_change, layer.phi), at.z, h, change.dz, dh, at.d_h, dd_h)
        changes[index] = replace(change, dd=dd)
        if index:
            dd_h = state.weights[index].apply_transpose(dd)
            dd_h = dd_h.add_(state.updates[index].apply_transpose((at.d, dd))).mul_(layer.multiplier)
    return tuple(changes)


def _backward_change(phi: Phi, z: Tensor, h: Tensor, dz: Tensor, dh: Tensor, d_h: Tensor, dd_h: Tensor) -> Tensor:
    """dd; its first term has the slope as it is now."""
    change = phi.slope_change(z, h, dz, dh)
    return (phi.slope(z, h) + change) * dd_h + change * d_h


def observe(state: State) -> dict[Observable, Tensor]:
    """Every observable of a state, each of shape (seeds,); what is zero by structure is left out."""
    values: dict[Observable, Tensor] = {}

    def record(name: str, found: dict[Quantity, Tensor]) -> None:
        values.update({Observable(quantity, name, state.step): value for quantity, value in found.items()})

    residual: Terms = (state.initial[-1].d_h,)
    for index, layer in enumerate(state.layers):
        at, initial = state.initial[index], state.weights[index].frobenius()
        if not state.changes:
            z, d = norms((at.z,), (at.d,))
            record(layer.name, {"z": z, "d": d, "W_frobenius": initial})
            continue
        change, update = state.changes[index], state.updates[index]
        size = update.frobenius()
        z, dz, d, dd, own = norms((at.z, change.dz), (change.dz,), (at.d, change.dd), (change.dd,), (change.layer,))
        record(layer.name, {"z": z, "dz": dz, "d": d, "dd": dd, "layer": own})
        if change.passthrough is not None and change.interaction is not None:
            passthrough, interaction = norms((change.passthrough,), (change.interaction,))
            record(layer.name, {"passthrough": passthrough, "interaction": interaction})
        weight = (initial**2 + 2 * update.inner() + size**2).clamp(min=0).sqrt()
        record(layer.name, {"dW_frobenius": size, "dW_spectral": update.spectral(), "W_frobenius": weight})
        record(layer.name, {"alignment": _ratio(own, layer.multiplier * size * norms((at.h,))[0])})
    if state.changes:
        residual = (*residual, state.changes[-1].dz)
    record("", {"loss": norms(residual)[0] ** 2 / 2})
    return values


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole == 0, 0.0, part / whole)
