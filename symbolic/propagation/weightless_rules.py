"""The rules of nodes without a weight: elementwise functions, normalization, multipliers, sums, repeated blocks."""

from __future__ import annotations

from fractions import Fraction

from scalings.errors import ArgumentError
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.networks.functions import FUNCTIONS
from scalings.networks.nodes import (
    Elementwise,
    Factor,
    Norm,
    Pool,
    Power,
    Rearrange,
    Repeat,
    Scale,
    Sum,
)
from symbolic.orders.algebra import O, signed_power
from symbolic.propagation.fading import Faded, carried, fade
from symbolic.propagation.state import HALF, Carrier, Parts, Run, Steps, in_turn


class ElementwiseRule:
    """h = phi(z): |h| = |z|, |dh| = |dz|, |d_z| = |d_h|; entries of size 1, bounded derivative.

    A bounded phi also has |h| <= sqrt(units), and one with phi(0) != 0 has |h| >= sqrt(units). Smooth or not, phi has
    the same orders, but at z = 0: where phi'(0) = 0, as torch and jax have it of relu, nothing comes back; nor does it,
    ever, where gradients are stopped. Source: orders-of-magnitude.md; Yang and Hu, arXiv 2011.14522, Assumption 3.1.
    """

    def initialize(self, run: Run[O], node: Elementwise) -> Steps[O]:
        found = self._bounded(run, node, run.initial[node.source])
        if FUNCTIONS[node.activation].offset:
            found = run.algebra.total(found, root_of_units(run, node))
        run.initial[node.name] = found
        yield from ()

    def forward(self, run: Run[O], node: Elementwise) -> Steps[O]:
        run.carry(node, lambda part: self._bounded(run, node, part))
        if FUNCTIONS[node.activation].stops and node.name in run.heeded:
            run.own[node.name] = run.zero
        yield from ()

    def backward(self, run: Run[O], node: Elementwise, signal: Parts[O]) -> Steps[O]:
        phi = FUNCTIONS[node.activation]
        if phi.stops or (phi.flat and run.is_zero(node.source)):
            signal = (run.zero,) * len(signal)
        run.send(node.source, signal)
        yield from ()

    def _bounded(self, run: Run[O], node: Elementwise, order: O) -> O:
        if not FUNCTIONS[node.activation].bounded:
            return order
        return run.algebra.smaller(order, root_of_units(run, node))


class PowerRule:
    """h = |z|^p, with entries e = |z|/sqrt(units) before and e^p behind.

    |d_z| = e^(p-1) |d_h|, and of a change with entries c its entries are

        p > 1        e^(p-1) c + c^p                  the larger one counts, by the binomial theorem
        0 < p < 1    min(e^(p-1) c, c^p)              the first while c < e
        p < 0        min(e^(p-1) c, e^p)

    Source: the mean value theorem for c < e; for c > e, h(z + c) is h(c) up to constants.
    """

    def initialize(self, run: Run[O], node: Power) -> Steps[O]:
        if node.exponent < 1 and run.initial[node.source] == run.zero:
            power = f"the power {node.exponent}"
            raise ArgumentError(
                "init", f"{node.name} takes {power} of {node.source}, which is zero: its slope is infinite"
            )
        run.initial[node.name] = self._power(run, node, run.initial[node.source])
        yield from ()

    def forward(self, run: Run[O], node: Power) -> Steps[O]:
        slope = self._slope(run, node, run.initial[node.source])

        def act(part: O) -> O:
            linear = run.algebra.product(slope, part)
            if node.exponent == 1:
                return linear
            if node.exponent > 1:
                return run.algebra.total(linear, self._power(run, node, part))
            far = run.initial[node.name] if node.exponent < 0 else self._power(run, node, part)
            return run.algebra.smaller(linear, far)

        run.carry(node, act)
        yield from ()

    def backward(self, run: Run[O], node: Power, signal: Parts[O]) -> Steps[O]:
        run.send(node.source, run.times(self._slope(run, node, run.now(node.source)), signal))
        yield from ()

    def _power(self, run: Run[O], node: Power, order: O) -> O:
        """sqrt(units) (order / sqrt(units))^p."""
        algebra, root = run.algebra, root_of_units(run, node)
        return algebra.product(root, signed_power(algebra, algebra.ratio(order, root), node.exponent))

    def _slope(self, run: Run[O], node: Power, order: O) -> O:
        """(order / sqrt(units))^(p-1)."""
        if node.exponent == 1:
            return run.one
        return signed_power(run.algebra, run.algebra.ratio(order, root_of_units(run, node)), node.exponent - 1)


class NormRule:
    """h = sqrt(units) z / |z|: |h| = sqrt(units), |dh| = sqrt(units) min(1, |dz|/|z|), |d_z| = sqrt(units) |d_h|/|z|.

    Source: its derivative is sqrt(units)/|z| times the projection off z (Ba, Kiros and Hinton, arXiv 1607.06450).
    """

    def initialize(self, run: Run[O], node: Norm) -> Steps[O]:
        if run.initial[node.source] == run.zero:
            raise ArgumentError("init", f"{node.name} divides by the size of {node.source}, which is zero")
        nonzero = run.algebra.power(run.initial[node.source], Fraction(0))
        run.initial[node.name] = run.algebra.product(nonzero, root_of_units(run, node))
        yield from ()

    def forward(self, run: Run[O], node: Norm) -> Steps[O]:
        algebra, before, root = run.algebra, run.initial[node.source], root_of_units(run, node)

        def act(part: O) -> O:
            return algebra.product(root, algebra.smaller(run.one, algebra.ratio(part, before)))

        run.carry(node, act, along=False)
        yield from ()

    def backward(self, run: Run[O], node: Norm, signal: Parts[O]) -> Steps[O]:
        slope = run.algebra.ratio(root_of_units(run, node), run.now(node.source))
        run.send(node.source, run.times(slope, signal))
        yield from ()


class PoolRule:
    """The mean over a fixed number of positions has the order of what it is taken of, forward and backward."""

    def initialize(self, run: Run[O], node: Pool) -> Steps[O]:
        run.initial[node.name] = run.initial[node.source]
        yield from ()

    def forward(self, run: Run[O], node: Pool) -> Steps[O]:
        run.carry(node, lambda part: part)
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
        run.carry(node, lambda part: run.algebra.product(run.multipliers[node.name], part))
        yield from ()

    def backward(self, run: Run[O], node: Scale, signal: Parts[O]) -> Steps[O]:
        run.send(node.source, run.times(run.multipliers[node.name], signal))
        yield from ()


class FactorRule:
    """y = c n^order h, forward and backward; of any other scale variable than the width it is a constant."""

    def initialize(self, run: Run[O], node: Factor) -> Steps[O]:
        run.initial[node.name] = run.scaled(self._order(run, node), run.initial[node.source])
        yield from ()

    def forward(self, run: Run[O], node: Factor) -> Steps[O]:
        run.carry(node, lambda part: run.scaled(self._order(run, node), part))
        yield from ()

    def backward(self, run: Run[O], node: Factor, signal: Parts[O]) -> Steps[O]:
        run.send(node.source, tuple(run.scaled(self._order(run, node), part) for part in signal))
        yield from ()

    def _order(self, run: Run[O], node: Factor) -> Fraction:
        return node.order if run.problem.scale == WIDTH_SCALE else Fraction(0)


class RearrangeRule:
    """Selected, repeated, put side by side or added up: entries stay those of the largest source.

    |h| = sqrt(units) max of |h_i| / sqrt(units_i), and so of changes. Every source gets |d_i| = |d|: entries that are
    not selected get zeros. Of a value that is repeated A times the gradient is a sum over the A copies, A^(1/2) of them
    in each entry at random; but what an update sends back, dW^T d with dW = d h^T, lies along h, and so do all copies:

        |d_i| = |d| + A^(1/2) min(1, |h_i| / |h|) |d by updates|

    where |h_i| is what the copies are of h, of which there may be more than one source. This is the rule of products
    (bilinear_rules), of which a repeated factor is another spelling.
    """

    def initialize(self, run: Run[O], node: Rearrange) -> Steps[O]:
        orders = (self._arranged(run, node, name, run.initial[name]) for name in node.sources)
        run.initial[node.name] = run.algebra.total(*orders)
        yield from ()

    def forward(self, run: Run[O], node: Rearrange) -> Steps[O]:
        parts = [tuple(self._arranged(run, node, name, part) for part in run.change[name]) for name in node.sources]
        run.change[node.name] = run.added(*parts)
        fade(run, node.name, *(self._faded(run, node, name) for name in node.sources))
        if node.name in run.heeded:
            own = (self._arranged(run, node, name, run.own.get(name, run.zero)) for name in node.sources)
            run.own[node.name] = run.algebra.total(*own)
        yield from ()

    def backward(self, run: Run[O], node: Rearrange, signal: Parts[O]) -> Steps[O]:
        for name in node.sources:
            run.send(name, self._summed(run, node, name, signal) if run.copies(node, name) else signal)
        yield from ()

    def _summed(self, run: Run[O], node: Rearrange, name: str, signal: Parts[O]) -> Parts[O]:
        """The sum over copies of the signals that they get."""
        by_updates = run.scaled(HALF * run.copies(node, name), signal[0])
        if len(node.sources) > 1:
            share = run.algebra.ratio(self._arranged(run, node, name, run.now(name)), run.now(node.name))
            by_updates = run.algebra.product(by_updates, run.algebra.smaller(run.one, share))
        return run.coherently(signal, by_updates)

    def _faded(self, run: Run[O], node: Rearrange, name: str) -> Faded[O] | None:
        return carried(run, name, lambda order: self._arranged(run, node, name, order))

    def _arranged(self, run: Run[O], node: Rearrange, name: str, order: O) -> O:
        units = run.problem.network.units
        return run.scaled(HALF * (run.order(units[node.name]) - run.order(units[name])), order)


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
        fade(run, node.name, *(self._faded(run, node, name) for name in node.sources))
        if node.name in run.heeded:
            self._keep_own(run, node)
        yield run.observe("dz", node, run.moved(node.name))
        yield run.observe("z", node, run.now(node.name))

    def backward(self, run: Run[O], node: Sum, signal: Parts[O]) -> Steps[O]:
        yield run.observe("d", node, run.total(signal))
        skip, *branches = node.sources
        run.pass_on(skip, signal)
        for branch in branches:
            run.send(branch, signal)

    def _faded(self, run: Run[O], node: Sum, name: str) -> Faded[O] | None:
        """As initial values add up."""
        if node.name not in run.streams or name == node.sources[0]:
            return run.faded.get(name)
        return carried(run, name, lambda order: run.algebra.product(run.power(run.streams[node.name], HALF), order))

    def _keep_own(self, run: Run[O], node: Sum) -> None:
        skip, *branches = (run.own.get(name, run.zero) for name in node.sources)
        if node.name in run.streams:
            copies = run.power(run.streams[node.name], Fraction(1))
            branches = [run.algebra.product(copies, branch) for branch in branches]
        run.own[node.name] = run.algebra.total(skip, *branches)


class RepeatRule:
    """A block, m times: it runs twice, once on the stream as it enters the first copy, and once as it enters
    the last, which is what the sums of the first have made of it.

    A stable block changes the order of its stream no further; an unstable one is seen to be. Constants add up from copy
    to copy: where these count (`every_copy`), it runs m times, if m is fixed.
    """

    def initialize(self, run: Run[O], node: Repeat) -> Steps[O]:
        run.initial[node.name] = run.initial[node.source]
        for _ in range(_passes(run, node)):
            yield from in_turn(node.nodes, run.initialize)
            run.initial[node.name] = run.initial[node.nodes[-1].name]

    def forward(self, run: Run[O], node: Repeat) -> Steps[O]:
        stream = run.change[node.source]
        run.change[node.name] = (run.zero, *stream) if run.grows(node) else stream
        run.own[node.name] = run.own.get(node.source, run.zero)
        fade(run, node.name, run.faded.get(node.source))
        for _ in range(_passes(run, node)):
            yield from in_turn(node.nodes, run.forward)
            run.change[node.name] = run.change[node.nodes[-1].name]
            run.own[node.name] = run.own.get(node.nodes[-1].name, run.zero)
            fade(run, node.name, run.faded.get(node.nodes[-1].name))
        run.change[node.name] = (run.total(run.change[node.name]),)

    def backward(self, run: Run[O], node: Repeat, signal: Parts[O]) -> Steps[O]:
        signal = (run.zero, run.total(signal)) if run.grows(node) else signal
        for _ in range(_passes(run, node)):  # from the last to the first
            run.signal[node.nodes[-1].name] = signal
            yield from in_turn(node.nodes[::-1], run.backward)
            signal = run.signal.pop(node.name)
        run.send(node.source, (run.total(signal),) if run.grows(node) else signal)


def _passes(run: Run[O], node: Repeat) -> int:
    """How often a block runs: once as the first copy and once as the last, or once for each."""
    return max(2, node.times.at(1)) if run.every_copy and not node.times.grows else 2


def root_of_units(run: Run[O], node: Carrier) -> O:
    """The norm of a vector with entries of size 1."""
    return run.power(run.problem.network.units[node.name], HALF)
