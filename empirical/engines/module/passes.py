"""One forward and backward pass of a module, with what was made on the way where it is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from empirical.engines.module.places import Place, on_tape
from empirical.engines.module.precision import double_precision
from empirical.tracing.batches import Batch, Loss
from empirical.tracing.recorder import record
from empirical.tracing.state import seeded
from empirical.tracing.user_code import user_code
from scalings.errors import ArgumentError
from scalings.tapes.tape import Operation


@dataclass(frozen=True)
class Pass:
    """The loss; values, and the gradients of the loss by them, by name; and its gradients by parameters, which are zero
    where one is frozen."""

    loss: Tensor
    values: Mapping[str, Tensor]
    signals: Mapping[str, Tensor]
    gradients: Mapping[str, Tensor]


Tapes: TypeAlias = dict[int, tuple[list[tuple[str, str]], dict[str, int]]]


@dataclass
class Passes:
    """Passes of one module on one batch, every time with the same random numbers."""

    module: nn.Module
    batch: Batch
    loss: Loss
    width: int
    wanted: Mapping[str, Place]
    known: Tapes = field(default_factory=dict)
    """By width, the operations of the last pass, and the numbers of the wanted values on its tape."""

    def run(self) -> Pass:
        """One more. Values are found by numbers on the tape, which are looked up again where it has changed."""
        for _ in range(3):
            found = self._run()
            if found is not None:
                return found
        raise ArgumentError("build", f"the module does something else in every forward pass at width {self.width}")

    def _run(self) -> Pass | None:
        """None if the tape was not the one that the numbers are of."""
        known, numbers = self.known.get(self.width, ([], {}))
        wanted = frozenset(numbers.values())
        values: dict[int, Tensor] = {}
        signals: dict[int, Tensor] = {}
        handles: list[RemovableHandle] = []
        losses: list[Tensor] = []

        def watch(number: int, tensor: Tensor) -> None:
            if number in wanted:
                values[number] = tensor.detach().clone()
                if tensor.requires_grad:
                    keep = partial(signals.__setitem__, number)
                    handles.append(tensor.register_hook(keep))  # type: ignore[no-untyped-call] # of torch

        def loss(output: Any) -> Any:
            losses.append(self.loss(output))
            return losses[0]

        with user_code("build", f"its forward pass or loss fails at width {self.width}"), seeded(), double_precision():
            tape = record(self.module, self.batch.copy(), loss, width=self.width, watch=watch).tape
        operations = [_shown(operation) for operation in tape.operations]
        if operations != known:
            self.known[self.width] = operations, on_tape(self.wanted, tape)
            return None
        parameters = {name: one for name, one in self.module.named_parameters() if one.requires_grad}
        with user_code("build", f"its backward pass fails at width {self.width}"):
            slopes = (
                torch.autograd.grad(losses[0], list(parameters.values()), allow_unused=True, materialize_grads=True)
                if parameters and losses[0].requires_grad
                else [torch.zeros_like(one) for one in parameters.values()]
            )
        for handle in handles:
            handle.remove()
        return Pass(
            losses[0].detach(),
            {name: values[number] for name, number in numbers.items()},
            {name: signals[number] for name, number in numbers.items() if number in signals},
            {name: torch.zeros_like(one) for name, one in self.module.named_parameters()}
            | dict(zip(parameters, slopes, strict=True)),
        )


def _shown(operation: Operation) -> tuple[str, str]:
    return operation.path, operation.function
