"""The state of a training run on orders, and what the rules of all node kinds share.

A rule says what one node kind does: at initialization, in a later forward pass, and in a backward pass. It
yields observables as it computes them, and writes what other nodes will read into the run.

*Parts.* Within a block that is repeated m times, the changes of a representation are kept in two parts. What a copy's
own updates did to it is *coherent*: gradients make all copies push in one direction, and m of them add to m times one.
What random weights passed on is not, and adds to sqrt(m). Where m does not grow there is one part. Source: Yang, Yu,
Zhu and Hayou, arXiv 2310.02244 (the two laws of large numbers in depth).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, Generic, Protocol, TypeAlias

from scalings.criteria.observables import Observable, Quantity
from scalings.criteria.problem import Problem
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.gauges import LayerExponents
from scalings.networks.blocks import block_stream
from scalings.networks.dimensions import COUNTED_SCALES, Dimension
from scalings.networks.functions import FUNCTIONS
from scalings.networks.nodes import (
    INPUT,
    MATRICES,
    WEIGHTED,
    Elementwise,
    Factor,
    Mean,
    Mix,
    Node,
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
    sources,
)
from symbolic.orders.algebra import Algebra, O
from symbolic.propagation.echo import Echo, echoes
from symbolic.propagation.fading import Faded, carried, fade

HALF = Fraction(1, 2)
Observed: TypeAlias = tuple[Observable, O]
Steps: TypeAlias = Iterator[Observed[O]]
Carrier: TypeAlias = Elementwise | Power | Norm | Pool | Scale | Factor | Softmax | Top
"""Nodes that act on one value, unit by unit or nearly so."""
Parts: TypeAlias = tuple[O, ...]
"""(the change,), or (its coherent part, what was passed on) in a block whose copies grow in number."""


class Rule(Protocol):
    """What one node kind does to orders."""

    def initialize(self, run: Run[O], node: Any) -> Steps[O]:
        """The forward pass of step 0: |h|."""

    def forward(self, run: Run[O], node: Any) -> Steps[O]:
        """A later forward pass: |dh|, in parts."""

    def backward(self, run: Run[O], node: Any, signal: Parts[O]) -> Steps[O]:
        """From |d| of the result, in parts, to that of the sources, and the gradient of the weight."""


@dataclass
class Run(Generic[O]):
    """Orders by node name (those of weights by weight name) of a run that is at `step`."""

    problem: Problem
    algebra: Algebra[O]
    layers: Mapping[str, LayerExponents[O]]
    """By weight."""
    multipliers: Mapping[str, O]
    """By node, of those that have a multiplier and no weight."""
    rules: Mapping[type, Rule]
    everywhere: bool = False
    """Whether z, dz and d of every node are observed, also of those that no criterion speaks of."""
    every_copy: bool = False
    """Whether a block runs once for each of its copies, and not for the first and the last alone."""
    step: int = 0
    initial: dict[str, O] = field(default_factory=dict)
    change: dict[str, Parts[O]] = field(default_factory=dict)
    signal: dict[str, Parts[O]] = field(default_factory=dict)
    """In parts also where gradients are sums over ever more copies of a value: what updates sent back, and the rest."""
    own: dict[str, O] = field(default_factory=dict)
    """Of a change, what the updates of the node itself did, and of what it reads up to the matrices before it; of nodes
    without a weight only if they are `heeded`."""
    update: dict[str, O] = field(default_factory=dict)
    """|dW|_F by weight."""
    gradient: dict[str, O] = field(default_factory=dict)
    """|G|_F by weight."""
    silent: set[str] = field(default_factory=set)
    """Nodes through which no gradient came back before the first update, since weights behind them start at zero."""
    shrinkage: dict[str, O] = field(default_factory=dict)
    """By weight, the fraction by which decay has made it smaller."""
    faded: dict[str, Faded[O]] = field(default_factory=dict)
    """What decay took of values, beside their `change`; nothing of those that no weight before them makes fade."""

    def initialize(self, node: Node) -> Steps[O]:
        yield from self.rules[type(node)].initialize(self, node)
        if node.name in self.watched:
            yield self.observe("z", node, self.initial[node.name])

    def forward(self, node: Node) -> Steps[O]:
        yield from self.rules[type(node)].forward(self, node)
        if node.name in self.watched:
            yield self.observe("dz", node, self.moved(node.name))
            yield self.observe("z", node, self.now(node.name))

    def backward(self, node: Node) -> Steps[O]:
        signal = self.signal.pop(node.name, (self.zero,) * (2 if self.sums_copies or node.name in self._inner else 1))
        if self.step == 0 and self.total(signal) == self.zero:
            self.silent.add(node.name)
        if node.name in self.watched:
            yield self.observe("d", node, self.total(signal))
        yield from self.rules[type(node)].backward(self, node, signal)

    def observe(self, quantity: Quantity, node: Node, order: O) -> Observed[O]:
        return Observable(quantity, node.name, self.step), order

    # Constants

    @cached_property
    def zero(self) -> O:
        return self.algebra.constant(MINUS_INFINITY)

    @cached_property
    def one(self) -> O:
        return self.algebra.constant(Fraction(0))

    def power(self, dimension: Dimension, exponent: Fraction) -> O:
        """dimension^exponent."""
        order = self.order(dimension)
        if not order:
            return self.one
        return self.algebra.constant(exponent if order == 1 else exponent * order)

    def larger(self, *dimensions: Dimension, exponent: Fraction) -> O:
        """The largest dimension, to a power >= 0."""
        return self.algebra.constant(exponent * max(map(self.order, dimensions)))

    def order(self, dimension: Dimension) -> Fraction:
        """Its power of the scale variable. Of tokens and experts rules speak of one at a time."""
        return Fraction(0) if self.problem.scale in COUNTED_SCALES else dimension.order_in(self.problem.scale)

    def scaled(self, exponent: Fraction, *orders: O) -> O:
        """The product, times this power of the scale variable."""
        if not exponent:
            return self.algebra.product(*orders) if len(orders) > 1 else orders[0]
        return self.algebra.product(self.algebra.constant(exponent), *orders)

    # Parts

    def silence(self, node: Node) -> Parts[O]:
        """No change, in as many parts as the node has."""
        return (self.zero,) * (2 if node.name in self._inner else 1)

    def total(self, parts: Parts[O]) -> O:
        return self.algebra.total(*parts)

    def times(self, factor: O, parts: Parts[O]) -> Parts[O]:
        return tuple(self.algebra.product(factor, part) for part in parts)

    def from_outside(self, signal: O) -> Parts[O]:
        """A backward signal that knows nothing of the network's weights."""
        return (self.zero, signal) if self.sums_copies else (signal,)

    def added(self, *several: Parts[O]) -> Parts[O]:
        return tuple(self.algebra.total(*each) for each in zip(*several, strict=True))

    def coherently(self, parts: Parts[O], *own: O) -> Parts[O]:
        """The parts, with what comes from the copy's own update."""
        return self.algebra.total(parts[0], *own), *parts[1:]

    def carry(self, node: Carrier, act: Callable[[O], O], *, along: bool = True) -> None:
        """The change of the source, and what of it is its own, with every part of it acted on by itself; whether what
        decay took `along` the source is along the result."""
        self.change[node.name] = tuple(act(part) for part in self.change[node.source])
        fade(self, node.name, carried(self, node.source, act, along=along))
        if node.name in self.heeded:
            self.own[node.name] = act(self.own.get(node.source, self.zero))

    def now(self, name: str) -> O:
        """|h| at this step."""
        return self.algebra.total(self.initial[name], *self.changes(name))

    def moved(self, name: str) -> O:
        """|dh| at this step."""
        return self.algebra.total(*self.changes(name))

    def changes(self, name: str) -> Parts[O]:
        """What updates and what decay did to a value."""
        return (*self.change[name], self.faded[name].size) if name in self.faded else self.change[name]

    def is_zero(self, name: str) -> bool:
        """Whether h = 0 so far."""
        return self.initial[name] == self.zero and all(part == self.zero for part in self.change[name])

    def send(self, name: str, signal: Parts[O]) -> None:
        """Add to what a node gets in the backward pass, where a repeated block's branches join its stream."""
        if name in self.streams and len(signal) > 1:
            signal = (self.zero, self.accumulated(self.streams[name], signal))
        self.pass_on(name, signal)

    def pass_on(self, name: str, signal: Parts[O]) -> None:
        """Add to what a node gets in the backward pass."""
        if name != INPUT:
            self.signal[name] = self.added(signal, self.signal[name]) if name in self.signal else signal

    def accumulated(self, times: Dimension, parts: Parts[O]) -> O:
        """The sum over all copies: m times the coherent part and sqrt(m) times the other."""
        coherent, passed_on = parts
        copies, root = self.power(times, Fraction(1)), self.power(times, HALF)
        return self.algebra.total(self.algebra.product(copies, coherent), self.algebra.product(root, passed_on))

    # The network

    def grows(self, block: Repeat) -> bool:
        """Whether the number of copies is studied, and not held fixed."""
        return bool(block.times.order_in(self.problem.scale))

    @cached_property
    def streams(self) -> dict[str, Dimension]:
        """The residual streams of blocks that grow in number: what enters a copy, and its sums."""
        blocks = [node for node in self.problem.network.nodes if isinstance(node, Repeat) and self.grows(node)]
        return {name: block.times for block in blocks for name in (block.name, *block_stream(block))}

    @cached_property
    def _inner(self) -> frozenset[str]:
        blocks = [node for node in self.problem.network.nodes if isinstance(node, Repeat) and self.grows(node)]
        return frozenset(name for block in blocks for name in (block.name, *(inner.name for inner in block.nodes)))

    @cached_property
    def watched(self) -> frozenset[str]:
        """The nodes that criteria apply to, or all of them, and that have no rule which observes them."""
        network, own = self.problem.network, (*WEIGHTED, Sum, Scores, Repeat)
        kinds = {one.name: one.kind for one in network.representations}
        read = {one.read_at for one in network.representations}
        wanted = [node for node in network.flat if self.everywhere or node.name in kinds or node.name in read]
        return frozenset(one.name for one in wanted if kinds.get(one.name) != "output" and not isinstance(one, own))

    @cached_property
    def sums_copies(self) -> bool:
        """Whether the gradient of some value is a sum over ever more copies of it."""
        return any(isinstance(node, Rearrange) and self.copied(node) for node in self.problem.network.flat)

    def copied(self, node: Rearrange) -> bool:
        """Whether it has ever more copies of each unit of a source."""
        return any(self.copies(node, source) for source in node.sources)

    def copies(self, node: Rearrange, source: str) -> Fraction:
        """The power of the scale variable in the number of copies of each unit."""
        scale = self.problem.scale
        return Fraction(0) if scale in COUNTED_SCALES else node.copies(self.problem.network.units, source, scale)

    @cached_property
    def copied_units(self) -> Mapping[str, Dimension]:
        """The number of units that differ, of nodes that have ever more copies of each."""
        found: dict[str, Dimension] = {}
        for node in self.problem.network.flat:
            if isinstance(node, Rearrange) and len(node.sources) == 1 and self.copied(node):
                (source,) = node.sources
                found[node.name] = found.get(source, self.problem.network.units[source])
            elif isinstance(node, Elementwise | Power | Norm | Scale | Factor) and node.source in found:
                found[node.name] = found[node.source]
        return found

    @cached_property
    def echoes(self) -> Mapping[str, Echo]:
        """Of nodes that read what their own weight has written elsewhere."""
        return echoes(self.problem.network)

    @cached_property
    def of_full_rank(self) -> frozenset[str]:
        """As matrices: weights that are values, constants, which read the input alone, and what becomes of them."""
        constants = {INPUT}
        for node in self.problem.network.flat:
            if not isinstance(node, WEIGHTED) and constants.issuperset(sources(node)):
                constants.add(node.name)
        return self.problem.network.made_of_weights | constants

    @cached_property
    def heeded(self) -> frozenset[str]:
        """The nodes of which a sum over growing units asks what their own weights did."""
        nodes = {node.name: node for node in self.problem.network.flat}
        found: set[str] = set()
        waiting = [source for node in nodes.values() if self._asks(node) for source in sources(node)]
        while waiting:
            name = waiting.pop()
            if name == INPUT or name in found:
                continue
            found.add(name)
            node = nodes[name]
            if not isinstance(node, MATRICES):
                waiting += [*sources(node), *([node.nodes[-1].name] if isinstance(node, Repeat) else [])]
        return frozenset(found)

    def _asks(self, node: Node) -> bool:
        match node:
            case Scores():
                return True
            case Product():
                return bool(self.order(node.summed)) or self.problem.network.made_of_weights.issuperset(node.sources)
            case Mean():
                return bool(self.order(node.over))
        return False

    @cached_property
    def curved(self) -> frozenset[str]:
        """The nodes whose result is not linear in the weights before them."""
        found: set[str] = set()
        trained: set[str] = set()
        for node in self.problem.network.flat:
            if isinstance(node, WEIGHTED) or not trained.isdisjoint(sources(node)):
                trained.add(node.name)
            if self._bends(node, trained) or not found.isdisjoint(sources(node)):
                found.add(node.name)
        return frozenset(found)

    def _bends(self, node: Node, trained: set[str]) -> bool:
        match node:
            case Norm() | Mix() | Softmax() | Top() | Power():
                return True
            case Elementwise():
                return not FUNCTIONS[node.activation].linear
            case Product():
                return trained.issuperset(node.sources)
        return False


def in_turn(nodes: Sequence[Node], act: Any) -> Generator[Any, None, None]:
    """Let each node act, one after the other."""
    for node in nodes:
        yield from act(node)
