"""The nodes of a translation as they are written: their names, their numbers of units, and weights as values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from typing import Any, Literal, TypeAlias, TypeVar

from scalings.networks.dimensions import ONE, Dimension
from scalings.networks.nodes import (
    INPUT,
    WEIGHTED,
    Elementwise,
    Factor,
    Mean,
    Node,
    Norm,
    Power,
    Product,
    Rearrange,
    Repeat,
    Softmax,
    Sum,
    Weight,
    Weighted,
    sources,
)
from scalings.tapes.magnitudes import errors_of, power_of
from scalings.tapes.network import TracedNetwork
from scalings.tapes.tape import Parameter
from scalings.tapes.translation.values import Call, Constant, Held, Result, Shape, State, growing, product

_KEEPING = (Elementwise, Power, Norm, Factor, Softmax)
"""Kinds whose results have as many units as what they read."""
_FREE = (Product, Rearrange, Mean)
"""Kinds that say themselves how many units their results have."""
_LONGEST = 100
S = TypeVar("S", bound=State)
Use: TypeAlias = Literal["matrix", "vector", "value"]
"""How nodes use a parameter: a matrix and a vector cannot be one, but each can be read as a value besides."""


class Builder:
    """A network as it is written, node after node."""

    def __init__(self, traced: TracedNetwork) -> None:
        self.traced = traced
        self.nodes: dict[str, Node] = {}
        self.functions: dict[str, str] = {}
        """By node, the torch function that it is read off."""
        self.unknown: dict[str, None] = {}
        self.notes: dict[str, None] = {}
        self.wants_seeds = False
        self.factors: dict[str, tuple[State, State]] = {}
        """Of products entry by entry, what they are of: a sum over some of their units is a contraction."""
        self.summed: set[str] = set()
        """Nodes whose entries were summed over axes of fixed size, which is no node of its own."""
        self.matrices: dict[str, Held] = {}  # by name, the parameters that nodes apply as matrices
        self.contracted: dict[str, tuple[State, State, tuple[tuple[str, ...], ...], Shape]] = {}  # of sums of products
        self.held: dict[str, Held] = {}  # by name, the parameters that nodes are as values
        self.merged: dict[str, tuple[tuple[Held, ...], ...]] = {}
        """Of matrices that are made of parameters, the terms that they are sums of: parameters, or products of two."""
        self.log_softmaxes: dict[str, Dimension] = {}
        """Over how many units each of them is."""
        self.weights: dict[str, tuple[str, ...]] = {}
        self._scopes: list[list[str]] = [[]]
        self._streams: dict[str, Dimension] = {}
        self._given: Counter[str] = Counter()
        self._pinned: set[str] = set()
        self._moved: dict[str, str] = {}
        """By name, the numbers of the code that stand elsewhere now, and what they are there where they were."""
        self._whole: dict[str, str] = {}
        """By weight, the name of all of the parameter."""
        self._shapes: dict[str, list[tuple[Use, tuple[str, ...]]]] = {}
        self._values: dict[tuple[str, Fraction], Result] = {}
        self._parts: dict[tuple[str, frozenset[Hashable]], str] = {}

    # Nodes

    def add(self, node: Node, call: Call) -> str:
        return self.add_as(node, call.within if isinstance(node, Factor) and call.within else call.function)

    def add_as(self, node: Node, function: str) -> str:
        """Add a node that this function of torch makes; its name."""
        self.nodes[node.name] = node
        self.functions[node.name] = function
        self._scopes[-1].append(node.name)
        return node.name

    def name(self, call: Call, suffix: str = "") -> str:
        """A new name for what a call makes: the path of the module, and what it does."""
        return self._fresh(self._joined(call.path, suffix or call.function.strip("_")))

    def weight_name(self, call: Call, parameter: Parameter[Any]) -> str:
        """A new name for a node with this parameter: that of the parameter, or of the place that reads a tied one."""
        names = [name for name in parameter.names if name.rpartition(".")[0] == call.path]
        if not names and len(parameter.names) > 1:
            return self._fresh(self._joined(call.path, call.function.strip("_")), ":")
        short = re.sub(r"(?<=.)[._]weight$", "", self.starred((names or parameter.names)[0]))
        return self._fresh(self._cleaned(short), ":")

    def starred(self, path: str) -> str:
        """A path of the module, with a star for the number of a block that is repeated."""
        repeat = self.traced.repeat_of(path)
        return repeat.of_copy(path, "*") if repeat else path

    def weight_of(self, parameter: Parameter[Any], use: Use, *fans: Dimension) -> str:
        """The name of the weight that a parameter is; parts of it that are used in different shapes have their own."""
        sizes = tuple(sorted(str(fan) for fan in fans if str(fan) != "1"))
        name = self._cleaned(self.starred(parameter.names[0]))
        shapes = self._shapes.setdefault(name, [])
        fitting = (place for place, (other, found) in enumerate(shapes) if found == sizes and _share(use, other))
        place = next(fitting, len(shapes))
        if place == len(shapes):
            shapes.append((use, sizes))
        found = f"{name}:{place + 1}" if place else name
        self._whole[found] = name
        self.weights.setdefault(found, tuple(self.traced.names_of(parameter)))
        return found

    def moved(self, nodes: tuple[Node, ...]) -> dict[str, str]:
        """By the names of nodes, the own names of numbers that were moved, where these are no other's."""
        names = {one.name for node in nodes for one in (node.nodes if isinstance(node, Repeat) else (node,))}
        own = {name: before for name, before in self._moved.items() if name in names and before not in names}
        return {name: before for before, name in {before: name for name, before in own.items()}.items()}

    def renamed(self, nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        """Nodes with weights that have the parameter's own name, where no other part of it is used any more."""
        every = [one for node in nodes for one in (node.nodes if isinstance(node, Repeat) else (node,))]
        used = {one.weight for one in every if isinstance(one, WEIGHTED)}
        shapes = Counter(self._whole[weight] for weight in used)

        def named(node: Node) -> Node:
            if isinstance(node, Repeat):
                return replace(node, nodes=tuple(map(named, node.nodes)))
            if not isinstance(node, WEIGHTED) or shapes[self._whole[node.weight]] > 1:
                return node
            return replace(node, weight=self._whole[node.weight])

        return tuple(map(named, nodes))

    def _joined(self, path: str, suffix: str) -> str:
        base = self.starred(path)
        says_so = base.rpartition(".")[2] == suffix != "norm"  # a norm's gain has the name of the module
        return self._cleaned(base if says_so else f"{base}.{suffix}".lstrip("."))

    def _cleaned(self, name: str) -> str:
        return re.sub(r"[^\w.:/*-]", "_", name)[-(_LONGEST - 10) :]

    def _fresh(self, name: str, before: str = "") -> str:
        before = ":" if name[-1].isdigit() else before
        while True:
            self._given[name] += 1
            found = name if self._given[name] == 1 else f"{name}{before}{self._given[name]}"
            if found not in self.nodes and found not in self._streams and found != INPUT:
                return found

    # Units

    def units(self, name: str) -> Dimension:
        """The number of units of a node's result."""
        while isinstance(node := self.nodes.get(name), _KEEPING):
            name = node.source
        if isinstance(node, _FREE):
            return node.units
        if isinstance(node, Weight):
            return node.fan_in * node.fan_out
        if isinstance(node, WEIGHTED):
            return node.fan_out
        return (
            self._streams.get(name, ONE) if node is None or isinstance(node, Repeat) else self.units(sources(node)[0])
        )

    def with_units(self, result: Result, units: Dimension, call: Call) -> str:
        """The node of a result as one that has so many units: orders know nothing of constants, but networks do."""
        chain = [result.node]
        while isinstance(node := self.nodes.get(chain[-1]), _KEEPING):
            chain.append(node.source)
        if str(self.units(result.node)) != str(units):
            if isinstance(node, _FREE) and node.units.order == units.order and self._pinned.isdisjoint(chain):
                self.nodes[node.name] = replace(node, units=units)
            else:
                return self.add(Rearrange(self.name(call, "view"), (result.node,), units), call)
        self._pinned.update(chain)
        return result.node

    # Values

    def result(self, state: State, call: Call) -> Result:
        """A state as the result of a node: a parameter becomes a weight that is a value, a constant the input's."""
        if isinstance(state, Result):
            return state
        if isinstance(state, Constant):
            return Result(state.shape, self.constant(state, call), has_mean=state.has_mean)
        parameter = state.parameter
        grows = [size for size in parameter.shape if size.grows]
        fans = (product(tuple(grows[1:])), grows[0]) if grows else (ONE, product(parameter.shape))
        key = self.weight_of(parameter, "value", *fans), state.order
        if key not in self._values:
            name = self.weight_name(call, parameter)
            made = frozenset((self.add(Weight(name, key[0], *fans, **kept(parameter)), call),))
            self.held[name] = state
            random = made if parameter.start == "random" else frozenset[Hashable]()
            whole = Result(parameter.shape, name, made, random, parameter.start == "one")
            self._values[key] = self.scaled(whole, state.order, state.size, call)
        found, units = self._values[key], growing(state.shape)
        if str(units) != str(growing(parameter.shape)):
            is_larger = units.order > growing(parameter.shape).order
            node = Rearrange(self.name(call, "part"), (found.node,), units, repeated=is_larger)
            name = self.add(node, call)
            found = replace(found, node=name).of_part(name)
        return replace(found, shape=state.shape)

    def once(self, result: Result) -> Result:
        """What a result has copies of, if it has: sums and products copy what has fewer units by themselves."""
        node = self.nodes.get(result.node)
        if not isinstance(node, Rearrange) or not node.repeated or len(node.sources) > 1 or node.sources[0] == INPUT:
            return result
        (source,) = node.sources
        return replace(result, node=source, shape=(self.units(source),))

    def without_factors(self, result: Result) -> tuple[Result, list[Factor]]:
        """What numbers of the code multiply to give a result, and these numbers, the first of them first."""
        name, factors = result.node, list[Factor]()
        while isinstance(node := self.nodes.get(name), Factor):
            name, factors = node.source, [node, *factors]
        return replace(result, node=name), factors

    def with_factors(self, result: Result, factors: Iterable[Factor]) -> Result:
        """A result times numbers of the code, each still of the place where the code has it."""
        for factor in factors:
            node = replace(factor, name=self._fresh(factor.name), source=result.node)
            self._moved[node.name] = factor.name
            result = replace(result, node=self.add_as(node, self.functions[factor.name]))
        return result

    def part(self, result: Result, call: Call) -> Result:
        """A part of a node's result as a node, so that it is another value than the other parts."""
        key = result.node, result.vectors
        if key not in self._parts:
            node = Rearrange(self.name(call, "part"), (result.node,), self.units(result.node))
            self._parts[key] = self.add(node, call)
        return replace(result, node=self._parts[key])

    def constant(self, state: Constant, call: Call) -> str:
        """The name of a node whose entries are all n^order."""
        units = growing(state.shape)
        name = INPUT
        if units.grows:
            name = self.add(Rearrange(self.name(call, "constant"), (INPUT,), units), call)
        if state.order:
            name = self.add(Factor(self.name(call, "constant"), name, state.order), call)
        return name

    def scaled(self, state: S, order: Fraction, size: float, call: Call) -> S:
        """A state times size n^order; numbers that do not grow are of no order."""
        if not order or (isinstance(state, Constant) and state.is_zero):
            return state
        if isinstance(state, Constant):
            return replace(state, order=state.order + order)
        if isinstance(state, Held):
            return replace(state, order=state.order + order, size=state.size * size)
        node = Factor(self.name(call), state.node, order, size)
        return replace(state, node=self.add(node, call))

    def matrix(self, node: Weighted, held: Held, call: Call) -> Result:
        """The result of a matrix: a new random vector."""
        made = frozenset((self.add(node, call),))
        self.matrices[node.name] = replace(held, order=Fraction(0))
        result = Result(call.shape, node.name, made, made, held.parameter.start == "one")
        return self.scaled(result, held.order, held.size, call)

    def measured(self, what: str, magnitudes: Sequence[float], *shapes: Shape) -> Fraction:
        """The power of the width that the magnitude of a constant is, with a note if it is not n^0; what is none is
        taken for that, with a note too. `shapes` are those of the values that it was measured of."""
        return self._noted(what, magnitudes, self.power_of(magnitudes, *shapes))

    def measured_over_seeds(
        self, what: str, magnitudes: Sequence[float], errors: Sequence[float], *shapes: Shape
    ) -> Fraction:
        """The same of what depends on random weights; without errors it was measured from one seed."""
        found = self.power_of(magnitudes, *shapes, errors=errors)
        self.wants_seeds |= not errors or (found is None and any(errors))
        return self._noted(what, magnitudes, found)

    def _noted(self, what: str, magnitudes: Sequence[float], found: Fraction | None) -> Fraction:
        if not any(magnitudes):
            return Fraction(0)
        if found is None:
            seen = ", ".join(f"{one:.3g}" for one in magnitudes)
            widths = ", ".join(map(str, self.traced.widths))
            self.notes.setdefault(f"{what} no power of the width, {seen} at widths {widths}, and taken for n^0")
        elif found:
            bare = found.denominator == 1 and found > 0
            self.notes.setdefault(f"{what} n^{found}" if bare else f"{what} n^({found})")
        return found or Fraction(0)

    def power_of(self, magnitudes: Sequence[float], *shapes: Shape, errors: Sequence[float] = ()) -> Fraction | None:
        """The power of the width that a magnitude of values of these shapes is, as measured; None if it is none."""
        entries = [min((product(shape).at(width) for shape in shapes), default=1) for width in self.traced.widths]
        return power_of(self.traced.widths, magnitudes, errors or errors_of(entries))

    # Blocks

    @contextmanager
    def block(self, name: str, units: Dimension) -> Iterator[list[str]]:
        """While it is open, nodes go into a block with this stream. It gives their names."""
        self._streams[name] = units
        self._scopes.append([])
        outside = dict(self._values), dict(self._parts)
        yield self._scopes[-1]
        self._values, self._parts = outside
        self._scopes.pop()

    def are_weights(self, names: frozenset[str]) -> bool:
        """Whether what is made of these nodes depends on parameters alone, and on no data."""
        return all(isinstance(self.nodes.get(name), Weight) for name in names)

    def terms(self, state: State) -> tuple[tuple[Held, ...], ...]:
        """What a matrix is the sum of, if that is known."""
        if isinstance(state, Held):
            return ((state,),) if len(state.shape) == 2 else ()
        return () if isinstance(state, Constant) or state.turned else self.merged.get(state.node, ())

    def is_stream(self, name: str) -> bool:
        """Whether a result is a residual stream: what enters a block, or a sum whose first source is one."""
        while isinstance(node := self.nodes.get(name), Sum):
            name = node.sources[0]
        return name in self._streams and name not in self.nodes

    def block_name(self, path: str) -> str:
        return self._fresh(self._cleaned(f"{path}.*".lstrip(".")))

    @property
    def order(self) -> Sequence[str]:
        """The names of the nodes outside blocks."""
        return self._scopes[0]


def kept(parameter: Parameter[Any]) -> dict[str, Any]:
    """How a parameter starts, and whether it stays so, as a node's fields."""
    return {"start": parameter.start, "frozen": not parameter.trainable}


def _share(one: Use, other: Use) -> bool:
    return one == other or "value" in (one, other)
