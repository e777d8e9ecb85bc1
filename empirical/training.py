"""Training: the MLP under a parameterization, all seeds of a width at once, carried out on the changes.

    z_l = g_l W_l h_(l-1),   h_l = phi(z_l),   loss = 1/(2B) sum_b |residual_b|^2,   d_l = B dloss/dz_l

    g_l = n^multiplier,  sigma_l = gain n^init,  eta_l = lr n^lr     (each with its power of gamma)

The observables are mostly changes since step 0. A loop that stores z(t) and subtracts z(0) would lose them
in rounding as the width grows, so this loop never forms z(t) on their behalf: it carries dz, dh and dd,

    forward    dz_l     =  g dW h(0) + g W(0) dh + g dW dh     [layer, passthrough, interaction]
               dh_l     =  phi(z + dz) - phi(z)
    loss       dd_L     =  dz_L                                (squared error; centered or not)
    backward   dd_(h)   =  g W(0)^T dd + g dW^T d(t)
               dd_(l-1) =  phi'(z + dz) dd_(h) + (phi'(z + dz) - phi'(z)) d_(h)(0)

which is the same training in exact arithmetic. Tensors are (seeds, batch, units), float64, on any device.

`trajectory` yields the state after every update; `observe` takes the norms of one state.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from empirical import updates
from empirical.activations import PHI, Phi
from empirical.updates import Update
from empirical.weights import Weights
from scalings.exponents import Exponent
from scalings.networks import INPUT, Dense, Elementwise, Network
from scalings.observables import Observable, Quantity
from scalings.parameterizations import LayerExponents, Parameterization
from scalings.trials import Training


@dataclass(frozen=True)
class Layer:
    """One layer at one width: its numbers. `phi` is what follows it (nothing, at the output)."""

    name: str
    shape: tuple[int, int]
    multiplier: float
    scale: float
    lr: float
    phi: Phi | None


@dataclass(frozen=True)
class LayerState:
    """One layer after some updates, all tensors (seeds, batch, units); at step 0 the changes are None.

    `h` and `z`, `d` are those at initialization; `dh` is the change of the layer's input, and None
    where that is the data. `update` is dW.
    """

    h: Tensor
    z: Tensor
    d: Tensor
    update: Update
    dh: Tensor | None = None
    layer: Tensor | None = None
    passthrough: Tensor | None = None
    interaction: Tensor | None = None
    dz: Tensor | None = None
    dd: Tensor | None = None


@dataclass(frozen=True)
class State:
    """The network after `step` updates; `residual` is d of the output, (seeds, batch, outputs)."""

    step: int
    layers: tuple[LayerState, ...]
    residual: Tensor


def chain(
    network: Network, parameterization: Parameterization, training: Training, width: int
) -> tuple[Layer, ...]:
    """The network's layers at this width. Raises ValueError for what is not a multilayer perceptron."""
    activations = _activations(network)
    if parameterization.depth != network.depth:
        raise ValueError(
            f"a network of {network.depth} layers needs exponents for {network.depth} layers,"
            f" but the parameterization {parameterization.name!r} has {parameterization.depth}"
        )
    zeros: LayerExponents[Exponent] = LayerExponents(Fraction(0), Fraction(0), Fraction(0))
    gamma, powers = float(parameterization.gamma), parameterization.gamma_powers or (zeros,) * network.depth
    layers: list[Layer] = []
    for node, phi, n, k in zip(network.layers, activations, parameterization.layers, powers, strict=True):
        # Weights behind an activation make up for what it does to the variance; the data has |h_0| = 1 as it is.
        before = layers[-1].phi if layers else None
        gain = training.init * (before.gain if before else 1.0)
        scale = gain * _power(width, n.init) * _power(gamma, k.init)
        lr = training.lr * _power(width, n.lr) * _power(gamma, k.lr)
        multiplier = _power(width, n.multiplier) * _power(gamma, k.multiplier)
        layers.append(Layer(node.name, node.shape(width), multiplier, scale, lr, phi))
    return tuple(layers)


def _power(base: float, exponent: Exponent) -> float:
    return 0.0 if exponent == -math.inf else float(base) ** float(exponent)


def _activations(network: Network) -> tuple[Phi | None, ...]:
    """What follows each dense node, checking that the nodes form one chain Dense, Elementwise, ..., Dense."""
    source, weights = INPUT, set()
    for position, node in enumerate(network.nodes):
        kind = Elementwise if position % 2 else Dense
        if not isinstance(node, kind) or node.source != source:
            raise ValueError(
                "expected a multilayer perceptron, dense and elementwise operations in turn, each on the one"
                f" before it, but operation {position + 1} ({node.name!r}) is a {type(node).__name__} of {node.source!r}"
            )
        source = node.name
        if isinstance(node, Dense):
            if node.weight in weights:
                raise ValueError(f"expected a weight matrix of its own for each layer, but {node.weight!r} is shared")
            weights.add(node.weight)
    if len(network.nodes) % 2 == 0:
        raise ValueError("expected a multilayer perceptron that ends with a dense layer")
    return (*(PHI[node.activation] for node in network.nodes if isinstance(node, Elementwise)), None)


def trajectory(
    layers: Sequence[Layer], weights: Sequence[Weights], training: Training, inputs: Tensor, targets: Tensor
) -> Iterator[State]:
    """The states after 0, 1, ..., `training.steps` full-batch updates.

    `inputs` (batch, inputs) and `targets` (batch, outputs) are shared by all seeds. A state's updates are
    those of the run itself, so observe it before asking for the next one.
    """
    state = _initial(layers, weights, training, inputs, targets)
    yield state
    for step in range(1, training.steps + 1):
        for layer, at in zip(layers, state.layers, strict=True):
            image = at.z if at.passthrough is None else at.z + at.passthrough
            at.update.step(_sum(at.d, at.dd), _sum(at.h, at.dh), image)
        state = _backward(layers, weights, _forward(layers, weights, state, step))
        yield state


def _sum(start: Tensor, change: Tensor | None) -> Tensor:
    return start if change is None else start + change


def _initial(
    layers: Sequence[Layer], weights: Sequence[Weights], training: Training, inputs: Tensor, targets: Tensor
) -> State:
    h = inputs.expand(*weights[0].frobenius().shape, *inputs.shape)
    hs, zs = [], []
    for layer, weight in zip(layers, weights, strict=True):
        hs.append(h)
        zs.append(layer.multiplier * weight.apply(h))
        h = layer.phi.value(zs[-1]) if layer.phi else zs[-1]
    residual = (torch.zeros_like(h) if training.centered else h) - targets
    ds = [residual]
    for layer, weight, z, before in _downwards(layers, weights, zs):
        ds.append(layer.multiplier * weight.apply_transpose(ds[-1]) * before.slope(z))
    states = [
        LayerState(h, z, d, updates.start(training.optimizer, weight, lr=layer.lr, multiplier=layer.multiplier))
        for layer, weight, h, z, d in zip(layers, weights, hs, zs, reversed(ds), strict=True)
    ]
    return State(0, tuple(states), residual)
