"""What a module is given, and the loss of what it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from empirical.tracing.arguments import replaced, tensors_in
from empirical.tracing.user_code import user_code
from scalings.errors import ArgumentError, wrong_type

Loss = Callable[[Any], Any]


@dataclass(frozen=True)
class Batch:
    """Arguments of a forward pass, by place and by name."""

    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)

    def run(self, module: nn.Module) -> Any:
        """The module's output."""
        return module(*self.arguments, **self.keywords)

    def copy(self) -> Batch:
        """The same with copies of all tensors, so that a module may write to them."""
        arguments, keywords = replaced((self.arguments, dict(self.keywords)), _copied)
        return Batch(arguments, keywords)

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Its tensors, each with a name."""
        named = [*((str(place), part) for place, part in enumerate(self.arguments)), *self.keywords.items()]
        for name, part in named:
            found = list(tensors_in(part))
            yield from ((name if len(found) == 1 else f"{name}.{place}", one) for place, one in enumerate(found))


def batch_of(data: object, width: int) -> Batch:
    """The batch that a tensor, a tuple of arguments, a mapping of keywords, or a function of the width stands for.

    Raises ArgumentError for anything else.
    """
    if callable(data) and not isinstance(data, Tensor | Mapping):
        with user_code("data", f"it fails at width {width}"):
            data = data(width)
    match data:
        case Tensor():
            batch = Batch((data,))
        case tuple() | list():
            batch = Batch(tuple(data))
        case Mapping():
            batch = Batch((), {str(name): part for name, part in data.items()})
        case _:
            raise wrong_type("data", "a tensor, a tuple, a dict, or a function of the width that gives one", data)
    if not any(True for _ in batch.tensors()):
        raise ArgumentError("data", f"expected at least one tensor, but got none in {data!r:.60}")
    return batch


def default_loss(output: Any) -> Tensor:
    """The loss that the output brings by that name, as those of transformers do when given labels; else (f - 1)^2 / 2.

    That is the mean squared error of the first tensor f of the output against ones: like the theory's, its residual
    stays of order 1 when the output vanishes, and every output unit has a part in it. Raises ArgumentError if f is not
    real.
    """
    own = output.get("loss") if isinstance(output, Mapping) else getattr(output, "loss", None)
    if isinstance(own, Tensor):
        return own
    first = next(tensors_in(output), None)
    if first is None:
        raise ArgumentError("loss", f"the output has no tensor, but is a {type(output).__name__}: give a loss")
    if not first.is_floating_point():
        raise ArgumentError("loss", f"expected a real output, but got {first.dtype}: give a loss")
    return (first - 1).square().mean() / 2


def _copied(part: Any) -> Any:
    return part.detach().clone().requires_grad_(part.requires_grad) if isinstance(part, Tensor) else part
