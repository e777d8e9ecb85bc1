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

which in exact arithmetic is the same training. Where weights decay, W = (1 - s) W(0) + dW, and dz has a fourth term,
-s (z(0) + g W(0) dh), and dd_h one too, -s (d_h(0) + g W(0)^T dd_l). Tensors are (seeds, batch, units), of the
precision that `kind` says, on any device.

The change dj of the signals that make the tangent kernel takes the same backward pass as dd, from dj_L = 0.

`train` draws weights and follows the run; `trajectory` yields the state after every update, of a `view` of which
`empirical.engines.observations.observe` takes the norms.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from empirical.data.examples import Examples
from empirical.engines.mlp.drawing import draw
from empirical.engines.mlp.perceptron import Perceptron
from empirical.engines.mlp.state import Change, Initial, State
from empirical.engines.mlp.view import view
from empirical.engines.observations import observe
from empirical.tensors.activations import Phi
from empirical.tensors.arrays import Array
from empirical.tensors.buffers import BufferPool, Terms, by_units
from empirical.tensors.norms import gram, inner
from empirical.weights import decay, updates
from empirical.weights.dense import Weights
from empirical.weights.low_rank_laws import Shampoo, low_rank
from empirical.weights.updates import Update
from scalings.criteria.observables import Observable
from scalings.results.trials import EngineName, Training


def train(
    perceptron: Perceptron,
    training: Training,
    data: Examples,
    seeds: Sequence[int],
    device: str,
    engine: EngineName = "dense",
) -> dict[Observable, Array]:
    """Every observable at every step, each an array over these seeds."""
    pool = BufferPool(device, kind(training))
    initial = draw(perceptron, training, seeds, device, engine, pool)
    h, targets = (torch.tensor(array, dtype=pool.kind, device=device) for array in (data.inputs, data.targets))
    look = partial(view, observing=training.observing, spectra=training.spectra)
    every = trajectory(perceptron, initial, training, h.expand(len(seeds), -1, -1), targets, pool)
    states = (state for state in every if training.observes(state.step))
    values: dict[Observable, Tensor] = {}
    # No name for a state here: the changes of one step, gigabytes if wide, are free before the next ones are made.
    for seen in map(observe, map(look, states)):
        values |= seen
    return {observable: value.cpu().numpy() for observable, value in values.items()}


def kind(training: Training) -> torch.dtype:
    """The precision of a run: single for a coordinate check, whose sizes need no more, since changes are carried.

    But for Shampoo, which divides by powers of the singular values of gradients, be they as small as rounding.
    """
    divides = any(isinstance(low_rank(optimizer), Shampoo) for optimizer in training.optimizers)
    return torch.float32 if training.observing == "coordinates" and not divides else torch.float64


def trajectory(
    perceptron: Perceptron,
    weights: tuple[Weights, ...],
    training: Training,
    inputs: Tensor,
    targets: Tensor,
    pool: BufferPool | None = None,
    started: tuple[Update, ...] | None = None,
) -> Iterator[State]:
    """The states after 0, 1, ..., `training.steps` full-batch updates.

    `inputs` (seeds, batch, inputs) and `targets` (batch, outputs) are the examples; `started` are dW = 0 of each
    layer where they are not those of the perceptron's own learning rates.
    """
    pool = pool or BufferPool(inputs.device)
    initial = _initial(perceptron, weights, training, inputs, targets, pool)
    rank = math.inf if training.checkpoints else training.steps * training.batch
    started = started or tuple(
        updates.start(
            layer.optimizer,
            weight,
            lr=layer.lr,
            multiplier=layer.multiplier,
            decay=layer.decay,
            epsilon=layer.epsilon,
            first=not index,
            rank=rank,
        )
        for index, (layer, weight) in enumerate(zip(perceptron.layers, weights, strict=True))
    )
    state = State(0, perceptron.layers, weights, started, initial, pool)
    yield state
    for step in range(1, training.steps + 1):
        terms = training.observing == "all"
        sizes = _gradients(state) if terms else ()
        _update(state, clips=training.clips)
        state = State(step, perceptron.layers, weights, started, initial, pool, gradients=sizes)
        state = replace(state, changes=tuple(_forward(state, terms=terms)))
        if terms or step < training.steps:
            state = replace(state, changes=_backward(state, kernel=terms and training.kernel))
        yield state


def outputs_of(state: State, training: Training, inputs: Tensor) -> Tensor:
    """How far the outputs of other examples have moved: (seeds, examples, inputs) to (seeds, examples, outputs)."""
    perceptron = Perceptron(inputs.shape[2], state.layers)
    targets = inputs.new_zeros(inputs.shape[1], state.layers[-1].shape[0])
    initial = _initial(perceptron, state.weights, training, inputs, targets, state.pool)
    *_, last = _forward(replace(state, initial=initial))
    return last.dz


def _initial(
    perceptron: Perceptron,
    weights: tuple[Weights, ...],
    training: Training,
    inputs: Tensor,
    targets: Tensor,
    pool: BufferPool,
) -> tuple[Initial, ...]:
    h, hs, zs = inputs, [inputs], []
    for layer, weight in zip(perceptron.layers, weights, strict=True):
        zs.append(weight.apply(h).mul_(layer.multiplier))
        h = zs[-1] if layer is perceptron.layers[-1] else by_units(pool, layer.phi.value, zs[-1])
        hs.append(h)
    d_h = -targets.expand_as(h) if training.centered else h - targets
    found: list[Initial] = []
    for index in reversed(range(len(zs))):
        layer, z = perceptron.layers[index], zs[index]
        d = by_units(pool, lambda z, h, d_h, phi=layer.phi: phi.slope(z, h) * d_h, z, hs[index + 1], d_h)
        found.insert(0, Initial(hs[index], z, d_h, d))
        if index:
            d_h = weights[index].apply_transpose(d).mul_(layer.multiplier)
    return tuple(found)


def _update(state: State, *, clips: bool) -> None:
    """One step of the optimizer, from d and h as they are now; with `clips`, of G / max(1, |G| of all layers)."""
    share = 1 / torch.stack(_sizes(state)).norm(dim=0).clamp(min=1.0)[:, None, None] if clips else None
    for index, update in enumerate(state.updates):
        d, h = _now(state, index)
        d = d if share is None else tuple(share * term for term in d)
        at, change = state.initial[index], state.changes[index] if state.changes else None
        update.step(d, h, (at.z,) if change is None or change.passthrough is None else (at.z, change.passthrough))


def _gradients(state: State) -> tuple[Tensor, ...]:
    """|G|_F of each layer, (seeds,); under l2 of the loss with its term lambda |W|^2 / 2."""
    return tuple(
        _with_penalty(state, index, _now(state, index)[0], size) if decay.kind(layer.optimizer) == "l2" else size
        for index, (layer, size) in enumerate(zip(state.layers, _sizes(state), strict=True))
    )


def _sizes(state: State) -> tuple[Tensor, ...]:
    """|G|_F of each layer, (seeds,), of the loss without any term of the weights."""
    sizes = []
    for index, layer in enumerate(state.layers):
        d, h = _now(state, index)
        squared = (gram(d) * gram(h)).sum(dim=(1, 2)).clamp(min=0)
        sizes.append(squared.sqrt() * (abs(layer.multiplier) / d[0].shape[1]))
    return tuple(sizes)


def _with_penalty(state: State, index: int, d: Terms, size: Tensor) -> Tensor:
    """|G + lambda W|_F, with <G, W> the mean over examples of d . z."""
    z = (state.initial[index].z, *(change.dz for change in state.changes[index : index + 1]))
    decay, weight = state.layers[index].decay, state.weight_norm(index)
    along = inner(d, z) / d[0].shape[1]
    return (size**2 + 2 * decay * along + (decay * weight) ** 2).clamp(min=0).sqrt()


def _now(state: State, index: int) -> tuple[Terms, Terms]:
    """A layer's d and h as they are now: what they were at step 0 and their changes."""
    at = state.initial[index]
    if not state.changes:
        return (at.d,), (at.h,)
    change = state.changes[index]
    return (at.d, change.dd), (at.h,) if change.dh is None else (at.h, change.dh)


def _forward(state: State, *, terms: bool = True) -> Iterator[Change]:
    """The changes of this step from input to output, dd still missing; without `terms`, dW h undivided."""
    dh = None
    for index, (layer, weight, update, at) in enumerate(
        zip(state.layers, state.weights, state.updates, state.initial, strict=True)
    ):
        g = layer.multiplier
        passthrough, interaction = None, None
        if dh is None:
            dz = own = update.apply((at.h,)).mul_(g)
        elif terms:
            own, passthrough = update.apply((at.h,)).mul_(g), weight.apply(dh).mul_(g)
            interaction = update.apply((dh,)).mul_(g)
            dz = by_units(state.pool, _sum_of_terms, own, passthrough, interaction)
        else:
            own, passthrough = update.apply((at.h, dh)).mul_(g), weight.apply(dh).mul_(g)
            dz = own + passthrough
        if update.shrunk is not None:
            dz = dz - update.shrunk * (at.z if passthrough is None else at.z + passthrough)
        yield Change(dh, own, passthrough, interaction, dz, dd=dz)
        if index + 1 < len(state.layers):
            dh = by_units(state.pool, layer.phi.change, at.z, state.initial[index + 1].h, dz)


def _sum_of_terms(own: Tensor, passthrough: Tensor, interaction: Tensor) -> Tensor:
    return own + passthrough + interaction


def _backward(state: State, *, kernel: bool) -> tuple[Change, ...]:
    """The changes of this step with their dd, and dj if `kernel`."""
    changes, output = state.changes, state.changes[-1].dz
    # dj first: matrix-free weights remember the block they saw last, and the next update asks for dd.
    if kernel:
        signals = _signals(state, torch.zeros_like(output))
        changes = tuple(replace(change, dj=dj) for change, dj in zip(changes, signals, strict=True))
    signals = _signals(state, output)
    return tuple(replace(change, dd=dd) for change, dd in zip(changes, signals, strict=True))


def _signals(state: State, output: Tensor) -> list[Tensor]:
    """The changes of backward signals, from that of the residual, of every layer."""
    found: list[Tensor] = []
    dd_h = output
    for index in reversed(range(len(state.changes))):
        layer, at, change = state.layers[index], state.initial[index], state.changes[index]
        h, dh = state.activation(index)
        dd = by_units(state.pool, partial(_backward_change, layer.phi), at.z, h, change.dz, dh, at.d_h, dd_h)
        found.insert(0, dd)
        if index:
            dd_h, update = state.weights[index].apply_transpose(dd), state.updates[index]
            if update.shrunk is not None:
                dd_h.mul_(1 - update.shrunk)
            dd_h = dd_h.add_(update.apply_transpose((at.d, dd))).mul_(layer.multiplier)
            if update.shrunk is not None:
                dd_h.sub_(update.shrunk * state.initial[index - 1].d_h)
    return found


def _backward_change(phi: Phi, z: Tensor, h: Tensor, dz: Tensor, dh: Tensor, d_h: Tensor, dd_h: Tensor) -> Tensor:
    """dd; its first term has the slope as it is now."""
    slope, change = phi.slope_after(z, h, dz, dh)
    return slope.mul_(dd_h).add_(change.mul_(d_h))
