"""Training, run on orders of magnitude.

`train` is a training loop: forward, backward, update, again. It runs on orders instead of tensors, over
whichever `Algebra` it is given, and yields every observable as soon as the run has computed it. Each rule
stands beside the line of DESIGN.md (section 1) that it is:

    generic      |W v| = sigma sqrt(fan_out) |v|                    W i.i.d., v independent of W
    aligned      |W v| = sigma sqrt(max(fan_in, fan_out)) |v|       v was produced through W^T
    backward     |d_(l-1)| = g |W^T d| + g |dW^T d|                 generic, transposed; then aligned
    gradient     |G|_F = g |d| |h|                                  outer products: rank O(1)
    update law   |dW|_F += eta |G|^p fan_in^(q_in/2) fan_out^(q_out/2) max(fans)^m |W|_F^s
    update acts  |g dW h| = g |dW|_F |h|                            updates align with their inputs
    overlap      |g dW dh| = g |dW|_F |dh| min(1, max(fan_in^(-1/2), |dh|/|h|))

The overlap of dh with h is generic at first. A nonlinearity gives it a part |dh|/|h| at once, by its curvature; where
all is linear, only the second update does, through the part of dW that the first one moved.

Sources: Karkada, arXiv 2404.19719; Yang and Hu, arXiv 2011.14522 (generic and aligned); Yang et al.,
arXiv 2310.17813 (operator norms). The overlap rule is this project's own: it was found by measuring, and rests on
that (tests/test_agreement.py) rather than on a theorem.

The same loop serves given exponents (`predict`, `check`) and unknown ones (`derive`). Since it is a
generator, `derive` can add what a criterion has just taught it before the run goes on.

>>> from scalings.networks import mlp
>>> from scalings.optimizers import optimizer
>>> from scalings.parameterizations import preset
>>> from symbolic.orders import EXACT
>>> run = dict(train(mlp(3), preset("mup-lr", 3).layers, optimizer("sgd"), EXACT, steps=1))
>>> str(run[Observable("dz", "layer2", 1)])
'1/2'
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Generic, TypeAlias

from scalings.exponents import MINUS_INFINITY
from scalings.networks import BOUNDED, INPUT, Dense, Dimension, Elementwise, Network, wrong_depth
from scalings.observables import TERMS, Observable
from scalings.optimizers import UpdateLaw
from scalings.parameterizations import LayerExponents
from symbolic.orders import Algebra, O

HALF = Fraction(1, 2)
UPDATES = 3
"""The orders of a stable run settle within three updates: the readout's, what it sends back, what that moves."""

Observed: TypeAlias = tuple[Observable, O]


def train(
    network: Network, layers: Sequence[LayerExponents[O]], law: UpdateLaw, algebra: Algebra[O], steps: int
) -> Iterator[Observed[O]]:
    """Train for `steps` updates on mean squared error; yields (observable, order) in the order of computation.

    `layers` are the orders of g, sigma and eta of each dense node of the network, from input to output.
    Raises ArgumentError if there are not as many as dense nodes.
    """
    if len(layers) != network.depth:
        raise wrong_depth(network, len(layers))
    run = _Run(network, dict(zip(network.layers, layers, strict=True)), law, algebra)
    initial = yield from run.initialize()
    zero = algebra.constant(MINUS_INFINITY)
    change = dict.fromkeys(initial, zero)
    update = {layer.weight: zero for layer in network.layers}
    for step in range(steps):
        gradient = yield from run.backward(initial, change, update, step)
        update = yield from run.update(update, gradient, step + 1)
        change = yield from run.forward(initial, update, step + 1)
    yield from run.backward(initial, change, update, steps)


@dataclass(frozen=True)
class _Run(Generic[O]):
    """The pieces of one training run. Orders are kept by node name, those of weights by weight name."""

    network: Network
    scales: Mapping[Dense, LayerExponents[O]]
    law: UpdateLaw
    algebra: Algebra[O]

    def initialize(self) -> Generator[Observed[O], None, dict[str, O]]:
        """The forward pass of step 0; returns |h| of every node."""
        algebra = self.algebra
        initial = {INPUT: algebra.constant(Fraction(0))}
        for node in self.network.nodes:
            source = initial[node.source]
            if isinstance(node, Elementwise):
                initial[node.name] = self._elementwise(node, source)
                continue
            scale = self.scales[node]
            generic = algebra.product(scale.multiplier, scale.init, self._root(node.fan_out), source)
            initial[node.name] = generic
            yield Observable("z", node.name, 0), generic
            yield Observable("W_frobenius", node.name, 0), self._random_norm(node)
        return initial

    def forward(
        self, initial: Mapping[str, O], update: Mapping[str, O], step: int
    ) -> Generator[Observed[O], None, dict[str, O]]:
        """A later forward pass; returns |dh| of every node."""
        algebra = self.algebra
        change = {INPUT: algebra.constant(MINUS_INFINITY)}
        for node in self.network.nodes:
            if isinstance(node, Elementwise):
                change[node.name] = self._elementwise(node, change[node.source])
                continue
            source, source_change = initial[node.source], change[node.source]
            has_aligned = step > 1 or node.source in self.curved
            terms = self._three_terms(node, update[node.weight], source, source_change, has_aligned)
            change[node.name] = algebra.total(*terms)
            for quantity, order in zip(TERMS, terms, strict=True):
                yield Observable(quantity, node.name, step), order
            yield Observable("dz", node.name, step), change[node.name]
            yield Observable("z", node.name, step), algebra.total(initial[node.name], change[node.name])
        return change

    def backward(
        self, initial: Mapping[str, O], change: Mapping[str, O], update: Mapping[str, O], step: int
    ) -> Generator[Observed[O], None, dict[str, O]]:
        """Loss and backward pass; returns |G|_F of every weight."""
        algebra, output = self.algebra, self.network.output.name
        zero = algebra.constant(MINUS_INFINITY)
        residual = algebra.total(algebra.constant(Fraction(0)), initial[output], change[output])
        yield Observable("loss", "", step), algebra.power(residual, Fraction(2))
        signals = {output: residual}
        gradient = dict.fromkeys(update, zero)
        for node in reversed(self.network.nodes):
            signal = signals.get(node.name, zero)
            if isinstance(node, Dense):
                yield Observable("d", node.name, step), signal
                g, sigma = self.scales[node].multiplier, self.scales[node].init
                representation = algebra.total(initial[node.source], change[node.source])
                outer = algebra.product(g, signal, representation)
                gradient[node.weight] = algebra.total(gradient[node.weight], outer)
                weight = algebra.total(algebra.product(sigma, self._root(node.fan_in)), update[node.weight])
                signal = algebra.product(g, weight, signal)
            signals[node.source] = algebra.total(signals.get(node.source, zero), signal)
        return gradient

    def update(
        self, update: Mapping[str, O], gradient: Mapping[str, O], step: int
    ) -> Generator[Observed[O], None, dict[str, O]]:
        """One step of the optimizer; returns |dW|_F of every weight."""
        updated = dict(update)
        for node in self.network.layers:
            one_step = self._update_law(node, gradient[node.weight], update[node.weight])
            updated[node.weight] = self.algebra.total(update[node.weight], one_step)
            yield Observable("dW_frobenius", node.name, step), updated[node.weight]
            weight_norm = self.algebra.total(self._random_norm(node), updated[node.weight])
            yield Observable("W_frobenius", node.name, step), weight_norm
        return updated

    @cached_property
    def curved(self) -> frozenset[str]:
        """The nodes whose output is not linear in the weights before them."""
        found: set[str] = set()
        for node in self.network.nodes:
            if node.source in found or (isinstance(node, Elementwise) and node.activation != "linear"):
                found.add(node.name)
        return frozenset(found)

    def _three_terms(self, node: Dense, update: O, source: O, source_change: O, has_aligned: bool) -> tuple[O, O, O]:
        algebra, g = self.algebra, self.scales[node].multiplier
        layer = algebra.product(g, update, source)
        largest_fan = algebra.constant(HALF * max(node.fan_in.order, node.fan_out.order))
        passthrough = algebra.product(g, self.scales[node].init, largest_fan, source_change)
        overlap = algebra.constant(-HALF * node.fan_in.order)
        if has_aligned:
            movement = algebra.ratio(source_change, source)
            overlap = algebra.smaller(algebra.constant(Fraction(0)), algebra.total(overlap, movement))
        return layer, passthrough, algebra.product(g, update, source_change, overlap)

    def _update_law(self, node: Dense, gradient: O, update: O) -> O:
        algebra, law = self.algebra, self.law
        fan_in, fan_out = node.fan_in.order, node.fan_out.order
        fans = HALF * (law.fan_in * fan_in + law.fan_out * fan_out) + law.larger_fan * max(fan_in, fan_out)
        factors = [self.scales[node].lr, algebra.power(gradient, law.gradient), algebra.constant(fans)]
        if law.weight:  # |W|^0 = 1 also for zero weights, unlike |G|^0: a zero gradient is a zero update
            factors.append(algebra.power(algebra.total(self._random_norm(node), update), law.weight))
        return algebra.product(*factors)

    def _elementwise(self, node: Elementwise, order: O) -> O:
        """|phi(z)| = |z| and |d phi(z)| = |dz|; a bounded phi also has |h| <= sqrt(units)."""
        if node.activation not in BOUNDED:
            return order
        units = next(layer.fan_out for layer in self.network.layers if layer.name == node.source)
        return self.algebra.smaller(order, self._root(units))

    def _random_norm(self, node: Dense) -> O:
        """|W(0)|_F = sigma sqrt(fan_in fan_out)."""
        return self.algebra.product(self.scales[node].init, self._root(node.fan_in), self._root(node.fan_out))

    def _root(self, dimension: Dimension) -> O:
        """sqrt(dimension)."""
        return self.algebra.constant(HALF * dimension.order)
