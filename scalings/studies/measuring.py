"""Train any network in any scale variable."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

from scalings.command_line.console import progress_bar, warn
from scalings.command_line.options import ChosenModel
from scalings.errors import ArgumentError
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.dimensions import DEPTH_SCALE, WIDTH_SCALE, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import Node, Repeat, Scores

if TYPE_CHECKING:
    from empirical.sweeps.measurement import Measurement
    from scalings.results.trials import Training

_HELD = {WIDTH_SCALE: 64, DEPTH_SCALE: 2}
"""Where scale variables stand that are not varied; at 1 if they are not named."""
_HEAD_SIZE = 4


def _is_graph(network: Network, model: ChosenModel) -> bool:
    """Whether this is beyond multilayer perceptrons in the width, which have engines of their own."""
    return not network.is_chain or (model.scale, model.loss) != (WIDTH_SCALE, "mse")


def _sweep(
    network: Network,
    parameterization: Parameterization,
    training: Training,
    widths: tuple[int, ...] | None,
    seeds: int | None,
    device: str,
    engine: str,
) -> Measurement:
    from empirical.sweeps import mlp

    asked = partial(mlp.estimate, network, parameterization, training)
    cost = asked(widths=widths, seeds=seeds, device=device, engine=engine)
    warn(f"training takes about {max(1, round(cost.seconds))} s and {max(1, cost.bytes >> 20)} MiB")
    with progress_bar() as progress:
        run = partial(mlp.measure, network, parameterization, training)
        return run(widths=widths, seeds=seeds, device=device, engine=engine, progress=progress)


def _graph_sweep(
    scale: str,
    network: Network,
    parameterization: Parameterization,
    training: Training,
    widths: tuple[int, ...] | None,
    seeds: int | None,
    device: str,
    engine: str,
) -> Measurement:
    """With steps so small that the residual changes little: how it does is no power of the width.

    Other scale variables are held at small values, with the exponents in them that their criteria determine.
    """
    from empirical.sweeps import graph

    if engine == "matrix-free":
        raise ArgumentError("engine", "only multilayer perceptrons in the width are trained matrix-free")
    gentle, small = replace(training, lr=training.lr / 5), Network(tuple(map(_small, network.nodes)))
    held = {other: size for other, size in _HELD.items() if other in network.scales and other != scale}
    beside = {other: _determined(network, training, other) for other in held}
    scaling = graph.Scaling(scale, held, beside)
    sizes = widths or graph.default_sizes(network, scale)
    run = partial(graph.measure, small, parameterization, gentle, seeds=seeds, device=device)
    with progress_bar() as progress:
        return run(widths=sizes, scaling=scaling, progress=progress)


def _small(node: Node) -> Node:
    """The same orders at a fraction of the time: the depth itself is the number of blocks, and heads are small."""
    if isinstance(node, Repeat):
        blocks = replace(node.times, size=1) if node.times.order_in(DEPTH_SCALE) == 1 else node.times
        return replace(node, times=blocks, nodes=tuple(map(_small, node.nodes)))
    if isinstance(node, Scores) and node.heads.grows and not node.head_size.grows:
        share = Fraction(node.heads.size * node.head_size.size) / _HEAD_SIZE
        return replace(node, heads=replace(node.heads, size=share), head_size=fixed(_HEAD_SIZE))
    return node


def _determined(network: Network, training: Training, scale: str) -> Parameterization:
    """The exponents of a scale variable that is held fixed; at the rich end, if they are a family."""
    from symbolic.derivation.derive import derive

    derivation = derive(network, optimizer(training.optimizer), scale=scale, loss=training.loss)
    if derivation.family:
        return derivation.family.member(derivation.family.high)
    if derivation.degrees_of_freedom != 0 or len(derivation.pieces) != 1:
        raise ArgumentError("network", f"its criteria do not determine one answer in the {scale}, to be held fixed")
    [piece] = derivation.pieces
    layers = tuple(layer.each(lambda exponent: exponent.at()) for layer in piece.layers)
    return Parameterization(layers, scales=tuple(exponent.at() for exponent in piece.scales))
