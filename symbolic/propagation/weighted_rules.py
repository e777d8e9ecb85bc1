"""The rules of nodes with a weight: dense layers (also on patches, and of one-hot inputs), entrywise ones, biases.

    generic      |W v| = sigma sqrt(fan_out) |v|                    W i.i.d., v independent of W
    aligned      |W v| = sigma sqrt(max(fan_in, fan_out)) |v|       v was produced through W^T
    backward     |d_(l-1)| = g |W^T d| + g |dW^T d|                 generic, transposed; then aligned
    gradient     |G|_F = g |d| |h|                                  outer products: rank O(1)
    update acts  |g dW h| = g |dW|_F |h| fan_in^(-(1-alpha)/2)      updates align with their inputs, and transposed
    overlap      |g dW dh| = g |dW|_F |dh| max(fan_in^(-1/2), fan_in^(-(1-alpha)/2) min(1, |dh|/|h|))
    decay        a fourth term of |dz|: the fraction by which W shrank, times |z|; what becomes of it: `fading`

The overlap of dh with h is generic at first. A nonlinearity gives it a part |dh|/|h| at once, by its curvature; where
all is linear, only the second update does, through the part of dW that the first one moved.

A readout that shares the weight of an embedding which its input still holds (a residual stream does) is aligned with it
from the start: the logit of a token is |W_token|^2, by the law of large numbers, and not a sum of random signs. This
holds of the part of the input that the weight has written itself; beside a larger one, such as positions, it may not
show.

Sources: Karkada, arXiv 2404.19719; Yang and Hu, arXiv 2011.14522 (generic and aligned); Yang et al.,
arXiv 2310.17813 (operator norms). The overlap rule is this project's own: it was found by measuring, and rests on
that (tests/agreement/) rather than on a theorem.
"""

from __future__ import annotations

from scalings.criteria.observables import TERMS
from scalings.networks.nodes import (
    Bias,
    Convolution,
    Dense,
    DepthwiseConvolution,
    Embedding,
    Gain,
    Weight,
    Weighted,
)
from symbolic.orders.algebra import O
from symbolic.propagation.echo import written
from symbolic.propagation.fading import Faded, carried, fade
from symbolic.propagation.state import HALF, Parts, Run, Steps

Matrix = Dense | Convolution | Embedding
Entrywise = Gain | DepthwiseConvolution


class DenseRule:
    """z = g W h. A convolution is this on every patch, an embedding this on a one-hot input.

    Forward |z| = g sigma sqrt(fan_out) |h|; change: layer, passthrough and interaction; backward
    g (sigma sqrt(fan_in) + |dW|) |d|; gradient g |d| |h|. Source: the module's docstring.
    """

    def initialize(self, run: Run[O], node: Matrix) -> Steps[O]:
        run.initial[node.name] = self._generic(run, node, run.initial[node.source])
        if echo := run.echoes.get(node.name):
            own, root = run.layers[node.weight], run.larger(node.fan_in, node.fan_out, exponent=HALF)
            aligned = run.algebra.product(own.multiplier, own.init, root, written(run, echo, node.source))
            run.initial[node.name] = run.algebra.total(run.initial[node.name], aligned)
        yield run.observe("z", node, run.initial[node.name])
        yield run.observe("W_frobenius", node, random_norm(run, node))

    def forward(self, run: Run[O], node: Matrix) -> Steps[O]:
        algebra, g, update = run.algebra, run.layers[node.weight].multiplier, run.update[node.weight]
        source, change = run.initial[node.source], run.change[node.source]
        layer = algebra.product(g, update, self._unaligned(run, node), source)
        passed_on = run.times(algebra.product(g, run.layers[node.weight].init, self._aligned(run, node)), change)
        interaction = self._interaction(run, node, source)
        faded = self._faded(run, node)
        passthrough = algebra.total(*passed_on, faded.size) if faded else run.total(passed_on)
        # As a matrix, what an update makes of a change is along what it multiplies, as what it makes of h(0) is.
        is_matrix = node.name in run.problem.network.generated
        run.own[node.name] = algebra.total(layer, interaction) if is_matrix else layer
        fade(run, node.name, faded, decayed(run, node))
        yield from moving(run, node, (layer, passthrough, interaction))
        yield from finish(run, node, run.coherently(passed_on, layer, interaction))

    def backward(self, run: Run[O], node: Matrix, signal: Parts[O]) -> Steps[O]:
        algebra, own, update = run.algebra, run.layers[node.weight], run.update[node.weight]
        whole = run.total(signal)
        yield run.observe("d", node, whole)
        record(run, node, algebra.product(own.multiplier, whole, run.now(node.source)))
        through = algebra.product(own.multiplier, own.init, run.power(node.fan_in, HALF))
        unaligned = run.power(node.fan_out, (run.problem.laws[node.weight].alpha - 1) / 2)
        by_update = algebra.product(own.multiplier, update, unaligned, whole)
        run.send(node.source, run.coherently(run.times(through, signal), by_update))

    def _generic(self, run: Run[O], node: Matrix, order: O) -> O:
        own = run.layers[node.weight]
        return run.algebra.product(own.multiplier, own.init, run.power(node.fan_out, HALF), order)

    def _faded(self, run: Run[O], node: Matrix) -> Faded[O] | None:
        """What h has lost, as W(0) passes it on: of an echo, in proportion."""
        if node.name not in run.echoes:
            return carried(run, node.source, lambda order: self._generic(run, node, order))
        gain = run.algebra.ratio(run.initial[node.name], run.initial[node.source])
        return carried(run, node.source, lambda order: run.algebra.product(gain, order))

    def _aligned(self, run: Run[O], node: Matrix) -> O:
        """sqrt(max(fan_in, fan_out)); for a readout the law of large numbers, if omega says so.

        Of what is dormant, as a router is, nothing has been in the gradients before the first update, nor of what is
        silent, as the first matrix of an adapter is whose second one starts at zero: generic.
        """
        if run.step == 1 and (node.name in run.problem.network.dormant or node.name in run.silent):
            return run.power(node.fan_out, HALF)
        read = run.copied_units.get(node.source, node.fan_in)
        if node.role == "output":
            omega = run.problem.laws[node.weight].omega
            by_law = run.larger(read, node.fan_out, exponent=HALF * omega)
            return run.algebra.product(by_law, run.power(node.fan_out, HALF * (1 - omega)))
        return run.larger(read, node.fan_out, exponent=HALF)

    def _unaligned(self, run: Run[O], node: Matrix) -> O:
        """What an update loses of the input that it aligns with by alpha only."""
        return run.power(node.fan_in, (run.problem.laws[node.weight].alpha - 1) / 2)

    def _interaction(self, run: Run[O], node: Matrix, source: O) -> O:
        """By the overlap of dh with h; all that is known to lie along h needs no such rule."""
        algebra, g, update = run.algebra, run.layers[node.weight].multiplier, run.update[node.weight]
        faded = run.faded.get(node.source)
        moved = run.total(run.change[node.source]) if faded and faded.is_along else run.moved(node.source)
        found = algebra.product(g, update, moved, self._overlap(run, node, source, moved))
        if not faded or faded.along == run.zero:
            return found
        return algebra.total(found, algebra.product(g, update, self._unaligned(run, node), faded.along))

    def _overlap(self, run: Run[O], node: Matrix, source: O, moved: O) -> O:
        """Generic, whatever alpha is; or of the part along h, on which the update acts as it does on h.

        Where h(0) = 0 the change is all of h.
        """
        algebra = run.algebra
        if source == run.zero:
            return self._unaligned(run, node)
        generic = run.power(run.copied_units.get(node.source, node.fan_in), -HALF)
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
        interaction = algebra.product(entry, run.moved(node.source))
        passthrough = run.total(passed_on)
        if faded := carried(run, node.source, lambda order: algebra.product(own.multiplier, own.init, order)):
            passthrough = algebra.total(passthrough, faded.size)
        fade(run, node.name, faded)
        below = run.own.get(node.source, run.zero)
        run.own[node.name] = algebra.total(layer, algebra.product(own.multiplier, own.init, below))
        yield from moving(run, node, (layer, passthrough, interaction))
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
        fade(run, node.name, run.faded.get(node.source))
        yield from moving(run, node, (layer, run.moved(node.source), run.zero))
        yield from finish(run, node, run.coherently(passed_on, layer))

    def backward(self, run: Run[O], node: Bias, signal: Parts[O]) -> Steps[O]:
        whole = run.total(signal)
        yield run.observe("d", node, whole)
        record(run, node, run.algebra.product(run.layers[node.weight].multiplier, whole))
        run.send(node.source, signal)


class WeightRule:
    """z = g w: a weight as a value. |z| = g sigma sqrt(entries), |dz| = g |dw|, |G| = g |d|."""

    def initialize(self, run: Run[O], node: Weight) -> Steps[O]:
        own = run.layers[node.weight]
        run.initial[node.name] = run.algebra.product(own.multiplier, random_norm(run, node))
        yield run.observe("z", node, run.initial[node.name])
        yield run.observe("W_frobenius", node, random_norm(run, node))

    def forward(self, run: Run[O], node: Weight) -> Steps[O]:
        layer = run.algebra.product(run.layers[node.weight].multiplier, run.update[node.weight])
        run.own[node.name] = layer
        yield from moving(run, node, (layer, run.zero, run.zero))
        yield from finish(run, node, run.coherently(run.silence(node), layer))

    def backward(self, run: Run[O], node: Weight, signal: Parts[O]) -> Steps[O]:
        whole = run.total(signal)
        yield run.observe("d", node, whole)
        record(run, node, run.algebra.product(run.layers[node.weight].multiplier, whole))


def moving(run: Run[O], node: Weighted, terms: tuple[O, O, O]) -> Steps[O]:
    """The three terms of a change."""
    for quantity, order in zip(TERMS, terms, strict=True):
        yield run.observe(quantity, node, order)


def finish(run: Run[O], node: Weighted, change: Parts[O]) -> Steps[O]:
    """The change as a whole."""
    run.change[node.name] = change
    moved = run.moved(node.name)
    yield run.observe("dz", node, moved)
    yield run.observe("z", node, run.algebra.total(run.initial[node.name], moved))


def decayed(run: Run[O], node: Matrix) -> Faded[O] | None:
    """What decay of W(0) itself takes of z(0), all of which is along it."""
    if node.weight not in run.shrinkage:
        return None
    decay = run.algebra.product(run.shrinkage[node.weight], run.initial[node.name])
    return Faded(decay, decay)


def record(run: Run[O], node: Weighted, gradient: O) -> None:
    """Add to the gradient of the node's weight, which other nodes may share."""
    run.gradient[node.weight] = run.algebra.total(run.gradient[node.weight], gradient)


def random_norm(run: Run[O], node: Weighted) -> O:
    """|W(0)|_F = sigma sqrt(entries)."""
    root = run.power(node.fan_in, HALF), run.power(node.fan_out, HALF)
    return run.algebra.product(run.layers[node.weight].init, *root)
