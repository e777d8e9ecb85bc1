"""A network: a list of operations, each naming those whose results it reads, and what criteria call its layers.

>>> from scalings.networks.architectures import mlp
>>> network = mlp(3)
>>> [(layer.name, layer.role, layer.shape(512)) for layer in network.layers]
[('layer1', 'input', (512, 64)), ('layer2', 'hidden', (512, 512)), ('layer3', 'output', (10, 512))]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import takewhile

from scalings.errors import ArgumentError
from scalings.networks import first_updates, generated_matrices
from scalings.networks.contractions import mixed_units, scores_behind
from scalings.networks.dimensions import BATCH_SCALES, ONE, WIDTH_SCALE, Dimension
from scalings.networks.nodes import (
    INPUT,
    MATRICES,
    MULTIPLIERS,
    WEIGHTED,
    Bias,
    Dense,
    DepthwiseConvolution,
    Elementwise,
    Embedding,
    Factor,
    Gain,
    Mean,
    Mix,
    Multiplier,
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
    Weight,
    Weighted,
    sources,
)
from scalings.networks.numbers_in_code import is_read_out, numbers_behind
from scalings.networks.representations import Kind, Part
from scalings.networks.representations import Representation as Representation  # noqa: PLC0414 - taken from here too
from scalings.networks.validation import check_kinds, check_nodes, check_read, check_shared, check_sizes

_AT_THE_END = (
    Bias, Gain, DepthwiseConvolution, Elementwise, Factor, Mean, Norm, Pool, Power, Product, Rearrange, Scale, Softmax,
    Sum, Top,
)  # fmt: skip
"""What computes f from readouts."""


@dataclass(frozen=True)
class Network:
    """Operations in the order in which they are carried out; the last one is the output.

    Raises ArgumentError for an operation whose source does not come before it, or whose name comes twice or is not
    made of letters and digits; for one that nothing reads; for values that are mixed by what is not attention scores;
    for a network without weights; for sizes that do not fit, such as a dense layer's fan_in and what it reads; for
    weights that are shared by layers of other kinds or shapes; and for a block that is not residual and repeated
    ever more often.
    """

    nodes: tuple[Node, ...]
    of_module: bool = field(default=False, compare=False)
    """Whether it is what a torch module was translated to, which is trained as that module."""

    def __post_init__(self) -> None:
        check_nodes(self.nodes, {INPUT})
        check_read(self.nodes)
        check_kinds(self.flat)
        check_sizes(self.flat, self.units)
        _owners(self)

    @cached_property
    def flat(self) -> tuple[Node, ...]:
        """All operations, those of repeated blocks after their `Repeat`."""
        return tuple(_flat(self.nodes))

    @cached_property
    def layers(self) -> tuple[Weighted, ...]:
        """The first node of each weight, from input to output: the layers of a parameterization."""
        return tuple(_owners(self).values())

    @cached_property
    def multipliers(self) -> tuple[Multiplier, ...]:
        """The nodes with a multiplier and no weight, in the order of a parameterization's `scales`."""
        return tuple(node for node in self.flat if isinstance(node, MULTIPLIERS))

    @property
    def depth(self) -> int:
        """The number of weights L."""
        return len(self.layers)

    @property
    def output(self) -> Node:
        return self.nodes[-1]

    @cached_property
    def function(self) -> Node:
        """The output f of the criteria: the last operation, or what it reads if it is elementwise, as a softcap is.

        An elementwise function phi at the end acts on entries of size 1, so that |phi(f)| ~ |f| and |dphi| ~ |df|.
        """
        nodes = {node.name: node for node in self.flat}
        node, is_bent = self.output, False
        while isinstance(node, Elementwise | Factor) and node.source in nodes:
            if isinstance(node, Factor) and node.order:
                break
            is_bent |= isinstance(node, Elementwise)
            node = nodes[node.source]
        return node if is_bent else self.output

    @cached_property
    def readouts(self) -> frozenset[str]:
        """The names of the operations that compute f from the last hidden representations: the last matrices, and what
        rescales, normalizes, shifts, averages and adds their results. Empty if f grows, as in a part of a network.

        Their results are not hidden, since a later multiplier may compensate any size that they have.
        """
        nodes = {node.name: node for node in self.flat}
        found: set[str] = set()
        waiting = [self.function.name]
        while waiting:
            name = waiting.pop()
            node = nodes.get(name)
            if node is None or name in found or self.units[name].grows:
                continue
            found.add(name)
            if isinstance(node, _AT_THE_END):
                waiting += sources(node)
        return frozenset(found)

    @property
    def is_mlp(self) -> bool:
        """Whether it is a multilayer perceptron: trained dense layers and activations, each reading the one before."""
        before = (INPUT, *(node.name for node in self.nodes))
        return self.depth == sum(isinstance(node, Dense) and not node.frozen for node in self.nodes) and all(
            isinstance(node, Dense | Elementwise) and node.source == source
            for node, source in zip(self.nodes, before, strict=False)
        )

    @cached_property
    def copies(self) -> dict[str, Dimension]:
        """The number of copies of each operation inside a repeated block, by name."""
        blocks = (node for node in self.nodes if isinstance(node, Repeat))
        return {inner.name: block.times for block in blocks for inner in block.nodes}

    @cached_property
    def units(self) -> dict[str, Dimension]:
        """The number of units of every result, by the operation's name; of scores, their number of heads."""
        found, nodes = {INPUT: ONE}, {node.name: node for node in self.flat}
        for node in self.flat:
            match node:
                case Weight() | Rearrange() | Product() | Mean():
                    found[node.name] = node.units
                case Scores():
                    found[node.name] = node.heads
                case Mix():
                    found[node.name] = mixed_units(node, scores_behind(node, nodes), found)
                case _:
                    found[node.name] = node.fan_out if isinstance(node, WEIGHTED) else found[sources(node)[0]]
        return found

    @cached_property
    def scales(self) -> tuple[str, ...]:
        """The scale variables that some size of the network is a power of, the width first; none if nothing grows."""
        dimensions = [*self.units.values(), *self.copies.values()]
        dimensions += [node.vocabulary for node in self.flat if isinstance(node, Embedding)]
        dimensions += [node.fan_in for node in self.flat if isinstance(node, WEIGHTED)]
        dimensions += [size for node in self.flat if isinstance(node, Scores) for size in (node.heads, node.head_size)]
        dimensions += [node.over for node in self.flat if isinstance(node, Mean | Softmax | Top)]
        dimensions += [node.summed for node in self.flat if isinstance(node, Product)]
        width = [WIDTH_SCALE for dimension in dimensions if dimension.order]
        others = (scale for dimension in dimensions for scale, order in dimension.others if order)
        return tuple(dict.fromkeys([*width, *others]))

    @cached_property
    def representations(self) -> tuple[Representation, ...]:
        """The results that criteria apply to, in the order of computation."""
        return tuple(
            Representation(
                node.name,
                kind,
                self.units[node.name],
                self.copies.get(node.name, ONE),
                *self._read_at(node),
                self._first_update(node),
                isinstance(node, MATRICES),
                not (isinstance(node, WEIGHTED) and node.frozen) and node.name not in self._unheard,
                self._part(node),
                not isinstance(node, Weight),
                starts_small=node.name in self.small | self._unheard,
                reads_small=first_updates.multiplies_small(self, node),
            )
            for node in self.flat
            if (kind := self._kind(node)) is not None
        )

    @cached_property
    def readers(self) -> dict[str, list[Node]]:
        """What reads each operation, by its name."""
        found: dict[str, list[Node]] = {}
        for node in self.flat:
            for source in sources(node):
                found.setdefault(source, []).append(node)
        return found

    def _read_at(self, node: Node) -> tuple[str, Fraction]:
        """The last of the numbers of the code that alone read a layer or each other, and their power of the width.

        Between a layer and a readout, or a stream and a matrix, they belong to what reads them: z = g W h there.
        """
        numbers = list(takewhile(lambda one: self._part(one) in ("hidden", "gate"), numbers_behind(self, node)))
        last = numbers[-1] if numbers else node
        read_by = self.readers.get(last.name, [])
        # To a norm it does not matter how large what it reads is.
        if read_by and all(isinstance(one, Norm) for one in read_by):
            return node.name, Fraction(0)
        is_of_stream = isinstance(node, Sum) and all(isinstance(one, MATRICES) for one in read_by)
        if is_of_stream or is_read_out(self, last):
            return node.name, Fraction(0)
        return last.name, sum((one.order for one in numbers if isinstance(one, Factor)), Fraction(0))

    @cached_property
    def dormant(self) -> frozenset[str]:
        """The operations that reach the output only through a sum back over growing units: queries, keys, routers."""
        return first_updates.dormant(self)

    @cached_property
    def small(self) -> frozenset[str]:
        """The operations that may start smaller than of order 1 and lose nothing, as a readout does."""
        return first_updates.small(self)

    @cached_property
    def late(self) -> frozenset[str]:
        """The operations whose first gradient may be smaller than later ones, since something starts small."""
        return frozenset(name for name, updates in self._waits.items() if updates)

    @cached_property
    def _waits(self) -> Mapping[str, int]:
        return first_updates.waits(self)

    def _first_update(self, node: Node) -> int:
        """The update with which it first moves as it does from then on. The output moves with the first weight, which
        is late in a network that is frozen but for adapters."""
        own = 1 + self._waits[node.name]
        if node is not self.flat[-1]:
            return own
        trained = (one.name for one in self.flat if isinstance(one, WEIGHTED) and not one.frozen)
        return max(own, min((1 + self._waits[name] for name in trained), default=2))

    @cached_property
    def _weighing(self) -> frozenset[str]:
        return first_updates.weighing(self)

    @cached_property
    def _unheard(self) -> frozenset[str]:
        return first_updates.unheard(self)

    @cached_property
    def _scores(self) -> frozenset[str]:
        """What a softmax reads where it is a sum over growing units: attention scores, rescaled or masked."""
        summing: set[str] = set()
        for node in self.flat:
            is_kept = isinstance(node, Factor | Rearrange | Scale | Elementwise | Sum)
            is_sum = isinstance(node, Product) and node.summed.grows
            if is_sum or (is_kept and not summing.isdisjoint(sources(node))):
                summing.add(node.name)
        read = {node.source for node in self.flat if isinstance(node, Softmax)}
        return frozenset((read & summing) - self.readouts)

    @cached_property
    def made_of_weights(self) -> frozenset[str]:
        """The operations that read no data: weights as values, and what becomes of them."""
        return generated_matrices.made_of_weights(self)

    @cached_property
    def generated(self) -> frozenset[str]:
        """The values that layers compute and that are used as matrices alone, as those of a hypernetwork."""
        return generated_matrices.generated(self)

    def _kind(self, node: Node) -> Kind | None:
        if isinstance(node, WEIGHTED):
            return "layer"
        if isinstance(node, Scores) or node.name in self._scores:
            return "scores"
        if isinstance(node, Sum) or generated_matrices.is_map(self, node):
            return "stream"
        return "output" if self._part(node) == "output" else None

    def _part(self, node: Node) -> Part:
        if node.name in self.readouts:
            return "output" if node is self.function else "readout"
        if (isinstance(node, Weight) and node.fan_in.grows) or node.name in self.generated:
            return "matrix"
        return "gate" if node.name in self.dormant | self._weighing and not self.units[node.name].grows else "hidden"


def _flat(nodes: tuple[Node, ...]) -> Iterator[Node]:
    for node in nodes:
        yield node
        if isinstance(node, Repeat):
            yield from _flat(node.nodes)


def _owners(network: Network) -> dict[str, Weighted]:
    """The first node of each weight, by the weight's name. Raises ArgumentError for nodes that cannot share one."""
    found: dict[str, Weighted] = {}
    for node in network.flat:
        if isinstance(node, WEIGHTED):
            owner = found.setdefault(node.weight, node)
            if Weight not in (type(node), type(owner)) and isinstance(node, Gain | Bias) != isinstance(
                owner, Gain | Bias
            ):
                raise ArgumentError("network", f"{owner.name} and {node.name} cannot share {node.weight}")
            check_shared(owner, node)
    return found


def wrong_scale(network: Network, given: str) -> ArgumentError:
    """The error for a scale variable that no size of the network depends on."""
    if not network.scales:
        expected = 'expected a size that is a power of it, such as {"size": 1, "order": "1"} for the width'
        return ArgumentError("network", f"nothing in it grows with the {given}; {expected}")
    known = ", ".join((*network.scales, *BATCH_SCALES))
    return ArgumentError("scale", f"expected one of {known} for this network, but got {given!r}")


def wrong_depth(network: Network, given: int) -> ArgumentError:
    """The error for a parameterization with another number of layers than the network."""
    return ArgumentError(
        "parameterization", f"{network.depth} layers need {network.depth} exponents each, but got {given}"
    )
