"""The tape: one forward pass of a module and its loss, as a list of operations on numbered values.

A value is numbered when it is first seen, and never changes: an operation in place makes a new value of everything
that shares the memory it writes to. For a linear layer f(x) = W x with the loss f^2 at width 8 the tape is

>>> from scalings.tapes.arguments import Ref
>>> tape = Tape(
...     width=8,
...     values=(
...         Value((4, 8), origin="data", name="0"),
...         Value((1, 8), origin="parameter", name="weight", differentiable=True),
...         Value((4, 1), differentiable=True),
...         Value((4, 1), differentiable=True),
...         Value((), differentiable=True),
...     ),
...     operations=(
...         Operation("linear", "", (Ref(0), Ref(1), None), outputs=(2,)),
...         Operation("pow", "", (Ref(2), 2), outputs=(3,)),
...         Operation("mean", "", (Ref(3),), outputs=(4,)),
...     ),
...     parameters=(Parameter(("weight",), (1, 8)),),
...     outputs=(2,),
...     loss=4,
... )
>>> [tape.parameters_read(operation) for operation in tape.operations]
[('weight',), (), ()]
>>> tape.unreached()
()
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar, get_args

from scalings.networks.nodes import Start
from scalings.tapes.arguments import Argument, references

Origin = Literal["operation", "parameter", "buffer", "data", "constant"]
"""What made a value; a constant is a tensor that the module holds without calling it a buffer."""
Kind = Literal["real", "integer", "boolean", "complex"]
ORIGINS: tuple[Origin, ...] = get_args(Origin)
KINDS: tuple[Kind, ...] = get_args(Kind)
CUSTOM_GRADIENT = "autograd.Function"
Size = TypeVar("Size")
"""An `int` on the tape of one width, a `Dimension` where several are aligned."""


@dataclass(frozen=True)
class Value(Generic[Size]):
    """A tensor: its shape, what it holds and where it is from."""

    shape: tuple[Size, ...]
    kind: Kind = "real"
    origin: Origin = "operation"
    name: str = ""
    """Of a parameter, a buffer or a part of the data."""
    differentiable: bool = False
    """Whether a gradient passes through it."""
    magnitudes: tuple[float, ...] = ()
    """The root mean square of its entries at initialization, at each width, without those that a softmax takes for
    infinite; empty where it was not measured."""
    means: tuple[float, ...] = ()
    """The mean of the same entries, of values that no gradient passes through."""
    errors: tuple[float, ...] = ()
    """The standard errors of the logarithms of the magnitudes; empty if they were measured from one seed."""


@dataclass(frozen=True)
class Operation:
    """A torch function that was called, from the module at `path`.

    The end of a `torch.autograd.Function` is an operation CUSTOM_GRADIENT: it reads what its forward made, its name,
    and the values that its own backward hands the gradient to; its result is the first of these again.
    """

    function: str
    path: str
    arguments: tuple[Argument, ...]
    keywords: tuple[tuple[str, Argument], ...] = ()
    outputs: tuple[int, ...] = ()
    overwritten: tuple[tuple[int, int], ...] = ()
    """Pairs of values: one that shares the memory which is written to in place, and what it is afterwards."""
    readings: tuple[int | float, ...] = ()
    """Python numbers that it gave, as `.item()` does."""
    within: str = ""
    """The function of torch that the module has called, where that multiplies by numbers of its own: the scores of
    scaled_dot_product_attention."""

    def inputs(self) -> tuple[int, ...]:
        """The values that it reads, each once."""
        found = [*references(self.arguments), *references(tuple(value for _, value in self.keywords))]
        return tuple(dict.fromkeys([*found, *(before for before, _ in self.overwritten)]))

    def results(self) -> tuple[int, ...]:
        """The values that it makes."""
        made = [*self.outputs, *(after for _, after in self.overwritten)]
        return tuple(value for value in dict.fromkeys(made) if value not in self.inputs())


@dataclass(frozen=True)
class Parameter(Generic[Size]):
    """A parameter with all its names: more than one if it is tied."""

    names: tuple[str, ...]
    shape: tuple[Size, ...]
    trainable: bool = True
    start: Start = "random"
    """What it holds before training: zeros, ones, or anything else."""


@dataclass(frozen=True)
class Siblings:
    """The modules of a list, such as a ModuleList or a Sequential: their names in it and their classes."""

    path: str
    names: tuple[str, ...]
    classes: tuple[str, ...]

    def child(self, path: str) -> str | None:
        """The name of the one that a path is within."""
        within = self.path == "" or path.startswith(f"{self.path}.")
        name = path.removeprefix(self.path).removeprefix(".").partition(".")[0]
        return name if within and name in self.names else None


@dataclass(frozen=True)
class Tape(Generic[Size]):
    """What a module did at one width."""

    width: int
    values: tuple[Value[Size], ...]
    operations: tuple[Operation, ...]
    parameters: tuple[Parameter[Size], ...]
    outputs: tuple[int, ...]
    loss: int
    lists: tuple[Siblings, ...] = ()

    def parameters_read(self, operation: Operation) -> tuple[str, ...]:
        """The names of the parameters that an operation reads itself, not through a view or a product."""
        read = (self.values[value] for value in operation.inputs())
        return tuple(value.name for value in read if value.origin == "parameter")

    def unreached(self) -> tuple[str, ...]:
        """The first names of trainable parameters from which no path of differentiable values leads to the loss."""
        reached = {self.loss} if self.values[self.loss].differentiable else set()
        for operation in reversed(self.operations):
            if reached.intersection(operation.results()):
                reached.update(value for value in operation.inputs() if self.values[value].differentiable)
        names = {self.values[value].name for value in reached if self.values[value].origin == "parameter"}
        return tuple(one.names[0] for one in self.parameters if one.trainable and one.names[0] not in names)
