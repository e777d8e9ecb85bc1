"""Training, run on orders of magnitude.

`train` is a training loop: forward, backward, update, again. It runs on orders instead of tensors, over
whichever `Algebra` it is given, and yields every observable as soon as the run has computed it. What each node kind
does is stated by its rule: `weighted_rules` (layers), `bilinear_rules` (products, those of attention among
them) and `weightless_rules` (all else). The update law is

    |dW|_F += eta |G|_F^p fan_in^(q_in/2) fan_out^(q_out/2) max(fans)^m |W|_F^s

The same loop serves given exponents (`predict`, `check`) and unknown ones (`derive`). Since it is a
generator, `derive` can add what a criterion has just taught it before the run goes on. A repeated block's
observables come twice in a step, those of its first copy and those of its last.

Orders are powers of one scale variable, the others held fixed: of the width, unless it is asked for another one.

>>> from scalings.networks.architectures import mlp
>>> from scalings.hyperparameters.update_laws import optimizer
>>> from scalings.hyperparameters.presets import preset
>>> from symbolic.orders.algebra import EXACT
>>> run = dict(train(Problem(mlp(3), optimizer("sgd")), preset("mup-lr", 3).layers, EXACT, steps=1))
>>> str(run[Observable("dz", "layer2", 1)])
'1/2'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.errors import ArgumentError
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import wrong_scales
from scalings.networks.dimensions import COUNTED_SCALES
from scalings.networks.network import wrong_depth
from scalings.networks.nodes import (
    INPUT,
    Bias,
    Convolution,
    Dense,
    DepthwiseConvolution,
    Elementwise,
    Embedding,
    Factor,
    Gain,
    Mean,
    Mix,
    Norm,
    Pool,
    Power,
    Product,
    Rearrange,
    Repeat,
    Scale,
    Scores,
    Softmax,
    Sum,
    Top,
    Weight,
)
from symbolic.orders.algebra import Algebra, O
from symbolic.propagation.batch_and_vocabulary import check_counted
from symbolic.propagation.bilinear_rules import MixRule, ProductRule, ScoresRule
from symbolic.propagation.optimizer_step import step_weights
from symbolic.propagation.reduction_rules import MeanRule, SoftmaxRule, TopRule
from symbolic.propagation.state import Rule, Run, Steps, in_turn
from symbolic.propagation.weighted_rules import BiasRule, DenseRule, EntrywiseRule, WeightRule
from symbolic.propagation.weightless_rules import (
    ElementwiseRule,
    FactorRule,
    NormRule,
    PoolRule,
    PowerRule,
    RearrangeRule,
    RepeatRule,
    ScaleRule,
    SumRule,
)

UPDATES = 3
"""Where no layer is wider than the one before, the orders of a stable run settle within three updates: the readout's,
what it sends back, what that moves. See `symbolic.propagation.settling`."""


RULES: dict[type, Rule] = {
    Dense: DenseRule(),
    Convolution: DenseRule(),
    Embedding: DenseRule(),
    Gain: EntrywiseRule(),
    DepthwiseConvolution: EntrywiseRule(),
    Bias: BiasRule(),
    Weight: WeightRule(),
    Elementwise: ElementwiseRule(),
    Power: PowerRule(),
    Norm: NormRule(),
    Pool: PoolRule(),
    Mean: MeanRule(),
    Softmax: SoftmaxRule(),
    Top: TopRule(),
    Scale: ScaleRule(),
    Factor: FactorRule(),
    Rearrange: RearrangeRule(),
    Sum: SumRule(),
    Product: ProductRule(),
    Repeat: RepeatRule(),
    Scores: ScoresRule(),
    Mix: MixRule(),
}


@dataclass(frozen=True)
class Surroundings(Generic[O]):
    """What surrounds a part of a network: orders at its input and of the backward signal at its output.

    `changes` of the input are those after 1, 2, ... updates, `signals` those after 0, 1, ... updates.
    """

    initial: O
    changes: Sequence[O]
    signals: Sequence[O]


def train(
    problem: Problem,
    layers: Sequence[LayerExponents[O]],
    algebra: Algebra[O],
    steps: int,
    *,
    scales: Sequence[O] = (),
    boundary: Surroundings[O] | None = None,
    everywhere: bool = False,
    every_copy: bool = False,
) -> Steps[O]:
    """Train for `steps` updates; yields (observable, order) in the order of computation.

    `layers` are the orders of g, sigma and eta of each weight of the network, from input to output, `scales` those
    of its multipliers without a weight (1 if not given). Under mean squared error ("mse") the residual is of order 1
    unless the output explodes, under cross-entropy always. `everywhere`: observe z, dz and d of every node, also of
    those that no criterion speaks of; `every_copy`: run a block for each of its copies, as where constants count.
    Raises ArgumentError for another number of either, and for a network without orders in the vocabulary or the number
    of experts, or without a readout.
    """
    network = problem.network
    if len(layers) != network.depth:
        raise wrong_depth(network, len(layers))
    if problem.scale in COUNTED_SCALES:
        check_counted(network, problem.scale)
    if not boundary and not network.readouts:
        grows = f"expected an output of a fixed size, but {network.output.name} grows; a readout is missing"
        raise ArgumentError("network", grows)
    run = _start(problem, layers, algebra, scales, everywhere=everywhere, every_copy=every_copy)
    zero, one = run.zero, run.one
    if moved := [node.name for node in network.layers if node.frozen and run.layers[node.weight].lr != zero]:
        raise ArgumentError("lr", f"{moved[0]} is frozen in this network; expected -oo as its learning rate")
    boundary_changes = [zero, *(boundary.changes if boundary else [zero] * steps)]
    run.initial[INPUT] = boundary.initial if boundary else one
    yield from in_turn(network.nodes, run.initialize)
    # An output without a rule that observes it: a multiplier, a pool or a normalization at the end.
    bare = [one.name for one in network.representations if one.kind == "output"]
    yield from ((Observable("z", name, 0), run.initial[name]) for name in bare)
    for step in range(steps + 1):
        run.step = step
        if step:
            yield from step_weights(run)
            run.change[INPUT] = (boundary_changes[step],)
            yield from in_turn(network.nodes, run.forward)
            for name in bare:
                yield Observable("dz", name, step), run.moved(name)
                yield Observable("z", name, step), run.now(name)
        residual, value = _residual(run)
        if boundary:
            residual = boundary.signals[step]
        yield Observable("loss", "", step), value
        yield from ((Observable("d", name, step), residual) for name in bare)
        run.gradient = dict.fromkeys(run.gradient, zero)
        run.signal = {network.output.name: run.from_outside(residual)}
        yield from in_turn(network.nodes[::-1], run.backward)


def _start(
    problem: Problem,
    layers: Sequence[LayerExponents[O]],
    algebra: Algebra[O],
    scales: Sequence[O],
    *,
    everywhere: bool,
    every_copy: bool,
) -> Run[O]:
    network = problem.network
    names = [node.name for node in network.multipliers]
    if scales and len(scales) != len(names):
        raise wrong_scales(names, len(scales))
    weights = [layer.weight for layer in network.layers]
    given = scales or [algebra.constant(Fraction(0))] * len(names)
    run = Run(
        problem,
        algebra,
        layers=dict(zip(weights, layers, strict=True)),
        multipliers=dict(zip(names, given, strict=True)),
        rules=RULES,
        everywhere=everywhere,
        every_copy=every_copy,
    )
    run.update = dict.fromkeys(weights, run.zero)
    run.gradient = dict.fromkeys(weights, run.zero)
    run.change = {name: run.silence(node) for node in network.flat for name in (node.name,)} | {INPUT: (run.zero,)}
    return run


def _residual(run: Run[O]) -> tuple[O, O]:
    """|dLoss/dz| at the output, and the loss."""
    output = run.problem.network.output.name
    moved = run.algebra.total(run.one, run.initial[output], *run.changes(output))
    if run.problem.loss == "mse":
        return moved, run.algebra.power(moved, Fraction(2))
    return run.one, moved
