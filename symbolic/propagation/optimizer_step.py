"""One step of training: on each weight by its own law, of gradients that may be clipped together.

Clipping (Pascanu et al., arXiv 1211.5063; torch's clip_grad_norm_) divides every gradient by max(1, |G|), |G|^2 the sum
of the squares over all weights, all copies of a block among them. The largest gradient sets the order of |G|.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Generic

from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.networks.dimensions import ONE
from scalings.networks.nodes import MATRICES, Weighted
from symbolic.orders.algebra import O, signed_power
from symbolic.propagation.batch_and_vocabulary import fans, sampling
from symbolic.propagation.state import HALF, Run, Steps
from symbolic.propagation.weighted_rules import random_norm


def step_weights(run: Run[O]) -> Steps[O]:
    """One step on every weight."""
    layers = run.problem.network.layers
    divisor = _clip(run) if any(law.clip != "none" for law in run.problem.laws.values()) else None
    for layer in layers:
        yield from _step_weight(run, layer, divisor)


def _clip(run: Run[O]) -> O:
    """max(1, |G|_F of all weights that are trained)."""
    network, scale = run.problem.network, run.problem.scale
    norms = []
    for node in (layer for layer in network.layers if not layer.frozen):
        copies = network.copies.get(node.name, ONE).order_in(scale)
        norms.append(run.algebra.product(_Seen(run, node).gradient, run.algebra.constant(HALF * copies)))
    return run.algebra.total(run.one, *norms)


def _step_weight(run: Run[O], node: Weighted, divisor: O | None) -> Steps[O]:
    """One step on the weight of this node, its first; as many as there are for what a step costs.

    `divisor` is what gradients are divided by, if they are clipped.
    """
    algebra, law, weight = run.algebra, run.problem.laws[node.weight], node.weight
    seen = _Seen(run, node)
    whole, now = seen.gradient, seen.weight
    raw = whole if divisor is None or law.clip == "none" else algebra.ratio(whole, divisor)
    gradient, decay = raw, run.layers[weight].decay
    if not run.problem.decays(node):
        decay = None
    if decay is not None and law.decay == "l2":
        penalty = algebra.product(decay, now)
        gradient, whole = algebra.total(raw, penalty), algebra.total(whole, penalty)
    size, power = algebra.product(run.layers[weight].lr, seen.fans), law.gradient
    if law.at_zero != "alike" and now == run.zero:
        power = Fraction(law.at_zero == "gradient")
        size = algebra.product(run.layers[weight].lr, seen.entries(1 - power))
    elif law.weight:  # |W|^0 = 1 also for zero weights, unlike |G|^0: a zero gradient is a zero update
        size = algebra.product(size, algebra.power(now, law.weight))
    if law.input and isinstance(node, MATRICES):  # a bias reads 1
        size = algebra.product(size, signed_power(algebra, run.now(node.source), law.input))
    size = algebra.product(size, seen.damping(gradient))
    one_step = algebra.product(size, signed_power(algebra, gradient, power))
    if decay is not None and law.decay == "l2":  # of a step along G + lambda W, the shares of the two
        share = algebra.ratio(one_step, gradient) if power != 1 else size
        one_step, size = algebra.product(share, raw), share
    if decay is not None and law.decay == "inside":  # of a step along u + lambda W, u having entries of size 1
        own = seen.entries(Fraction(1))
        size = algebra.ratio(size, algebra.total(own, algebra.product(decay, now)))
        one_step = algebra.product(size, own, algebra.power(gradient, Fraction(0)))
    run.update[weight] = algebra.total(run.update[weight], seen.scaled(one_step, seen.sampling.update))
    yield run.observe("gradient", node, whole)
    yield run.observe("dW_frobenius", node, seen.scaled(run.update[weight], seen.sampling.weight))
    yield run.observe("W_frobenius", node, seen.weight)
    if decay is not None:
        shrinking = {"coupled": run.layers[weight].lr, "independent": run.one, "l2": size, "inside": size}[law.decay]
        shrunk = seen.scaled(algebra.product(shrinking, decay), seen.sampling.steps)
        run.shrinkage[weight] = algebra.total(run.shrinkage.get(weight, run.zero), shrunk)
        yield run.observe("decay", node, run.shrinkage[weight])


class _Seen(Generic[O]):
    """What the update law sees of a weight: all of its entries, and the mean gradient over all examples."""

    def __init__(self, run: Run[O], node: Weighted) -> None:
        self.run, self.node, self._law = run, node, run.problem.laws[node.weight]
        self.sampling = sampling(run.problem.network, node, run.problem.scale)
        self._fans = fans(node, run.problem.scale)

    @property
    def gradient(self) -> O:
        """|G|_F."""
        return self.scaled(self.run.gradient[self.node.weight], self.sampling.gradient)

    @property
    def weight(self) -> O:
        """|W|_F."""
        now = self.run.algebra.total(random_norm(self.run, self.node), self.run.update[self.node.weight])
        return self.scaled(now, self.sampling.weight)

    @property
    def fans(self) -> O:
        """fan_in^(q_in/2) fan_out^(q_out/2) max(fans)^m."""
        law, (fan_in, fan_out) = self._law, self._fans
        powers = HALF * (law.fan_in * fan_in + law.fan_out * fan_out) + law.larger_fan * max(fan_in, fan_out)
        return self.run.algebra.constant(powers)

    def entries(self, power: Fraction) -> O:
        """(fan_in fan_out)^(power/2)."""
        return self.run.algebra.constant(HALF * power * sum(self._fans))

    def damping(self, gradient: O) -> O:
        """min(1, entries of G / epsilon)."""
        run, epsilon = self.run, self._law.epsilon
        if epsilon == MINUS_INFINITY:
            return run.one
        entry = self.scaled(gradient, -HALF * sum(self._fans))
        return run.algebra.smaller(run.one, run.algebra.ratio(entry, run.algebra.constant(Fraction(epsilon))))

    def scaled(self, order: O, power: Fraction) -> O:
        """Times this power of the scale variable."""
        return self.run.algebra.product(order, self.run.algebra.constant(power)) if power else order
