"""The rules of nodes without a weight: elementwise functions, normalization, multipliers, sums, repeated blocks."""

from __future__ import annotations

from fractions import Fraction

from scalings.errors import ArgumentError
from scalings.networks.nodes import BOUNDED, Elementwise, Norm, Pool, Repeat, Scale, Sum
from symbolic.orders.algebra import O
from symbolic.propagation.state import HALF, Parts, Run, Steps, in_turn


class ElementwiseRule:
    """h = phi(z): |h| = |z|, |dh| = |dz|, |d_z| = |d_h|; entries of size 1, bounded derivative.

    A bounded phi also has |h| <= sqrt(units). Smooth, homogeneous or not, phi has the same orders, but where z = 0:
    there relu' = 0 (as torch and jax have it), and nothing comes back through it. Source:
    docs/explanation/orders-of-magnitude.md; Yang and Hu, arXiv 2011.14522, Assumption 3.1.
    """

    def initialize(self, run: Run[O], node: Elementwise) -> Steps[O]:
        run.initial[node.name] = self._bounded(run, node, run.initial[node.source])
        yield from ()

    def forward(self, run: Run[O], node: Elementwise) -> Steps[O]:
        run.change[node.name] = tuple(self._bounded(run, node, part) for part in run.change[node.source])
        yield from ()

    def backward(self, run: Run[O], node: Elementwise, signal: Parts[O]) -> Steps[O]:
        if node.activation == "relu" and run.is_zero(node.source):
            signal = (run.zero,) * len(signal)
        run.send(node.source, signal)
        yield from ()

    def _bounded(self, run: Run[O], node: Elementwise, order: O) -> O:
        if node.activation not in BOUNDED:
            return order
        return run.algebra.smaller(order, run.power(run.problem.network.units[node.name], HALF))


class NormRule:
    """h = sqrt(units) z / |z|: |h| = sqrt(units), |dh| = sqrt(units) min(1, |dz|/|z|), |d_z| = sqrt(units) |d_h|/|z|.

    Source: its derivative is sqrt(units)/|z| times the projection off z (Ba, Kiros and Hinton, arXiv 1607.06450).
    """

    def initialize(self, run: Run[O], node: Norm) -> Steps[O]:
        if run.initial[node.source] == run.zero:
            raise ArgumentError("init", f"{node.name} divides by the size of {node.source}, which is zero")
        nonzero = run.algebra.power(run.initial[node.source], Fraction(0))
        run.initial[node.name] = run.algebra.product(nonzero, self._root(run, node))
        yield from ()

    def forward(self, run: Run[O], node: Norm) -> Steps[O]:
        algebra, before = run.algebra, run.initial[node.source]
        relative = (algebra.smaller(run.one, algebra.ratio(part, before)) for part in run.change[node.source])
        run.change[node.name] = tuple(algebra.product(self._root(run, node), part) for part in relative)
        yield from ()

    def backward(self, run: Run[O], node: Norm, signal: Parts[O]) -> Steps[O]:
        slope = run.algebra.ratio(self._root(run, node), run.now(node.source))
        run.send(node.source, run.times(slope, signal))
        yield from ()

    def _root(self, run: Run[O], node: Norm) -> O:
        return run.power(run.problem.network.units[node.name], HALF)


class PoolRule:
    """The mean over a fixed number of positions has the order of what it is taken of, forward and backward."""

    def initialize(self, run: Run[O], node: Pool) -> Steps[O]:
        run.initial[node.name] = run.initial[node.source]
        yield from ()

    def forward(self, run: Run[O], node: Pool) -> Steps[O]:
        run.change[node.name] = run.change[node.source]
        yield from ()

    def backward(self, run: Run[O], node: Pool, signal: Parts[O]) -> Steps[O]:
        run.send(node.source, signal)
        yield from ()


class ScaleRule:
    """y = g h: everything is multiplied by g, forward and backward."""

    def initialize(self, run: Run[O], node: Scale) -> Steps[O]:
        run.initial[node.name] = run.algebra.product(run.multipliers[node.name], run.initial[node.source])
        yield from ()

    def forward(self, run: Run[O], node: Scale) -> Steps[O]:
        run.change[node.name] = run.times(run.multipliers[node.name], run.change[node.source])
        yield from ()

    def backward(self, run: Run[O], node: Scale, signal: Parts[O]) -> Steps[O]:
        run.send(node.source, run.times(run.multipliers[node.name], signal))
        yield from ()


class SumRule:
    """y = h + branches: the sum rule. In a block that is repeated m times, those of all copies meet in one stream:
    their initial values add to sqrt(m) of one, their changes to m times the coherent part and sqrt(m) times the other.

    Source: arXiv 2310.02244, section 3 (random initialization: central limit theorem over blocks; updates: law of
    large numbers over blocks).
    """

    def initialize(self, run: Run[O], node: Sum) -> Steps[O]:
        skip, *branches = (run.initial[name] for name in node.sources)
        if node.name in run.streams:
            root = run.power(run.streams[node.name], HALF)
            branches = [run.algebra.product(root, branch) for branch in branches]
        run.initial[node.name] = run.algebra.total(skip, *branches)
        yield run.observe("z", node, run.initial[node.name])

    def forward(self, run: Run[O], node: Sum) -> Steps[O]:
        skip, *branches = (run.change[name] for name in node.sources)
        if node.name in run.streams:
            branches = [(run.zero, run.accumulated(run.streams[node.name], branch)) for branch in branches]
        run.change[node.name] = run.added(skip, *branches)
        yield run.observe("dz", node, run.total(run.change[node.name]))
        yield run.observe("z", node, run.now(node.name))

    def backward(self, run: Run[O], node: Sum, signal: Parts[O]) -> Steps[O]:
        yield run.observe("d", node, run.total(signal))
        skip, *branches = node.sources
        run.pass_on(skip, signal)
        for branch in branches:
            run.send(branch, signal)


class RepeatRule:
    """A residual block, m times: it runs twice, once on the stream as it enters the first copy, and once as it enters
    the last, which is what the sums of the first have made of it.

    A stable block changes the order of its stream no further; an unstable one is seen to be.
    """

    def initialize(self, run: Run[O], node: Repeat) -> Steps[O]:
        run.initial[node.name] = run.initial[node.source]
        for _ in ("first", "last"):
            yield from in_turn(node.nodes, run.initialize)
            run.initial[node.name] = run.initial[node.nodes[-1].name]

    def forward(self, run: Run[O], node: Repeat) -> Steps[O]:
        stream = run.change[node.source]
        run.change[node.name] = (run.zero, *stream) if run.grows(node) else stream
        for _ in ("first", "last"):
            yield from in_turn(node.nodes, run.forward)
            run.change[node.name] = run.change[node.nodes[-1].name]
        run.change[node.name] = (run.total(run.change[node.name]),)

    def backward(self, run: Run[O], node: Repeat, signal: Parts[O]) -> Steps[O]:
        signal = (run.zero, run.total(signal)) if run.grows(node) else signal
        for _ in ("last", "first"):
            run.signal[node.nodes[-1].name] = signal
            yield from in_turn(node.nodes[::-1], run.backward)
            signal = run.signal.pop(node.name)
        run.send(node.source, (run.total(signal),))
