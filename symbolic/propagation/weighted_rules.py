"""The rules of nodes with a weight: dense layers (also on patches, and of one-hot inputs), entrywise ones, biases.

    generic      |W v| = sigma sqrt(fan_out) |v|                    W i.i.d., v independent of W
    aligned      |W v| = sigma sqrt(max(fan_in, fan_out)) |v|       v was produced through W^T
    backward     |d_(l-1)| = g |W^T d| + g |dW^T d|                 generic, transposed; then aligned
    gradient     |G|_F = g |d| |h|                                  outer products: rank O(1)
    update acts  |g dW h| = g |dW|_F |h| fan_in^(-(1-alpha)/2)      updates align with their inputs, and transposed
    overlap      |g dW dh| = g |dW|_F |dh| max(fan_in^(-1/2), fan_in^(-(1-alpha)/2) min(1, |dh|/|h|))
    decay        a fourth term of |dz|: the fraction by which W shrank, times |z|

The overlap of dh with h is generic at first. A nonlinearity gives it a part |dh|/|h| at once, by its curvature; where
all is linear, only the second update does, through the part of dW that the first one moved.

A readout that shares the weight of an embedding which its input still holds (a residual stream does) is aligned with it
from the start: the logit of a token is |W_token|^2, by the law of large numbers, and not a sum of random signs.

Sources: Karkada, arXiv 2404.19719; Yang and Hu, arXiv 2011.14522 (generic and aligned); Yang et al.,
arXiv 2310.17813 (operator norms). The overlap rule is this project's own: it was found by measuring, and rests on
that (tests/test_agreement.py) rather than on a theorem.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Generic

from scalings.exponents import MINUS_INFINITY
from scalings.nodes import MATRICES, Bias, Convolution, Dense, DepthwiseConvolution, Embedding, Gain, Weighted
from scalings.observables import TERMS
from symbolic.orders import O
from symbolic.runs import HALF, Parts, Run, Steps
from symbolic.sampling import fans, sampling

Matrix = Dense | Convolution | Embedding
Entrywise = Gain | DepthwiseConvolution


class DenseRule:
    """z = g W h. A convolution is this on every patch, an embedding this on a one-hot input.

    Forward |z| = g sigma sqrt(fan_out) |h|; change: layer, passthrough and interaction; backward
    g (sigma sqrt(fan_in) + |dW|) |d|; gradient g |d| |h|. Source: the module's docstring.
    """

    def initialize(self, run: Run[O], node: Matrix) -> Steps[O]:
        own = run.layers[node.weight]
        echoes = node.name in run.echoing
        root = run.larger(node.fan_in, node.fan_out, exponent=HALF) if echoes else run.power(node.fan_out, HALF)
        run.initial[node.name] = run.algebra.product(own.multiplier, own.init, root, run.initial[node.source])
        yield run.observe("z", node, run.initial[node.name])
        yield run.observe("W_frobenius", node, random_norm(run, node))

    def forward(self, run: Run[O], node: Matrix) -> Steps[O]:
        algebra, g, update = run.algebra, run.layers[node.weight].multiplier, run.update[node.weight]
        source, change = run.initial[node.source], run.change[node.source]
        layer = algebra.product(g, update, self._unaligned(run, node), source)
        passed_on = run.times(algebra.product(g, run.layers[node.weight].init, self._aligned(run, node)), change)
        moved = run.total(change)
        interaction = algebra.product(g, update, moved, self._overlap(run, node, source, moved))
        run.own[node.name] = layer
        yield from moving(run, node, (layer, run.total(passed_on), interaction))
        yield from finish(run, node, decayed(run, node, run.coherently(passed_on, layer, interaction)))

    def backward(self, run: Run[O], node: Matrix, signal: Parts[O]) -> Steps[O]:
        algebra, own, update = run.algebra, run.layers[node.weight], run.update[node.weight]
        whole = run.total(signal)
        yield run.observe("d", node, whole)
        record(run, node, algebra.product(own.multiplier, whole, run.now(node.source)))
        through = algebra.product(own.multiplier, own.init, run.power(node.fan_in, HALF))
        unaligned = run.power(node.fan_out, (run.law.alpha - 1) / 2)
        by_update = algebra.product(own.multiplier, update, unaligned, whole)
        run.send(node.source, run.coherently(run.times(through, signal), by_update))

    def _aligned(self, run: Run[O], node: Matrix) -> O:
        """sqrt(max(fan_in, fan_out)); for a readout the law of large numbers, if omega says so."""
        if node.role == "output":
            omega = run.law.omega
            by_law = run.larger(node.fan_in, node.fan_out, exponent=HALF * omega)
            return run.algebra.product(by_law, run.power(node.fan_out, HALF * (1 - omega)))
        return run.larger(node.fan_in, node.fan_out, exponent=HALF)

    def _unaligned(self, run: Run[O], node: Matrix) -> O:
        """What an update loses of the input that it aligns with by alpha only."""
        return run.power(node.fan_in, (run.law.alpha - 1) / 2)

    def _overlap(self, run: Run[O], node: Matrix, source: O, moved: O) -> O:
        """Generic, whatever alpha is; or of the part along h, on which the update acts as it does on h."""
        algebra = run.algebra
        generic = run.power(node.fan_in, -HALF)
        if run.step == 1 and node.source not in run.curved:
            return generic
        along = algebra.smaller(run.one, algebra.ratio(moved, source))
        return algebra.total(generic, algebra.product(self._unaligned(run, node), along))


class EntrywiseRule:
    """z = g w h, unit by unit: a gain, or a depthwise convolution.

    As a dense layer, but every unit has its own weights: |z| = g sigma |h|, |g dw h| = g |dw| |h| / sqrt(units),
    |G| = g |d| |h| / sqrt(units), since the entries of each are of one size (generic rule, unit by unit).
    """

    def initialize(self, run: Run[O], node: Entrywise) -> Steps[O]:
        own = run.layers[node.weight]
        run.initial[node.name] = run.algebra.product(own.multiplier, own.init, run.initial[node.source])
        yield run.observe("z", node, run.initial[node.name])
        yield run.observe("W_frobenius", node, random_norm(run, node))

    def forward(self, run: Run[O], node: Entrywise) -> Steps[O]:
        algebra, own = run.algebra, run.layers[node.weight]
        entry = algebra.product(own.multiplier, run.update[node.weight], run.power(node.fan_out, -HALF))
        change = run.change[node.source]
        layer = algebra.product(entry, run.initial[node.source])
        passed_on = run.times(algebra.product(own.multiplier, own.init), change)
        interaction = algebra.product(entry, run.total(change))
        below = run.own.get(node.source, run.zero)
        run.own[node.name] = algebra.total(layer, algebra.product(own.multiplier, own.init, below))
        yield from moving(run, node, (layer, run.total(passed_on), interaction))
        yield from finish(run, node, run.coherently(passed_on, layer, interaction))

    def backward(self, run: Run[O], node: Entrywise, signal: Parts[O]) -> Steps[O]:
        algebra, own = run.algebra, run.layers[node.weight]
        whole, root = run.total(signal), run.power(node.fan_out, -HALF)
        yield run.observe("d", node, whole)
        record(run, node, algebra.product(own.multiplier, whole, run.now(node.source), root))
        by_update = algebra.product(own.multiplier, run.update[node.weight], root, whole)
        run.send(node.source, run.coherently(run.times(algebra.product(own.multiplier, own.init), signal), by_update))


class BiasRule:
    """z = h + g b: a layer with fan_in 1 and input 1, added.

    |g b| = g sigma sqrt(units), |g db| = g |db|, |G| = g |d|; d is passed on as it is.
    """

    def initialize(self, run: Run[O], node: Bias) -> Steps[O]:
        own = run.algebra.product(run.layers[node.weight].multiplier, random_norm(run, node))
        run.initial[node.name] = run.algebra.total(run.initial[node.source], own)
        yield run.observe("z", node, run.initial[node.name])
        yield run.observe("W_frobenius", node, random_norm(run, node))

    def forward(self, run: Run[O], node: Bias) -> Steps[O]:
        layer = run.algebra.product(run.layers[node.weight].multiplier, run.update[node.weight])
        passed_on = run.change[node.source]
        run.own[node.name] = run.algebra.total(layer, run.own.get(node.source, run.zero))
        yield from moving(run, node, (layer, run.total(passed_on), run.zero))
        yield from finish(run, node, run.coherently(passed_on, layer))

    def backward(self, run: Run[O], node: Bias, signal: Parts[O]) -> Steps[O]:
        whole = run.total(signal)
        yield run.observe("d", node, whole)
        record(run, node, run.algebra.product(run.layers[node.weight].multiplier, whole))
        run.send(node.source, signal)


def moving(run: Run[O], node: Weighted, terms: tuple[O, O, O]) -> Steps[O]:
    """The three terms of a change."""
    for quantity, order in zip(TERMS, terms, strict=True):
        yield run.observe(quantity, node, order)


def finish(run: Run[O], node: Weighted, change: Parts[O]) -> Steps[O]:
    """The change as a whole."""
    run.change[node.name] = change
    yield run.observe("dz", node, run.total(change))
    yield run.observe("z", node, run.now(node.name))


def decayed(run: Run[O], node: Matrix, change: Parts[O]) -> Parts[O]:
    """The change with the decay of W(0), which is as generic as W(0) itself."""
    if node.weight not in run.shrinkage:
        return change
    decay = run.algebra.product(run.shrinkage[node.weight], run.initial[node.name])
    return (*change[:-1], run.algebra.total(change[-1], decay))


def record(run: Run[O], node: Weighted, gradient: O) -> None:
    """Add to the gradient of the node's weight, which other nodes may share."""
    run.gradient[node.weight] = run.algebra.total(run.gradient[node.weight], gradient)


def random_norm(run: Run[O], node: Weighted) -> O:
    """|W(0)|_F = sigma sqrt(entries)."""
    root = run.power(node.fan_in, HALF), run.power(node.fan_out, HALF)
    return run.algebra.product(run.layers[node.weight].init, *root)


def step_weight(run: Run[O], node: Weighted) -> Steps[O]:
    """One step of the optimizer on the weight of this node, its first; as many as there are for what a step costs."""
    algebra, law, weight = run.algebra, run.law, node.weight
    seen = _Seen(run, node)
    raw, now = seen.gradient, seen.weight
    gradient, decay = raw, run.layers[weight].decay
    if law.decay == "none" or not isinstance(node, MATRICES):
        decay = None
    if decay is not None and law.decay == "l2":
        gradient = algebra.total(gradient, algebra.product(decay, now))
    size, power = algebra.product(run.layers[weight].lr, seen.fans), law.gradient
    if law.at_zero != "alike" and now == run.zero:
        power = Fraction(law.at_zero == "gradient")
        size = algebra.product(run.layers[weight].lr, seen.entries(1 - power))
    elif law.weight:  # |W|^0 = 1 also for zero weights, unlike |G|^0: a zero gradient is a zero update
        size = algebra.product(size, algebra.power(now, law.weight))
    size = algebra.product(size, seen.damping(gradient))
    one_step = algebra.product(size, algebra.power(gradient, power))
    if decay is not None and law.decay == "l2":  # of a step along G + lambda W, the shares of the two
        share = algebra.ratio(one_step, gradient) if power != 1 else size
        one_step, size = algebra.product(share, raw), share
    if decay is not None and law.decay == "inside":  # of a step along u + lambda W, u having entries of size 1
        own = seen.entries(Fraction(1))
        size = algebra.ratio(size, algebra.total(own, algebra.product(decay, now)))
        one_step = algebra.product(size, own, algebra.power(gradient, Fraction(0)))
    run.update[weight] = algebra.total(run.update[weight], seen.scaled(one_step, seen.sampling.update))
    yield run.observe("gradient", node, gradient)
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
        self.run, self.node = run, node
        self.sampling = sampling(run.network, node, run.scale)
        self._fans = fans(node, run.scale)

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
        law, (fan_in, fan_out) = self.run.law, self._fans
        powers = HALF * (law.fan_in * fan_in + law.fan_out * fan_out) + law.larger_fan * max(fan_in, fan_out)
        return self.run.algebra.constant(powers)

    def entries(self, power: Fraction) -> O:
        """(fan_in fan_out)^(power/2)."""
        return self.run.algebra.constant(HALF * power * sum(self._fans))

    def damping(self, gradient: O) -> O:
        """min(1, entries of G / epsilon)."""
        run = self.run
        if run.law.epsilon == MINUS_INFINITY:
            return run.one
        entry = self.scaled(gradient, -HALF * sum(self._fans))
        return run.algebra.smaller(run.one, run.algebra.ratio(entry, run.algebra.constant(Fraction(run.law.epsilon))))

    def scaled(self, order: O, power: Fraction) -> O:
        """Times this power of the scale variable."""
        return self.run.algebra.product(order, self.run.algebra.constant(power)) if power else order
