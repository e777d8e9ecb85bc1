"""`translated`: the tape of a torch module becomes a network of nodes, each torch function by itself.

>>> from scalings.networks.dimensions import WIDTH, fixed
>>> from scalings.tapes.arguments import Ref
>>> from scalings.tapes.tape import Operation, Parameter, Tape, Value
>>> tape = Tape(
...     width=64,
...     values=(
...         Value((fixed(4), fixed(8)), origin="data", name="0"),
...         Value((WIDTH, fixed(8)), origin="parameter", name="up.weight", differentiable=True),
...         Value((fixed(4), WIDTH), differentiable=True),
...         Value((fixed(1), WIDTH), origin="parameter", name="down.weight", differentiable=True),
...         Value((fixed(4), fixed(1)), differentiable=True),
...         Value((), differentiable=True),
...     ),
...     operations=(
...         Operation("linear", "up", (Ref(0), Ref(1), None), outputs=(2,)),
...         Operation("linear", "down", (Ref(2), Ref(3), None), outputs=(4,)),
...         Operation("mean", "", (Ref(4),), outputs=(5,)),
...     ),
...     parameters=(Parameter(("up.weight",), (WIDTH, fixed(8))), Parameter(("down.weight",), (fixed(1), WIDTH))),
...     outputs=(4,),
...     loss=5,
... )
>>> for node in translated(TracedNetwork((16, 32, 64), tape)).network.nodes:
...     print(node.name, node.weight, node.role)
up up.weight input
down down.weight output
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from scalings.errors import ArgumentError
from scalings.networks.blocks import block_stream, renamed
from scalings.networks.dimensions import Dimension, fixed, times
from scalings.networks.network import Network
from scalings.networks.nodes import WEIGHTED, Node, Repeat, sources
from scalings.tapes import network as traced_networks
from scalings.tapes.arguments import Argument, Power, Reading, Ref, mapped
from scalings.tapes.network import TracedNetwork
from scalings.tapes.tape import CUSTOM_GRADIENT, Operation, Parameter, Value
from scalings.tapes.translation import products
from scalings.tapes.translation.builder import Builder
from scalings.tapes.translation.losses import loss_of, others_of, output_of
from scalings.tapes.translation.rearranging import together
from scalings.tapes.translation.table import translator_of, unknown
from scalings.tapes.translation.translation import Translation
from scalings.tapes.translation.values import Call, Constant, Held, NoRule, Result, Shape, State, growing


def translated(traced: TracedNetwork) -> Translation:
    """The network that a traced one is, as nodes.

    Raises ArgumentError for what orders of magnitude do not know: complex values, an output that grows, and an output
    that depends on no parameter which reads the width.
    """
    return _Translator(traced).translation()


_MEAN = 1 / 8
"""Entries have a mean if it is that part of their root mean square, and no smaller one at larger widths."""


class _Translator:
    """Reads the tape, operation after operation."""

    def __init__(self, traced: TracedNetwork) -> None:
        self.traced, self.tape = traced, traced.tape
        self.build = Builder(traced)
        self.output = output_of(traced.tape)
        self.values: dict[str, int] = {}
        self._parameters = {one.names[0]: self._as_trained(one) for one in traced.tape.parameters}
        self._states: dict[int, State] = {}
        self._needed = self._reached()
        self._chosen = self._decided()

    def _as_trained(self, parameter: Parameter[Dimension]) -> Parameter[Dimension]:
        """A parameter that no gradient reaches in any copy stays as it is, and does not decay either."""
        reached = set(self.traced.names_of(parameter)).difference(self.traced.unreached)
        return replace(parameter, trainable=parameter.trainable and bool(reached))

    def translation(self) -> Translation:
        place = 0
        for repeat in (*self.traced.repeats, None):
            start = len(self.tape.operations) if repeat is None else repeat.start
            self._read(place, start)
            if repeat is not None:
                self._read_block(repeat)
                place = repeat.stop
        nodes = self.build.renamed(tuple(_kept(self.build, self._end())))
        own = self.build.moved(nodes)
        network = Network(tuple(renamed(node, own) for node in nodes), of_module=True)
        weights = {node.weight for node in network.layers}
        used = {name for weight in weights for name in self.build.weights[weight]}
        names = {node.name for node in network.flat}.difference(own.values()).union(own)
        parameters = (name for one in self.tape.parameters for name in self.traced.names_of(one))
        return Translation(
            network,
            {own.get(name, name): value for name, value in self.values.items() if name in names},
            {name: found for name, found in self.build.weights.items() if name in weights},
            self.output,
            loss_of(self.tape, self.output),
            tuple(self.build.unknown),
            tuple(f"output {place + 1}" for place in others_of(self.tape, self.output)),
            tuple(name for name in parameters if name not in used),
            tuple(self.build.notes),
            self.build.wants_seeds,
            {own.get(name, name): function for name, function in self.build.functions.items() if name in names},
        )

    def _end(self) -> str:
        """The node that is the output."""
        state = self._state(self.output)
        if not isinstance(state, Result):
            raise ArgumentError("network", "its output depends on no parameter, so that there is nothing to train")
        if (units := growing(state.shape)).grows:
            what = f"{state.node} gives {units} units"
            raise ArgumentError("network", f"expected an output of a fixed size, but {what}; a readout is missing")
        return state.node

    # Operations

    def _reached(self) -> set[int]:
        """The values that the output is computed from, without what masks and indices are."""
        found = {self.output}
        for operation in reversed(self.tape.operations):
            results = found.intersection(operation.results())
            if any(map(self._is_computed, results)):
                found.update(_read_by(operation))
        return found

    def _decided(self) -> set[int]:
        """The masks and indices that depend on what the network computes."""
        found: set[int] = set()
        for operation in self.tape.operations:
            if any(self.tape.values[value].differentiable or value in found for value in operation.inputs()):
                found.update(value for value in operation.results() if not self._is_computed(value))
        return found

    def _is_computed(self, value: int) -> bool:
        return self.tape.values[value].kind in ("real", "complex")

    def _read(self, start: int, stop: int) -> None:
        for operation in self.tape.operations[start:stop]:
            if self._needed.intersection(operation.results()):
                self._translate(operation)

    def _translate(self, operation: Operation) -> None:
        if not any(self._is_computed(value) for value in operation.results()):
            return  # indices and masks are constants
        made = next((self.tape.values[value] for value in self._made(operation)), None)
        call = Call(
            operation.function,
            operation.path,
            mapped(operation.arguments, self._argument),
            {name: mapped(argument, self._argument) for name, argument in operation.keywords},
            tuple(self.tape.values[value].shape for value in self._made(operation)),
            made.magnitudes if made else (),
            made.errors if made else (),
            operation.within,
        )
        states = self._states_of(call)
        read = any(self.tape.values[value].differentiable for value in operation.inputs())
        stopped = not any(self.tape.values[value].differentiable for value in operation.results())
        if read and stopped:
            states = tuple(products.stopped(self.build, call, state) for state in states)
        for value, state in zip(self._made(operation), states, strict=False):
            self._put(value, state)
        for value in self._made(operation)[len(states) :]:
            if value in self._needed and self._is_computed(value):  # a second result that the rule says nothing of
                found = unknown(self.build, replace(call, shapes=(self._shape(value),)))
                self._put(value, found[0] if isinstance(found, tuple) else found)
        for before, after in operation.overwritten:
            if after not in self._states:  # a view of the memory that was written to
                whole = replace(call, arguments=((self._state(before), states[0]),), shapes=(self._shape(after),))
                self._put(after, together(self.build, whole))

    def _states_of(self, call: Call) -> tuple[State, ...]:
        """What a call gives. Raises ArgumentError where its rule fails, since the tape is none of torch, or the rule is
        wrong: neither is to pass for a function without a rule."""
        try:
            found = translator_of(call.function)(self.build, call)
        except NoRule:
            found = unknown(self.build, call)
        except (TypeError, ValueError, LookupError, AttributeError, StopIteration) as error:
            where = f"{call.function} in {call.path or 'the module itself'}"
            raise ArgumentError(
                "network", f"no sense can be made of {where}: {type(error).__name__}, {error}"
            ) from error
        return found if isinstance(found, tuple) else (found,)

    def _made(self, operation: Operation) -> tuple[int, ...]:
        """The values that a function gives, or, if it writes only, the one that it writes to."""
        if operation.outputs or not operation.overwritten:
            return operation.outputs
        target = next(_values_in(operation.arguments), operation.overwritten[0][0])
        return (dict(operation.overwritten).get(target, operation.overwritten[0][1]),)

    def _argument(self, argument: Argument) -> State | Argument:
        if isinstance(argument, Reading):
            return self._read_off(argument)
        return self._state(argument.value) if isinstance(argument, Ref) else argument

    def _read_off(self, reading: Reading) -> Argument:
        """A number that was read off a tensor, as the power of the width that it was measured to be."""
        value = self.tape.values[reading.value]
        order = Fraction(0) if value.shape else self.build.measured("a number that is read off is", value.magnitudes)
        return Power(reading.number / self.tape.width ** float(order), order) if order else reading

    def _put(self, value: int, state: State) -> None:
        if self.tape.values[value].kind == "complex":
            raise ArgumentError("network", "it computes with complex numbers, of which no orders are known")
        if self.tape.values[value].kind != "real":
            state = self._source(value)
        elif isinstance(state, Constant):
            state = self._as_measured(value, replace(state, is_mask=False))
        self._states[value] = replace(state, shape=self._shape(value), magnitudes=self.tape.values[value].magnitudes)
        if isinstance(state, Result):
            self.values.setdefault(state.node, value)

    def _shape(self, value: int) -> Shape:
        return self.tape.values[value].shape

    def _state(self, value: int) -> State:
        if value not in self._states:
            self._states[value] = self._source(value)
        return self._states[value]

    def _source(self, value: int) -> State:
        """What no operation made, or none that matters."""
        one = self.tape.values[value]
        parameter = self._parameters.get(one.name) if one.origin == "parameter" else None
        if parameter is not None and (parameter.trainable or parameter.start == "random"):
            return Held(one.shape, parameter, magnitudes=one.magnitudes)
        found = Constant(
            one.shape,
            is_zero=parameter is not None and parameter.start == "zero",
            is_mask=one.kind == "boolean",
            depends=value in self._chosen and growing(one.shape).grows,
        )
        if one.origin != "operation":
            what = f"the {one.origin} {one.name}" if one.name else "a constant tensor"
            found = replace(found, order=self.build.measured(f"{what} is", one.magnitudes, one.shape))
        return self._as_measured(value, found)

    def _as_measured(self, value: int, constant: Constant) -> Constant:
        """A constant with what was measured of its entries: their power of the width, where they are one."""
        one = self.tape.values[value]
        if constant.is_zero or not one.magnitudes:
            return constant
        if not any(one.magnitudes):
            return replace(constant, only_masks=True)
        found = self.build.power_of(one.magnitudes, one.shape)
        order = constant.order if found is None else found
        return replace(constant, order=order, has_mean=self._has_mean(one), only_masks=False)

    def _has_mean(self, value: Value[Dimension]) -> bool:
        """Whether the entries of a constant have a mean; of a fixed number of them it makes no difference."""
        if not value.means or not growing(value.shape).grows:
            return True
        shares = [abs(mean) / (size or 1) for mean, size in zip(value.means, value.magnitudes, strict=True)]
        return shares[-1] >= _MEAN and not self.build.power_of(shares)

    # Blocks that repeat

    def _read_block(self, repeat: traced_networks.Repeat) -> None:
        """A block with one differentiable value that is carried becomes a node with copies; any other is read once.

        Where all before the first copy is frozen, as before adapters, a gradient passes what the other copies read.
        """
        carried = [pair for pair in repeat.carried if any(self.tape.values[one].differentiable for one in pair)]
        entering = self._state(carried[0][0]) if len(carried) == 1 else None
        if not isinstance(entering, Result) or carried[0][1] not in self._needed:
            return self._read(repeat.start, repeat.stop)
        before, after = carried[0]
        name = self.build.block_name(repeat.container)
        made = frozenset((name,))
        with self.build.block(name, self.build.units(entering.node)) as inner:
            self._states[before] = Result(entering.shape, name, made, made, entering.has_mean)
            self._read(repeat.start, repeat.stop)
        self._states[before] = entering
        leaving = self._state(after)
        if not isinstance(leaving, Result) or leaving.node not in inner:
            self._put(after, replace(entering, shape=self._shape(after)))
            return None
        nodes = tuple(_behind(self.build, inner, leaving.node))
        block = Repeat(name, entering.node, nodes, fixed(len(repeat.copies)))
        outside = {source for node in nodes for source in sources(node)} - {name, *inner}
        if block_stream(block) and not outside:
            block = replace(block, times=times(len(repeat.copies)))
        self.build.add(block, Call("Repeat", repeat.container, ()))
        self.values[name] = after
        self._states[after] = replace(leaving, node=name)
        return None


def _read_by(operation: Operation) -> Iterator[int]:
    """The values whose entries matter to an operation's results."""
    if operation.function == CUSTOM_GRADIENT:  # its rule is about what its gradient reaches
        yield from operation.inputs()[1:]
    elif not operation.function.startswith("new_") and not operation.function.endswith("_like"):
        yield from operation.inputs()


def _values_in(arguments: Sequence[Argument]) -> Iterator[int]:
    return (one.value for one in arguments if isinstance(one, Ref))


def _behind(build: Builder, names: Sequence[str], end: str) -> Iterator[Node]:
    """Of some nodes those that the last one is computed from."""
    found = {end}
    for name in reversed(names):
        if name in found:
            found.update(_sources_within(build.nodes[name]))
    return (build.nodes[name] for name in names if name in found)


def _sources_within(node: Node) -> set[str]:
    inner = node.nodes if isinstance(node, Repeat) else ()
    return {*sources(node), *(source for one in inner for source in sources(one))}


def _kept(build: Builder, end: str) -> Iterator[Node]:
    nodes = tuple(_behind(build, build.order, end))
    every = [one for node in nodes for one in (node, *(node.nodes if isinstance(node, Repeat) else ()))]
    if not any(isinstance(one, WEIGHTED) and (one.fan_in.grows or one.fan_out.grows) for one in every):
        raise ArgumentError("network", "no parameter that its output depends on reads the width")
    return iter(nodes)
