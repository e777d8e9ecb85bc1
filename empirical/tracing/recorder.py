"""The recorder: writes down every torch function that one forward pass and its loss call, on real tensors.

>>> import torch
>>> layer = torch.nn.Linear(8, 1)
>>> recording = record(layer, Batch((torch.ones(4, 8),)), lambda output: output.square().mean(), width=8)
>>> [(operation.function, operation.path) for operation in recording.tape.operations]
[('linear', ''), ('square', ''), ('mean', '')]

Functions that torch writes in Python are run as their code, and fused ones (`fused.py`) as their parts, so that what is
written down is elementary. An operation in place gives a new value to every tensor that shares its memory. Refused by
name is what would leave a gap: scripted modules, tensors that carry a gradient from nowhere, memory changed unseen.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction

from empirical.tracing.arguments import encode, pairs, template, tensors_in
from empirical.tracing.batches import Batch, Loss
from empirical.tracing.elementary import Elementary, Spot, Step, Trail, Whole, spot_of
from empirical.tracing.functions import EXPORTS, HOOKS, READINGS, WITH_NUMBERS, Function, name_of
from empirical.tracing.memory import Memory, version
from empirical.tracing.modules import eager
from scalings.errors import ArgumentError
from scalings.networks.nodes import Start
from scalings.tapes.arguments import Ref
from scalings.tapes.tape import CUSTOM_GRADIENT, Kind, Operation, Origin, Parameter, Siblings, Tape, Value

Watch = Callable[[int, Tensor], None]
"""Called with each value as soon as it is there: its number, and the tensor, which may be written to later."""
_BLIND = "code in which nothing is seen, such as torch.jit.script or torch.autograd.grad"


@dataclass(frozen=True)
class Call:
    """A function as it was called, with a Ref in place of every tensor."""

    function: Function
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    autocast: tuple[str, torch.dtype] | None
    """The device and the type that it was cast to, if it was."""


@dataclass(frozen=True)
class Recording:
    """A tape, and what it takes to run it again."""

    tape: Tape[int]
    calls: tuple[Call | None, ...]
    """One an operation; None where it only changes the gradient."""
    sources: Mapping[int, Tensor]
    """What no operation made, as it was when it was first read."""
    loss: Tensor
    trail: Trail = field(default_factory=Trail)
    """Every call of a function, also of those that are no operations."""
    spots: Mapping[int, Spot] = field(default_factory=dict)
    """Of each value, where on the trail its tensor was first seen."""


def record(
    module: nn.Module,
    batch: Batch,
    loss: Loss,
    *,
    width: int,
    watch: Watch = lambda _number, _tensor: None,
    replayed: bool = True,
) -> Recording:
    """One forward pass and its loss, written down. The state of the module is the caller's to keep (`state.py`).

    What is not `replayed` needs no copies of what it reads. Raises ArgumentError for what the recorder cannot see; what
    the module itself raises is passed on.
    """
    for name, part in module.named_modules():
        if isinstance(part, torch.jit.ScriptModule):
            raise ArgumentError("build", f"{name or 'the module'} is a torch.jit script, in which nothing is seen")
    recorder = Recorder(module, batch, watch, replayed=replayed)
    # Of torch, about hooks, scalars and nested tensors: nothing of it is kept.
    with warnings.catch_warnings(action="ignore"), torch.enable_grad(), eager(), recorder.called_from, recorder:
        output = batch.run(module)
        scalar = loss(output)
    return recorder.recording(output, scalar, width)


class Recorder(Elementary):
    """While it is entered, every torch function becomes an operation."""

    def __init__(self, module: nn.Module, batch: Batch, watch: Watch, *, replayed: bool = True) -> None:
        super().__init__(module)
        self._watch, self._replayed = watch, replayed
        self._memory = Memory()
        self._names: dict[int, tuple[Tensor, Origin, str]] = {}
        self._parameters: dict[int, list[str]] = {}
        self._starts: dict[int, Start] = {}
        self._lists = tuple(
            Siblings(name, tuple(part._modules), tuple(type(child).__qualname__ for child in part.children()))
            for name, part in module.named_modules()
            if isinstance(part, nn.ModuleList | nn.Sequential) and len(part) == len(list(part.children())) > 1
        )
        self._values: list[Value[int]] = []
        self._operations: list[Operation] = []
        self._calls: list[Call | None] = []
        self._sources: dict[int, Tensor] = {}
        self._numbers: dict[int, tuple[int | float, int]] = {}
        self._trail: list[Step] = []
        self._wholes: dict[int, Whole] = {}
        self._spots: dict[int, Spot] = {}
        self._given: list[Tensor] = []
        self._made: list[Tensor] | None = None
        self._ended: set[int] = set()
        self._exported = False
        for name, tensor in batch.tensors():
            self._names[id(tensor)] = tensor, "data", name
        for name, tensor in module.named_buffers():
            self._names[id(tensor)] = tensor, "buffer", name
        for name, tensor in module.named_parameters(remove_duplicate=False):
            self._parameters.setdefault(id(tensor), []).append(name)
            self._starts[id(tensor)] = start_of(tensor)
            self._names.setdefault(id(tensor), (tensor, "parameter", name))

    def _run_instead(self, func: Function, instead: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        first, is_outermost = len(self._trail), not self._bodies
        result = super()._run_instead(func, instead, args, kwargs)
        if is_outermost and result is not NotImplemented and len(self._trail) > first:
            self._wholes[first] = Whole((self.called_from.path, name_of(func)), len(self._trail))
        return result

    def _write(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        with torch._C.DisableTorchFunction():  # what is looked up is no operation, for outer modes either
            self._trail.append((self.called_from.path, name_of(function)))
            given = list(tensors_in((args, kwargs)))
            self._given, self._made = given, None
            for tensor in given:
                self._read(tensor)
            arguments, keywords = encode(args, self._ref, self._numbers), pairs(kwargs, self._ref, self._numbers)
            call = Call(function, template(args, self._ref), template(kwargs, self._ref), _autocast(given))
            before = [(tensor, version(tensor)) for tensor in given]
        result = function(*args, **kwargs)
        with torch._C.DisableTorchFunction():
            self._note(call, (arguments, keywords), given, before, result)
        return result

    def _note(
        self,
        call: Call,
        encoded: tuple[Any, Any],
        given: list[Tensor],
        before: list[tuple[Tensor, int]],
        result: Any,
    ) -> None:
        """Write an operation down that has been carried out."""
        name, made = name_of(call.function), list(tensors_in(result))
        self._given, self._made = given, made
        changed = {id(tensor): tensor for tensor, old in before if version(tensor) != old}
        if name == "set_data":
            changed[id(given[0])] = given[0]
            self._memory.move(given[0])
        overwritten = tuple(self._overwrite(changed))
        outputs = tuple(map(self._output, made))
        readings = self._take(result, given) if name in READINGS else ()
        self._exported |= name in EXPORTS
        within = next((one for one in map(name_of, self._bodies) if one in WITH_NUMBERS), "")
        operation = Operation(name, self.called_from.path, *encoded, outputs, overwritten, readings, within)
        if operation.results() or overwritten or readings or name in HOOKS:
            self._operations.append(operation)
            self._calls.append(None if name in HOOKS else call)

    def _read(self, tensor: Tensor) -> int:
        """The value of a tensor that is given to a function."""
        if self._memory.value(tensor) is None:
            return self._source(tensor)
        if self._memory.is_stale(tensor):
            raise self._unseen(f"a tensor of shape {tuple(tensor.shape)} was changed by {_BLIND}")
        self._catch_up(tensor)
        known = self._ref(tensor).value
        own = isinstance(tensor.grad_fn, BackwardCFunction) and known not in self._ended
        if own or (tensor.requires_grad and not self._values[known].differentiable):
            return self._custom_gradient(tensor, known)
        return known

    def _ref(self, tensor: Tensor) -> Ref:
        value = self._memory.value(tensor)
        assert value is not None
        return Ref(value)

    def _source(self, tensor: Tensor) -> int:
        """A value that no operation made."""
        _, origin, name = self._names.get(id(tensor), (tensor, "constant", ""))
        if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
            raise self._unseen("torch.func is at work, such as vmap, in which nothing is seen")
        if tensor.is_nested:
            raise self._unseen("a tensor is nested, in which nothing is seen")
        if origin == "constant" and tensor.grad_fn is not None:
            raise self._unseen(f"a tensor of shape {tuple(tensor.shape)}, with a gradient, was made by {_BLIND}")
        if origin == "constant" and self._exported:
            raise self._unseen(f"a tensor of shape {tuple(tensor.shape)} was made after one went to numpy")
        value = self._new(tensor, origin, name)
        if self._replayed:
            self._sources[value] = tensor.detach().clone()
        return value

    def _custom_gradient(self, tensor: Tensor, made: int) -> int:
        """The end of an autograd.Function, whose forward ran without gradients and whose result has one."""
        backward = tensor.grad_fn
        if backward is None:  # no Function, but requires_grad_()
            self._values[made] = replace(self._values[made], differentiable=True)
            return made
        name = type(backward).__name__.removesuffix("Backward")
        if name == "CheckpointFunction":
            raise self._unseen("torch.utils.checkpoint hides parameters: call it with use_reentrant=False")
        sources = [self._memory.by_gradient(*edge) for edge in backward.next_functions if edge[0] is not None]
        if not isinstance(backward, BackwardCFunction) or None in sources:
            raise self._unseen(f"the gradient of {name} was made by {_BLIND}")
        arguments = (Ref(made), name, *(Ref(source) for source in sources if source is not None))
        value = self._new(tensor)
        self._ended.add(value)
        self._operations.append(Operation(CUSTOM_GRADIENT, self.called_from.path, arguments, outputs=(value,)))
        self._calls.append(None)
        return value

    def _overwrite(self, changed: Mapping[int, Tensor]) -> Iterator[tuple[int, int]]:
        """New values of what the operation to come changes; those of other tensors that share the memory wait until
        they are read, since most never are."""
        waiting = {id(other): other for one in changed.values() for other in self._memory.sharing(one)}
        for tensor in waiting.values():
            if id(tensor) in changed:
                yield self._ref(tensor).value, self._new(tensor)
            else:
                self._memory.wait(tensor, len(self._operations))

    def _catch_up(self, tensor: Tensor) -> None:
        """The values of a tensor after the operations that wrote to its memory since it was last read."""
        for number in self._memory.waiting(tensor):
            operation, before = self._operations[number], self._ref(tensor).value
            pair = before, self._new(tensor)
            self._operations[number] = replace(operation, overwritten=(*operation.overwritten, pair))

    def _output(self, tensor: Tensor) -> int:
        known = self._memory.value(tensor)
        return self._new(tensor) if known is None else known

    def _new(self, tensor: Tensor, origin: Origin = "operation", name: str = "") -> int:
        value = len(self._values)
        self._values.append(Value(tuple(tensor.shape), kind_of(tensor), origin, name, tensor.requires_grad))
        self._memory.put(tensor, value)
        spot = spot_of(len(self._trail) - 1, tensor, self._given, self._made)
        if spot:
            self._spots[value] = spot
        self._watch(value, tensor)
        return value

    def _take(self, result: Any, given: list[Tensor]) -> tuple[int | float, ...]:
        """The Python numbers in a result. Floats are recognised where they are used: each is an object of its own."""
        numbers = [result] if not isinstance(result, list) else list(_flat(result))
        for number in numbers:
            if isinstance(number, float):
                self._numbers[id(number)] = number, self._read(given[0])
        return tuple(number for number in numbers if isinstance(number, int | float))

    def _unseen(self, what: str) -> ArgumentError:
        return ArgumentError("build", f"in {self.called_from.path or 'the module itself'}, {what}")

    def recording(self, output: Any, loss: Any, width: int) -> Recording:
        """What was written down. Raises ArgumentError for a loss, or outputs, that cannot be trained on."""
        outputs = list(tensors_in(output))
        values = tuple(self._read(tensor) for tensor in outputs)
        if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.is_floating_point():
            raise ArgumentError("loss", f"expected one real number, but got {_described(loss)} at width {width}")
        end = self._read(loss)
        parameters = tuple(
            Parameter(tuple(names), tuple(tensor.shape), tensor.requires_grad, self._starts[key])
            for key, names in self._parameters.items()
            for tensor, *_ in (self._names[key],)
        )
        tape = Tape(width, tuple(self._values), tuple(self._operations), parameters, values, end, self._lists)
        trail = Trail(tuple(self._trail), self._wholes)
        return Recording(tape, tuple(self._calls), self._sources, loss.detach(), trail, self._spots)


def kind_of(tensor: Tensor) -> Kind:
    """What a tensor holds."""
    if tensor.is_complex():
        return "complex"
    return "real" if tensor.is_floating_point() else "boolean" if tensor.dtype == torch.bool else "integer"


def start_of(parameter: Tensor) -> Start:
    """What a parameter holds before training.

    >>> start_of(torch.ones(2)), start_of(torch.eye(2)), start_of(torch.zeros(2, 2))
    ('one', 'random', 'zero')
    """
    held = parameter.detach()
    if not held.numel() or held.is_complex():
        return "random"
    low, high = (float(bound) for bound in held.aminmax())
    return "zero" if low == high == 0 else "one" if low == high == 1 else "random"


def _autocast(given: Iterable[Tensor]) -> tuple[str, torch.dtype] | None:
    devices = (tensor.device.type for tensor in given)
    return next(((one, torch.get_autocast_dtype(one)) for one in devices if torch.is_autocast_enabled(one)), None)


def _flat(numbers: Iterable[Any]) -> Iterator[Any]:
    for number in numbers:
        if isinstance(number, list):
            yield from _flat(number)
        else:
            yield number


def _described(loss: Any) -> str:
    return f"{loss.dtype} of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
